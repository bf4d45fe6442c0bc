"""MQTT over WebSocket, by real clients."""

import asyncio
import socket
import threading

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed, InvalidStatus

from homestream.wire import packets
from homestream.wire.packets import Connect, Filter, Ping, Subscribe, encode, publish

HELLO = packets.connack(packets.ACCEPTED)
PONG = b"\xd0\x00"


def at(
    doors, subprotocol: str | None = "mqtt", origin: str | None = None, sock: socket.socket | None = None
) -> connect:
    """A WebSocket to the door."""
    names = [subprotocol] if subprotocol else None
    return connect(doors.http.replace("http", "ws") + "/mqtt", subprotocols=names, origin=origin, sock=sock)


def narrow(doors) -> socket.socket:
    """A socket whose kernel holds little of what is not read."""
    sock = socket.socket()
    sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
    sock.connect(("127.0.0.1", int(doors.http.rpartition(":")[2])))
    return sock


async def taken(peer: ClientConnection, size: int) -> bytes:
    """So many bytes, however they are cut into frames."""
    data = b""
    while len(data) < size:
        data += await asyncio.wait_for(peer.recv(), 5)
    return data


async def closed(peer: ClientConnection) -> None:
    with pytest.raises(ConnectionClosed):
        while True:
            await asyncio.wait_for(peer.recv(), 5)


async def test_paho_publishes_and_hears_by_websocket(open_doors, until) -> None:
    heard, done = [], threading.Event()

    def talk(port: int) -> None:
        client = paho.Client(CallbackAPIVersion.VERSION2, transport="websockets")
        client.on_connect = lambda c, *_: c.subscribe("home/#", 1)
        client.on_subscribe = lambda c, *_: c.publish("home/hall/lamp/power", "7", qos=1)
        client.on_message = lambda c, _, message: (heard.append(message.payload), done.set())
        client.connect("127.0.0.1", port)
        client.loop_start()
        assert done.wait(10)
        client.disconnect()
        client.loop_stop()

    async with open_doors(http=True) as doors:
        await asyncio.to_thread(talk, int(doors.http.rpartition(":")[2]))
        assert heard == [b"7"]
        await until(lambda: doors.messages)
        assert doors.messages == [("home/hall/lamp/power", b"7")]


@pytest.mark.parametrize("name", ["mqtt", "mqttv3.1"])
async def test_packets_may_be_cut_and_joined_in_any_way(open_doors, name: str) -> None:
    async with open_doors(http=True) as doors, at(doors, name) as peer:
        assert peer.subprotocol == name
        raw = encode(Connect("c", True, 0)) + publish("t", b"1", 1, packet_id=1)
        for byte in raw:
            await peer.send(bytes([byte]))
        assert await taken(peer, 8) == HELLO + b"\x40\x02\x00\x01"
        await peer.send(b"".join(publish("t", b"2", 1, packet_id=n) for n in (2, 3)))
        assert await taken(peer, 8) == b"\x40\x02\x00\x02\x40\x02\x00\x03"


@pytest.mark.parametrize("name", [None, "chat"])
async def test_another_subprotocol_is_refused(open_doors, name: str | None) -> None:
    async with open_doors(http=True) as doors:
        with pytest.raises(InvalidStatus, match="403"):
            async with at(doors, name):
                pass


async def test_text_and_what_is_larger_than_a_packet_may_be_end_it(open_doors, until) -> None:
    async with open_doors(http=True, max_packet=2048) as doors:
        for frame in ("text", bytes(4096)):
            async with at(doors) as peer:
                await peer.send(frame)
                await closed(peer)
        await until(lambda: not doors.mqtt.clients)
        assert doors.mqtt.connected == 0


async def test_a_page_of_another_site_needs_a_login_and_our_own_machine_does_not(open_doors) -> None:
    hello = encode(Connect("c", True, 0))
    login = encode(Connect("c", True, 0, user="sensor", password=b"correct horse"))
    async with open_doors(http=True) as doors:
        for origin, greeting, good in (
            (None, hello, True),
            (doors.http, hello, True),
            ("https://evil.example", hello, False),
            ("https://evil.example", login, True),
            ("null", hello, False),
        ):
            async with at(doors, origin=origin) as peer:
                await peer.send(greeting)
                assert (await taken(peer, 4) == HELLO) is good, origin


async def test_a_subscriber_that_does_not_read_holds_up_nobody(open_doors, join, until) -> None:
    async with (
        open_doors(http=True, max_queued_bytes=64 << 10) as doors,
        at(doors, sock=narrow(doors)) as slow,
    ):
        await slow.send(encode(Connect("slow", True, 0)) + encode(Subscribe(1, (Filter("t", 0),))))
        await taken(slow, 9)
        slow.transport.pause_reading()
        fast = await join(doors, Connect("fast", True, 0))
        await fast.expect(HELLO)
        for n in range(1, 501):
            fast.send(publish("t", bytes(50_000), 1, packet_id=n))
            await fast.expect(b"\x40\x02" + n.to_bytes(2, "big"))
        await fast.close()
        slow.transport.resume_reading()
        await slow.send(encode(Ping()))
        heard = b""
        while not heard.endswith(PONG):
            heard += await asyncio.wait_for(slow.recv(), 5)
        assert 0 < heard.count(b"\x00\x01t") < 400


async def test_a_door_that_is_full_stops_reading_and_goes_on(open_doors, monkeypatch) -> None:
    from homestream.log import committer

    monkeypatch.setattr(committer, "MAX_WAITING_BYTES", 100_000)
    async with open_doors(http=True) as doors, at(doors) as peer:
        await peer.send(encode(Connect("c", True, 0)))
        await taken(peer, 4)
        doors.log.turning.clear()
        for n in range(1, 31):
            await peer.send(publish("t", bytes(10_000), 1, packet_id=n))
        await asyncio.sleep(0.3)
        assert doors.committer.full
        assert doors.committer._bytes < 200_000
        doors.log.turning.set()
        assert len(await taken(peer, 120)) == 120
    assert len(doors.messages) == 30


async def test_silence_before_connect_and_our_own_stop_close_it(open_doors, until) -> None:
    async with open_doors(http=True) as doors, at(doors) as peer:
        await peer.send(encode(Connect("c", True, 0)))
        await taken(peer, 4)
        await doors.mqtt.stop()
        await closed(peer)
        await until(lambda: not doors.mqtt.clients)
        assert doors.mqtt.connected == 0
