"""The MQTT listener, by real clients over real sockets."""

import asyncio
import shutil
import subprocess

import aiomqtt
import paho.mqtt.client as paho
import pytest
from tests.door.conftest import Doors

from homestream.door.mqtt import door as limits
from homestream.door.mqtt.door import MqttDoor
from homestream.errors import HomestreamError
from homestream.home import DoorConfig, HomeConfig
from homestream.log import committer
from homestream.reading import Kind
from homestream.wire import packets
from homestream.wire.packets import Ack, Connect, Ping, Subscribe, Will, encode, publish
from homestream.wire.session import HALF

USER, PASSWORD = "sensor", "correct horse"


HELLO = packets.connack(packets.ACCEPTED)

#: What we send a device comes from no log: its packet ids count in the upper half.
COMMAND = HALF + 1


def retained(doors: Doors, home: str = "home") -> dict[str, bytes]:
    return {topic: one.payload for topic, one in doors.mqtt.room(home).exchange.retained.items()}


def run(*command: str, text: str = "") -> "asyncio.Future[tuple[int, str]]":
    """Exit code and all output of a command, in a thread: the door has the loop to itself."""

    def finished() -> tuple[int, str]:
        done = subprocess.run(
            command,
            input=text,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=30,
            check=False,
        )
        return done.returncode, done.stdout

    return asyncio.ensure_future(asyncio.to_thread(finished))


def tool(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        pytest.skip(f"{name} is not installed: mosquitto-clients")
    return path


async def test_mosquitto_clients(open_doors, until) -> None:
    pub, sub = tool("mosquitto_pub"), tool("mosquitto_sub")
    async with open_doors() as doors:
        at = ["-p", str(doors.mqtt.port), "-u", USER, "-P", PASSWORD]
        heard = run(sub, *at, "-t", "home/#", "-q", "1", "-C", "3", "-v", "-W", "10")
        await until(lambda: any(s.subscriptions for s in doors.mqtt.room("home").exchange.sessions.values()))
        for qos in "012":
            code, out = await run(pub, *at, "-t", f"home/hall/lamp/q{qos}", "-m", f"m{qos}", "-q", qos)
            assert (code, out) == (0, "")
        assert await heard == (0, "home/hall/lamp/q0 m0\nhome/hall/lamp/q1 m1\nhome/hall/lamp/q2 m2\n")
        assert doors.messages == [(f"home/hall/lamp/q{n}", b"m%d" % n) for n in range(3)]
        assert {(e.home, e.source) for e in doors.committed} == {("home", "mqtt:sensor")}


async def test_mosquitto_pub_pours_lines(open_doors, join) -> None:
    pub = tool("mosquitto_pub")
    async with open_doors() as doors:
        lines = "".join(f"{n}\n" for n in range(500))
        code, out = await run(pub, "-p", str(doors.mqtt.port), "-t", "t", "-q", "1", "-l", text=lines)
        assert (code, out) == (0, "")
        assert [int(payload) for _, payload in doors.messages] == list(range(500))


async def test_paho(open_doors, join) -> None:
    async with open_doors() as doors:

        def talk() -> list[tuple[str, bytes, bool]]:
            got: list[tuple[str, bytes, bool]] = []
            client = paho.Client(paho.CallbackAPIVersion.VERSION2, "paho")
            client.username_pw_set(USER, PASSWORD)
            client.on_message = lambda *a: got.append((a[2].topic, a[2].payload, a[2].retain))
            client.connect("127.0.0.1", doors.mqtt.port)
            client.loop_start()
            client.publish("home/hall/lamp", b"on", 1, retain=True).wait_for_publish(5)
            client.subscribe("home/+/lamp", 1)
            client.publish("home/attic/lamp", b"off", 2).wait_for_publish(5)
            client.publish("home/attic/other", b"x", 1).wait_for_publish(5)
            for _ in range(100):
                if len(got) == 2:
                    break
                client._thread.join(0.02)
            client.disconnect()
            client.loop_stop()
            return got

        assert await asyncio.to_thread(talk) == [
            ("home/hall/lamp", b"on", True),
            ("home/attic/lamp", b"off", False),
        ]
        assert retained(doors) == {"home/hall/lamp": b"on"}
        assert [topic for topic, _ in doors.messages] == [
            "home/hall/lamp",
            "home/attic/lamp",
            "home/attic/other",
        ]


async def test_aiomqtt_with_commands_to_it(open_doors) -> None:
    async with open_doors() as doors:
        login = {"username": USER, "password": PASSWORD, "protocol": aiomqtt.ProtocolVersion.V311}
        async with aiomqtt.Client("127.0.0.1", doors.mqtt.port, **login) as client:
            await client.subscribe("home/hall/lamp/set", qos=1)
            assert doors.mqtt.publish("home/hall/lamp/set", b"ON") == 1
            assert doors.mqtt.publish("home/hall/lamp/set", b"ON", home="next-door") == 0
            message = await asyncio.wait_for(anext(aiter(client.messages)), 5)
            assert (str(message.topic), message.payload, message.qos) == ("home/hall/lamp/set", b"ON", 1)
            assert doors.committed == []


async def test_the_acknowledgement_leaves_after_the_commit(open_doors, join) -> None:
    async with open_doors() as doors:
        peer = await join(doors, Connect("c", True, 0))
        await peer.expect(HELLO)
        peer.send(*(publish("t", b"%d" % n, 1, packet_id=n) for n in range(1, 401)))
        await peer.expect(b"".join(encode(Ack(packets.PUBACK, n)) for n in range(1, 401)))
        stored = [e.payload for batch in doors.log.read(1) for e in batch]
        assert stored == [b"%d" % n for n in range(1, 401)]
        await peer.close()


async def test_a_full_disk_means_no_acknowledgement_and_recovers(open_doors, join) -> None:
    async with open_doors() as doors:
        doors.log.full = True
        peer = await join(doors, Connect("c", True, 0))
        await peer.expect(HELLO)
        peer.send(publish("t", b"1", 1, packet_id=1))
        await peer.closed()
        doors.log.full = False
        peer = await join(doors, Connect("c", True, 0))
        await peer.expect(HELLO)
        peer.send(publish("t", b"1", 1, dup=True, packet_id=1))
        await peer.expect(b"\x40\x02\x00\x01")
        assert doors.messages == [("t", b"1")]
        await peer.close()


async def test_a_slow_disk_holds_the_sender_back(
    open_doors, join, until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(committer, "MAX_WAITING_BYTES", 1_000_000)
    async with open_doors() as doors:
        peer = await join(doors, Connect("c", True, 0))
        await peer.expect(HELLO)
        doors.log.turning.clear()
        for n in range(1, 401):
            peer.send(publish("t", b"x" * 50_000, 1, packet_id=n))
        await until(lambda: doors.committer.full)
        await asyncio.sleep(0.3)
        held = doors.committer._bytes + doors.committer._in_hand
        assert held < 3_000_000, "of the 20 MB sent"
        doors.log.turning.set()
        await peer.expect(b"".join(encode(Ack(packets.PUBACK, n)) for n in range(1, 401)))
        assert len(doors.messages) == 400
        await peer.close()


async def test_logins(open_doors, join) -> None:
    async with open_doors(anonymous=False) as doors:
        for connect, code in [
            (Connect("c", True, 0), packets.NOT_AUTHORISED),
            (Connect("c", True, 0, user=USER, password=b"wrong"), packets.BAD_LOGIN),
            (Connect("c", True, 0, user=USER, password=b"\xff"), packets.BAD_LOGIN),
            (Connect("c", True, 0, user=USER), packets.BAD_LOGIN),
            (Connect("c", True, 0, user="nobody", password=b"x"), packets.BAD_LOGIN),
            (Connect("", False, 0, user=USER, password=PASSWORD.encode()), packets.BAD_CLIENT_ID),
            (Connect("", True, 0, 3, user=USER, password=PASSWORD.encode()), packets.BAD_CLIENT_ID),
        ]:
            peer = await join(doors, connect)
            await peer.expect(packets.connack(code))
            await peer.closed()
        peer = await join(doors, Connect("", True, 0, user=USER, password=PASSWORD.encode()))
        await peer.expect(HELLO)
        await peer.close()
        assert doors.committed == []


async def test_homes_are_told_apart(open_doors, join) -> None:
    async with open_doors() as doors:
        ours = await join(doors, Connect("same", True, 0))
        await ours.expect(HELLO)
        ours.send(encode(Subscribe(1, (packets.Filter("#", 1),))))
        await ours.expect(encode(packets.Suback(1, (1,))))
        theirs = await join(doors, Connect("same", True, 0, user="stranger", password=PASSWORD.encode()))
        await theirs.expect(HELLO)
        theirs.send(publish("secret", b"theirs", 1, True, packet_id=1))
        await theirs.expect(b"\x40\x02\x00\x01")
        ours.send(encode(Ping()))
        await ours.expect(b"\xd0\x00")
        messages = [(e.home, e.topic) for e in doors.committed if e.kind is Kind.MESSAGE]
        assert messages == [("next-door", "secret")]
        assert (retained(doors), retained(doors, "next-door")) == ({}, {"secret": b"theirs"})
        await ours.close()
        await theirs.close()


async def test_the_will_is_logged_and_sent(open_doors, join, until) -> None:
    async with open_doors() as doors:
        watcher = await join(doors, Connect("w", True, 0))
        await watcher.expect(HELLO)
        watcher.send(encode(Subscribe(1, (packets.Filter("#", 0),))))
        await watcher.expect(encode(packets.Suback(1, (0,))))
        will = Will("home/a/b/available", b"offline", 1, True)
        peer = await join(doors, Connect("c", True, 0, will=will))
        await peer.expect(HELLO)
        peer.writer.transport.abort()
        await watcher.expect(publish(will.topic, will.payload))
        await until(lambda: doors.messages)
        assert doors.messages == [(will.topic, will.payload)]
        assert retained(doors) == {will.topic: will.payload}
        peer = await join(doors, Connect("c", True, 0, will=will))
        await peer.expect(HELLO)
        peer.send(encode(packets.Disconnect()))
        await peer.closed()
        assert len(doors.messages) == 1
        await watcher.close()


async def test_a_session_waits_and_is_taken_over(open_doors, join, until) -> None:
    async with open_doors() as doors:
        stay = Connect("stay", False, 0)
        peer = await join(doors, stay)
        await peer.expect(HELLO)
        peer.send(encode(Subscribe(1, (packets.Filter("cmd", 1),))))
        await peer.expect(encode(packets.Suback(1, (1,))))
        await peer.close()
        await until(lambda: not doors.mqtt.clients)
        assert doors.mqtt.publish("cmd", b"waited") == 1
        peer = await join(doors, stay)
        await peer.expect(packets.connack(0, True) + publish("cmd", b"waited", 1, packet_id=COMMAND))
        second = await join(doors, stay)
        await peer.closed()
        await second.expect(
            packets.connack(0, True) + publish("cmd", b"waited", 1, dup=True, packet_id=COMMAND)
        )
        second.send(encode(Ack(packets.PUBACK, COMMAND)))
        await second.close()
        assert doors.mqtt.connected <= 1


async def test_a_slow_reader_loses_its_own_and_holds_up_nobody(open_doors, join) -> None:
    async with open_doors() as doors:
        slow = await join(doors, Connect("slow", True, 0))
        await slow.expect(HELLO)
        slow.send(encode(Subscribe(1, (packets.Filter("t", 0),))))
        await slow.expect(encode(packets.Suback(1, (0,))))
        slow.writer.transport.pause_reading()
        fast = await join(doors, Connect("fast", True, 0))
        await fast.expect(HELLO)
        for n in range(1, 301):
            fast.send(publish("t", b"x" * 100_000, 1, packet_id=n))
            await fast.expect(encode(Ack(packets.PUBACK, n)))
        session = doors.mqtt.room("home").exchange.sessions["slow"]
        assert session.dropped > 100
        slow.writer.transport.abort()
        await fast.close()


async def test_silence_closes(open_doors, join, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(limits, "SWEEP", 0.05)
    async with open_doors() as doors:
        peer = await join(doors, Connect("c", True, 1))
        await peer.expect(HELLO)
        begin = asyncio.get_running_loop().time()
        await peer.closed()
        assert 1.4 < asyncio.get_running_loop().time() - begin < 3


async def test_stop_acknowledges_what_it_took(open_doors, join, until) -> None:
    async with open_doors() as doors:
        peer = await join(doors, Connect("c", True, 0, will=Will("w", b"", 0, False)))
        await peer.expect(HELLO)
        peer.send(publish("t", b"1", 1, packet_id=1))
        await until(lambda: doors.messages)
        await doors.mqtt.stop()
        await peer.expect(b"\x40\x02\x00\x01")
        await peer.closed()
        assert doors.messages == [("t", b"1")], "our own stop is nobody's last will"


async def test_a_taken_port_is_one_line(open_doors) -> None:
    async with open_doors() as doors:
        config = HomeConfig(door=DoorConfig(mqtt_port=doors.mqtt.port))
        second = MqttDoor(config, doors.committer, doors.credentials, lambda: 0)
        with pytest.raises(HomestreamError, match=rf"cannot listen on .*:{doors.mqtt.port} .*mqtt_port"):
            await second.start()


async def test_who_is_there_for_now_hears_before_the_disk_has_it(open_doors, join) -> None:
    async with open_doors() as doors:
        now, lasts = await join(doors, Connect("now", True, 0)), await join(doors, Connect("l", False, 0))
        for one in (now, lasts):
            await one.expect(HELLO)
            one.send(encode(Subscribe(1, (packets.Filter("t", 1),))))
            await one.expect(encode(packets.Suback(1, (1,))))
        doors.log.turning.clear()
        now.send(publish("t", b"1", 1, packet_id=7) + publish("t", b"2"))
        heard = publish("t", b"1", 1, packet_id=32_768) + publish("t", b"2")
        await now.expect(heard)
        lasts.send(publish("t", b"3", 2, packet_id=8) + publish("t", b"4") + encode(Ping()))
        await lasts.expect(b"\xd0\x00")
        doors.log.turning.set()
        await now.expect(encode(Ack(packets.PUBACK, 7)) + publish("t", b"3", 1, packet_id=32_769))
        await now.expect(publish("t", b"4"))
        await lasts.expect(publish("t", b"1", 1, packet_id=1) + publish("t", b"2"))
        await now.close()
        await lasts.close()


async def test_messages_between_clients_go_on_while_the_disk_is_full(open_doors, join) -> None:
    async with open_doors() as doors:
        page, sensor = await join(doors, Connect("page", True, 0)), await join(doors, Connect("s", True, 0))
        for one in (page, sensor):
            await one.expect(HELLO)
        page.send(encode(Subscribe(1, (packets.Filter("t", 0),))))
        await page.expect(encode(packets.Suback(1, (0,))))
        doors.log.full = True
        sensor.send(publish("t", b"1"))
        await page.expect(publish("t", b"1"))
        sensor.send(publish("t", b"2", 1, packet_id=1))
        await page.expect(publish("t", b"2"))
        await sensor.closed()
        await page.close()
