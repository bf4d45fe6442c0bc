"""One client in its home: how its session begins, what it publishes and wants, how it ends.

Where the session outlives the connection, the log is told of each change before the client is.
"""

from collections.abc import Callable, Mapping
from typing import Protocol

from homestream.door.login.acl import may_subscribe
from homestream.door.login.credentials import Principal
from homestream.door.mqtt.room import Room, ignore, will_batch
from homestream.log.sqlite import LogError
from homestream.wire.connection import NOBODY, Closed, Connection, Event, State, Unwanted, Wanted
from homestream.wire.exchange import NEVER
from homestream.wire.journal import AnyRecord, LastWill, Left, Opened, Released, Subscribed, Unsubscribed
from homestream.wire.packets import Connect, Will
from homestream.wire.packets import publish as packet
from homestream.wire.reader import EVIDENCE, Batch
from homestream.wire.reasons import Reason
from homestream.wire.session import Session
from homestream.wire.subscriptions import Options
from homestream.wire.topics import depth

FULL = "the disk is full or failing"

#: Of a filter that is not allowed. 0x87 would say why; 0x80, right too (MQTT 5.0, table 3-8), is what clients
#: of every version know, and all that Paho's interoperability suite takes.
NOT_ALLOWED = Reason.UNSPECIFIED_ERROR


class Socket(Protocol):
    """What a member needs of its connection's socket."""

    def flush(self) -> None:
        """Send what there is to send."""

    def handle(self, events: list[Event]) -> None:
        """Do what events of the connection say."""

    def leave(self, code: Reason, reason: str, *, will: bool = False) -> None:
        """Close from our side; see `Connection.leave`."""


class Member:
    """Between login and end; `allowed`: topic -> whether it may be published."""

    __slots__ = (
        "_allowed",
        "_connection",
        "_kept",
        "_levels",
        "_principal",
        "_refused",
        "_socket",
        "name",
        "room",
        "source",
    )

    def __init__(
        self,
        name: str,
        principal: Principal,
        room: Room,
        connection: Connection,
        socket: Socket,
        allowed: Mapping[str, bool],
        refused: Callable[[str, str, str, bytes], None],
        levels: int,
    ) -> None:
        """`name` is the client id; `refused` writes a refusal: home, source, reason, evidence.

        `levels`: what a filter may have.
        """
        self.name = name
        self.room = room
        self.source = f"mqtt:{principal.name}"
        self._principal = principal
        self._connection = connection
        self._socket = socket
        self._allowed = allowed
        self._refused = refused
        self._levels = levels
        #: the log knows of its session
        self._kept = False

    def enter(self, connect: Connect, assigned: str, done: Callable[[list[Event]], None]) -> None:
        """Take over the session, or begin one; `done` with what follows once that is decided.

        `assigned`: the client id where it is of our making.
        """
        room, expiry = self.room, 0 if connect.clean else NEVER
        if (before := room.present.get(self.name)) is not None:
            before.leave(Reason.SESSION_TAKEN_OVER, "the client connected again", will=True)
        room.present[self.name] = self._socket
        if connect.level == 5:
            expiry = connect.properties.get("session_expiry_interval", 0)
        self._kept = expiry > 0 or self.name in room.exchange.sessions
        will = connect.will and self._last_will(connect.will)
        record = Opened(self.name, connect.clean, expiry, self._principal.name, will)
        away = room.exchange.away.get(self.name)
        if connect.clean and away is not None and away.will is not None:
            room.will(self.name, away.will)  # its session ends here

        def opened(result: list[int] | LogError) -> None:
            if isinstance(result, LogError):
                if connect.clean or self.name not in room.exchange.sessions:
                    done(self._connection.refuse(Reason.QUOTA_EXCEEDED, FULL))
                    return
                room.exchange.apply(record, room.clock())  # what we promised, we know without the disk
            if self._connection.state is State.DECIDING:
                session = room.exchange.sessions[self.name]
                self._forbid(session)
                done(self._connection.accept(session, connect, assigned))
            elif self.name not in room.present:
                self._part(expiry, None)

        self._record(record, opened)

    @property
    def session(self) -> Session | None:
        """Its own, once it is in."""
        return self._connection.session

    def store(self, batch: Batch) -> None:
        """Take what it publishes, but for what it may not."""
        denied = NOBODY
        if not all(map(self._allowed.__getitem__, batch.topics)):
            batch, denied = self._sift(batch)
        self.room.store(self, batch, denied)

    def stored(self, batch: Batch, denied: Mapping[bytes, int]) -> None:
        """A batch is on disk."""
        self._connection.stored(batch, denied)
        self._socket.flush()

    def lost(self, batch: Batch) -> None:
        """A batch could not be stored."""
        self._socket.handle(self._connection.lost(batch))

    def subscribe(self, wanted: Wanted) -> None:
        """Take the filters it may have; the others get 0x80, or 0x8F where too deep."""
        refused = [self._denied(one.name) for one in wanted.filters]
        filters = [
            (one.name, Options(*one[1:], wanted.identifier))
            for one, code in zip(wanted.filters, refused, strict=True)
            if not code
        ]

        def done(codes: list[int] | LogError) -> None:
            full: list[int] = [Reason.QUOTA_EXCEEDED] * len(filters)
            granted = iter(full if isinstance(codes, LogError) or not codes else codes)
            told = [code or next(granted) for code in refused]
            self._connection.subscribed(wanted.packet_id, told)
            self._socket.flush()

        self._record(Subscribed(self.name, filters), done)

    def unsubscribe(self, unwanted: Unwanted) -> None:
        """Let go of filters."""
        names = list(unwanted.filters)

        def done(codes: list[int] | LogError) -> None:
            failed: list[int] = [Reason.UNSPECIFIED_ERROR] * len(names)
            told = failed if isinstance(codes, LogError) else codes
            self._connection.unsubscribed(unwanted.packet_id, told)
            self._socket.flush()

        self._record(Unsubscribed(self.name, names), done)

    def release(self, packet_id: bytes) -> None:
        """QoS 2 from it: forget a packet id, then say so."""
        session = self._connection.session
        known = session is not None and packet_id in session.received

        def done(result: list[int] | LogError) -> None:
            if isinstance(result, LogError):
                self._socket.leave(Reason.QUOTA_EXCEEDED, FULL, will=True)
            else:
                self._connection.released(packet_id, known)
                self._socket.flush()

        self._record(Released(self.name, packet_id), done)

    def hold(self, packet_id: int) -> None:
        """QoS 2 to it: remember that it has a message, then say so."""

        def done(_: object) -> None:  # where it could not be written, a crash may bring the message twice
            self._connection.held(packet_id)
            self._socket.flush()

        session = self._connection.session
        if self._kept and session is not None:
            self.room.note(self.source, session.got(), done)
        else:
            done(None)

    def go(self, closed: Closed) -> None:
        """Its connection ended: the session goes on without it, or ends; its last will is due."""
        room, session = self.room, self._connection.session
        if room.present.get(self.name) is self._socket:
            del room.present[self.name]
        if session is None:
            return
        room.acknowledge(session)
        will = None if closed.will is None else self._last_will(closed.will)
        later = will is not None and min(will.delay, closed.expiry) > 0
        self._part(closed.expiry, will if later else None)
        if will is not None and not later:
            batch = will_batch(will)
            if not self._allowed[will.topic]:
                batch, _ = self._sift(batch)
            room.store(self, batch)

    def _record(self, record: AnyRecord, done: Callable[[list[int] | LogError], None]) -> None:
        self.room.record(self.source, record, done, logged=self._kept)

    def _part(self, expiry: int, will: LastWill | None) -> None:
        record = Left(self.name, expiry, will)
        self.room.exchange.apply(record, self.room.clock())
        if self._kept:
            self.room.note(self.source, record)

    def _denied(self, name: str) -> int:
        if depth(name) > self._levels:
            return Reason.TOPIC_FILTER_INVALID
        return 0 if may_subscribe(self._principal, name) else NOT_ALLOWED

    def _forbid(self, session: Session) -> None:
        """Let go of filters that were allowed when it subscribed, and are no longer."""
        names = [name for name in session.subscriptions if not may_subscribe(self._principal, name)]
        if names:
            self._record(Unsubscribed(self.name, names), ignore)

    def _last_will(self, will: Will) -> LastWill:
        properties = dict(will.properties)
        delay = properties.pop("will_delay_interval", 0)
        head = 0x30 | will.qos << 1 | will.retain
        return LastWill(self.source, will.topic, will.payload, head, properties, delay)

    def _sift(self, batch: Batch) -> tuple[Batch, dict[bytes, int]]:
        """A batch without what this principal may not publish, and the packet ids of that.

        It is refused in the books; a 5.0 client is told, one before 5.0 has to take it for published
        (3.1.1 section 3.3.5).
        """
        ids, denied = iter(batch.ids), dict[bytes, int]()
        kept = Batch(ids=batch.ids, ack=batch.ack, level=batch.level)
        for n, (topic, payload, head) in enumerate(
            zip(batch.topics, batch.payloads, batch.heads, strict=True)
        ):
            packet_id = next(ids) if head & 6 and batch.ids else b""
            if self._allowed[topic]:
                if n in batch.properties:
                    kept.properties[len(kept.topics)] = batch.properties[n]
                kept.topics.append(topic)
                kept.payloads.append(payload)
                kept.heads.append(head)
                continue
            if packet_id:
                denied[packet_id] = Reason.NOT_AUTHORIZED
            evidence = packet(topic, payload, head >> 1 & 3, bool(head & 1))[:EVIDENCE]
            self._refused(self.room.home, self.source, "not allowed", evidence)
        return kept, denied
