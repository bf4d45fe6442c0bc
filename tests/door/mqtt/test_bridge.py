"""A bridge to a real mosquitto, and to a server that does as the test wants."""

import asyncio
import logging
import re
import subprocess
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import aiomqtt
import pytest

from broker import Broker
from door.conftest import Log, now
from homestream.door.mqtt import bridge as limits
from homestream.door.mqtt.bridge import Bridge
from homestream.errors import ConfigError
from homestream.home_bridge import BridgeConfig
from homestream.homefile import parse
from homestream.log.committer import Committer
from homestream.reading import Entry, Kind
from homestream.wire.packets import Ack, Connack, Connect, Suback, Subscribe, encode, publish
from homestream.wire.reader import Reader, Topics

Until = Callable[..., Awaitable[None]]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Callable[..., Broker]]:
    """Makes brokers; they end with the test."""
    made: list[Broker] = []

    def make(*lines: str) -> Broker:
        made.append(Broker(tmp_path / f"broker-{len(made)}", *lines))
        return made[-1]

    yield make
    for one in made:
        one.stop()


def client(broker: Broker) -> aiomqtt.Client:
    """Somebody else's, as a device."""
    return aiomqtt.Client("127.0.0.1", broker.port)


class Ours:
    """A log and bridges into it."""

    def __init__(self, log: Log, committer: Committer, folder: Path, entries: list[Entry]) -> None:
        self.log, self.committer, self.folder, self.entries = log, committer, folder, entries
        self.routed: list[Entry] = []

    @asynccontextmanager
    async def bridged(self, port: int, **more: Any) -> AsyncIterator[Bridge]:
        config = BridgeConfig(name="b", host="localhost", port=port, **more)
        bridge = Bridge(config, "home", self.folder, self.committer, now, self.routed.extend)
        bridge.start()
        try:
            yield bridge
        finally:
            await bridge.stop()

    @property
    def messages(self) -> list[tuple[str, bytes]]:
        return [(entry.topic, entry.payload) for entry in self.entries if entry.kind is Kind.MESSAGE]

    @property
    def retained(self) -> list[tuple[str, bytes]]:
        return [(entry.topic, entry.payload) for entry in self.entries if entry.kind is Kind.RETAINED]


@pytest.fixture
async def ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> AsyncIterator[Ours]:
    monkeypatch.setattr(limits, "BACK_OFF", 0.02)
    monkeypatch.setattr(limits, "MAX_BACK_OFF", 0.2)
    monkeypatch.setattr(limits, "BEAT", 0.1)
    log = Log(tmp_path / "log.db")
    entries: list[Entry] = []
    committer = Committer(log, entries.extend)
    await committer.start()
    yield Ours(log, committer, tmp_path, entries)
    await committer.stop()
    log.close()


@pytest.mark.parametrize("version", ["3.1.1", "5"])
async def test_messages_come_in_and_commands_go_out(
    broker: Callable[..., Broker], ours: Ours, until: Until, version: str
) -> None:
    broker_ = broker().start()
    async with ours.bridged(broker_.port, version=version) as bridge, client(broker_) as device:
        await until(lambda: bridge.connected)
        await device.subscribe("home/hall/lamp/switch/set", 1)
        await asyncio.sleep(0.1)  # the bridge's own subscription
        for n in range(50):
            await device.publish("home/hall/lamp/pöwer", f"{n}", n % 3)
        await until(lambda: len(ours.routed) == 50)
        assert sorted(ours.messages) == sorted(("home/hall/lamp/pöwer", b"%d" % n) for n in range(50))
        assert {(e.home, e.source, e.kind, e.items) for e in ours.routed} == {("home", "bridge:b", 0, 1)}

        for _ in range(2):
            assert bridge.publish("home/hall/lamp/switch/set", b"ON", 1)
        heard = [await anext(aiter(device.messages)) for _ in range(2)]
        assert [str(one.topic) for one in heard] == ["home/hall/lamp/switch/set"] * 2
        await device.publish("home/hall/lamp/switch", b"ON", 1)
        await until(lambda: len(ours.messages) > 50)
        assert ours.messages[50:] == [("home/hall/lamp/switch", b"ON")], "our own command does not come back"
        assert bridge.status() == {"name": "b", "connected": True, "since": bridge.since, "error": ""}


@pytest.mark.parametrize("version", ["3.1.1", "5"])
async def test_what_comes_while_we_are_away_is_kept_by_the_broker(
    broker: Callable[..., Broker], ours: Ours, until: Until, version: str
) -> None:
    broker_ = broker().start()
    async with ours.bridged(broker_.port, version=version) as bridge:
        await until(lambda: bridge.connected)
        await asyncio.sleep(0.1)
    async with client(broker_) as device:
        for n in range(30):
            await device.publish("t", f"{n}", 1)
    assert not ours.messages
    async with ours.bridged(broker_.port, version=version):
        await until(lambda: len(ours.messages) == 30)


@pytest.mark.parametrize("version", ["3.1.1", "5"])
async def test_a_broker_that_comes_back_and_what_it_retained_is_no_news(
    broker: Callable[..., Broker], ours: Ours, until: Until, version: str
) -> None:
    broker_ = broker("allow_anonymous true")
    async with ours.bridged(broker_.port, version=version) as bridge:
        await until(lambda: bridge.error)
        assert "Connect call failed" in bridge.error or "refused" in bridge.error
        broker_.start()
        await until(lambda: bridge.connected)
        assert bridge.error == ""
        await asyncio.sleep(0.1)
        async with client(broker_) as device:
            await device.publish("home/hall/door/contact", "ON", 1, retain=True)
            await device.publish("home/hall/lamp/power", "7", 1, retain=True)
            await until(lambda: len(ours.messages) == 2)
        broker_.stop()
        await until(lambda: not bridge.connected)
        for file in broker_.folder.glob("*.db"):
            file.unlink()  # a broker that forgets
        broker_.start()
        async with client(broker_) as device:
            await device.publish("home/hall/door/contact", "ON", 1, retain=True)
            await device.publish("home/hall/lamp/power", "9", 1, retain=True)
            await until(lambda: bridge.connected)
            # Whether the bridge or these were faster: then they come as any message does.
            await until(lambda: len(ours.messages + ours.retained) >= 4)
        broker_.stop()
        await until(lambda: not bridge.connected)
        broker_.start()
        await until(lambda: bridge.connected)
        ours.entries.clear()
    async with ours.bridged(broker_.port, version=version, client_id="somebody new"):
        await until(lambda: len(ours.retained) == 2)
        assert sorted(ours.retained) == [("home/hall/door/contact", b"ON"), ("home/hall/lamp/power", b"9")]
        assert not ours.messages


async def _some(stream: asyncio.StreamReader) -> bytes:
    try:
        return await stream.read(4096)
    except ConnectionError:
        return b""


class Scripted:
    """A server that does as the test wants."""

    def __init__(self) -> None:
        self.seen: list[Any] = []
        self.writers: list[asyncio.StreamWriter] = []
        self.serving: set[asyncio.Task[None]] = set()
        self.answer = encode(Connack(0), 5)
        self.level = 5

    async def start(self) -> int:
        self.server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return int(self.server.sockets[0].getsockname()[1])

    async def stop(self) -> None:
        self.server.close()
        for writer in self.writers:
            writer.close()
        await asyncio.gather(*self.serving)

    async def _serve(self, stream: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.writers.append(writer)
        if (task := asyncio.current_task()) is not None:
            self.serving.add(task)
        reader = Reader(Topics())
        while data := await _some(stream):
            for packet in reader.feed(data):
                self.seen.append(packet)
                if isinstance(packet, Connect):
                    writer.write(self.answer)
                if isinstance(packet, Subscribe):
                    writer.write(encode(Suback(packet.packet_id, (1,) * len(packet.filters)), self.level))

    def send(self, raw: bytes) -> None:
        self.writers[-1].write(raw)

    def count(self, kind: type) -> int:
        return sum(isinstance(one, kind) for one in self.seen)


@pytest.fixture
async def server() -> AsyncIterator[Scripted]:
    made = Scripted()
    yield made
    await made.stop()


async def test_nothing_is_acknowledged_before_it_is_on_disk(
    server: Scripted, ours: Ours, until: Until
) -> None:
    async with ours.bridged(await server.start()):
        await until(lambda: server.count(Subscribe) == 1)
        ours.log.turning.clear()
        for n in range(1, 5):
            server.send(publish("t", b"x", 1, packet_id=n, level=5))
        await asyncio.sleep(0.3)
        assert not server.count(Ack)
        ours.log.turning.set()
        await until(lambda: server.count(Ack) == 4)
        assert server.seen[-4:] == [Ack(4, n) for n in range(1, 5)]
        assert len(ours.messages) == 4


async def test_what_cannot_be_stored_is_not_acknowledged_and_asked_for_again(
    server: Scripted, ours: Ours, until: Until
) -> None:
    async with ours.bridged(await server.start()) as bridge:
        await until(lambda: server.count(Subscribe) == 1)
        ours.log.full = True
        server.send(publish("t", b"x", 1, packet_id=1, level=5))
        await until(lambda: server.count(Connect) == 2)
        assert "no room on the disk" in bridge.error or not bridge.error
        ours.log.full = False
        await until(lambda: server.count(Subscribe) == 2)
        server.send(publish("t", b"x", 1, dup=True, packet_id=1, level=5))
        await until(lambda: server.count(Ack) == 1)
        assert ours.messages == [("t", b"x")]


async def test_an_unfit_message_is_in_the_books_and_does_not_block(
    server: Scripted, ours: Ours, until: Until
) -> None:
    async with ours.bridged(await server.start()):
        await until(lambda: server.count(Subscribe) == 1)
        server.send(publish("a\nb", b"x", 1, packet_id=1, level=5))
        server.send(publish("big", bytes(2 << 20), 1, packet_id=2, level=5))
        server.send(publish("t", b"x", 1, packet_id=3, level=5))
        await until(lambda: server.count(Ack) == 3)
        assert [(e.kind, e.topic, len(e.payload)) for e in ours.entries] == [
            (Kind.REFUSED, "topic with a control character", 1),
            (Kind.REFUSED, "message of 2097152 bytes, more than 1048576", 4096),
            (Kind.MESSAGE, "t", 1),
        ]


async def test_a_session_that_is_remembered_is_not_subscribed_again(
    server: Scripted, ours: Ours, until: Until
) -> None:
    server.level, server.answer = 4, encode(Connack(0, False))
    async with ours.bridged(await server.start(), version="3.1.1") as bridge:
        await until(lambda: server.count(Subscribe) == 1 and bridge.connected)
        await asyncio.sleep(0.05)
        server.answer = encode(Connack(0, True))
        server.writers[-1].close()
        await until(lambda: server.count(Connect) == 2 and bridge.connected)
        server.answer = encode(Connack(0, False))
        server.writers[-1].close()
        await until(lambda: server.count(Subscribe) == 2)
        assert server.count(Connect) == 3
    hello = server.seen[0]
    assert (hello.client_id, hello.clean, hello.level) == ("homestream-home-b", False, 4)


@pytest.mark.parametrize(
    ("version", "answer", "said"),
    [
        ("5", b"\x20\x02\x00\x01", "the server refuses us: it does not speak this MQTT version"),
        (
            "5",
            encode(Connack(0x9C, False, {"reason_string": "moved", "server_reference": "b2:1883"}), 5),
            "the server refuses us: use another server, moved, b2:1883",
        ),
        ("3.1.1", encode(Connack(4)), "the server refuses us: user or password is wrong"),
        ("5", b"\x20\x03\x00\xff\x00", "the server breaks MQTT: CONNACK with code 255"),
        ("5", encode(Suback(1, (1,)), 5), "the server sends before it lets us in"),
    ],
)
async def test_a_server_that_does_not_let_us_in(
    server: Scripted, ours: Ours, until: Until, version: str, answer: bytes, said: str
) -> None:
    server.answer = answer
    async with ours.bridged(await server.start(), version=version) as bridge:
        await until(lambda: bridge.error)
        assert bridge.error == said
        assert not bridge.publish("t", b"", 1)


async def test_stopped_while_the_disk_is_slow_it_closes_its_connection(
    server: Scripted, ours: Ours, until: Until
) -> None:
    server.answer = encode(Connack(4), 4)
    port = await server.start()
    ours.log.turning.clear()
    waiting = asyncio.ensure_future(ours.committer.append([Entry(0, Kind.TICK, "", "clock", "", b"", now())]))
    async with ours.bridged(port, version="3.1.1") as bridge:
        await until(lambda: bridge.error)
        await asyncio.sleep(0.05)
        assert not any(task.done() for task in server.serving), "what was taken is yet to be acknowledged"
    async with asyncio.timeout(2):
        await asyncio.gather(*server.serving)
    ours.log.turning.set()
    await waiting


def test_the_example_in_the_docs_is_right() -> None:
    text = (Path(__file__).parents[3] / "docs" / "bridge.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"```toml\n(.*?)```", text, re.DOTALL)
    config = parse(example)
    assert [bridge.where for bridge in config.bridge] == [
        ("192.168.1.10", 1883),
        ("homeassistant.local", 1883),
        ("broker.example.org", 8883),
    ]
    assert config.public().bridge == () and "..." not in repr(config.bridge)


@pytest.mark.parametrize(
    ("lines", "said"),
    [
        ('host = "localhost"', "'b' leads back to this home's own door"),
        ('host = "other"\ntopics = ["a#"]', "'a#': wildcard is not alone in its level"),
        ('host = "other"\ntopics = []', "at least 1 item"),
        ('host = "other"\nca = "ca.pem"', "ca and certificate are for TLS; set tls = true"),
        ('host = "other"\ntls = true\nkey = "k.pem"', "certificate and key go together"),
        ('host = "other"\n[[bridge]]\nname = "b"\nhost = "third"', "two bridges are named 'b'"),
    ],
)
def test_a_mistake_in_home_toml_is_said(lines: str, said: str) -> None:
    with pytest.raises(ConfigError, match=re.escape(said)):
        parse(f'[[bridge]]\nname = "b"\n{lines}\n')


def openssl(*arguments: str) -> None:
    subprocess.run(["openssl", *arguments], check=True, capture_output=True)


def certify(folder: Path, name: str, authority: str = "") -> None:
    """NAME.pem and NAME.key, self-signed or signed by an authority made before."""
    key, certificate = str(folder / f"{name}.key"), str(folder / f"{name}.pem")
    new = ["req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2"]
    signed = ["-CA", str(folder / f"{authority}.pem"), "-CAkey", str(folder / f"{authority}.key")]
    names = ["-addext", "subjectAltName=DNS:localhost", "-addext", "basicConstraints=critical,CA:FALSE"]
    more = [*signed, *names] if authority else []
    openssl(*new, "-subj", f"/CN={name}", "-keyout", key, "-out", certificate, *more)


async def test_tls_with_an_authority_and_a_certificate_of_our_own(
    broker: Callable[..., Broker], ours: Ours, until: Until, caplog: pytest.LogCaptureFixture
) -> None:
    for name, authority in (("ca", ""), ("broker", "ca"), ("bridge", "ca"), ("other", "")):
        certify(ours.folder, name, authority)
    files = [f"{line} {ours.folder}/{file}" for line, file in FILES.items()]
    broker_ = broker(*files, "require_certificate true", "use_identity_as_username true")
    broker_.start()
    whole = {"tls": True, "ca": "ca.pem", "certificate": "bridge.pem", "key": "bridge.key"}
    async with ours.bridged(broker_.port, **whole) as bridge:
        await until(lambda: bridge.connected)
    async with ours.bridged(broker_.port, **{**whole, "ca": "other.pem"}) as bridge:
        await until(lambda: bridge.error)
        assert "its certificate is not trusted" in bridge.error
        await asyncio.sleep(0.3)
    assert len(caplog.records) == 1, "said once"
    with pytest.raises(ConfigError, match=r"^bridge b: none.pem: .*; see ca, certificate and key in"):
        async with ours.bridged(broker_.port, tls=True, ca="none.pem"):
            pass


FILES = {"cafile": "ca.pem", "certfile": "broker.pem", "keyfile": "broker.key"}


@pytest.mark.parametrize("version", ["3.1.1", "5"])
async def test_a_wrong_password_is_said_once_and_tried_slowly(
    broker: Callable[..., Broker],
    ours: Ours,
    until: Until,
    version: str,
    caplog: pytest.LogCaptureFixture,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    caplog.set_level(logging.WARNING)
    secret = ours.folder / "passwords"
    subprocess.run(["mosquitto_passwd", "-b", "-c", str(secret), "us", "right"], check=True)
    broker_ = broker("allow_anonymous false", f"password_file {secret}").start()
    async with ours.bridged(broker_.port, version=version, user="us", password="right") as bridge:
        await until(lambda: bridge.connected)
    monkeypatch.setattr(limits, "MAX_BACK_OFF", 0.4)
    async with ours.bridged(broker_.port, version=version, user="us", password="wrong") as bridge:
        await until(lambda: bridge.error)
        await asyncio.sleep(0.5)
        assert bridge.error == "the server refuses us: user or password is wrong, or may not connect"
        assert not bridge.connected
    assert len(caplog.records) == 1
    assert "wrong" not in caplog.text.replace("password is wrong", "")
