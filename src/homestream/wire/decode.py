"""Bytes -> one MQTT packet, but PUBLISH, which `reader` decodes in batches.

A server reads what clients may send, and a client what servers may, by the rules of the level they speak.
Hostile bytes raise `MalformedPacket`.
"""

from homestream.wire import properties as props
from homestream.wire import reasons
from homestream.wire.packets import (
    AUTH,
    CONNACK,
    CONNECT,
    DISCONNECT,
    LEVELS,
    PINGREQ,
    PINGRESP,
    PUBACK,
    PUBCOMP,
    PUBREC,
    PUBREL,
    SUBACK,
    SUBSCRIBE,
    UNSUBACK,
    UNSUBSCRIBE,
    Ack,
    Auth,
    Connack,
    Connect,
    Disconnect,
    Filter,
    OtherVersion,
    Packet,
    Ping,
    Pong,
    Suback,
    Subscribe,
    Unsuback,
    Unsubscribe,
    Will,
)
from homestream.wire.primitives import MalformedPacket, binary, string
from homestream.wire.properties import NONE, Properties
from homestream.wire.reasons import Reason
from homestream.wire.topics import check_filter, check_topic

_FLAGS_2 = (PUBREL, SUBSCRIBE, UNSUBSCRIBE)
_FROM_CLIENT = {CONNECT, PUBACK, PUBREC, PUBREL, PUBCOMP, SUBSCRIBE, UNSUBSCRIBE, PINGREQ, DISCONNECT}
_FROM_SERVER = {CONNACK, PUBACK, PUBREC, PUBREL, PUBCOMP, SUBACK, UNSUBACK, PINGRESP}


def decode(head: int, body: bytes, level: int = 4, *, server: bool = True) -> Packet:
    """First byte and body of a packet -> Packet, or `MalformedPacket`; `server` says who reads."""
    kind = head >> 4
    expected = _FROM_CLIENT if server else _FROM_SERVER
    if kind not in expected and not (level == 5 and kind in (AUTH, DISCONNECT)):
        who = "client" if server else "server"
        raise MalformedPacket(f"packet type no {who} may send", Reason.PROTOCOL_ERROR)
    if head & 15 != (2 if kind in _FLAGS_2 else 0) and not (kind == CONNECT and _is_31(body)):
        raise MalformedPacket("reserved flags are set")
    try:
        if kind == CONNECT:
            return _connect(body)
        return _rest(kind, body, level == 5, server)
    except IndexError:
        raise MalformedPacket("packet ends too early") from None


def _is_31(body: bytes) -> bool:
    """A CONNECT of MQTT 3.1, which says of the bits reserved later only that they are not used."""
    return body[:9] == b"\0\6MQIsdp\3"


def _rest(kind: int, body: bytes, five: bool, server: bool) -> Packet:
    match kind:
        case 4 | 5 | 6 | 7:  # PUBACK, PUBREC, PUBREL, PUBCOMP
            return _ack(kind, body, five)
        case 8:
            return _subscribe(body, five)
        case 9:
            return _suback(body, five)
        case 10:
            return _unsubscribe(body, five)
        case 11:
            return _unsuback(body, five)
        case 2:
            return _connack(body, five)
        case 14 | 15 if five:
            return _said(kind, body, server)
    if body:
        raise MalformedPacket("packet with bytes too many")
    return Ping() if kind == PINGREQ else Pong() if kind == PINGRESP else Disconnect()


def _connect(body: bytes) -> Connect | OtherVersion:
    name, pos = string(body, 0)
    level = body[pos]
    if name not in LEVELS.values():
        raise MalformedPacket("protocol name is not MQTT")
    if LEVELS.get(level) != name:
        return OtherVersion(level)
    five = level == 5
    flags = body[pos + 1]
    has_user, has_password, has_will = flags & 128, flags & 64, flags & 4
    will_qos, will_retain = flags >> 3 & 3, bool(flags & 32)
    if (flags & 1 and level != 3) or will_qos == 3:
        raise MalformedPacket("connect flags are wrong")
    if not has_will and (will_qos or will_retain):
        raise MalformedPacket("connect flags describe a will that is not there")
    if has_password and not has_user and not five:
        raise MalformedPacket("password without a user name")
    keep_alive = body[pos + 2] << 8 | body[pos + 3]
    properties, pos = _properties(body, pos + 4, props.IN_CONNECT, five)
    client_id, pos = string(body, pos)
    will = user = password = None
    if has_will:
        described, pos = _properties(body, pos, props.IN_WILL, five)
        topic, pos = string(body, pos)
        check_topic(topic, MalformedPacket)
        payload, pos = binary(body, pos)
        will = Will(topic, payload, will_qos, will_retain, described)
    if has_user:
        user, pos = string(body, pos)
    if has_password:
        password, pos = binary(body, pos)
    _at_end(body, pos)
    return Connect(client_id, bool(flags & 2), keep_alive, level, will, user, password, properties)


def _connack(body: bytes, five: bool) -> Connack:
    flags, code = body[0], body[1]
    five = five and body != b"\0\1"  # so a server says that it does not know 5.0 (3.1.1, 3.1.2.2)
    if flags > 1:
        raise MalformedPacket("CONNACK with reserved flags")
    if code not in (reasons.IN_CONNACK if five else range(6)):
        raise MalformedPacket(f"CONNACK with code {code}", Reason.PROTOCOL_ERROR)
    if flags and code:
        raise MalformedPacket("a session is present but refused", Reason.PROTOCOL_ERROR)
    properties, pos = _properties(body, 2, props.IN_CONNACK, five)
    _at_end(body, pos)
    return Connack(code, bool(flags), properties)


def _ack(kind: int, body: bytes, five: bool) -> Ack:
    packet_id, code, properties = _packet_id(body), 0, NONE
    if not five or len(body) == 2:
        if len(body) != 2:
            raise MalformedPacket("acknowledgement of a wrong length")
        return Ack(kind, packet_id)
    code, properties = _reason(body, 2, props.IN_ACK)
    if code not in (reasons.IN_PUBREL if kind in (PUBREL, PUBCOMP) else reasons.IN_PUBACK):
        raise MalformedPacket(f"acknowledgement with reason {code}", Reason.PROTOCOL_ERROR)
    return Ack(kind, packet_id, code, properties)


def _subscribe(body: bytes, five: bool) -> Subscribe:
    packet_id, filters = _packet_id(body), []
    properties, pos = _properties(body, 2, props.IN_SUBSCRIBE, five)
    while pos < len(body):
        text, pos = string(body, pos)
        check_filter(text, MalformedPacket)
        options = body[pos]
        qos, handling = options & 3, options >> 4 & 3
        if qos == 3 or (options > 2 and not five):
            raise MalformedPacket("subscription with a QoS above 2")
        if options & 0xC0:
            raise MalformedPacket("subscription with reserved options")
        if handling == 3:
            raise MalformedPacket("subscription with retain handling 3", Reason.PROTOCOL_ERROR)
        filters.append(Filter(text, qos, bool(options & 4), bool(options & 8), handling))
        if options & 4 and text.startswith("$share/"):
            raise MalformedPacket("shared subscription with no-local", Reason.PROTOCOL_ERROR)
        pos += 1
    if not filters:
        raise MalformedPacket("subscription to nothing", Reason.PROTOCOL_ERROR)
    return Subscribe(packet_id, tuple(filters), properties)


def _suback(body: bytes, five: bool) -> Suback:
    packet_id = _packet_id(body)
    properties, pos = _properties(body, 2, props.IN_ACK, five)
    codes = tuple(body[pos:])
    if not codes or not (reasons.IN_SUBACK if five else reasons.IN_OLD_SUBACK).issuperset(codes):
        raise MalformedPacket("SUBACK with a wrong code or none", Reason.PROTOCOL_ERROR)
    return Suback(packet_id, codes, properties)


def _unsubscribe(body: bytes, five: bool) -> Unsubscribe:
    packet_id, filters = _packet_id(body), []
    properties, pos = _properties(body, 2, props.IN_UNSUBSCRIBE, five)
    while pos < len(body):
        text, pos = string(body, pos)
        check_filter(text, MalformedPacket)
        filters.append(text)
    if not filters:
        raise MalformedPacket("unsubscription from nothing", Reason.PROTOCOL_ERROR)
    return Unsubscribe(packet_id, tuple(filters), properties)


def _unsuback(body: bytes, five: bool) -> Unsuback:
    packet_id = _packet_id(body)
    if not five:
        _at_end(body, 2)
        return Unsuback(packet_id)
    properties, pos = props.decode(body, 2, props.IN_ACK)
    codes = tuple(body[pos:])
    if not codes or not reasons.IN_UNSUBACK.issuperset(codes):
        raise MalformedPacket("UNSUBACK with a wrong code or none", Reason.PROTOCOL_ERROR)
    return Unsuback(packet_id, codes, properties)


def _said(kind: int, body: bytes, server: bool) -> Disconnect | Auth:
    """DISCONNECT or AUTH of 5.0; an empty body says 0."""
    bye = kind == DISCONNECT
    code, properties = _reason(body, 0, props.IN_DISCONNECT if bye else props.IN_AUTH)
    if bye:
        allowed = reasons.IN_CLIENT_DISCONNECT if server else reasons.IN_SERVER_DISCONNECT
    else:
        allowed = reasons.IN_CLIENT_AUTH if server else reasons.IN_SERVER_AUTH
    if code not in allowed:
        raise MalformedPacket(f"{'DISCONNECT' if bye else 'AUTH'} with reason {code}", Reason.PROTOCOL_ERROR)
    return Disconnect(code, properties) if bye else Auth(code, properties)


def _reason(body: bytes, pos: int, allowed: frozenset[int]) -> tuple[int, Properties]:
    """A reason code and its properties, at the end of a packet; both, or the latter, may be left out."""
    code = body[pos] if pos < len(body) else 0
    properties, end = NONE, pos + 1
    if end < len(body):
        properties, end = props.decode(body, end, allowed)
        _at_end(body, end)
    return code, properties


def _properties(body: bytes, pos: int, allowed: frozenset[int], five: bool) -> tuple[Properties, int]:
    return props.decode(body, pos, allowed) if five else (NONE, pos)


def _packet_id(body: bytes) -> int:
    packet_id = body[0] << 8 | body[1]
    if not packet_id:
        raise MalformedPacket("packet id is 0", Reason.PROTOCOL_ERROR)
    return packet_id


def _at_end(body: bytes, pos: int) -> None:
    if pos != len(body):
        raise MalformedPacket("packet with bytes too many")
