"""Bytes -> packet, at each level and in both directions."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homestream.wire import packets
from homestream.wire.decode import decode
from homestream.wire.packets import Connack, Connect, OtherVersion, Subscribe, Unsubscribe, encode
from homestream.wire.primitives import MalformedPacket, varint
from wire import strategies

levels = st.sampled_from([3, 4, 5])


def parts(raw: bytes) -> tuple[int, bytes]:
    """First byte and body of one encoded packet."""
    return raw[0], raw[varint(raw, 1)[1] :]


@given(st.one_of(strategies.connects(), st.builds(OtherVersion, st.sampled_from([0, 6, 131, 255]))))
def test_a_connect_decodes_to_the_same(packet: packets.Packet) -> None:
    assert decode(*parts(encode(packet)), 0) == packet


@given(levels.flatmap(lambda level: st.tuples(st.just(level), strategies.from_client(level))))
def test_what_a_client_sends_decodes_to_the_same(one: tuple[int, packets.Packet]) -> None:
    level, packet = one
    assert decode(*parts(encode(packet, level)), level) == packet


@given(levels.flatmap(lambda level: st.tuples(st.just(level), strategies.from_server(level))))
def test_what_a_server_sends_decodes_to_the_same(one: tuple[int, packets.Packet]) -> None:
    level, packet = one
    assert decode(*parts(encode(packet, level)), level, server=False) == packet


@given(strategies.connects(), st.integers(0, 300))
def test_a_cut_connect_is_malformed(packet: Connect, cut: int) -> None:
    head, body = parts(encode(packet))
    if cut < len(body):
        with pytest.raises(MalformedPacket):
            decode(head, body[:cut])


@given(
    levels.flatmap(lambda level: st.tuples(st.just(level), strategies.from_client(level))), st.integers(0, 99)
)
def test_a_cut_body_is_another_packet_or_malformed(one: tuple[int, packets.Packet], cut: int) -> None:
    level, packet = one
    head, body = parts(encode(packet, level))
    if cut >= len(body):
        return
    try:
        assert decode(head, body[:cut], level) != packet
    except MalformedPacket as error:
        assert error.code >= 0x80


@given(st.integers(0, 255), st.binary(max_size=120), levels, st.booleans())
def test_any_bytes_decode_or_are_malformed(head: int, body: bytes, level: int, server: bool) -> None:
    try:
        packet = decode(head, body, level, server=server)
    except MalformedPacket as error:
        assert str(error)
        assert error.code >= 0x80
    else:
        assert isinstance(packet, packets.Packet)
        if not isinstance(packet, OtherVersion):
            assert decode(*parts(encode(packet, level)), level, server=server) == packet


@pytest.mark.parametrize(
    ("head", "body", "reason"),
    [
        (0x80, b"\0\1\0\1a\0", "reserved flags are set"),
        (0x41, b"\0\1", "reserved flags are set"),
        (0x12, b"\0\4MQTT\4\2\0\0\0\0", "reserved flags are set"),
        (0x40, b"\0\1\0", "acknowledgement of a wrong length"),
        (0x40, b"\0\0", "packet id is 0"),
        (0x20, b"\0\0", "packet type no client may send"),
        (0xF0, b"", "packet type no client may send"),
        (0x00, b"", "packet type no client may send"),
        (0xC0, b"x", "packet with bytes too many"),
        (0x82, b"\0\1", "subscription to nothing"),
        (0x82, b"\0\1\0\1a\3", "subscription with a QoS above 2"),
        (0x82, b"\0\1\0\1a\4", "subscription with a QoS above 2"),
        (0x82, b"\0\1\0\0\0", "topic filter is empty"),
        (0x82, b"\0\1\0\2a#\0", "wildcard is not alone in its level"),
        (0xA2, b"\0\1", "unsubscription from nothing"),
        (0x10, b"\0\4HTTP\4\2\0\0\0\0", "protocol name is not MQTT"),
        (0x10, b"\0\4MQTT\4\3\0\0\0\0", "connect flags are wrong"),
        (0x10, b"\0\4MQTT\4\x1e\0\0\0\0", "connect flags are wrong"),
        (0x10, b"\0\4MQTT\4\x28\0\0\0\0", "connect flags describe a will that is not there"),
        (0x10, b"\0\4MQTT\4\x42\0\0\0\0\0\1p", "password without a user name"),
        (0x10, b"\0\4MQTT\4\2\0\0\0\2\xff\xfe", "string is not UTF-8"),
        (0x10, b"\0\4MQTT\4\2\0\0\0\3\xed\xa0\x80", "string is not UTF-8"),
        (0x10, b"\0\4MQTT\4\2\0\0\0\1\0", "string with a NUL"),
        (0x10, b"\0\4MQTT\4\2\0\0\0\0!", "packet with bytes too many"),
        (0x10, b"\0\4MQTT\4\2\0\0\0\7a", "packet ends too early"),
    ],
)
def test_the_reason_is_said(head: int, body: bytes, reason: str) -> None:
    with pytest.raises(MalformedPacket, match=f"^{reason}$"):
        decode(head, body)


@pytest.mark.parametrize(
    ("head", "body", "code", "reason"),
    [
        (0x40, b"\0\1\x7f", 0x82, "acknowledgement with reason 127"),
        (0x62, b"\0\1\x10", 0x82, "acknowledgement with reason 16"),
        (0x40, b"\0\0\0", 0x82, "packet id is 0"),
        (0x40, b"\0\1\0\0\0", 0x81, "packet with bytes too many"),
        (0x40, b"\0\1\0\5\x1f\0\1p", 0x81, "properties end too early"),
        (0x82, b"\0\1\0\0\1a\x40", 0x81, "subscription with reserved options"),
        (0x82, b"\0\1\0\0\1a\x30", 0x82, "subscription with retain handling 3"),
        (0x82, b"\0\1\0\0\x0b$share/g/t/\x04", 0x82, "shared subscription with no-local"),
        (0x82, b"\0\1\2\x0b\0\0\1a\0", 0x82, "property subscription_identifier is 0"),
        (0x82, b"\0\1\0", 0x82, "subscription to nothing"),
        (0xA2, b"\0\1\0", 0x82, "unsubscription from nothing"),
        (0xE0, b"\x8b", 0x82, "DISCONNECT with reason 139"),
        (0xE0, b"\0\1\x11", 0x81, "packet ends too early"),
        (0xF0, b"", 0x82, "AUTH with reason 0"),
        (0xF1, b"\x18", 0x81, "reserved flags are set"),
        (0x20, b"\0\0\0", 0x82, "packet type no client may send"),
        (0x10, b"\0\4MQTT\5\2\0\0\3\x21\0\0\0\0", 0x82, "property receive_maximum is 0"),
        (0x10, b"\0\4MQTT\5\2\0\0\5\x27\0\0\0\0\0\0", 0x82, "property maximum_packet_size is 0"),
        (
            0x10,
            b"\0\4MQTT\5\2\0\0\2\x17\2\0\0",
            0x82,
            "property request_problem_information is neither 0 nor 1",
        ),
        (0x10, b"\0\4MQTT\5\2\0\0\4\x16\0\1x\0\0", 0x82, "authentication data without a method"),
    ],
)
def test_the_code_for_level_5_is_said(head: int, body: bytes, code: int, reason: str) -> None:
    with pytest.raises(MalformedPacket, match=f"^{reason}$") as error:
        decode(head, body, 5)
    assert error.value.code == code


def test_another_version_is_told_apart_from_garbage() -> None:
    assert decode(0x10, b"\0\4MQTT\6\2\0\0\0\0\0") == OtherVersion(6)
    assert decode(0x10, b"\0\4MQTT\3\2\0\0\0\0") == OtherVersion(3)


def test_the_bits_that_3_1_does_not_use_are_not_looked_at() -> None:
    packet = decode(0x14, b"\0\6MQIsdp\3\3\0\x0a\0\1p")
    assert packet == Connect("p", True, 10, 3)


def test_a_client_at_level_5_understands_a_server_that_does_not_know_it() -> None:
    assert decode(0x20, b"\0\1", 5, server=False) == Connack(packets.BAD_VERSION)


def test_strings_may_hold_any_utf_8() -> None:
    name = "caf\u00e9 \ufeff\U0001f3e0 \uffff"
    assert decode(*parts(encode(Subscribe(1, (packets.Filter(name, 0),))))).filters[0].name == name  # type: ignore[union-attr]
    assert decode(*parts(encode(Unsubscribe(1, (name,))))) == Unsubscribe(1, (name,))
    with pytest.raises(MalformedPacket, match="control character"):
        decode(*parts(encode(Unsubscribe(1, ("a\nb",)))))
