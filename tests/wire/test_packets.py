"""One packet, both ways."""

from contextlib import suppress

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homestream.wire import packets
from homestream.wire.decode import decode
from homestream.wire.packets import (
    Ack,
    Connect,
    Disconnect,
    Filter,
    OtherVersion,
    Ping,
    Subscribe,
    Unsubscribe,
    Will,
    encode,
)
from homestream.wire.primitives import MalformedPacket

strings = st.text(st.characters(exclude_characters="\0", exclude_categories=["Cs"]), max_size=60)
names = st.text(
    st.characters(exclude_characters="+#", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=60
)
ids = st.integers(1, 65_535)
filters = st.one_of(names, st.sampled_from(["#", "+", "home/+/#", "/", "+/+"]))
wills = st.tuples(names, st.binary(max_size=60), st.integers(0, 2), st.booleans()).map(lambda one: Will(*one))


@st.composite
def connects(draw: st.DrawFn) -> Connect:
    user = draw(st.none() | strings)
    password = draw(st.none() | st.binary(max_size=60)) if user is not None else None
    return Connect(
        draw(strings),
        draw(st.booleans()),
        draw(st.integers(0, 65_535)),
        draw(st.sampled_from([3, 4])),
        draw(st.none() | wills),
        user,
        password,
    )


any_packet = st.one_of(
    connects(),
    st.tuples(st.integers(4, 7), ids).map(lambda one: Ack(*one)),
    st.builds(
        lambda n, wanted: Subscribe(n, tuple(Filter(*one) for one in wanted)),
        ids,
        st.lists(st.tuples(filters, st.integers(0, 2)), min_size=1, max_size=4),
    ),
    st.builds(lambda n, names: Unsubscribe(n, tuple(names)), ids, st.lists(filters, min_size=1, max_size=4)),
    st.just(Ping()),
    st.just(Disconnect()),
)


def parts(raw: bytes) -> tuple[int, bytes]:
    """First byte and body of one encoded packet."""
    at = 1
    while raw[at] > 127:
        at += 1
    return raw[0], raw[at + 1 :]


@given(any_packet)
def test_what_is_encoded_decodes_to_the_same(packet: packets.Packet) -> None:
    assert decode(*parts(encode(packet))) == packet


@given(any_packet, st.integers(0, 200))
def test_a_cut_body_is_malformed(packet: packets.Packet, cut: int) -> None:
    head, body = parts(encode(packet))
    if cut >= len(body):
        return
    if isinstance(packet, (Subscribe, Unsubscribe)):
        with suppress(MalformedPacket):
            assert decode(head, body[:cut]) != packet
    else:
        with pytest.raises(MalformedPacket):
            decode(head, body[:cut])


@given(st.integers(0, 255), st.binary(max_size=80))
def test_any_bytes_decode_or_are_malformed(head: int, body: bytes) -> None:
    try:
        packet = decode(head, body)
    except MalformedPacket as error:
        assert str(error)
    else:
        assert isinstance(packet, packets.Packet)


@pytest.mark.parametrize(
    ("head", "body", "reason"),
    [
        (0x80, b"\0\1\0\1a\0", "reserved flags are set"),
        (0x41, b"\0\1", "reserved flags are set"),
        (0x40, b"\0\1\0", "acknowledgement of a wrong length"),
        (0x40, b"\0\0", "packet id is 0"),
        (0x20, b"\0\0", "packet type no client may send"),
        (0xF0, b"", "packet type no client may send"),
        (0x00, b"", "packet type no client may send"),
        (0xC0, b"x", "packet with bytes too many"),
        (0x82, b"\0\1", "subscription to nothing"),
        (0x82, b"\0\1\0\1a\3", "subscription with a QoS above 2"),
        (0x82, b"\0\1\0\0\0", "topic filter is empty"),
        (0x82, b"\0\1\0\2a#\0", "wildcard is not alone in its level"),
        (0xA2, b"\0\1", "unsubscription from nothing"),
        (0x10, b"\0\4HTTP\4\2\0\0\0\0", "protocol name is not MQTT"),
        (0x10, b"\0\4MQTT\4\3\0\0\0\0", "connect flags are wrong"),
        (0x10, b"\0\4MQTT\4\x1e\0\0\0\0", "connect flags are wrong"),
        (0x10, b"\0\4MQTT\4\x28\0\0\0\0", "connect flags describe a will that is not there"),
        (0x10, b"\0\4MQTT\4\x42\0\0\0\0\0\1p", "password without a user name"),
        (0x10, b"\0\4MQTT\4\2\0\0\0\2\xff\xfe", "string is not UTF-8"),
        (0x10, b"\0\4MQTT\4\2\0\0\0\1\0", "string with a NUL"),
        (0x10, b"\0\4MQTT\4\2\0\0\0\0!", "packet with bytes too many"),
        (0x10, b"\0\4MQTT\4\2\0\0\0\7a", "packet ends too early"),
    ],
)
def test_the_reason_is_said(head: int, body: bytes, reason: str) -> None:
    with pytest.raises(MalformedPacket, match=f"^{reason}$"):
        decode(head, body)


def test_another_version_is_told_apart_from_garbage() -> None:
    assert decode(0x10, b"\0\4MQTT\6\2\0\0\0\0\0") == OtherVersion(6)
    assert decode(*parts(encode(OtherVersion(9)))) == OtherVersion(9)


def test_lengths_over_127_take_more_bytes() -> None:
    for size in (0, 127, 128, 16_383, 16_384, 2_097_152):
        raw = packets.publish("t", b"x" * size)
        assert parts(raw)[1] == b"\0\1t" + b"x" * size


def test_the_answers_on_the_wire() -> None:
    assert packets.connack(packets.ACCEPTED, True) == b"\x20\x02\x01\x00"
    assert packets.suback(10, [0, 1, 128]) == b"\x90\x05\x00\x0a\x00\x01\x80"
    assert encode(Ack(packets.PUBREL, 1)) == b"\x62\x02\x00\x01"
    assert packets.publish("a", b"b", 1, True, dup=True, packet_id=258) == b"\x3b\x06\0\1a\x01\x02b"
