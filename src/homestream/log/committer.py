"""Group commit: many appends, one fsync. While one commit is on its way to disk, the next batch gathers.

A thread of its own writes, so that the event loop never waits for the disk. Order is kept: entries get
their seq, callbacks run and `on_commit` sees them in the order of the appends.
"""

import asyncio
import logging
import threading
import time
from collections.abc import Callable, Sequence
from functools import partial

from homestream.log.port import Log
from homestream.log.sqlite import LogError
from homestream.reading import Entry

#: Bytes of payload that may wait for the disk. Beyond it doors stop reading; a second of a fast disk.
MAX_WAITING_BYTES = 32 << 20

#: As many entries may wait, however small.
MAX_WAITING = 100_000

#: Called on the event loop with the seq of an append's first entry, once on disk, or with why it is not.
Done = Callable[[int | LogError], None]

_log = logging.getLogger(__name__)


class Committer:
    """The asyncio side of a `Log`. Use it from one event loop; `start` before, `stop` after."""

    def __init__(self, log: Log, on_commit: Callable[[list[Entry]], None]) -> None:
        """`on_commit` gets all that was committed, in order, with seq, on the event loop."""
        self._log = log
        self._on_commit = on_commit
        self._wake = threading.Condition()
        self._waiting: list[Entry] = []
        self._callbacks: list[tuple[int, Done]] = []
        #: what the loop has gathered since it last handed over
        self._fresh: list[Entry] = []
        self._fresh_callbacks: list[tuple[int, Done]] = []
        self._bytes = 0
        self._stopping = False
        self._in_hand = 0
        self._when_room: list[Callable[[], None]] = []
        #: why nothing reaches the disk, and since when (ms since 1970); None while all is well
        self.failing: tuple[int, str] | None = None
        self._thread = threading.Thread(target=self._write, name="committer", daemon=True)

    async def start(self) -> None:
        """Begin to write."""
        self._loop = asyncio.get_running_loop()
        self._next = self._log.end()
        self._thread.start()

    async def stop(self) -> None:
        """Write what waits, run its callbacks, end the thread."""
        self._hand_over()
        with self._wake:
            self._stopping = True
            self._wake.notify()
        # The last callbacks were handed to the loop before the thread ended, so they run before this returns.
        await asyncio.to_thread(self._thread.join)

    @property
    def full(self) -> bool:
        """Too much waits for the disk: stop taking in, and ask `when_room`."""
        return (
            self._bytes + self._in_hand > MAX_WAITING_BYTES
            or len(self._waiting) + len(self._fresh) > MAX_WAITING
        )

    def when_room(self, resume: Callable[[], None]) -> None:
        """Call `resume` once, when no longer `full`."""
        self._when_room.append(resume)

    @property
    def next_seq(self) -> int:
        """The seq that the next entry appended will have, if no commit fails until then."""
        return self._next

    def append(self, entries: Sequence[Entry]) -> asyncio.Future[int]:
        """A future of the seq of the first of `entries`, done once they are on disk; or of a `LogError`."""
        future: asyncio.Future[int] = self._loop.create_future()

        def done(first: int | LogError) -> None:
            if future.cancelled():
                return
            if isinstance(first, LogError):
                future.set_exception(first)
            else:
                future.set_result(first)

        self.append_nowait(entries, done)
        return future

    def append_nowait(self, entries: Sequence[Entry], done: Done, size: int | None = None) -> None:
        """The hot path: `done` is called on the event loop. Appending nothing asks only for the order.

        Entries made with seq from `next_seq` on are taken as they are, others are made anew with theirs.
        `size`: the bytes of their payloads, where the caller knows.
        """
        if not _counts_from(self._next, entries):
            entries = _stamp(entries, self._next)
        if self._stopping:
            raise LogError("the log is closing; send it again later")
        if not self._fresh_callbacks:
            # One hand-over for all that this turn of the loop brings, from however many connections.
            self._loop.call_soon(self._hand_over)
        self._next += len(entries)
        self._fresh.extend(entries)
        self._fresh_callbacks.append((len(entries), done))
        self._bytes += sum([len(entry.payload) for entry in entries]) if size is None else size

    def _hand_over(self) -> None:
        with self._wake:
            self._waiting += self._fresh
            self._callbacks += self._fresh_callbacks
            self._wake.notify()
        self._fresh, self._fresh_callbacks = [], []

    def _write(self) -> None:
        while True:
            with self._wake:
                while not self._callbacks and not self._stopping:
                    self._wake.wait()
                if not self._callbacks:
                    return
                entries, callbacks = self._waiting, self._callbacks
                self._waiting, self._callbacks = [], []
                self._in_hand, self._bytes = self._bytes, 0
            first = self._commit(entries)
            self._in_hand = 0
            if not isinstance(first, LogError) and not _counts_from(first, entries):
                entries = _stamp(entries, first)  # a commit before failed
            try:
                self._loop.call_soon_threadsafe(self._finish, entries, callbacks, first)
            except RuntimeError:
                return  # the loop was closed without stop(): nobody is left to tell

    def _commit(self, entries: list[Entry]) -> int | LogError:
        try:
            return self._log.append(entries)
        except LogError as error:
            return error
        except Exception as bug:
            _log.exception("the log failed in an unforeseen way")
            return LogError(f"the log failed: {bug!r}; see the program's own messages")

    def _finish(self, entries: list[Entry], callbacks: list[tuple[int, Done]], first: int | LogError) -> None:
        if isinstance(first, LogError):
            self._next -= len(entries)
            self.failing = (self.failing[0] if self.failing else time.time_ns() // 1_000_000), str(first)
        elif entries:
            self.failing = None
        at = first
        for count, done in callbacks:
            try:
                done(at)
            except Exception:
                _log.exception("a callback of the log failed")
            if not isinstance(at, LogError):
                at += count
        if self._when_room and not self.full:
            waiting, self._when_room = self._when_room, []
            for resume in waiting:
                resume()
        if entries and not isinstance(first, LogError):
            self._on_commit(entries)


#: A NamedTuple from one iterable without a Python frame each.
_make = partial(tuple.__new__, Entry)


def _counts_from(first: int, entries: Sequence[Entry]) -> bool:
    return not entries or (entries[0].seq == first and entries[-1].seq == first + len(entries) - 1)


def _stamp(entries: Sequence[Entry], first: int) -> list[Entry]:
    """The entries with their seq, counting from `first`; by C loops, for the hot path."""
    _, *columns = zip(*entries, strict=True) if entries else ((),)
    return list(map(_make, zip(range(first, first + len(entries)), *columns, strict=True)))
