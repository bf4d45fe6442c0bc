"""One home at the MQTT door: its exchange, who is connected, and the log between them.

What clients do becomes entries of the log first, and takes effect once these are on disk; a restart reads
them again and comes to the same state.
"""

from collections.abc import Callable, Iterable, Mapping
from functools import partial
from itertools import count, repeat
from typing import Protocol, cast

from homestream.log.committer import Committer
from homestream.log.sqlite import LogError
from homestream.reading import Entry, Kind
from homestream.wire import journal
from homestream.wire.exchange import Exchange
from homestream.wire.journal import AnyRecord, Ended, LastWill, Routed, Willed
from homestream.wire.message import Message
from homestream.wire.properties import NONE, Properties
from homestream.wire.reader import PUBREC_HEAD, Batch
from homestream.wire.reasons import Reason
from homestream.wire.session import Session
from homestream.wire.state import PLAIN

MESSAGE = Kind.MESSAGE

#: As PLAIN, sent again.
PLAIN_AGAIN = PLAIN | 8

#: An Entry from one iterable without a Python frame each.
_entry = cast(Callable[[tuple[object, ...]], Entry], partial(tuple.__new__, Entry))

Done = Callable[[int | LogError], None]


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
        #: some session outlives its connection, or did: the log must tell how to route
        self._keeps = any(session.expiry for session in exchange.sessions.values())

    def store(self, source: str, batch: Batch, publisher: Session | None, done: Done) -> None:
        """Put a batch on disk; then `done`, then route it to its subscribers."""
        committer, now, topics = self._committer, self.clock(), batch.topics
        first = committer.next_seq
        entries: list[Entry] = []
        if topics and (record := self._routed(batch, publisher)) is not None:
            entries = [self._note(first, source, record, now)]
            first += 1
        if len(topics) == 1:
            entries.append(Entry(first, MESSAGE, self.home, source, topics[0], batch.payloads[0], now))
        else:
            columns = (repeat(MESSAGE), repeat(self.home), repeat(source), topics, batch.payloads)
            entries += map(_entry, zip(count(first), *columns, repeat(now), repeat(1), strict=False))
        self.received += len(topics)
        size = sum(map(len, batch.payloads))
        committer.append_nowait(
            entries, partial(self._stored, batch, publisher, now, len(entries), done), size
        )

    def record(
        self, source: str, record: AnyRecord, done: Callable[[list[int] | LogError], None], *, logged: bool
    ) -> None:
        """Put a record on disk (at once where it need not be `logged`), do what it says, then `done`."""
        now = self.clock()

        def written(result: int | LogError) -> None:
            done(result if isinstance(result, LogError) else self.exchange.apply(record, now))

        if logged:
            self.note(source, record, written)
        else:
            written(0)

    def note(self, source: str, record: AnyRecord, done: Done = ignore) -> None:
        """Put a record on disk; then `done`. What it says is the caller's to do."""
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
        self.store(will.source, will_batch(will), None, ignore)

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

    def _stored(
        self,
        batch: Batch,
        publisher: Session | None,
        now: int,
        entries: int,
        done: Done,
        first: int | LogError,
    ) -> None:
        done(first)
        if isinstance(first, LogError) or not batch.topics:
            return
        messages = len(batch.topics)
        self.stored += messages
        reached = self.exchange.route(batch, now, first + entries - messages, publisher)
        if reached:
            self.flush(reached)

    def _note(self, seq: int, source: str, record: AnyRecord, now: int) -> Entry:
        payload = journal.encode(record)
        return Entry(seq, Kind.SESSION, self.home, source, journal.tag(record), payload, now, 0)

    def _routed(self, batch: Batch, publisher: Session | None) -> Routed | None:
        """How to route a batch when the log is read again, where that is not plain."""
        heads, properties = batch.heads, batch.properties
        kept = publisher is not None and publisher.expiry > 0
        received = batch.ids if kept and batch.ack is PUBREC_HEAD else []
        if not received and not (kept and publisher is not None and publisher.mute):
            plain = heads.count(PLAIN) + heads.count(PLAIN_AGAIN) == len(heads)
            if plain and not (properties and self._keeps):
                return None
            if not self._keeps and not any(head & 1 for head in set(heads)):
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
    return Batch([will.topic], [will.payload], [will.head], properties=properties)
