"""What strangers and broken devices send: refused with a reason, others untouched, memory bounded."""

import asyncio
import random

import psutil
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from homestream.door import refusals
from homestream.reading import Kind
from homestream.wire import packets
from homestream.wire.packets import Connect, Ping, encode, publish
from homestream.wire.reader import EVIDENCE

HELLO = packets.connack(packets.ACCEPTED)
GUEST = Connect("hostile", True, 0)


@pytest.fixture
async def doors(open_doors):
    async with open_doors() as doors:
        yield doors


@pytest.fixture
async def neighbour(doors, join):
    """A well-behaved client that must notice nothing."""
    peer = await join(doors, Connect("neighbour", True, 0))
    await peer.expect(HELLO)
    yield peer
    peer.send(encode(Ping()))
    await peer.expect(b"\xd0\x00")
    peer.send(publish("home/hall/lamp", b"on", 1, packet_id=9))
    await peer.expect(b"\x40\x02\x00\x09")
    await peer.close()


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"GET / HTTP/1.1\r\nHost: x\r\n\r\n", "first packet is not CONNECT"),
        (b"\x16\x03\x01\x02\x00\x01\x00\x01", "reserved flags are set"),
        (publish("t", b"x"), "first packet is not CONNECT"),
        (b"\x10\xff\xff\xff\xff\xff", "packet length has more than four bytes"),
        (b"\x10\x0c\0\4MQTT\4\3\0\0\0\0", "connect flags are wrong"),
        (encode(GUEST) + publish("a/#", b"x"), "topic with a wildcard"),
        (encode(GUEST) + publish("t", b"x" * 10_000_000), "packet of 10000003 bytes, more than 1048576"),
        (encode(GUEST) + encode(GUEST), "second CONNECT"),
        (encode(GUEST) + b"\x82\x02\0\1", "subscription to nothing"),
        (encode(GUEST) + publish("x" * 5_000, b""), "topic is too long"),
    ],
)
async def test_a_violation_is_kept_with_its_reason(
    doors, join, neighbour, until, raw: bytes, reason: str
) -> None:
    peer = await join(doors)
    peer.send(raw)
    with pytest.raises((asyncio.IncompleteReadError, ConnectionError)):
        await peer.expect(HELLO + b"more than it gets")
    await peer.close()
    await until(lambda: doors.refusals)
    (refusal,) = doors.refusals
    assert (refusal.kind, refusal.home, refusal.topic, refusal.items) == (Kind.REFUSED, "home", reason, 1)
    assert refusal.source == ("mqtt:anonymous" if raw.startswith(encode(GUEST)) else "mqtt:127.0.0.1")
    assert len(refusal.payload) <= EVIDENCE


async def test_strange_topics_and_payloads_are_only_messages(doors, join, neighbour) -> None:
    peer = await join(doors, GUEST)
    await peer.expect(HELLO)
    strange = [
        ("/etc/passwd", b"root"),
        ("../../../etc/shadow", b"\0\xff"),
        ("home/<script>alert(1)</script>/x", b"<img src=x onerror=alert(1)>"),
        ("'; DROP TABLE batch; --", b"NaN"),
        ("home/a/b/power", b"1e999"),
        ("home/a/b/power", b"9" * 5_000),
        ("home/a/b/power", b"[" * 100_000),
    ]
    for n, (topic, payload) in enumerate(strange, 1):
        peer.send(publish(topic, payload, 1, packet_id=n))
        await peer.expect(bytes((0x40, 2, 0, n)))
    assert doors.messages == strange
    assert doors.refusals == []
    await peer.close()


async def test_half_packets_and_sudden_ends(doors, join, neighbour, until) -> None:
    whole = encode(GUEST) + publish("t", b"x" * 100, 1, packet_id=1)
    for cut in range(1, len(whole), 3):
        peer = await join(doors)
        peer.send(whole[:cut])
        await peer.writer.drain()
        peer.writer.transport.abort()
    await until(lambda: len(doors.mqtt.clients) == 1)
    assert doors.committed == []


async def test_memory_stays_bounded_under_large_and_cut_packets(doors, join, neighbour) -> None:
    process = psutil.Process()
    before = process.memory_info().rss
    half = publish("t", b"x" * 1_000_000)[:500_000]
    peers = []
    for _ in range(40):
        peer = await join(doors, GUEST._replace(client_id=f"h{len(peers)}"))
        await peer.expect(HELLO)
        peer.send(half)
        await peer.writer.drain()
        peers.append(peer)
    huge = await join(doors, GUEST)
    await huge.expect(HELLO)
    huge.send(b"\x30\x80\x80\x80\x05\0\1t")
    await huge.closed()
    assert process.memory_info().rss - before < 100 << 20
    for peer in peers:
        peer.writer.transport.abort()


async def test_refusals_do_not_fill_the_disk(doors, join, until, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(refusals, "MAX_KEPT", 5)
    monkeypatch.setattr(refusals, "MINUTE", 1.0)
    for _ in range(20):
        peer = await join(doors)
        peer.send(b"\xff" * 5_000)
        await peer.closed()
    await until(lambda: len(doors.refusals) == 6)
    assert [entry.items for entry in doors.refusals] == [1, 1, 1, 1, 1, 15], "all are in the books"


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.binary(max_size=300), st.booleans(), st.integers(1, 300))
async def test_any_bytes_leave_the_door_serving(doors, join, raw: bytes, hello: bool, cut: int) -> None:
    peer = await join(doors)
    peer.send((encode(GUEST) if hello else b"") + raw[:cut])
    peer.send(raw[cut:])
    peer.writer.write_eof()
    await peer.reader.read()
    await peer.close()
    friend = await join(doors, Connect("friend", True, 0))
    await friend.expect(HELLO)
    friend.send(publish("t", b"1", 1, packet_id=1))
    await friend.expect(b"\x40\x02\x00\x01")
    await friend.close()


async def test_many_at_once(doors, join, neighbour) -> None:
    noise = random.Random(1)

    async def one(n: int) -> None:
        peer = await join(doors, Connect(f"c{n}", True, 0))
        await peer.expect(HELLO)
        for packet_id in range(1, 4):
            peer.send(publish(f"home/r/{n}", noise.randbytes(50), 1, packet_id=packet_id))
            await peer.expect(bytes((0x40, 2, 0, packet_id)))
        await peer.close()

    for group in range(10):
        await asyncio.gather(*(one(n) for n in range(group * 40, group * 40 + 40)))
    assert len(doors.messages) == 1_200
