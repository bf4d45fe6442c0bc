"""One MQTT packet as a value, and value -> bytes (OASIS MQTT 3.1.1 and 5.0, sections 2 and 3).

Bytes -> value is `decode`, and for PUBLISH `reader`, in batches. `level` is the protocol's: 3 is MQTT 3.1,
4 is 3.1.1, 5 is 5.0; properties, and reason codes that 3.1.1 does not know, are sent at level 5 only.
"""

from typing import NamedTuple

from homestream.wire import properties as props
from homestream.wire.primitives import encode_varint, sized
from homestream.wire.properties import NONE, Properties

CONNECT, CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP = 1, 2, 3, 4, 5, 6, 7
SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK, PINGREQ, PINGRESP, DISCONNECT, AUTH = 8, 9, 10, 11, 12, 13, 14, 15

#: protocol level -> its name in CONNECT
LEVELS = {3: "MQIsdp", 4: "MQTT", 5: "MQTT"}

#: CONNACK return codes before 5.0 (section 3.2.2.3)
ACCEPTED, BAD_VERSION, BAD_CLIENT_ID, UNAVAILABLE, BAD_LOGIN, NOT_AUTHORISED = 0, 1, 2, 3, 4, 5


class Will(NamedTuple):
    """What to publish for a client that goes without saying so."""

    topic: str
    payload: bytes
    qos: int
    retain: bool
    properties: Properties = NONE


class Connect(NamedTuple):
    """A client introduces itself; `keep_alive` in seconds, 0 = none."""

    client_id: str
    clean: bool
    keep_alive: int
    level: int = 4
    will: Will | None = None
    user: str | None = None
    password: bytes | None = None
    properties: Properties = NONE


class OtherVersion(NamedTuple):
    """A CONNECT of a protocol level we do not speak."""

    level: int


class Connack(NamedTuple):
    """The answer to CONNECT; `code` is a `Reason` at level 5, else one of the six above."""

    code: int
    session_present: bool = False
    properties: Properties = NONE


class Publish(NamedTuple):
    """A message; `packet_id` is 0 for QoS 0."""

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False
    dup: bool = False
    packet_id: int = 0
    properties: Properties = NONE


class Ack(NamedTuple):
    """PUBACK, PUBREC, PUBREL or PUBCOMP, by `kind`."""

    kind: int
    packet_id: int
    code: int = 0
    properties: Properties = NONE


class Filter(NamedTuple):
    """One wish of a SUBSCRIBE. `retain_handling`: send retained messages 0 always, 1 if new, 2 never."""

    name: str
    qos: int
    no_local: bool = False
    retain_as_published: bool = False
    retain_handling: int = 0


class Subscribe(NamedTuple):
    """Filters with the QoS asked for."""

    packet_id: int
    filters: tuple[Filter, ...]
    properties: Properties = NONE


class Suback(NamedTuple):
    """The QoS granted to each filter, or a code from 0x80 on."""

    packet_id: int
    codes: tuple[int, ...]
    properties: Properties = NONE


class Unsubscribe(NamedTuple):
    """Filters to forget."""

    packet_id: int
    filters: tuple[str, ...]
    properties: Properties = NONE


class Unsuback(NamedTuple):
    """A code for each filter at level 5, else none."""

    packet_id: int
    codes: tuple[int, ...] = ()
    properties: Properties = NONE


class Ping(NamedTuple):
    """PINGREQ."""


class Pong(NamedTuple):
    """PINGRESP."""


class Disconnect(NamedTuple):
    """Its sender goes, and says so."""

    code: int = 0
    properties: Properties = NONE


class Auth(NamedTuple):
    """A step of an authentication that takes several (level 5)."""

    code: int = 0
    properties: Properties = NONE


Packet = (
    Connect
    | OtherVersion
    | Connack
    | Ack
    | Subscribe
    | Suback
    | Unsubscribe
    | Unsuback
    | Ping
    | Pong
    | Disconnect
    | Auth
)


def encode(packet: Packet | Publish, level: int = 4) -> bytes:
    """The bytes of a packet; a CONNECT has its own level."""
    five = level == 5
    match packet:
        case Publish(topic, payload, qos, retain, dup, packet_id, properties):
            return publish(
                topic, payload, qos, retain, dup=dup, packet_id=packet_id, level=level, properties=properties
            )
        case Ack(kind, packet_id, code, properties):
            said = _said(code, properties) if five else b""
            return _frame(kind << 4 | (2 if kind == PUBREL else 0), packet_id.to_bytes(2) + said)
        case Connect():
            return _frame(CONNECT << 4, _connect(packet))
        case OtherVersion(number):
            return _frame(CONNECT << 4, sized(b"MQTT") + bytes((number,)))
        case Connack(code, session_present, properties):
            return _frame(CONNACK << 4, bytes((session_present, code)) + _block(properties, five))
        case Subscribe(packet_id, filters, properties):
            rows = b"".join(_filter(one) for one in filters)
            start = packet_id.to_bytes(2) + _block(properties, five)
            return _frame(SUBSCRIBE << 4 | 2, start + rows)
        case Unsubscribe(packet_id, names, properties):
            rows = b"".join(sized(name.encode()) for name in names)
            start = packet_id.to_bytes(2) + _block(properties, five)
            return _frame(UNSUBSCRIBE << 4 | 2, start + rows)
        case Suback(packet_id, codes, properties):
            start = packet_id.to_bytes(2) + _block(properties, five)
            return _frame(SUBACK << 4, start + bytes(codes))
        case Unsuback(packet_id, codes, properties):
            start = packet_id.to_bytes(2) + _block(properties, five)
            return _frame(UNSUBACK << 4, start + (bytes(codes) if five else b""))
        case Ping():
            return b"\xc0\x00"
        case Pong():
            return b"\xd0\x00"
        case Disconnect(code, properties):
            return _frame(DISCONNECT << 4, _said(code, properties) if five else b"")
        case Auth(code, properties):
            return _frame(AUTH << 4, _said(code, properties))


def publish(
    topic: str,
    payload: bytes,
    qos: int = 0,
    retain: bool = False,
    *,
    dup: bool = False,
    packet_id: int = 0,
    level: int = 4,
    properties: Properties = NONE,
) -> bytes:
    """A PUBLISH packet."""
    head = PUBLISH << 4 | dup << 3 | qos << 1 | retain
    start = sized(topic.encode()) + (packet_id.to_bytes(2) if qos else b"")
    return _frame(head, start + _block(properties, level == 5) + payload)


def connack(code: int, session_present: bool = False) -> bytes:
    """The answer to a CONNECT."""
    return encode(Connack(code, session_present))


def _connect(packet: Connect) -> bytes:
    will, user, password, five = packet.will, packet.user, packet.password, packet.level == 5
    flags = packet.clean << 1 | (user is not None) << 7 | (password is not None) << 6
    parts = [_block(packet.properties, five), sized(packet.client_id.encode())]
    if will is not None:
        flags |= 4 | will.qos << 3 | will.retain << 5
        parts += [_block(will.properties, five), sized(will.topic.encode()), sized(will.payload)]
    if user is not None:
        parts.append(sized(user.encode()))
    if password is not None:
        parts.append(sized(password))
    name = sized(LEVELS[packet.level].encode())
    return name + bytes((packet.level, flags)) + packet.keep_alive.to_bytes(2) + b"".join(parts)


def _filter(one: Filter) -> bytes:
    options = one.qos | one.no_local << 2 | one.retain_as_published << 3 | one.retain_handling << 4
    return sized(one.name.encode()) + bytes((options,))


def _block(properties: Properties, five: bool) -> bytes:
    if not five:
        return b""
    return props.encode(properties) if properties else b"\0"


def _said(code: int, properties: Properties) -> bytes:
    """A reason and its properties, left out where they say nothing (3.4.2.1)."""
    if properties:
        return bytes((code,)) + props.encode(properties)
    return bytes((code,)) if code else b""


def _frame(head: int, body: bytes) -> bytes:
    return bytes((head,)) + encode_varint(len(body)) + body
