"""A running door: real log, real sockets on free ports of loopback."""

import asyncio
import socket
import ssl
import threading
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator, Sequence
from contextlib import AbstractAsyncContextManager, asynccontextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import pytest
import uvicorn
import uvloop
from starlette.applications import Starlette

from homestream.door.coap.door import CoapDoor
from homestream.door.http.routes import ingest_routes
from homestream.door.intake import Intake
from homestream.door.login.attempts import Attempts
from homestream.door.login.credentials import Credentials
from homestream.door.mqtt.door import MqttDoor
from homestream.door.mqtt.websocket import websocket_route
from homestream.home import DoorConfig, HomeConfig
from homestream.log.committer import Committer
from homestream.log.sqlite import LogError, SqliteLog
from homestream.reading import Entry, Kind
from homestream.wire.exchange import Exchange
from homestream.wire.packets import Connect, encode

#: Whoever comes in the tests.
USER, PASSWORD = "sensor", "correct horse"


class Log(SqliteLog):
    """The real log on a disk that can be full, or stand still."""

    def __init__(self, path: Path) -> None:
        super().__init__(path)
        self.full = False
        self.turning = threading.Event()
        self.turning.set()

    def append(self, entries: Sequence[Entry]) -> int:
        """Fails while `full`, waits while not `turning`."""
        assert self.turning.wait(10)
        if self.full:
            raise LogError("no room on the disk")
        return super().append(entries)


@dataclass
class Doors:
    """What runs, and what it committed."""

    config: HomeConfig
    log: Log
    committer: Committer
    credentials: Credentials
    mqtt: MqttDoor
    committed: list[Entry] = field(default_factory=list)
    http: str = ""
    coap: int = 0
    intake: Intake = field(init=False)
    coap_door: CoapDoor = field(init=False)

    @property
    def messages(self) -> list[tuple[str, bytes]]:
        """Topic and payload of what was committed."""
        return [(e.topic, e.payload) for e in self.committed if e.kind is Kind.MESSAGE]

    @property
    def refusals(self) -> list[Entry]:
        """What was refused."""
        return [e for e in self.committed if e.kind is Kind.REFUSED]


def now() -> int:
    """Wall clock in ms."""
    return time.time_ns() // 1_000_000


def free_udp_port() -> int:
    """A UDP port nobody has."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


Open = Callable[..., AbstractAsyncContextManager[Doors]]


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> dict[str, object]:
    """On uvloop, as `homestream up` runs it."""
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture(scope="session")
def hashed() -> Credentials:
    """Two homes' devices; argon2 is slow, so once for all."""
    made = Credentials()
    made.add(USER, "home", "device", PASSWORD)
    made.add("stranger", "next-door", "device", PASSWORD)
    made.add("guessed", "home", "admin", PASSWORD)
    made.add("owner", "home", "admin", PASSWORD)
    made.add("narrow", "home", "device", PASSWORD, publish=["api/hook/hall/#"])
    return made


@pytest.fixture
def credentials(hashed: Credentials) -> Credentials:
    """With no wrong password of another test counted against anybody."""
    hashed._attempts = Attempts()
    return hashed


@pytest.fixture
def open_doors(tmp_path: Path, credentials: Credentials) -> Iterator[Open]:
    """MQTT, and what is asked for besides, as an async context manager of `Doors`."""

    @asynccontextmanager
    async def opened(
        anonymous: bool = True,
        exchanges: dict[str, Exchange] | None = None,
        http: bool = False,
        coap: bool = False,
        tls: ssl.SSLContext | None = None,
        **door: object,
    ) -> AsyncIterator[Doors]:
        committed: list[Entry] = []
        log = Log(tmp_path / "log.db")
        committer = Committer(log, committed.extend)
        ports = {"mqtt_port": 0, "mqtts_port": 0, "coap_port": free_udp_port()}
        config = HomeConfig(door=DoorConfig(anonymous=anonymous, **{**ports, **door}))
        mqtt = MqttDoor(config, committer, credentials, now, exchanges, tls)
        doors = Doors(config, log, committer, credentials, mqtt, committed, coap=config.door.coap_port)
        await committer.start()
        await mqtt.start()
        intake = doors.intake = Intake(config, committer, credentials, now)
        coap_door = doors.coap_door = CoapDoor(config.door, intake, tmp_path)
        if coap:
            await coap_door.start()
        server = uvicorn.Server(
            uvicorn.Config(
                Starlette(
                    routes=[
                        *ingest_routes(intake),
                        websocket_route(mqtt.client),
                    ]
                ),
                port=0,
                ws_max_size=config.door.max_packet,
                ws_per_message_deflate=False,
                log_level="warning",
                lifespan="off",
            )
        )
        serving = None
        if http:
            serving = asyncio.ensure_future(server.serve())
            while not server.started:
                await asyncio.sleep(0.01)
            doors.http = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        try:
            yield doors
        finally:
            if serving is not None:
                server.should_exit = True
                await serving
            if coap:
                await coap_door.stop()
            await mqtt.stop()
            await committer.stop()
            log.close()

    yield opened


class Peer:
    """A raw socket that speaks MQTT."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader, self.writer = reader, writer

    @classmethod
    async def join(cls, doors: Doors, connect: Connect | None = None) -> "Peer":
        peer = cls(*await asyncio.open_connection("127.0.0.1", doors.mqtt.port))
        if connect is not None:
            peer.writer.write(encode(connect))
        return peer

    def send(self, *raw: bytes) -> None:
        self.writer.write(b"".join(raw))

    async def expect(self, raw: bytes) -> None:
        assert await asyncio.wait_for(self.reader.readexactly(len(raw)), 5) == raw

    async def closed(self) -> None:
        with suppress(ConnectionResetError):
            assert await asyncio.wait_for(self.reader.read(), 5) == b""
        await self.close()

    async def close(self) -> None:
        self.writer.close()
        with suppress(ConnectionError):
            await self.writer.wait_closed()


@pytest.fixture
def join() -> Callable[..., Awaitable[Peer]]:
    """A socket to the MQTT door, and its CONNECT if one is given."""
    return Peer.join


@pytest.fixture
def until() -> Callable[..., Awaitable[None]]:
    """Wait for a condition; fail when it does not come."""

    async def until(condition: Callable[[], object], seconds: float = 5.0) -> None:
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, "it did not come to pass"
            await asyncio.sleep(0.01)

    return until
