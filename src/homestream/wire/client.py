"""The client's side of one MQTT connection as a state machine: bytes and the time in, events and bytes out.

```
GREETING --CONNACK--> OPEN --DISCONNECT, violation, no answer, leave--> CLOSED
    \\--refused, violation, no answer--------------------------------------^
```

It subscribes at QoS 1, so QoS 2 never comes. The edge answers a `Batch` with `stored` once it is on disk; it
sends what `take` returns after each call, and closes its socket after `Closed`. What the server sends back
of what we sent it is taken out of the batches: 5.0 does not send it (no-local), before 5.0 it does.
"""

from collections.abc import Sequence
from enum import Enum, auto
from typing import NamedTuple

from homestream.wire import packets
from homestream.wire.packets import Ack, Connack, Connect, Disconnect, Filter, Packet, encode
from homestream.wire.primitives import MAX_VARINT
from homestream.wire.properties import NONE, Properties
from homestream.wire.reader import Batch, Reader, Topics, Violation
from homestream.wire.reasons import Reason
from homestream.wire.topics import matches

#: The server has so long for its CONNACK and for the answer to a ping. Milliseconds.
PATIENCE = 20_000

#: So long after sending a message its echo is one. Milliseconds.
ECHO = 10_000

#: QoS 1 is what `subscribe` asks for.
QOS = 1

#: What a person can act on; else the standard's own word.
_REFUSALS: dict[int, str] = {
    packets.BAD_VERSION: "it does not speak this MQTT version",
    packets.BAD_CLIENT_ID: "it does not take our client id",
    packets.UNAVAILABLE: "it is not available",
    packets.BAD_LOGIN: "user or password is wrong",
    packets.NOT_AUTHORISED: "user or password is wrong, or may not connect",
    Reason.UNSUPPORTED_PROTOCOL_VERSION: "it does not speak this MQTT version",
    Reason.CLIENT_IDENTIFIER_NOT_VALID: "it does not take our client id",
    Reason.BAD_USER_NAME_OR_PASSWORD: "user or password is wrong",
    Reason.NOT_AUTHORIZED: "user or password is wrong, or may not connect",
}


class Welcome(NamedTuple):
    """The server let us in; `present`: it remembers our session with its subscriptions."""

    present: bool


class Granted(NamedTuple):
    """The answer to `subscribe`: filters that the server did not take, each with the reason."""

    refused: tuple[tuple[str, str], ...]


class Closed(NamedTuple):
    """Nothing follows. `refused`: the server does not want us, so trying again soon is no use."""

    reason: str
    refused: bool = False


Event = Welcome | Batch | Granted | Closed


class State(Enum):
    """Where a connection stands."""

    GREETING = auto()
    OPEN = auto()
    CLOSED = auto()


class Client:
    """One connection to a server. `now` is any clock in milliseconds that does not jump."""

    def __init__(self, connect: Connect, topics: Topics, max_packet: int, now: int) -> None:
        """Ask in; larger packets than `max_packet` (bytes) end the connection."""
        self.state = State.GREETING
        self._level = connect.level
        self._reader = Reader(topics, max_packet, level=connect.level)
        self._out = [encode(connect)]
        self._keep_alive = connect.keep_alive * 1000
        self._heard = self._pinged = now
        self._last_id = 0
        self._room = 65_535
        self._max_qos, self._max_out = 2, MAX_VARINT
        self._flying: set[int] = set()
        self._asked: dict[int, tuple[str, ...]] = {}
        self._filters: tuple[str, ...] = ()
        #: (topic, payload) sent -> when, each time
        self._echoes: dict[tuple[str, bytes], list[int]] = {}

    def receive(self, data: bytes, now: int) -> list[Event]:
        """Take bytes; return what they mean, in order. Never raises: a broken server ends in `Closed`."""
        self._heard = now
        events: list[Event] = []
        for found in self._reader.feed(data):
            if self.state is State.CLOSED:
                break
            if isinstance(found, Violation):
                events += self.leave(found.code, f"the server breaks MQTT: {found.reason}")
            elif not isinstance(found, Batch):
                events += self._control(found)
            elif self.state is State.GREETING:
                events += self.leave(Reason.PROTOCOL_ERROR, "the server sends before it lets us in")
            else:
                events.append(self._without_echoes(found, now) if self._echoes else found)
        return events

    def subscribe(self, names: Sequence[str]) -> None:
        """Ask for topics; `Granted` follows. What is retained comes too, in 5.0 only if they are new."""
        self.expect(names)
        five = self._level == 5
        filters = tuple(Filter(name, QOS, five, False, int(five)) for name in names)
        packet_id = self._next_id()
        self._asked[packet_id] = self._filters
        self._out.append(encode(packets.Subscribe(packet_id, filters), self._level))

    def expect(self, names: Sequence[str]) -> None:
        """These are the topics subscribed to, by an earlier connection of the same session."""
        self._filters = tuple(names)

    def publish(self, topic: str, payload: bytes, qos: int, expiry: int, now: int) -> bool:
        """Send a message that is good for `expiry` seconds; False where it cannot go now.

        Not sent again if the connection breaks: whoever commands something looks whether it happened.
        """
        qos = min(qos, self._max_qos, 1)
        if self.state is not State.OPEN or (qos and len(self._flying) >= self._room):
            return False
        packet_id = self._next_id() if qos else 0
        properties = {"message_expiry_interval": expiry}
        raw = packets.publish(
            topic, payload, qos, packet_id=packet_id, level=self._level, properties=properties
        )
        if len(raw) > self._max_out:
            return False
        if qos:
            self._flying.add(packet_id)
        if self._level < 5 and any(matches(name, topic) for name in self._filters):
            self._echoes.setdefault((topic, payload), []).append(now)
        self._out.append(raw)
        return True

    def stored(self, batch: Batch) -> None:
        """A batch is on disk: acknowledge it."""
        if self.state is State.OPEN:
            self._out.append(batch.acknowledgement())

    def leave(self, code: int, reason: str) -> list[Event]:
        """Close from our side; `code` is a `Reason`."""
        if self.state is State.CLOSED:
            return []
        if self.state is State.OPEN:
            self._out.append(encode(Disconnect(code), self._level))
        self.state = State.CLOSED
        return [Closed(reason)]

    def tick(self, now: int) -> list[Event]:
        """Keep the connection alive; close one on which nothing comes any more. Call every second or so."""
        if self.state is State.CLOSED:
            return []
        if self.state is State.GREETING or self._heard < self._pinged:
            late = now - self._pinged > PATIENCE
            return self.leave(Reason.UNSPECIFIED_ERROR, "the server does not answer") if late else []
        if self._keep_alive and now - self._pinged >= self._keep_alive // 2:
            self._pinged = now
            self._out.append(encode(packets.Ping()))
        return []

    def take(self) -> bytes:
        """Bytes to send now, once."""
        out = b"".join(self._out)
        self._out.clear()
        return out

    def _control(self, packet: Packet) -> list[Event]:
        if self.state is State.GREETING:
            if not isinstance(packet, Connack):
                return self.leave(Reason.PROTOCOL_ERROR, "the server sends before it lets us in")
            return self._welcome(packet)
        match packet:
            case Ack(packets.PUBACK, packet_id):
                self._flying.discard(packet_id)
            case packets.Suback(packet_id, codes):
                asked = self._asked.pop(packet_id, ())
                told = zip(asked, codes, strict=False)
                return [Granted(tuple((name, self._word(code)) for name, code in told if code >= 0x80))]
            case Disconnect(code, properties):
                self.state = State.CLOSED
                return [Closed(f"the server closed: {self._word(code, properties)}")]
            case Connack() | packets.Auth():
                return self.leave(Reason.PROTOCOL_ERROR, "the server sends what nobody asked for")
        return []

    def _welcome(self, packet: Connack) -> list[Event]:
        if packet.code:
            self.state = State.CLOSED
            why = _REFUSALS.get(packet.code) or self._word(packet.code, packet.properties)
            return [Closed(f"the server refuses us: {why}", refused=True)]
        given = packet.properties
        self._keep_alive = given.get("server_keep_alive", self._keep_alive // 1000) * 1000
        self._room = given.get("receive_maximum", self._room)
        self._max_qos = given.get("maximum_qos", self._max_qos)
        self._max_out = given.get("maximum_packet_size", self._max_out)
        self.state = State.OPEN
        return [Welcome(packet.session_present)]

    def _word(self, code: int, properties: Properties = NONE) -> str:
        said = [properties[name] for name in ("reason_string", "server_reference") if name in properties]
        return ", ".join([Reason(code).name.lower().replace("_", " "), *said])

    def _without_echoes(self, batch: Batch, now: int) -> Batch:
        """The batch, of which all packet ids, without the messages that are our own."""
        recent = {one: [at for at in sent if now - at <= ECHO] for one, sent in self._echoes.items()}
        kept = Batch(ids=batch.ids, ack=batch.ack, level=batch.level)
        for topic, payload, head in zip(batch.topics, batch.payloads, batch.heads, strict=True):
            if recent.get((topic, payload)):
                recent[topic, payload].pop()
                continue
            kept.topics.append(topic)
            kept.payloads.append(payload)
            kept.heads.append(head)
        self._echoes = {one: sent for one, sent in recent.items() if sent}
        return kept

    def _next_id(self) -> int:
        while True:
            self._last_id = self._last_id % 65_535 + 1
            if self._last_id not in self._flying and self._last_id not in self._asked:
                return self._last_id
