"""The properties of MQTT 5.0 packets (section 2.2.2): bytes <-> a mapping, by the names of the standard.

`user_property` is a list of (name, value); `subscription_identifier` in a PUBLISH a list of numbers, as
several subscriptions may have matched; everything else one number, string, or bytes.
"""

from collections.abc import Callable, Iterable, Mapping
from types import MappingProxyType
from typing import Any

from homestream.wire.primitives import (
    MalformedPacket,
    binary,
    encode_varint,
    sized,
    string,
    varint,
)
from homestream.wire.reasons import Reason
from homestream.wire.topics import check_topic

#: name -> value
Properties = Mapping[str, Any]

#: What most packets have.
NONE: Properties = MappingProxyType({})

_BYTE, _TWO, _FOUR, _VARINT, _STRING, _BINARY, _PAIR = range(7)

#: identifier -> name, type (table 2-4)
_TABLE: dict[int, tuple[str, int]] = {
    1: ("payload_format_indicator", _BYTE),
    2: ("message_expiry_interval", _FOUR),
    3: ("content_type", _STRING),
    8: ("response_topic", _STRING),
    9: ("correlation_data", _BINARY),
    11: ("subscription_identifier", _VARINT),
    17: ("session_expiry_interval", _FOUR),
    18: ("assigned_client_identifier", _STRING),
    19: ("server_keep_alive", _TWO),
    21: ("authentication_method", _STRING),
    22: ("authentication_data", _BINARY),
    23: ("request_problem_information", _BYTE),
    24: ("will_delay_interval", _FOUR),
    25: ("request_response_information", _BYTE),
    26: ("response_information", _STRING),
    28: ("server_reference", _STRING),
    31: ("reason_string", _STRING),
    33: ("receive_maximum", _TWO),
    34: ("topic_alias_maximum", _TWO),
    35: ("topic_alias", _TWO),
    36: ("maximum_qos", _BYTE),
    37: ("retain_available", _BYTE),
    38: ("user_property", _PAIR),
    39: ("maximum_packet_size", _FOUR),
    40: ("wildcard_subscription_available", _BYTE),
    41: ("subscription_identifier_available", _BYTE),
    42: ("shared_subscription_available", _BYTE),
}

#: Which may stand in which packet (the same table). `IN_ACK`: PUBACK to PUBCOMP, SUBACK, UNSUBACK.
IN_CONNECT = frozenset({17, 21, 22, 23, 25, 33, 34, 38, 39})
IN_WILL = frozenset({1, 2, 3, 8, 9, 24, 38})
IN_CONNACK = frozenset({17, 18, 19, 21, 22, 26, 28, 31, 33, 34, 36, 37, 38, 39, 40, 41, 42})
IN_PUBLISH = frozenset({1, 2, 3, 8, 9, 11, 35, 38})
IN_ACK = frozenset({31, 38})
IN_SUBSCRIBE = frozenset({11, 38})
IN_UNSUBSCRIBE = frozenset({38})
IN_DISCONNECT = frozenset({17, 28, 31, 38})
IN_AUTH = frozenset({21, 22, 31, 38})

_NUMBERS = {name: (number, form) for number, (name, form) in _TABLE.items()}

#: 0 would make no sense in them, and the standard calls it a protocol error.
_NOT_ZERO = {"receive_maximum", "maximum_packet_size", "subscription_identifier"}


def decode(body: bytes, pos: int, allowed: frozenset[int]) -> tuple[Properties, int]:
    """The properties at `pos`, of which `allowed` is one of the sets above, and the position after them."""
    length, pos = varint(body, pos)
    if not length:
        return NONE, pos
    end = pos + length
    if end > len(body):
        raise MalformedPacket("properties end too early")
    data, found = body[:end], dict[str, Any]()
    while pos < end:
        number = data[pos]
        if number not in allowed:
            raise MalformedPacket(f"property {number} may not stand here")
        name, form = _TABLE[number]
        value, pos = _READ[form](data, pos + 1)
        if form == _PAIR or (form == _VARINT and allowed is IN_PUBLISH):
            found.setdefault(name, []).append(value)
        elif name in found:
            raise MalformedPacket(f"property {name} stands twice", Reason.PROTOCOL_ERROR)
        else:
            found[name] = value
        _check(name, form, value)
    if "authentication_data" in found and "authentication_method" not in found:
        raise MalformedPacket("authentication data without a method", Reason.PROTOCOL_ERROR)
    return found, end


def encode(properties: Properties) -> bytes:
    """The inverse; which properties may stand in which packet is the caller's to know."""
    parts = bytearray()
    for name, value in properties.items():
        number, form = _NUMBERS[name]
        values: Iterable[Any] = value if isinstance(value, list) else (value,)
        for one in values:
            parts.append(number)
            parts += _WRITE[form](one)
    return encode_varint(len(parts)) + parts


def _check(name: str, form: int, value: Any) -> None:
    if form == _BYTE and value > 1:
        raise MalformedPacket(f"property {name} is neither 0 nor 1", Reason.PROTOCOL_ERROR)
    if not value and name in _NOT_ZERO:
        raise MalformedPacket(f"property {name} is 0", Reason.PROTOCOL_ERROR)
    if name == "response_topic":
        check_topic(value, MalformedPacket)


def _byte(body: bytes, pos: int) -> tuple[int, int]:
    return body[pos], pos + 1


def _two(body: bytes, pos: int) -> tuple[int, int]:
    return body[pos] << 8 | body[pos + 1], pos + 2


def _four(body: bytes, pos: int) -> tuple[int, int]:
    return body[pos] << 24 | body[pos + 1] << 16 | body[pos + 2] << 8 | body[pos + 3], pos + 4


def _pair(body: bytes, pos: int) -> tuple[tuple[str, str], int]:
    name, pos = string(body, pos)
    value, pos = string(body, pos)
    return (name, value), pos


_READ: tuple[Callable[[bytes, int], tuple[Any, int]], ...] = (
    _byte,
    _two,
    _four,
    varint,
    string,
    binary,
    _pair,
)
_WRITE: tuple[Callable[[Any], bytes], ...] = (
    lambda value: bytes((value,)),
    lambda value: value.to_bytes(2),
    lambda value: value.to_bytes(4),
    encode_varint,
    lambda value: sized(value.encode()),
    sized,
    lambda pair: sized(pair[0].encode()) + sized(pair[1].encode()),
)
