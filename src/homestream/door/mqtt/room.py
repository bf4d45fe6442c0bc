"""One home at the MQTT door: its exchange, who is connected, and the log between them.

What clients publish is passed on at once to who is there for now only. All else that they do becomes entries
of the log first, and takes effect once these are on disk; a restart reads them again and comes to the same
state. What one turn of the event loop brings, from however many connections, is one append.
"""

import asyncio
from collections.abc import Callable, Iterable, Mapping
from functools import partial
from itertools import count, repeat
from typing import Protocol, cast

from homestream.log.committer import Committer
from homestream.log.sqlite import LogError
from homestream.reading import Entry, Kind
from homestream.wire import journal
from homestream.wire.connection import NOBODY
from homestream.wire.exchange import Exchange
from homestream.wire.journal import AnyRecord, Ended, LastWill, Routed, Willed
from homestream.wire.message import Message
from homestream.wire.properties import NONE, Properties
from homestream.wire.reader import PUBACK_HEAD, PUBREC_HEAD, RETAINING, Batch
from homestream.wire.reasons import Reason
from homestream.wire.session import Session
from homestream.wire.state import PLAIN

MESSAGE = Kind.MESSAGE

#: As PLAIN, sent again.
PLAIN_AGAIN = PLAIN | 8

#: Messages, or bytes of payload, that are handed over without waiting for the end of the turn: among so many
#: the cost of an append is nothing.
ENOUGH = 100
ENOUGH_BYTES = 64 << 10

#: An Entry from one iterable without a Python frame each.
_entry = cast(Callable[[tuple[object, ...]], Entry], partial(tuple.__new__, Entry))

Done = Callable[[int | LogError], None]


class Publisher(Protocol):
    """Whose messages they are. `source` as in the log; `session` is None where it has none any more."""

    source: str

    @property
    def session(self) -> Session | None:
        """Its own, for filters that leave out its own messages."""

    def stored(self, batch: Batch, denied: Mapping[bytes, int]) -> None:
        """A batch is on disk: acknowledge it, but for packet ids in `denied`."""

    def lost(self, batch: Batch) -> None:
        """A batch could not be stored."""


#: A batch that waits for the disk, its packet ids that are denied, and at which place among the entries of
#: its append its first message is.
Placed = tuple[Publisher, Batch, Mapping[bytes, int], int]


class Departed:
    """Who published a last will, and is gone."""

    session = None

    def __init__(self, source: str) -> None:
        self.source = source

    def stored(self, batch: Batch, denied: Mapping[bytes, int]) -> None:
        """Nobody waits for it."""

    def lost(self, batch: Batch) -> None:
        """Nobody waits for it."""


class Present(Protocol):
    """Who is connected."""

    def flush(self) -> None:
        """Send what its session has to send."""

    def leave(self, code: Reason, reason: str, *, will: bool = False) -> None:
        """Close from our side; see `wire.Connection.leave`."""


def ignore(_: object) -> None:
    """Whether it is on disk does not matter to anybody who waits."""


class Room:
    """One home. `clock`: ms since 1970."""

    def __init__(self, home: str, exchange: Exchange, committer: Committer, clock: Callable[[], int]) -> None:
        self.home = home
        self.exchange = exchange
        self.clock = clock
        #: client id -> the connection that has its session
        self.present: dict[str, Present] = {}
        #: messages that came, and that were put on disk
        self.received = self.stored = 0
        self._committer = committer
        #: what came in this turn of the loop, when it is, how many messages and bytes these are
        self._gathered: list[tuple[Publisher, Batch, Mapping[bytes, int]]] = []
        self._now = self._count = self._size = 0
        #: some session outlives its connection, or did: the log must tell how to route
        self._keeps = any(session.expiry for session in exchange.sessions.values())

    def store(self, publisher: Publisher, batch: Batch, denied: Mapping[bytes, int] = NOBODY) -> None:
        """Pass a batch on; put it on disk, then acknowledge it and send it to all others who subscribed."""
        if not self._gathered:
            asyncio.get_running_loop().call_soon(self.hand_over)
            self._now = self.clock()
        reached = self.exchange.arrived(batch, self._now, publisher.session)
        if reached:
            self.flush(reached)
        self._gathered.append((publisher, batch, denied))
        self._count += len(batch.topics)
        self._size += sum(map(len, batch.payloads))
        if self._count > ENOUGH or self._size > ENOUGH_BYTES:
            self.hand_over()

    def hand_over(self) -> None:
        """Give the committer what was gathered."""
        gathered, self._gathered = self._gathered, []
        if not gathered:
            return
        now, home, first = self._now, self.home, self._committer.next_seq
        entries: list[Entry] = []
        placed: list[Placed] = []
        for publisher, batch, denied in gathered:
            topics, payloads, source = batch.topics, batch.payloads, publisher.source
            if topics and (record := self._routed(batch, publisher.session)) is not None:
                entries.append(self._note(first + len(entries), source, record, now))
            at = len(entries)
            placed.append((publisher, batch, denied, at))
            if len(topics) == 1:
                entries.append(_entry((first + at, MESSAGE, home, source, topics[0], payloads[0], now, 1)))
            else:
                columns = (repeat(MESSAGE), repeat(home), repeat(source), topics, payloads)
                entries += map(_entry, zip(count(first + at), *columns, repeat(now), repeat(1), strict=False))
        self._committer.append_nowait(entries, partial(self._settle, placed, now), self._size)
        self.received += self._count
        self._count = self._size = 0

    def record(
        self, source: str, record: AnyRecord, done: Callable[[list[int] | LogError], None], *, logged: bool
    ) -> None:
        """Put a record on disk (at once where it need not be `logged`), do what it says, then `done`."""
        now = self.clock()

        def written(result: int | LogError) -> None:
            if logged:
                self.exchange.went()
            done(result if isinstance(result, LogError) else self.exchange.apply(record, now))

        if logged:
            self.exchange.wait()
            self.note(source, record, written)
        else:
            written(0)

    def note(self, source: str, record: AnyRecord, done: Done = ignore) -> None:
        """Put a record on disk; then `done`. What it says is the caller's to do."""
        self.hand_over()
        self._keeps = self._keeps or (isinstance(record, journal.Opened) and record.expiry > 0)
        self._committer.append_nowait([self._note(0, source, record, self.clock())], done)

    def flush(self, sessions: Iterable[Session]) -> None:
        """Send what sessions have to send, where their clients are there."""
        for session in sessions:
            if (client := self.present.get(session.client_id)) is not None:
                client.flush()

    def will(self, client: str, will: LastWill) -> None:
        """Publish a last will that was due later than its connection's end."""
        record = Willed(client)
        self.exchange.apply(record, self.clock())
        self.note(will.source, record)
        self.store(Departed(will.source), will_batch(will))

    def sweep(self) -> None:
        """What the time brings: last wills, sessions that are over, acknowledgements to record."""
        exchange, now = self.exchange, self.clock()
        for client, will in exchange.due(now):
            self.will(client, will)
        for client in exchange.over(now):
            record = Ended(client)
            exchange.apply(record, now)
            self.note("mqtt:?", record)
        for session in exchange.sessions.values():
            self.acknowledge(session)

    def acknowledge(self, session: Session) -> None:
        """Record what a client has acknowledged."""
        if session.expiry and session.unrecorded:
            self.note("mqtt:?", session.got())

    def announce(self, topic: str, text: str) -> None:
        """Publish something of ourselves."""
        message = Message(topic, text.encode(), 0, retain=True)
        self.flush(self.exchange.announce(message, self.clock()))

    def _settle(self, placed: list[Placed], now: int, first: int | LogError) -> None:
        """What was gathered is on disk, its first entry being `first`, or could not be written."""
        exchange = self.exchange
        if isinstance(first, LogError):
            for publisher, batch, _, _ in placed:
                publisher.lost(batch)
                self.flush(exchange.lost(batch, now, publisher.session))
            return
        for publisher, batch, denied, _ in placed:
            publisher.stored(batch, denied)
        for publisher, batch, _, at in placed:
            self.stored += len(batch.topics)
            reached = exchange.stored(batch, now, first + at, publisher.session)
            if reached:
                self.flush(reached)

    def _note(self, seq: int, source: str, record: AnyRecord, now: int) -> Entry:
        payload = journal.encode(record)
        return Entry(seq, Kind.SESSION, self.home, source, journal.tag(record), payload, now, 0)

    def _routed(self, batch: Batch, publisher: Session | None) -> Routed | None:
        """How to route a batch when the log is read again, where that is not plain."""
        heads, properties = batch.heads, batch.properties
        if not self._keeps and RETAINING.isdisjoint(heads):
            return None
        kept = publisher is not None and publisher.expiry > 0
        received = batch.ids if kept and batch.ack is PUBREC_HEAD else []
        if not received and not (kept and publisher is not None and publisher.mute):
            plain = heads.count(PLAIN) + heads.count(PLAIN_AGAIN) == len(heads)
            if plain and not properties:
                return None
        most = heads[0] & ~8
        rows: dict[int, tuple[int, Properties]] = {
            n: (head & ~8, properties.get(n, NONE))
            for n, head in enumerate(heads)
            if n in properties or head & ~8 != most
        }
        client = publisher.client_id if kept and publisher is not None else ""
        return Routed(client, len(heads), most, rows, received)


def will_batch(will: LastWill) -> Batch:
    """A last will as what a client publishes."""
    properties: dict[int, Mapping[str, object]] = {0: will.properties} if will.properties else {}
    ack = PUBREC_HEAD if will.head & 4 else PUBACK_HEAD
    return Batch([will.topic], [will.payload], [will.head], ack=ack, properties=properties)
