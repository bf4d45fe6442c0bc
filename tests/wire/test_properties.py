"""The properties of 5.0."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homestream.wire import properties
from homestream.wire.primitives import MalformedPacket
from homestream.wire.properties import NONE, decode, encode
from wire import strategies

SETS = {name: value for name, value in vars(properties).items() if name.startswith("IN_")}


@given(strategies.some(strategies.CONNACK_ONLY))
def test_what_is_encoded_decodes_to_the_same(some: properties.Properties) -> None:
    raw = encode(some)
    assert decode(b"xx" + raw + b"yy", 2, properties.IN_CONNACK) == (some, 2 + len(raw))


@given(st.binary(max_size=60), st.sampled_from(sorted(SETS)))
def test_any_bytes_decode_or_are_malformed(raw: bytes, where: str) -> None:
    try:
        found, end = decode(raw, 0, SETS[where])
    except (MalformedPacket, IndexError):
        return
    assert decode(encode(found), 0, SETS[where])[0] == found
    assert end <= len(raw)


@pytest.mark.parametrize("number", range(256))
def test_each_stands_where_the_standard_lets_it(number: int) -> None:
    for where, allowed in SETS.items():
        if number not in allowed:
            with pytest.raises(MalformedPacket, match=f"^property {number} may not stand here$") as error:
                decode(bytes((3, number, 0, 0)), 0, allowed)
            assert error.value.code == 0x81, where


def test_there_are_27() -> None:
    assert len(frozenset().union(*SETS.values())) == 27


def test_an_empty_list_is_one_shared_value() -> None:
    assert decode(b"\0", 0, properties.IN_PUBLISH) == (NONE, 1)
    assert decode(b"\0", 0, properties.IN_PUBLISH)[0] is NONE
    assert encode({}) == b"\0"


def test_user_properties_keep_their_order_and_may_repeat() -> None:
    pairs = [("b", "1"), ("a", ""), ("b", "1")]
    raw = encode({"user_property": pairs})
    assert raw == b"\x14" + b"\x26\0\1b\0\x011" + b"\x26\0\1a\0\0" + b"\x26\0\1b\0\x011"
    assert decode(raw, 0, properties.IN_WILL)[0] == {"user_property": pairs}


def test_a_message_may_match_several_subscriptions() -> None:
    raw = b"\x07\x0b\x01\x0b\xff\xff\xff\x7f"
    assert decode(raw, 0, properties.IN_PUBLISH)[0] == {"subscription_identifier": [1, 268_435_455]}
    assert encode({"subscription_identifier": [1, 268_435_455]}) == raw
    with pytest.raises(MalformedPacket, match="stands twice") as error:
        decode(b"\x04\x0b\x01\x0b\x02", 0, properties.IN_SUBSCRIBE)
    assert error.value.code == 0x82


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"\x03\x21\0", "properties end too early"),
        (b"\x81\x00\x01", "number with bytes too many"),
        (b"\xff\xff\xff\xff\x01", "number has more than four bytes"),
        (b"\x04\x08\0\1#", "topic with a wildcard"),
        (b"\x03\x08\0\0", "topic is empty"),
        (b"\x04\x03\0\1\xff", "string is not UTF-8"),
    ],
)
def test_reasons(raw: bytes, reason: str) -> None:
    with pytest.raises(MalformedPacket, match=f"^{reason}$"):
        decode(raw, 0, properties.IN_PUBLISH)


def test_a_value_does_not_reach_beyond_the_block() -> None:
    with pytest.raises((MalformedPacket, IndexError)):
        decode(b"\x02\x03\0\x01a", 0, properties.IN_PUBLISH)
