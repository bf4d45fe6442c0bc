"""One MQTT packet: bytes <-> value, both ways (OASIS MQTT 3.1.1, sections 2 and 3).

PUBLISH is decoded by `reader`, in batches; everything else here. Hostile bytes raise `MalformedPacket`.
"""

from typing import NamedTuple

from homestream.errors import PeerError
from homestream.wire.topics import check_filter, check_topic

CONNECT, CONNACK, PUBLISH, PUBACK, PUBREC, PUBREL, PUBCOMP = 1, 2, 3, 4, 5, 6, 7
SUBSCRIBE, SUBACK, UNSUBSCRIBE, UNSUBACK, PINGREQ, PINGRESP, DISCONNECT = 8, 9, 10, 11, 12, 13, 14

#: protocol level -> its name in CONNECT
LEVELS = {3: "MQIsdp", 4: "MQTT"}

#: CONNACK return codes (section 3.2.2.3)
ACCEPTED, BAD_VERSION, BAD_CLIENT_ID, UNAVAILABLE, BAD_LOGIN, NOT_AUTHORISED = 0, 1, 2, 3, 4, 5

#: What a 5.0 client is told: CONNACK, "unsupported protocol version", no properties (5.0 section 3.2.2.2).
REFUSE_VERSION_5 = b"\x20\x03\x00\x84\x00"

#: Four length bytes carry seven bits each.
MAX_LENGTH = 268_435_455


class MalformedPacket(PeerError):
    """The bytes break MQTT; the connection they came on has to be closed."""


class Will(NamedTuple):
    """What to publish for a client that goes without saying so."""

    topic: str
    payload: bytes
    qos: int
    retain: bool


class Connect(NamedTuple):
    """A client introduces itself; `keep_alive` in seconds, 0 = none."""

    client_id: str
    clean: bool
    keep_alive: int
    level: int = 4
    will: Will | None = None
    user: str | None = None
    password: bytes | None = None


class OtherVersion(NamedTuple):
    """A CONNECT of a protocol level we do not speak."""

    level: int


class Publish(NamedTuple):
    """A message; `packet_id` is 0 for QoS 0."""

    topic: str
    payload: bytes
    qos: int = 0
    retain: bool = False
    dup: bool = False
    packet_id: int = 0


class Ack(NamedTuple):
    """PUBACK, PUBREC, PUBREL, PUBCOMP or UNSUBACK, by `kind`."""

    kind: int
    packet_id: int


class Subscribe(NamedTuple):
    """Filters with the QoS asked for."""

    packet_id: int
    filters: tuple[tuple[str, int], ...]


class Unsubscribe(NamedTuple):
    """Filters to forget."""

    packet_id: int
    filters: tuple[str, ...]


class Ping(NamedTuple):
    """PINGREQ."""


class Disconnect(NamedTuple):
    """The client goes, and says so."""


Packet = Connect | OtherVersion | Ack | Subscribe | Unsubscribe | Ping | Disconnect


def decode(head: int, body: bytes) -> Packet:
    """First byte and body of a packet a client may send, but PUBLISH -> Packet, or `MalformedPacket`."""
    kind, flags = head >> 4, head & 15
    if flags != (2 if kind in (PUBREL, SUBSCRIBE, UNSUBSCRIBE) else 0):
        raise MalformedPacket("reserved flags are set")
    try:
        if kind in (PUBACK, PUBREC, PUBREL, PUBCOMP):
            if len(body) != 2:
                raise MalformedPacket("acknowledgement of a wrong length")
            return Ack(kind, _packet_id(body))
        if kind == CONNECT:
            return _connect(body)
        if kind == SUBSCRIBE:
            return _subscribe(body)
        if kind == UNSUBSCRIBE:
            return _unsubscribe(body)
    except IndexError:
        raise MalformedPacket("packet ends too early") from None
    if kind not in (PINGREQ, DISCONNECT):
        raise MalformedPacket("packet type no client may send")
    if body:
        raise MalformedPacket("packet with bytes too many")
    return Ping() if kind == PINGREQ else Disconnect()


def _connect(body: bytes) -> Connect | OtherVersion:
    name, pos = _string(body, 0)
    level = body[pos]
    if name not in LEVELS.values():
        raise MalformedPacket("protocol name is not MQTT")
    if LEVELS.get(level) != name:
        return OtherVersion(level)
    flags = body[pos + 1]
    has_user, has_password, has_will = flags & 128, flags & 64, flags & 4
    will_qos, will_retain = flags >> 3 & 3, bool(flags & 32)
    if flags & 1 or will_qos == 3:
        raise MalformedPacket("connect flags are wrong")
    if not has_will and (will_qos or will_retain):
        raise MalformedPacket("connect flags describe a will that is not there")
    if has_password and not has_user:
        raise MalformedPacket("password without a user name")
    keep_alive = body[pos + 2] << 8 | body[pos + 3]
    client_id, pos = _string(body, pos + 4)
    will = user = password = None
    if has_will:
        topic, pos = _string(body, pos)
        check_topic(topic, MalformedPacket)
        payload, pos = _binary(body, pos)
        will = Will(topic, payload, will_qos, will_retain)
    if has_user:
        user, pos = _string(body, pos)
    if has_password:
        password, pos = _binary(body, pos)
    if pos != len(body):
        raise MalformedPacket("packet with bytes too many")
    return Connect(client_id, bool(flags & 2), keep_alive, level, will, user, password)


def _subscribe(body: bytes) -> Subscribe:
    packet_id, pos, filters = _packet_id(body), 2, []
    while pos < len(body):
        text, pos = _string(body, pos)
        check_filter(text, MalformedPacket)
        qos = body[pos]
        if qos > 2:
            raise MalformedPacket("subscription with a QoS above 2")
        filters.append((text, qos))
        pos += 1
    if not filters:
        raise MalformedPacket("subscription to nothing")
    return Subscribe(packet_id, tuple(filters))


def _unsubscribe(body: bytes) -> Unsubscribe:
    packet_id, pos, filters = _packet_id(body), 2, []
    while pos < len(body):
        text, pos = _string(body, pos)
        check_filter(text, MalformedPacket)
        filters.append(text)
    if not filters:
        raise MalformedPacket("unsubscription from nothing")
    return Unsubscribe(packet_id, tuple(filters))


def _packet_id(body: bytes) -> int:
    packet_id = body[0] << 8 | body[1]
    if not packet_id:
        raise MalformedPacket("packet id is 0")
    return packet_id


def _binary(body: bytes, pos: int) -> tuple[bytes, int]:
    end = pos + 2 + (body[pos] << 8 | body[pos + 1])
    if end > len(body):
        raise MalformedPacket("packet ends too early")
    return body[pos + 2 : end], end


def _string(body: bytes, pos: int) -> tuple[str, int]:
    raw, end = _binary(body, pos)
    return text(raw), end


def text(raw: bytes) -> str:
    """An MQTT string: UTF-8 without U+0000 (section 1.5.3)."""
    try:
        decoded = raw.decode()
    except UnicodeDecodeError:
        raise MalformedPacket("string is not UTF-8") from None
    if "\0" in decoded:
        raise MalformedPacket("string with a NUL")
    return decoded


def encode(packet: Packet | Publish) -> bytes:
    """The inverse: what a client sends, and the PUBLISH and acknowledgements that go both ways."""
    match packet:
        case Publish(topic, payload, qos, retain, dup, packet_id):
            return publish(topic, payload, qos, retain, dup=dup, packet_id=packet_id)
        case Ack(kind, packet_id):
            return bytes((kind << 4 | (2 if kind == PUBREL else 0), 2)) + packet_id.to_bytes(2)
        case Connect():
            return _frame(CONNECT << 4, _encode_connect(packet))
        case OtherVersion(level):
            return _frame(CONNECT << 4, _sized(b"MQTT") + bytes((level,)))
        case Subscribe(packet_id, filters):
            rows = b"".join(_sized(name.encode()) + bytes((qos,)) for name, qos in filters)
            return _frame(SUBSCRIBE << 4 | 2, packet_id.to_bytes(2) + rows)
        case Unsubscribe(packet_id, names):
            rows = b"".join(_sized(name.encode()) for name in names)
            return _frame(UNSUBSCRIBE << 4 | 2, packet_id.to_bytes(2) + rows)
        case Ping():
            return b"\xc0\x00"
        case Disconnect():
            return b"\xe0\x00"


def publish(
    topic: str, payload: bytes, qos: int = 0, retain: bool = False, *, dup: bool = False, packet_id: int = 0
) -> bytes:
    """A PUBLISH packet."""
    head = PUBLISH << 4 | dup << 3 | qos << 1 | retain
    return _frame(head, _sized(topic.encode()) + (packet_id.to_bytes(2) if qos else b"") + payload)


def connack(code: int, session_present: bool = False) -> bytes:
    """The answer to a CONNECT."""
    return bytes((CONNACK << 4, 2, session_present, code))


def suback(packet_id: int, granted: list[int]) -> bytes:
    """The answer to a SUBSCRIBE: the QoS granted to each filter."""
    return _frame(SUBACK << 4, packet_id.to_bytes(2) + bytes(granted))


def _encode_connect(packet: Connect) -> bytes:
    will, user, password = packet.will, packet.user, packet.password
    flags = packet.clean << 1 | (user is not None) << 7 | (password is not None) << 6
    parts = [_sized(packet.client_id.encode())]
    if will is not None:
        flags |= 4 | will.qos << 3 | will.retain << 5
        parts += [_sized(will.topic.encode()), _sized(will.payload)]
    if user is not None:
        parts.append(_sized(user.encode()))
    if password is not None:
        parts.append(_sized(password))
    name = _sized(LEVELS[packet.level].encode())
    return name + bytes((packet.level, flags)) + packet.keep_alive.to_bytes(2) + b"".join(parts)


def _sized(raw: bytes) -> bytes:
    return len(raw).to_bytes(2) + raw


def _frame(head: int, body: bytes) -> bytes:
    length, digits = len(body), bytearray((head,))
    while length > 127:
        digits.append(length & 127 | 128)
        length >>= 7
    digits.append(length)
    return bytes(digits) + body
