"""What broke a protocol, written to the log; of a flood only the first are kept, the others are counted."""

import asyncio
from collections.abc import Callable, Iterable
from contextlib import suppress

from homestream.log.committer import Committer
from homestream.log.sqlite import LogError
from homestream.reading import Entry, Kind

#: Refusals written to the log a minute, each with what was refused: a stranger shall not fill the disk.
MAX_KEPT = 600
MINUTE = 60.0

#: Sources counted apart in a minute; those beyond are counted as one.
MAX_COUNTED = 1_000
OTHERS = "other"

#: The reason that is written with a count.
MORE = "more were refused than are kept"

#: How much of what was refused is kept to look at.
EVIDENCE = 4096


class Refusals:
    """The refusals of one or several doors. Use it from one event loop."""

    def __init__(self, committer: Committer, clock: Callable[[], int]) -> None:
        """`clock` gives milliseconds since 1970."""
        self._committer = committer
        self._clock = clock
        self._kept = 0
        #: (home, source) -> items refused this minute beyond those kept
        self._counted: dict[tuple[str, str], int] = {}
        self._minute: asyncio.TimerHandle | None = None

    async def write(self, home: str, source: str, reason: str, payload: bytes, items: int = 1) -> None:
        """In the log when it returns; `LogError` where the disk fails. Of a flood: counted, written soon."""
        entry = self._entry(home, source, reason, payload, items)
        if entry is not None:
            await self._committer.append([entry])

    def note(self, home: str, source: str, reason: str, payload: bytes) -> None:
        """The same for whom nobody waits."""
        entry = self._entry(home, source, reason, payload, 1)
        if entry is not None:
            with suppress(LogError):
                self._committer.append_nowait([entry], lambda _: None)

    def several(self, home: str, source: str, refused: Iterable[tuple[str, bytes]]) -> list[Entry]:
        """Of (reason, evidence) each those that the caller writes now; of a flood the rest is counted."""
        entries = (self._entry(home, source, reason, payload, 1) for reason, payload in refused)
        return [entry for entry in entries if entry is not None]

    def _entry(self, home: str, source: str, reason: str, payload: bytes, items: int) -> Entry | None:
        """What is to be written; None where it is only counted."""
        if self._minute is None:
            self._minute = asyncio.get_running_loop().call_later(MINUTE, self._next_minute)
        if self._kept < MAX_KEPT:
            self._kept += 1
            return Entry(0, Kind.REFUSED, home, source, reason, payload[:EVIDENCE], self._clock(), items)
        key = (home, source)
        if key not in self._counted and len(self._counted) >= MAX_COUNTED:
            key = (home, f"{source.partition(':')[0]}:{OTHERS}")
        self._counted[key] = self._counted.get(key, 0) + items
        return None

    async def close(self) -> None:
        """Write what was counted."""
        if self._minute is not None:
            self._minute.cancel()
        await self._flush()

    def _next_minute(self) -> None:
        self._kept, self._minute = 0, None
        if self._counted:
            self._flushing = asyncio.ensure_future(self._flush())

    async def _flush(self) -> None:
        counted, self._counted = self._counted, {}
        entries = [
            Entry(0, Kind.REFUSED, home, source, MORE, b"", self._clock(), n)
            for (home, source), n in counted.items()
        ]
        if entries:
            with suppress(LogError):  # a disk that is full or failing has said so to those before
                await self._committer.append(entries)
