"""Which files to read, and their bytes: unpacked, and made to be text whatever they hold."""

import codecs
import glob
import gzip
import io
import zlib
from collections.abc import Callable, Sequence
from pathlib import Path

from homestream.errors import HomestreamError

#: what is looked for in a folder; a file that is named is read whatever it is called
SUFFIXES = (".csv", ".tsv", ".txt", ".dat", ".jsonl", ".ndjson", ".parquet")


def expand(sources: Sequence[str]) -> list[Path]:
    """Files, folders (searched whole) and patterns -> files, each once; HomestreamError for a missing one."""
    found: dict[Path, None] = {}
    for source in sources:
        path = Path(source)
        if path.is_dir():
            inside = [f for f in sorted(path.rglob("*")) if f.is_file() and plain_name(f).endswith(SUFFIXES)]
            if not inside:
                raise HomestreamError(
                    f"{source}: no file in it ends in {' '.join(SUFFIXES)} (or .gz of these)"
                )
            found |= dict.fromkeys(inside)
        elif path.is_file():
            found[path] = None
        else:
            matching = [Path(name) for name in sorted(glob.glob(source, recursive=True))]
            if not matching:
                raise HomestreamError(f"{source}: no such file or folder; check the path")
            found |= dict.fromkeys(f for f in matching if f.is_file())
    return list(found)


def plain_name(path: Path) -> str:
    """The file's name in lower case, without .gz."""
    return path.name.lower().removesuffix(".gz")


class Text(io.RawIOBase):
    """A file as UTF-8 bytes: gzip unpacked, what is no text replaced by U+FFFD, so that it fails as a value.

    `broken` says why the file ended before its end. `read_bytes` tells of the bytes taken from disk.
    """

    def __init__(self, path: Path, read_bytes: Callable[[int], None] = lambda n: None) -> None:
        try:
            self._disk = path.open("rb")
        except OSError as error:
            raise HomestreamError(f"{path}: {error.strerror}") from None
        self.broken = ""
        self._file: io.BufferedReader | gzip.GzipFile
        self._tell, self._told = read_bytes, 0
        start = self._disk.read(4)
        self._disk.seek(0)
        packed = start[:2] == b"\x1f\x8b"
        self._file = gzip.GzipFile(fileobj=self._disk) if packed else self._disk
        wide = start[:2] in (b"\xff\xfe", b"\xfe\xff")
        self._decoder = codecs.getincrementaldecoder("utf-16" if wide else "utf-8-sig")("replace")

    def readable(self) -> bool:
        """Always."""
        return True

    def read(self, size: int = 1 << 20) -> bytes:
        """At least one byte unless the file has ended; about `size` of them."""
        while not self.broken:
            parts, length = [], 0
            try:
                # piece by piece: what was unpacked before the break is not lost
                while length < size and (piece := self._file.read1(size - length)):
                    parts.append(piece)
                    length += len(piece)
            except (OSError, EOFError, zlib.error) as error:
                self.broken = f"the file is broken from here: {error}"
            raw = b"".join(parts)
            place = self._disk.tell()
            self._tell(place - self._told)
            self._told = place
            text = self._decoder.decode(raw, final=not raw).replace("\0", "\ufffd").encode()
            if text or not raw:
                return text
        return b""

    def close(self) -> None:
        """Close the file."""
        if not self.closed:
            self._disk.close()
        super().close()


def head(path: Path, size: int = 1 << 16) -> str:
    """The first text of a file, whole lines where there are any."""
    with Text(path) as text:
        parts, length = [], 0
        while length < size and (part := text.read(size - length)):
            parts.append(part)
            length += len(part)
    start = b"".join(parts).decode(errors="replace")
    return start if length < size or "\n" not in start else start[: start.rindex("\n") + 1]
