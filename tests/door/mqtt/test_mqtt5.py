"""MQTT 5.0 and QoS 2 at the running door."""

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Any

import aiomqtt
import paho.mqtt.client as paho
import pytest
from paho.mqtt.packettypes import PacketTypes
from paho.mqtt.properties import Properties as PahoProperties
from paho.mqtt.subscribeoptions import SubscribeOptions
from tests.door.conftest import Doors, Peer
from tests.door.mqtt.test_door import PASSWORD, USER, run, tool

from homestream.door.mqtt import door as module
from homestream.reading import Kind
from homestream.wire.packets import (
    PUBACK,
    PUBREC,
    Ack,
    Connack,
    Connect,
    Disconnect,
    Filter,
    Suback,
    Subscribe,
    Will,
    encode,
    publish,
)
from homestream.wire.reader import Batch, Reader, Topics
from homestream.wire.reasons import Reason
from homestream.wire.session import HALF

Join = Callable[..., Awaitable[Peer]]


class Five:
    """A peer whose packets are read."""

    def __init__(self, peer: Peer) -> None:
        self.peer, self.reader = peer, Reader(Topics(), level=5, aliases=10)
        self.found: list[Any] = []

    @classmethod
    async def come(cls, join: Join, doors: Doors, name: str, clean: bool = True, **more: Any) -> "Five":
        properties = more.pop("properties", {})
        connect = Connect(name, clean, 60, 5, properties=properties, **more)
        return cls(await join(doors, connect))

    async def next(self) -> Any:
        while not self.found:
            data = await asyncio.wait_for(self.peer.reader.read(65_536), 5)
            assert data, "closed"
            self.found += self.reader.feed(data)
        return self.found.pop(0)

    async def subscribe(self, *filters: Filter, **properties: Any) -> tuple[int, ...]:
        self.peer.send(encode(Subscribe(1, filters, properties), 5))
        answer = await self.next()
        assert isinstance(answer, Suback)
        return answer.codes

    async def message(self) -> Batch:
        batch = await self.next()
        assert isinstance(batch, Batch)
        return batch

    async def rows(self, count: int) -> list[tuple[bytes, Any]]:
        """Payloads and properties of so many messages, however they are cut."""
        rows: list[tuple[bytes, Any]] = []
        while len(rows) < count:
            batch = await self.message()
            rows += [(payload, batch.properties.get(n)) for n, payload in enumerate(batch.payloads)]
        return rows

    async def leave(self, code: int = 0, **properties: Any) -> None:
        self.peer.send(encode(Disconnect(code, properties), 5))
        await self.peer.closed()


async def welcomed(join: Join, doors: Doors, name: str, **more: Any) -> Five:
    five = await Five.come(join, doors, name, **more)
    answer = await five.next()
    assert isinstance(answer, Connack) and answer.code == 0, answer
    return five


async def test_mosquitto_clients_speak_5_0(open_doors, join, until) -> None:
    pub, sub = tool("mosquitto_pub"), tool("mosquitto_sub")
    async with open_doors() as doors:
        at = ["-V", "5", "-p", str(doors.mqtt.port), "-u", USER, "-P", PASSWORD]
        heard = run(sub, *at, "-t", "$share/g/a b/#", "-q", "2", "-C", "3", "-F", "%t %p %q %P", "-W", "10")
        await until(lambda: any(s.subscriptions for s in doors.mqtt.room("home").exchange.sessions.values()))
        for qos in "012":
            said = ["-D", "publish", "user-property", "who", "me"]
            assert await run(pub, *at, "-t", f"a b/{qos}", "-m", f"m{qos}", "-q", qos, *said) == (0, "")
        assert await heard == (0, "".join(f"a b/{q} m{q} {q} who:me\n" for q in "012"))


async def test_paho_speaks_5_0(open_doors) -> None:
    def talk(port: int) -> list[Any]:
        got: list[Any] = []
        client = paho.Client(paho.CallbackAPIVersion.VERSION2, "", protocol=paho.MQTTv5)
        client.username_pw_set(USER, PASSWORD)
        client.on_message = lambda *a: got.append(a[2])
        client.connect("127.0.0.1", port)
        client.loop_start()
        options = SubscribeOptions(qos=2, retainAsPublished=True, retainHandling=2)
        client.subscribe("ask/#", options=options)
        properties = PahoProperties(PacketTypes.PUBLISH)
        properties.ResponseTopic, properties.CorrelationData = "answer/1", b"\x00\x01"
        properties.ContentType, properties.PayloadFormatIndicator = "text/plain", 1
        client.publish("ask/1", "käse", 2, retain=True, properties=properties).wait_for_publish(5)
        end = time.monotonic() + 5
        while not got and time.monotonic() < end:
            client._thread.join(0.02)
        client.disconnect()
        client.loop_stop()
        return got

    async with open_doors() as doors:
        (message,) = await asyncio.to_thread(talk, doors.mqtt.port)
        assert (message.payload.decode(), message.qos, message.retain) == ("käse", 2, True)
        said = message.properties
        assert (said.ResponseTopic, said.CorrelationData) == ("answer/1", b"\x00\x01")
        assert (said.ContentType, said.PayloadFormatIndicator) == ("text/plain", 1)


async def test_aiomqtt_speaks_5_0(open_doors) -> None:
    async with open_doors() as doors:
        login = {"username": USER, "password": PASSWORD, "protocol": aiomqtt.ProtocolVersion.V5}
        async with aiomqtt.Client("127.0.0.1", doors.mqtt.port, **login) as client:
            await client.subscribe("home/#", qos=1)
            await client.publish("home/hall/lamp", b"ON", qos=1)
            message = await asyncio.wait_for(anext(aiter(client.messages)), 5)
            assert (str(message.topic), message.payload) == ("home/hall/lamp", b"ON")


async def test_a_session_lasts_as_long_as_it_said(
    open_doors, join: Join, until, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SWEEP", 0.05)
    async with open_doors() as doors:
        sessions = doors.mqtt.room("home").exchange.sessions
        first = await welcomed(join, doors, "c", properties={"session_expiry_interval": 100})
        assert await first.subscribe(Filter("t", 2)) == (2,)
        await first.leave()
        publisher = await welcomed(join, doors, "p")
        publisher.peer.send(publish("t", b"waited", 1, packet_id=1, level=5))
        assert await publisher.next() == Ack(PUBACK, 1)
        again = await Five.come(join, doors, "c", clean=False, properties={"session_expiry_interval": 100})
        assert (await again.next()).session_present
        assert (await again.message()).payloads == [b"waited"]
        await again.leave(session_expiry_interval=1)
        assert "c" in sessions
        await until(lambda: doors.committed[-1].topic == "ended")
        assert "c" not in sessions
        kinds = [e.topic for e in doors.committed if e.kind is Kind.SESSION]
        assert kinds[:2] == ["opened", "subscribed"] and kinds[-2:] == ["left", "ended"]
        await publisher.leave()


async def test_a_will_waits_and_is_not_for_who_comes_back(
    open_doors, join: Join, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(module, "SWEEP", 0.05)
    async with open_doors() as doors:
        watcher = await welcomed(join, doors, "w")
        await watcher.subscribe(Filter("gone", 1))
        kept = {"session_expiry_interval": 100}
        for delay, clean in ((100, False), (1, True)):
            will = Will("gone", b"%d" % delay, 0, False, {"will_delay_interval": delay})
            client = await welcomed(join, doors, "c", clean=clean, will=will, properties=kept)
            client.peer.writer.transport.abort()
            await asyncio.sleep(0.1)
        begin = time.monotonic()
        assert (await watcher.message()).payloads == [b"100"], "a clean start ended that session"
        assert (await watcher.message()).payloads == [b"1"]
        assert time.monotonic() - begin > 0.5
        await watcher.leave()


async def test_a_session_is_taken_over_and_both_are_told(open_doors, join: Join) -> None:
    async with open_doors() as doors:
        first = await welcomed(join, doors, "c")
        second = await welcomed(join, doors, "c")
        bye = await first.next()
        assert isinstance(bye, Disconnect) and bye.code == Reason.SESSION_TAKEN_OVER
        await first.peer.closed()
        await second.leave()


async def test_a_client_id_is_its_principals(open_doors, join: Join) -> None:
    async with open_doors(anonymous=False) as doors:
        ours = {"user": USER, "password": PASSWORD.encode()}
        other = {"user": "owner", "password": PASSWORD.encode()}
        mine = await welcomed(join, doors, "c", **ours)
        thief = await Five.come(join, doors, "c", **other)
        assert (await thief.next()).code == Reason.CLIENT_IDENTIFIER_NOT_VALID
        await thief.peer.closed()
        assert await mine.subscribe(Filter("t", 0)) == (0,)
        await mine.leave()


async def test_messages_expire_and_say_what_is_left(open_doors, join: Join) -> None:
    async with open_doors() as doors:
        kept = {"session_expiry_interval": 100}
        client = await welcomed(join, doors, "c", properties=kept)
        await client.subscribe(Filter("t", 1))
        await client.leave()
        publisher = await welcomed(join, doors, "p")
        for n, lasts in enumerate((1, 60), 1):
            expiry = {"message_expiry_interval": lasts}
            publisher.peer.send(publish("t", b"%d" % lasts, 1, packet_id=n, level=5, properties=expiry))
            await publisher.next()
        await asyncio.sleep(1.1)
        client = await welcomed(join, doors, "c", clean=False, properties=kept)
        batch = await client.message()
        assert batch.payloads == [b"60"]
        assert 50 < batch.properties[0]["message_expiry_interval"] < 60
        await client.leave()
        await publisher.leave()


async def test_a_group_shares_and_identifiers_come_along(open_doors, join: Join) -> None:
    async with open_doors() as doors:
        members = [await welcomed(join, doors, f"m{n}") for n in range(2)]
        for n, member in enumerate(members):
            await member.subscribe(Filter("$share/g/t", 1), subscription_identifier=n + 7)
        publisher = await welcomed(join, doors, "p")
        for n in range(1, 5):
            publisher.peer.send(publish("t", b"%d" % n, 1, packet_id=n, level=5))
            await publisher.next()
        got = [await member.rows(2) for member in members]
        assert sorted(payload for rows in got for payload, _ in rows) == [b"1", b"2", b"3", b"4"]
        assert [said["subscription_identifier"] for rows in got for _, said in rows] == [[7], [7], [8], [8]]
        for five in (*members, publisher):
            await five.leave()


async def test_no_more_than_it_takes_is_under_way(open_doors, join: Join) -> None:
    async with open_doors() as doors:
        client = await welcomed(
            join, doors, "c", properties={"receive_maximum": 2, "maximum_packet_size": 60}
        )
        await client.subscribe(Filter("t", 1))
        for n in range(4):
            doors.mqtt.publish("t", b"x" * 100 if n == 1 else b"%d" % n)
        rows = await client.rows(2)
        assert [payload for payload, _ in rows] == [b"0", b"2"], "the second is too large for it"
        assert client.found == []
        client.peer.send(encode(Ack(PUBACK, HALF + 1)))
        assert (await client.message()).payloads == [b"3"]
        await client.leave()


async def test_more_than_we_take_is_the_end(open_doors, join: Join) -> None:
    async with open_doors(max_inflight=3) as doors:
        client = await Five.come(join, doors, "c")
        assert (await client.next()).properties["receive_maximum"] == 3
        client.peer.send(*(publish("t", b"", 2, packet_id=n, level=5) for n in range(1, 5)))
        while not isinstance(last := await client.next(), Disconnect):
            assert last.kind == PUBREC
        assert last.code == Reason.RECEIVE_MAXIMUM_EXCEEDED
        await client.peer.close()


async def test_a_full_disk_is_told_to_5_0_which_stays(open_doors, join: Join) -> None:
    async with open_doors() as doors:
        client = await welcomed(join, doors, "c")
        doors.log.full = True
        for qos, kind in ((1, PUBACK), (2, PUBREC)):
            client.peer.send(publish("t", b"1", qos, packet_id=qos, level=5))
            answer = await client.next()
            assert (answer.kind, answer.code) == (kind, Reason.QUOTA_EXCEEDED)
        refused = await Five.come(join, doors, "lasting", properties={"session_expiry_interval": 9})
        assert (await refused.next()).code == Reason.QUOTA_EXCEEDED
        await refused.peer.closed()
        doors.log.full = False
        client.peer.send(publish("t", b"1", 2, packet_id=2, level=5))
        assert await client.next() == Ack(PUBREC, 2)
        assert doors.messages == [("t", b"1")]
        await client.leave()


async def test_what_is_not_allowed_is_said_and_in_the_books(open_doors, join: Join) -> None:
    async with open_doors(anonymous=False) as doors:
        doors.credentials.add("hall", "home", "device", PASSWORD, publish=["hall/#"], subscribe=["hall/#"])
        login = {"user": "hall", "password": PASSWORD.encode()}
        client = await welcomed(join, doors, "c", **login)
        client.peer.send(
            *(publish(t, b"", 1, packet_id=n, level=5) for n, t in ((1, "hall/x"), (2, "attic/x")))
        )
        assert [await client.next() for _ in range(2)] == [
            Ack(PUBACK, 1),
            Ack(PUBACK, 2, Reason.NOT_AUTHORIZED),
        ]
        assert await client.subscribe(Filter("#", 0), Filter("hall/+", 0)) == (Reason.UNSPECIFIED_ERROR, 0)
        await client.leave()
        assert doors.messages == [("hall/x", b"")]
        assert [(e.topic, e.source, e.items) for e in doors.refusals] == [("not allowed", "mqtt:hall", 1)]


async def test_what_the_door_says_of_itself_is_for_admins(open_doors, join: Join) -> None:
    async with open_doors(anonymous=False) as doors:
        doors.mqtt.room("home")
        doors.mqtt._announced = -1e9
        doors.mqtt._announce()
        admin = await welcomed(join, doors, "a", user="owner", password=PASSWORD.encode())
        assert await admin.subscribe(Filter("$SYS/broker/version", 0)) == (0,)
        assert (await admin.message()).payloads[0].startswith(b"homestream ")
        device = await welcomed(join, doors, "d", user=USER, password=PASSWORD.encode())
        assert await device.subscribe(Filter("$SYS/#", 0)) == (Reason.UNSPECIFIED_ERROR,)
        await admin.leave()
        await device.leave()
        assert doors.messages == []


async def test_our_stop_is_said(open_doors, join: Join) -> None:
    async with open_doors() as doors:
        client = await welcomed(join, doors, "c")
        stopping = asyncio.create_task(doors.mqtt.stop())
        bye = await client.next()
        assert isinstance(bye, Disconnect) and bye.code == Reason.SERVER_SHUTTING_DOWN
        await client.peer.closed()
        await stopping
