"""Value -> bytes, and the shapes on the wire. That they decode to the same is in test_decode."""

import pytest

from homestream.wire import packets
from homestream.wire.packets import Ack, Auth, Connack, Connect, Disconnect, Filter, Subscribe, Will, encode
from homestream.wire.primitives import varint


def test_lengths_over_127_take_more_bytes() -> None:
    for size in (0, 124, 125, 16_380, 16_381, 2_097_149):
        raw = packets.publish("t", b"x" * size)
        length, start = varint(raw, 1)
        assert (length, len(raw) - start) == (size + 3, size + 3)


@pytest.mark.parametrize(
    ("packet", "level", "raw"),
    [
        (Connack(packets.ACCEPTED, True), 4, b"\x20\x02\x01\x00"),
        (Connack(0), 5, b"\x20\x03\x00\x00\x00"),
        (packets.Suback(10, (0, 1, 128)), 4, b"\x90\x05\x00\x0a\x00\x01\x80"),
        (packets.Suback(10, (1,)), 5, b"\x90\x04\x00\x0a\x00\x01"),
        (packets.Unsuback(1, (17,)), 4, b"\xb0\x02\x00\x01"),
        (packets.Unsuback(1, (17,)), 5, b"\xb0\x04\x00\x01\x00\x11"),
        (Ack(packets.PUBREL, 1), 5, b"\x62\x02\x00\x01"),
        (Ack(packets.PUBACK, 1, 0x10), 5, b"\x40\x03\x00\x01\x10"),
        (Ack(packets.PUBACK, 1, 0x10), 4, b"\x40\x02\x00\x01"),
        (Ack(packets.PUBACK, 1, 0, {"reason_string": "ok"}), 5, b"\x40\x09\0\1\0\x05\x1f\0\2ok"),
        (Disconnect(), 5, b"\xe0\x00"),
        (Disconnect(0x8B), 5, b"\xe0\x01\x8b"),
        (Disconnect(0x8B), 4, b"\xe0\x00"),
        (Auth(0x18), 5, b"\xf0\x01\x18"),
        (Subscribe(1, (Filter("a", 1, True, True, 2),)), 5, b"\x82\x07\0\1\0\0\1a\x2d"),
        (packets.Publish("a", b"b", 1, True, True, 258), 4, b"\x3b\x06\0\1a\x01\x02b"),
        (packets.Publish("a", b"b", 1, True, True, 258), 5, b"\x3b\x07\0\1a\x01\x02\0b"),
        (packets.Publish("a", b"b", properties={"topic_alias": 7}), 5, b"\x30\x08\0\1a\3\x23\0\7b"),
        (Connect("c", True, 10), 4, b"\x10\x0d\0\4MQTT\4\2\0\x0a\0\1c"),
        (Connect("c", True, 10, 3), 4, b"\x10\x0f\0\6MQIsdp\3\2\0\x0a\0\1c"),
        (
            Connect(
                "c",
                False,
                10,
                5,
                Will("w", b"x", 1, True, {"will_delay_interval": 1}),
                None,
                b"p",
                {"receive_maximum": 2},
            ),
            5,
            b"\x10\x20\0\4MQTT\5\x6c\0\x0a\3\x21\0\2\0\1c\5\x18\0\0\0\1\0\1w\0\1x\0\1p",
        ),
    ],
)
def test_on_the_wire(packet: packets.Packet | packets.Publish, level: int, raw: bytes) -> None:
    assert encode(packet, level) == raw
