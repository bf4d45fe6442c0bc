"""The server's side of one MQTT connection as a state machine: bytes and the time in, events and bytes out.

```
WAITING --CONNECT--> DECIDING --accept--> OPEN --DISCONNECT, violation, keep-alive--> CLOSED
   \\--violation, connect timeout, refuse------------------------------------------------^
```

The edge answers `Login` with `accept` or `refuse`, a `Batch` with `stored` (once it is on disk) or `lost`,
and closes its socket after `Closed`. After each call it sends what `take()` returns.
"""

from enum import Enum, auto
from typing import NamedTuple

from homestream.wire import packets
from homestream.wire.packets import Ack, Connect, Packet, Subscribe, Unsubscribe, Will
from homestream.wire.reader import MAX_PACKET, PUBREC_HEAD, Batch, Reader, Topics, Violation
from homestream.wire.reasons import Reason
from homestream.wire.session import FAILED, Session

#: A peer that has not introduced itself by then gives its place to another. Milliseconds.
CONNECT_TIMEOUT = 10_000

#: A client is gone after one and a half times its keep-alive (section 3.1.2.10). Milliseconds a second.
KEEP_ALIVE_GRACE = 1_500


class Login(NamedTuple):
    """A client asks in."""

    connect: Connect


class Subscribed(NamedTuple):
    """Filters and granted QoS; their retained messages are due."""

    filters: list[tuple[str, int]]


class Unsubscribed(NamedTuple):
    """Filters no longer wanted."""

    filters: tuple[str, ...]


class Closed(NamedTuple):
    """Nothing follows. `violation` holds the first bytes of what broke the protocol, else None."""

    reason: str
    will: Will | None = None
    violation: bytes | None = None


Event = Login | Batch | Subscribed | Unsubscribed | Closed


class State(Enum):
    """Where a connection stands."""

    WAITING = auto()
    DECIDING = auto()
    OPEN = auto()
    CLOSED = auto()


class Connection:
    """One network connection. `now` is any clock in milliseconds that does not jump."""

    def __init__(self, now: int, topics: Topics, max_packet: int = MAX_PACKET) -> None:
        self.state = State.WAITING
        self.session: Session | None = None
        self._reader = Reader(topics, max_packet)
        self._backlog: list[Packet | Batch | Violation] = []
        self._out: list[bytes] = []
        self._will: Will | None = None
        self._heard = now
        self._patience = CONNECT_TIMEOUT

    def receive(self, data: bytes, now: int) -> list[Event]:
        """Take bytes; return what they mean, in order. Never raises: hostile bytes end in `Closed`."""
        if self.state is State.CLOSED:
            return []
        self._heard = now
        return self._events(self._reader.feed(data))

    def accept(self, session: Session, present: bool, connect: Connect) -> list[Event]:
        """The login is good; `present` tells the client that we remember it. Returns what it sent since."""
        self.state, self.session, self._will = State.OPEN, session, connect.will
        self._patience = connect.keep_alive * KEEP_ALIVE_GRACE
        self._out.append(packets.connack(packets.ACCEPTED, present))
        session.connect()
        backlog, self._backlog = self._backlog, []
        return self._events(backlog)

    def refuse(self, code: int) -> Closed:
        """The login is not good."""
        self._out.append(packets.connack(code))
        return self._close("login refused")

    def stored(self, batch: Batch) -> None:
        """A batch is on disk: acknowledge it."""
        if self.state is State.OPEN and self.session is not None:
            if batch.ack is PUBREC_HEAD and batch.ids[0] not in self.session.received:
                return
            self._out.append(batch.acknowledgement())

    def lost(self, batch: Batch) -> list[Event]:
        """A batch could not be stored: the client keeps it, and sends it again when it reconnects."""
        if self.session is not None and batch.ack is PUBREC_HEAD:
            self.session.received.difference_update(batch.ids)
        return [self._close("not stored", self._will)] if self.state is State.OPEN else []

    def tick(self, now: int) -> list[Event]:
        """Close what has been silent too long."""
        if self.state is State.CLOSED or not self._patience or now - self._heard <= self._patience:
            return []
        return [self._close("silent too long", self._will)]

    def leave(self, reason: str) -> list[Event]:
        """Close from our side, without its will: we stop, not the client."""
        return [] if self.state is State.CLOSED else [self._close(reason)]

    def eof(self) -> list[Event]:
        """The socket is gone."""
        return [] if self.state is State.CLOSED else [self._close("connection lost", self._will)]

    def take(self) -> bytes:
        """Bytes to send now, once; there may be more, so ask until there are none."""
        out = b"".join(self._out)
        self._out.clear()
        if self.state is State.OPEN and self.session is not None:
            out += self.session.take()
        return out

    def _events(self, found: list[Packet | Batch | Violation]) -> list[Event]:
        events: list[Event] = []
        for n, packet in enumerate(found):
            if self.state is State.DECIDING:
                self._backlog += found[n:]
                break
            if self.state is State.CLOSED:
                break
            if isinstance(packet, Batch):
                events.append(packet if packet.ack is not PUBREC_HEAD else self._once(packet))
            else:
                events += self._control(packet)
        return events

    def _control(self, packet: Packet | Violation) -> list[Event]:
        if isinstance(packet, Violation):
            return [self._close(packet.reason, self._will, packet.data)]
        if isinstance(packet, packets.OtherVersion):
            self._out.append(packets.connack(packets.BAD_VERSION))
            return [self._close(f"MQTT version {packet.level} is not spoken here")]
        if isinstance(packet, Connect) and packet.level == 5:
            self._out.append(packets.encode(packets.Connack(Reason.UNSUPPORTED_PROTOCOL_VERSION), 5))
            return [self._close("MQTT version 5 is not spoken here")]
        if isinstance(packet, Connect):
            if self.state is State.OPEN:
                return [self._close("second CONNECT", self._will, b"")]
            self.state = State.DECIDING
            return [Login(packet)]
        session = self.session
        assert session is not None, "the reader lets nothing but CONNECT come first"
        match packet:
            case Subscribe(packet_id, filters):
                wanted = tuple((one.name, one.qos) for one in filters)
                granted = session.subscribe(wanted)
                self._out.append(packets.suback(packet_id, [qos for _, qos in granted]))
                return [Subscribed([one for one in granted if one[1] != FAILED])]
            case Unsubscribe(packet_id, names):
                for name in names:
                    session.subscriptions.pop(name, None)
                self._out.append(packets.encode(packets.Unsuback(packet_id)))
                return [Unsubscribed(names)]
            case packets.Disconnect():
                return [self._close("disconnected")]
            case packets.Ping():
                self._out.append(bytes((packets.PINGRESP << 4, 0)))
            case Ack(packets.PUBACK, packet_id):
                session.acknowledged(packet_id)
            case Ack(packets.PUBREC, packet_id):
                self._out.append(packets.encode(Ack(packets.PUBREL, packet_id)))
            case Ack(packets.PUBREL, packet_id):
                session.received.discard(packet_id.to_bytes(2))
                self._out.append(packets.encode(Ack(packets.PUBCOMP, packet_id)))
        return []

    def _once(self, batch: Batch) -> Batch:
        """QoS 2: a packet id not yet released is the same message again, to be acknowledged, not stored."""
        assert self.session is not None
        if batch.ids[0] in self.session.received:
            return Batch(ids=batch.ids, ack=PUBREC_HEAD)
        self.session.received.add(batch.ids[0])
        return batch

    def _close(self, reason: str, will: Will | None = None, violation: bytes | None = None) -> Closed:
        if self.session is not None:
            self.session.disconnect()
        self.state = State.CLOSED
        return Closed(reason, will, violation)
