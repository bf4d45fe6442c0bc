"""The log's port. Every implementation passes `tests/log/conformance.py`."""

from collections.abc import Iterator, Sequence
from typing import Protocol

from homestream.reading import Entry


class Log(Protocol):
    """The durable, ordered record of all entries. One writer; any number of readers, also other processes.

    `seq` starts at 1, grows by one an entry, has no gaps and is never used twice, over restarts too.
    """

    def append(self, entries: Sequence[Entry]) -> int:
        """Write `entries` (their `seq` is ignored) and return the seq of the first.

        Blocks until they are on disk (fsync); on error nothing of them is kept and `LogError` is raised.
        """

    def read(self, seq: int) -> Iterator[list[Entry]]:
        """Entries from `seq` on, in batches as written, up to the end at the time of the call."""

    def end(self) -> int:
        """The seq after the last entry (1 for an empty log)."""

    def start(self) -> int:
        """The seq of the first entry still held (`end()` where none is)."""

    def trim(self, before: int) -> None:
        """Forget whole batches of entries below `before`; never any at or above it."""

    def close(self) -> None:
        """Release files; further calls are mistakes."""
