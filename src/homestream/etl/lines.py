"""The rows of a file as text, with their line numbers; lines that have another number of fields aside.

Quotes are not the parser's business: one that is never closed would swallow all that follows. A line whose
number of fields is wrong is looked at again with quotes in mind; the rest have theirs taken off as values.
"""

import csv
import gzip
import shutil
import tempfile
import zlib
from collections import deque
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, NamedTuple

import msgspec
import pyarrow as pa
import pyarrow.csv as pc
import pyarrow.parquet as pq
from pyarrow import compute

from homestream.dialects.plain import ENVELOPE
from homestream.etl.shape import Shape
from homestream.etl.sources import Text

#: bytes of CSV parsed at once
BLOCK = 8 << 20
#: rows of JSON or Parquet handed on at once
ROWS = 1 << 17
#: of a broken line, so much is kept
KEPT = 4096


class Bad(NamedTuple):
    """A line that is no row."""

    line: int
    reason: str
    text: str


class Rows(NamedTuple):
    """Columns `line`, `c0`, `c1`, ... of text; and what was between them and is no row."""

    table: pa.Table
    bad: list[Bad]


def read(path: Path, shape: Shape, told: Callable[[int], None]) -> Iterator[Rows]:
    """All rows of a file; `told` hears of the bytes taken from disk. Blank lines are no rows."""
    if shape.kind == "parquet":
        yield from _parquet(path, told)
        return
    with Text(path, told) as text:
        yield from (_json if shape.kind == "jsonl" else _csv)(text, shape)
        if text.broken:
            yield Rows(_table([], [[] for _ in range(shape.width)]), [Bad(0, text.broken, "")])


def _table(lines: Any, columns: list[Any]) -> pa.Table:
    names = ["line", *(f"c{n}" for n in range(len(columns)))]
    arrays = [pa.array(lines, pa.int64()), *(pa.array(cells, pa.string()) for cells in columns)]
    return pa.table(arrays, names=names)


def _csv(text: Text, shape: Shape) -> Iterator[Rows]:
    names = [f"c{n}" for n in range(shape.width)]
    wrong: list[Any] = []
    skipped: deque[int] = deque()

    def keep(row: Any) -> str:
        wrong.append(row)
        skipped.append(row.number)
        return "skip"

    line = shape.skip + 1
    try:
        # one thread: only then do broken rows know their number
        for batch in pc.open_csv(
            pa.PythonFile(text, mode="r"),
            pc.ReadOptions(column_names=names, skip_rows=shape.skip, use_threads=False, block_size=BLOCK),
            pc.ParseOptions(
                delimiter=shape.delimiter,
                quote_char=False,
                ignore_empty_lines=False,
                invalid_row_handler=keep,
            ),
            pc.ConvertOptions(column_types=dict.fromkeys(names, pa.string()), strings_can_be_null=False),
        ):
            lines, line = _numbered(line, batch.num_rows, skipped)
            table = pa.Table.from_batches([batch]).add_column(0, "line", pa.array(lines, pa.int64()))
            more, bad = _again(wrong, shape)
            yield Rows(pa.concat_tables([table, more]), bad)
    except pa.ArrowInvalid as error:
        if "Empty CSV" not in str(error):
            wrong_line = Bad(line, f"a line of more than {BLOCK >> 20} MB; nothing after it is read", "")
            yield Rows(_table([], [[] for _ in names]), [wrong_line])
    yield Rows(*_again(wrong, shape))


def _numbered(line: int, rows: int, skipped: deque[int]) -> tuple[list[int], int]:
    """The line numbers of the next `rows` rows, those of broken rows left out, and the one after them."""
    lines: list[int] = []
    while len(lines) < rows:
        more = rows - len(lines)
        if skipped:
            more = min(more, skipped[0] - line)
        lines += range(line, line + more)
        line += more
        if skipped and line == skipped[0]:
            skipped.popleft()
            line += 1
    return lines, line


def _again(wrong: list[Any], shape: Shape) -> tuple[pa.Table, list[Bad]]:
    """Empty `wrong`: a table of its lines that are right once quotes count, and the bad ones."""
    lines: list[int] = []
    columns: list[list[str]] = [[] for _ in range(shape.width)]
    bad = []
    for row in wrong:
        text = row.text or ""
        try:
            cells = next(csv.reader([text], delimiter=shape.delimiter), []) if '"' in text else []
        except csv.Error:
            cells = []
        if len(cells) == shape.width:
            lines.append(row.number)
            for column, cell in zip(columns, cells, strict=True):
                column.append(cell)
        elif text.strip():
            reason = f"{row.actual_columns} fields, expected {row.expected_columns}"
            bad.append(Bad(row.number, reason, text[:KEPT]))
    wrong.clear()
    return _table(lines, columns), bad


def _json(text: Text, shape: Shape) -> Iterator[Rows]:
    """Rows as `/api/v1/readings` takes them: one reading, or one device's metrics, a line."""
    lines: list[int] = []
    columns: list[list[str | None]] = [[] for _ in range(shape.width)]
    bad: list[Bad] = []
    decode = msgspec.json.Decoder(dict[str, Any]).decode
    for number, line in enumerate(_split(text), 1):
        if not line or line.isspace():
            continue
        try:
            found = _cells(decode(line))
        except (ValueError, RecursionError) as error:
            bad.append(Bad(number, str(error)[:120], line[:KEPT].decode(errors="replace")))
            continue
        for cells in found:
            lines.append(number)
            for column, cell in zip(columns, cells, strict=True):
                column.append(cell)
        if len(lines) >= ROWS:
            yield Rows(_table(lines, columns), bad)
            lines, columns, bad = [], [[] for _ in range(shape.width)], []
    yield Rows(_table(lines, columns), bad)


def _split(text: Text) -> Iterator[bytes]:
    rest = b""
    while data := text.read(1 << 20):
        first, *more = data.split(b"\n")
        rest += first
        if more:
            yield rest
            yield from more[:-1]
            rest = more[-1]
    if rest:
        yield rest


def _cells(row: dict[str, Any]) -> list[tuple[str | None, ...]]:
    """home, device, metric, time, value, unit of each reading in a row; ValueError says what is missing."""
    device = row.get("device")
    time = row.get("time", row.get("timestamp"))
    if type(device) is not str or not device:
        raise ValueError('"device" is missing')
    if time is None:
        raise ValueError('"time" is missing')
    home, when = _text(row.get("home")), _text(time)
    if "metric" in row:
        return [(home, device, _text(row["metric"]), when, _text(row.get("value")), _text(row.get("unit")))]
    named = [(key, value) for key, value in row.items() if key not in ENVELOPE and key != "home"]
    if not named:
        raise ValueError("no metric in it")
    return [(home, device, key, when, _text(value), "") for key, value in named]


def _text(value: Any) -> str:
    if value is None:
        return ""
    if type(value) is str:
        return value
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, (int, float)):
        return repr(value)
    raise ValueError(f"{type(value).__name__} is no value")


@contextmanager
def unpacked(path: Path) -> Iterator[Path]:
    """The file itself, or a gzipped one's content in a temporary file."""
    with path.open("rb") as file:
        packed = file.read(2) == b"\x1f\x8b"
    if not packed:
        yield path
        return
    with tempfile.NamedTemporaryFile(suffix=".parquet") as plain:
        try:
            with gzip.open(path) as source:
                shutil.copyfileobj(source, plain)
        except (OSError, EOFError, zlib.error) as error:
            raise ValueError(f"broken gzip: {error}") from None
        plain.flush()
        yield Path(plain.name)


def _parquet(path: Path, told: Callable[[int], None]) -> Iterator[Rows]:
    with unpacked(path) as plain, pq.ParquetFile(plain) as file:
        done = 0
        share = path.stat().st_size / max(file.metadata.num_rows, 1)
        for batch in file.iter_batches(ROWS):
            lines = pa.array(range(done + 1, done + 1 + batch.num_rows), pa.int64())
            cells = [_as_text(column) for column in batch.columns]
            yield Rows(pa.table([lines, *cells], ["line", *(f"c{n}" for n in range(len(cells)))]), [])
            done += batch.num_rows
            told(round(batch.num_rows * share))


def _as_text(column: pa.Array) -> pa.Array:
    """Any plain type as text, NULL as "" ; lists and structures are no readings."""
    if pa.types.is_dictionary(column.type):
        column = column.dictionary_decode()
    if pa.types.is_nested(column.type) or pa.types.is_binary(column.type):
        return pa.array([""] * len(column), pa.string())
    return compute.fill_null(column.cast(pa.string()), "")
