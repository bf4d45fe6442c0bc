"""Each limit under `[door]` holds at the running MQTT door."""

import pytest

from homestream.door.mqtt.door import limits
from homestream.home import DoorConfig, HomeConfig
from homestream.wire import packets
from homestream.wire.packets import Connect, Filter, Subscribe, Will, encode, publish
from homestream.wire.reasons import Reason

HELLO = packets.connack(packets.ACCEPTED)


def greeting(client: str = "c", **more: object) -> Connect:
    return Connect(client, True, 0, **more)


async def test_a_packet_may_be_so_large(open_doors, join, until) -> None:
    async with open_doors(max_packet=1024) as doors:
        peer = await join(doors, greeting())
        await peer.expect(HELLO)
        peer.send(publish("t", b"x" * 1000, 1, packet_id=1))
        await peer.expect(b"\x40\x02\0\1")
        peer.send(publish("t", b"x" * 1100, 1, packet_id=2))
        await peer.closed()
        await until(lambda: doors.refusals)
        assert doors.refusals[0].topic == "packet of 1105 bytes, more than 1024"


@pytest.mark.parametrize("limit", ["max_connections", "max_per_address"])
async def test_so_many_may_be_connected(open_doors, join, limit: str) -> None:
    async with open_doors(**{limit: 1}) as doors:
        peer = await join(doors, greeting())
        await peer.expect(HELLO)
        await (await join(doors, greeting("more"))).closed()
        await peer.close()


async def test_who_does_not_say_who_it_is_goes(open_doors, join) -> None:
    async with open_doors(connect_timeout="1s") as doors:
        await (await join(doors)).closed()
        assert doors.mqtt.connected == 0


def test_what_a_session_may_hold() -> None:
    held = limits(HomeConfig(door=DoorConfig(max_inflight=7, max_queued_bytes=2048)))
    assert (held.in_flight, held.queued_bytes) == (7, 2048)


async def test_topics_filters_and_wills_may_be_so_deep(open_doors, join, until) -> None:
    async with open_doors(topic_depth=3) as doors:
        peer = await join(doors, greeting())
        await peer.expect(HELLO)
        peer.send(encode(Subscribe(1, (Filter("a/b/c", 0), Filter("a/b/c/d", 0)))))
        await peer.expect(b"\x90\x04\0\1\0\x80")
        peer.send(publish("a/b/c", b"", 1, packet_id=1))
        await peer.expect(publish("a/b/c", b"") + b"\x40\x02\0\1")
        peer.send(publish("a/b/c/d", b"", 1, packet_id=2))
        await peer.closed()
        await until(lambda: doors.refusals)
        assert doors.refusals[0].topic == "topic of more than 3 levels"
        deep = await join(doors, Connect("w", True, 0, 5, Will("a/b/c/d", b"", 0, False)))
        assert (await deep.reader.readexactly(4))[3] == Reason.TOPIC_NAME_INVALID
        await deep.close()
