"""The server's side of one MQTT connection as a state machine: bytes and the time in, events and bytes out.

```
WAITING --CONNECT--> DECIDING --accept--> OPEN --DISCONNECT, violation, keep-alive--> CLOSED
   \\--violation, connect timeout, refuse------------------------------------------------^
```

The edge answers `Login` with `accept` or `refuse`, a `Batch` with `stored` (once it is on disk), `reject` or
`lost`, the other events with the method of the past tense, and closes its socket after `Closed`. After each
call it sends what `take` returns.
"""

from collections.abc import Mapping
from enum import Enum, auto
from typing import Any, NamedTuple

from homestream.wire import packets
from homestream.wire.outlet import MAX_ALIASES, Outlet
from homestream.wire.packets import Ack, Connack, Connect, Disconnect, Filter, Packet, Will, encode
from homestream.wire.properties import NONE, Properties
from homestream.wire.reader import PUBREC_HEAD, Batch, Reader, Topics, Violation
from homestream.wire.reasons import Reason
from homestream.wire.session import Session
from homestream.wire.subscriptions import well_shared

#: A client is gone after one and a half times its keep-alive (section 3.1.2.10). Milliseconds a second.
KEEP_ALIVE_GRACE = 1_500

#: A 5.0 client that asks for no keep-alive or a longer one is told this: who is gone is missed within 90 s.
MAX_KEEP_ALIVE = 60

#: Unacknowledged messages sent to a client before 5.0, which cannot say what it takes; a small device can.
WINDOW = 20

NOBODY: Mapping[bytes, int] = {}

#: Bytes of our CONNACK in 5.0, and of a client id of our making in it; who takes less cannot be answered.
LEAST_PACKET, ASSIGNED = 19, 40

#: Milliseconds in which a peer has to introduce itself, else it gives its place to another.
CONNECT_TIMEOUT = 10_000

#: What a client before 5.0 is told instead of the reasons of 5.0 (3.1.1 section 3.2.2.3); else "unavailable".
OLD_CODES = {
    Reason.CLIENT_IDENTIFIER_NOT_VALID: packets.BAD_CLIENT_ID,
    Reason.BAD_USER_NAME_OR_PASSWORD: packets.BAD_LOGIN,
    Reason.NOT_AUTHORIZED: packets.NOT_AUTHORISED,
}


class Login(NamedTuple):
    """A client asks in."""

    connect: Connect


class Wanted(NamedTuple):
    """A client subscribes; `identifier` 0 = none."""

    packet_id: int
    filters: tuple[Filter, ...]
    identifier: int


class Unwanted(NamedTuple):
    """A client unsubscribes."""

    packet_id: int
    filters: tuple[str, ...]


class Released(NamedTuple):
    """QoS 2 from the client, its PUBREL: it has forgotten the message, so may we, once that is recorded."""

    packet_id: bytes


class Held(NamedTuple):
    """QoS 2 to the client, its PUBREC: it has the message; we may say so once that is recorded."""

    packet_id: int


class Closed(NamedTuple):
    """Nothing follows. `violation` holds the first bytes of what broke the protocol, else None.

    `expiry`: seconds for which the session goes on, if there is one. `ours`: it is we who close, and the peer
    may be sending yet; a socket that is closed on unread bytes takes back what was written to it.
    """

    reason: str
    will: Will | None = None
    violation: bytes | None = None
    expiry: int = 0
    ours: bool = True


Event = Login | Batch | Wanted | Unwanted | Released | Held | Closed


class State(Enum):
    """Where a connection stands."""

    WAITING = auto()
    DECIDING = auto()
    OPEN = auto()
    CLOSED = auto()


class Connection:
    """One network connection. `now` is any clock in milliseconds that does not jump."""

    __slots__ = (
        "_backlog",
        "_explains",
        "_heard",
        "_level",
        "_out",
        "_patience",
        "_pending",
        "_reader",
        "_receive_maximum",
        "_will",
        "session",
        "state",
    )

    def __init__(
        self,
        now: float,
        topics: Topics,
        max_packet: int,
        receive_maximum: int,
        connect_timeout: int = CONNECT_TIMEOUT,
    ) -> None:
        """`max_packet` in bytes; `receive_maximum`: QoS 1 and 2 messages a 5.0 client may have under way."""
        self.state = State.WAITING
        self.session: Session | None = None
        self._reader = Reader(topics, max_packet, aliases=MAX_ALIASES)
        self._receive_maximum = receive_maximum
        self._level = 0
        self._pending = 0
        self._backlog: list[Packet | Batch | Violation] = []
        self._out: list[bytes] = []
        self._will: Will | None = None
        self._heard = now
        self._patience = connect_timeout
        self._explains = True

    @property
    def level(self) -> int:
        """The protocol's: 3, 4 or 5; 0 until known."""
        return self._level or self._reader.level

    def receive(self, data: bytes, now: float) -> list[Event]:
        """Take bytes; return what they mean, in order. Never raises: hostile bytes end in `Closed`."""
        if self.state is State.CLOSED:
            return []
        self._heard = now
        return self._events(self._reader.feed(data))

    def accept(self, session: Session, connect: Connect, assigned: str = "") -> list[Event]:
        """The login is good; `assigned`: the client id if we chose it. Returns what the client sent since."""
        self.state, self.session, self._will = State.OPEN, session, connect.will
        self._level = connect.level
        given, answer = connect.properties, dict[str, Any]()
        keep_alive = connect.keep_alive
        if connect.level == 5:
            answer = {
                "receive_maximum": self._receive_maximum,
                "maximum_packet_size": self._reader.max_packet,
                "topic_alias_maximum": MAX_ALIASES,
            }
            if assigned:
                answer["assigned_client_identifier"] = assigned
            if not 0 < keep_alive <= MAX_KEEP_ALIVE:
                answer["server_keep_alive"] = keep_alive = MAX_KEEP_ALIVE
        self._patience = keep_alive * KEEP_ALIVE_GRACE
        self._pending = len(session.received)
        self._explains = bool(given.get("request_problem_information", 1))
        self._out.append(encode(Connack(0, session.resumed and connect.level > 3, answer), connect.level))
        window = given.get("receive_maximum", 65_535) if connect.level == 5 else WINDOW
        aliases, max_packet = given.get("topic_alias_maximum", 0), given.get("maximum_packet_size", 0)
        session.connect(Outlet(connect.level, max_packet, aliases), window)
        backlog, self._backlog = self._backlog, []
        return self._events(backlog)

    def refuse(self, code: Reason, why: str = "") -> list[Event]:
        """The login is not good; `why` is told to a 5.0 client."""
        self._refuse(code, why)
        return [self._close("login refused")]

    def stored(self, batch: Batch, denied: Mapping[bytes, int] = NOBODY) -> None:
        """A batch is on disk: acknowledge it; ids in `denied` with a reason (5.0) instead."""
        if self.state is not State.OPEN or self.session is None or not batch.ids:
            return
        if batch.ack is PUBREC_HEAD and batch.ids[0] not in self.session.received:
            return
        if denied and batch.level == 5:
            kind = batch.ack[0] >> 4
            answers = [Ack(kind, int.from_bytes(one), denied.get(one, 0)) for one in batch.ids]
            self._out += [encode(one, 5) for one in answers]
            if batch.ack is PUBREC_HEAD:
                self.session.received.difference_update(denied)
        else:
            self._out.append(batch.acknowledgement())
        if batch.ack is not PUBREC_HEAD or denied:
            self._pending -= len(batch.ids)

    def lost(self, batch: Batch) -> list[Event]:
        """A batch could not be stored. A 5.0 client is told so of each message; one before 5.0 keeps them,
        and sends them again when it reconnects. QoS 0 promises nothing."""
        if self.session is not None and batch.ack is PUBREC_HEAD:
            self.session.received.difference_update(batch.ids)
        if self.state is not State.OPEN or not batch.ids:
            return []
        if batch.level < 5:
            return self.leave(Reason.QUOTA_EXCEEDED, "not stored", will=True)
        why = {"reason_string": "the disk is full or failing"} if self._explains else NONE
        kind = batch.ack[0] >> 4
        self._out += [encode(Ack(kind, int.from_bytes(i), Reason.QUOTA_EXCEEDED, why), 5) for i in batch.ids]
        self._pending -= len(batch.ids)
        return []

    def subscribed(self, packet_id: int, codes: list[int]) -> None:
        """The filters of a `Wanted` are taken: QoS each, or a reason from 0x80 on."""
        if self.state is State.OPEN:
            told = codes if self.level == 5 else [min(code, 0x80) for code in codes]
            self._out.append(encode(packets.Suback(packet_id, tuple(told)), self.level))

    def unsubscribed(self, packet_id: int, codes: list[int]) -> None:
        """The filters of an `Unwanted` are gone."""
        if self.state is State.OPEN:
            self._out.append(encode(packets.Unsuback(packet_id, tuple(codes)), self.level))

    def released(self, packet_id: bytes, known: bool) -> None:
        """A `Released` is recorded; `known`: there was such a message."""
        if self.state is State.OPEN:
            code = Reason.SUCCESS if known else Reason.PACKET_IDENTIFIER_NOT_FOUND
            self._out.append(encode(Ack(packets.PUBCOMP, int.from_bytes(packet_id), code), self.level))
            self._pending -= known

    def held(self, packet_id: int) -> None:
        """A `Held` is recorded."""
        if self.state is State.OPEN:
            self._out.append(encode(Ack(packets.PUBREL, packet_id), self.level))

    def tick(self, now: float) -> list[Event]:
        """Close what has been silent too long."""
        if self.state is State.CLOSED or not self._patience or now - self._heard <= self._patience:
            return []
        return self.leave(Reason.KEEP_ALIVE_TIMEOUT, "silent too long", will=True)

    def leave(self, code: Reason, reason: str, *, will: bool = False) -> list[Event]:
        """Close from our side; with its last will where the client is to blame, not we."""
        if self.state is State.CLOSED:
            return []
        if self.state is State.OPEN:
            self._say(code, reason)
        return [self._close(reason, self._will if will else None)]

    def eof(self) -> list[Event]:
        """The socket is gone."""
        return [] if self.state is State.CLOSED else [self._close("connection lost", self._will, ours=False)]

    @property
    def has_more(self) -> bool:
        """Whether `take` may have something."""
        session = self.session
        return bool(self._out) or (session is not None and session.has_more)

    def take(self, now: int) -> bytes:
        """Bytes to send now (ms since 1970), once; there may be more, so ask until there are none."""
        out = self._out
        if self.state is State.OPEN and self.session is not None and self.session.has_more:
            out.append(self.session.take(now))
        if not out:
            return b""
        data = out[0] if len(out) == 1 else b"".join(out)
        out.clear()
        return data

    def _events(self, found: list[Packet | Batch | Violation]) -> list[Event]:
        if len(found) == 1 and self.state is State.OPEN and isinstance(found[0], Batch):
            return self._batch(found[0])
        events: list[Event] = []
        for n, packet in enumerate(found):
            if self.state is State.DECIDING:
                self._backlog += found[n:]
                break
            if self.state is State.CLOSED:
                break
            if isinstance(packet, Batch):
                events += self._batch(packet)
            else:
                events += self._control(packet)
        return events

    def _control(self, packet: Packet | Violation) -> list[Event]:
        if isinstance(packet, Violation):
            return [self._break(packet)]
        if isinstance(packet, packets.OtherVersion):
            self._out.append(packets.connack(packets.BAD_VERSION))
            return [self._close(f"MQTT version {packet.level} is not spoken here")]
        if isinstance(packet, Connect):
            if self.state is State.OPEN:
                return [self._break(Violation("second CONNECT", b"", Reason.PROTOCOL_ERROR))]
            if "authentication_method" in packet.properties:
                return self.refuse(Reason.BAD_AUTHENTICATION_METHOD, "only user name and password are known")
            least = LEAST_PACKET if packet.client_id else LEAST_PACKET + ASSIGNED
            if 0 < packet.properties.get("maximum_packet_size", 0) < least:
                return [self._close("takes no packet as large as our answer")]
            self.state = State.DECIDING
            return [Login(packet)]
        session = self.session
        assert session is not None, "the reader lets nothing but CONNECT come first"
        match packet:
            case packets.Subscribe(packet_id, wanted, properties):
                if self.level == 5 and not all(well_shared(one.name) for one in wanted):
                    ill = "shared filter without group or filter"
                    return [self._break(Violation(ill, b"", Reason.PROTOCOL_ERROR))]
                return [Wanted(packet_id, wanted, properties.get("subscription_identifier", 0))]
            case packets.Unsubscribe(packet_id, names):
                return [Unwanted(packet_id, names)]
            case packets.Ping():
                self._out.append(encode(packets.Pong()))
            case Ack(packets.PUBREC, packet_id, code) if code < 0x80:
                return self._held(session, packet_id)
            case Ack(packets.PUBREL, packet_id):
                return [Released(packet_id.to_bytes(2))]
            case Ack(_, packet_id):
                session.acknowledged(packet_id)
            case Disconnect(code, properties):
                return [self._bye(code, properties)]
            case packets.Auth():
                return [self._break(Violation("AUTH without a method", b"", Reason.PROTOCOL_ERROR))]
        return []

    def _batch(self, batch: Batch) -> list[Event]:
        assert self.session is not None
        if batch.ack is PUBREC_HEAD:
            if batch.ids[0] in self.session.received:
                # Not yet released: the same message again, to be acknowledged, not stored.
                return [Batch(ids=batch.ids, ack=PUBREC_HEAD, level=batch.level)]
            self.session.received.add(batch.ids[0])
        self._pending += len(batch.ids)
        if batch.level == 5 and self._pending > self._receive_maximum:
            return [self._break(Violation("too many unacknowledged", b"", Reason.RECEIVE_MAXIMUM_EXCEEDED))]
        return [batch]

    def _held(self, session: Session, packet_id: int) -> list[Event]:
        if session.has(packet_id):
            return [Held(packet_id)]
        code = Reason.PACKET_IDENTIFIER_NOT_FOUND
        self._out.append(encode(Ack(packets.PUBREL, packet_id, code), self.level))
        return []

    def _bye(self, code: int, properties: Properties) -> Closed:
        session = self.session
        assert session is not None
        expiry = properties.get("session_expiry_interval", session.expiry)
        if expiry and not session.expiry:
            return self._break(
                Violation("a session cannot begin to last at its end", b"", Reason.PROTOCOL_ERROR)
            )
        session.expiry = expiry
        return self._close("disconnected", self._will if code else None, ours=False)

    def _break(self, violation: Violation) -> Closed:
        if self.state is State.OPEN:
            self._say(Reason(violation.code), violation.reason)
        elif self.level == 5:
            self._refuse(Reason(violation.code), violation.reason)
        return self._close(violation.reason, self._will, violation.data)

    def _refuse(self, code: Reason, why: str) -> None:
        if self.level == 5:
            explained = {"reason_string": why} if why else NONE
            self._out.append(encode(Connack(code, False, explained), 5))
        else:
            self._out.append(packets.connack(OLD_CODES.get(code, packets.UNAVAILABLE)))

    def _say(self, code: Reason, why: str) -> None:
        """A 5.0 client is told why; before, there is no such packet."""
        if self.level == 5:
            explained = {"reason_string": why} if self._explains else NONE
            self._out.append(encode(Disconnect(code, explained), 5))

    def _close(
        self, reason: str, will: Will | None = None, violation: bytes | None = None, *, ours: bool = True
    ) -> Closed:
        expiry = 0
        if self.session is not None:
            self.session.disconnect()
            expiry = self.session.expiry
        self.state = State.CLOSED
        return Closed(reason, will, violation, expiry, ours)
