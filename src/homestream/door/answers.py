"""Answers kept for requests that come again: an `Idempotency-Key` used twice stores nothing twice.

An answer travels in the log, in one append with the batch it is the answer to: both are on disk or neither.
So what is remembered survives a crash: it is what `save` wrote before the log was trimmed, and the log since.
"""

import asyncio
from collections.abc import Iterable
from hashlib import blake2b
from pathlib import Path

import msgspec

from homestream.errors import ConfigError, PeerError
from homestream.lake.disk import replace
from homestream.reading import Entry, Kind

FILE = "answers.msgpack"

#: A client that got no answer asks again within minutes; one that was off, within a day.
KEEP_MS = 24 * 3_600_000

#: Remembered in all; the oldest are forgotten first. An answer without bad rows takes about 200 bytes.
MAX_BYTES = 8 << 20

#: What an answer takes beside its body.
OVERHEAD = 300

#: A key is a UUID or the like.
MAX_KEY = 255


class OtherBody(PeerError):
    """The key was used before, for something else."""


class Answer(msgspec.Struct, frozen=True, array_like=True):
    """What was answered to whom, and for which body (its digest)."""

    home: str
    source: str
    key: str
    digest: bytes
    arrived: int
    status: int
    body: bytes

    def entry(self) -> Entry:
        """As the log holds it."""
        return Entry(
            0, Kind.ANSWER, self.home, self.source, "answer", msgspec.msgpack.encode(self), self.arrived, 0
        )


def digest(topic: str, payload: bytes) -> bytes:
    """By which a body is known again."""
    return blake2b(topic.encode() + b"\0" + payload, digest_size=16).digest()


class Answers:
    """The answers of the last day, by (home, source, key), oldest first."""

    def __init__(self, state: Path | None = None) -> None:
        """Those that `save` wrote to the folder `state`; none without a file, `ConfigError` if damaged."""
        self._state = state
        self._known: dict[tuple[str, str, str], Answer] = {}
        self._bytes = 0
        #: under way: done when it is known whether there is an answer
        self._pending: dict[tuple[str, str, str], asyncio.Future[None]] = {}
        if state is not None and (state / FILE).exists():
            for answer in _load(state / FILE):
                self.add(answer)

    def read(self, entries: Iterable[Entry]) -> None:
        """Remember the answers among what the log holds since."""
        for entry in entries:
            if entry.kind == Kind.ANSWER:
                self.add(msgspec.msgpack.decode(entry.payload, type=Answer))

    def add(self, answer: Answer) -> None:
        """Remember one, and forget what is too old or too much."""
        at = (answer.home, answer.source, answer.key)
        self._drop(at)
        self._known[at] = answer
        self._bytes += len(answer.body) + OVERHEAD
        while self._bytes > MAX_BYTES or answer.arrived - next(iter(self._known.values())).arrived > KEEP_MS:
            self._drop(next(iter(self._known)))

    async def begin(self, home: str, source: str, key: str, body: bytes, now: int) -> Answer | None:
        """What was answered before, if anything; else the request is `under way` until `end`.

        Waits for one under way with the same key. `body` is a digest; `OtherBody` where it was another.
        """
        at = (home, source, key)
        while at in self._pending:
            await asyncio.shield(self._pending[at])
        known = self._known.get(at)
        if known is not None and now - known.arrived <= KEEP_MS:
            if known.digest != body:
                raise OtherBody("this Idempotency-Key was used for another body")
            return known
        self._pending[at] = asyncio.get_running_loop().create_future()
        return None

    def end(self, home: str, source: str, key: str) -> None:
        """The request is over, with an answer or without."""
        self._pending.pop((home, source, key)).set_result(None)

    def save(self) -> None:
        """Write all to the folder, durably; before the log is trimmed."""
        if self._state is None:
            return
        replace(self._state / FILE, msgspec.msgpack.encode(list(self._known.values())))

    def _drop(self, at: tuple[str, str, str]) -> None:
        gone = self._known.pop(at, None)
        if gone is not None:
            self._bytes -= len(gone.body) + OVERHEAD


def _load(file: Path) -> list[Answer]:
    try:
        return msgspec.msgpack.decode(file.read_bytes(), type=list[Answer])
    except msgspec.DecodeError as error:  # of which what is no answer is one, too
        raise ConfigError(
            f"{file}: {error}; delete it; what was sent before and comes again is stored again"
        ) from None
