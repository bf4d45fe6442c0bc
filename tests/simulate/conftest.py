"""Real doors on free ports of loopback, with a real log."""

import asyncio
import socket
import time
from collections.abc import AsyncIterator
from dataclasses import dataclass
from pathlib import Path

import pytest
import uvicorn
from starlette.applications import Starlette

from homestream.dialects import Refusal, decode
from homestream.dialects.registry import Registry
from homestream.door.coap.door import CoapDoor
from homestream.door.http.routes import ingest_routes
from homestream.door.intake import Intake
from homestream.door.login.credentials import Credentials
from homestream.door.mqtt.door import MqttDoor
from homestream.home import DoorConfig, HomeConfig
from homestream.log.committer import Committer
from homestream.log.sqlite import SqliteLog
from homestream.reading import Entry, Kind, Reading


@dataclass
class Doors:
    """Where they listen, and all that was committed."""

    config: HomeConfig
    mqtt: MqttDoor
    targets: list[str]
    committed: list[Entry]

    def readings(self) -> tuple[list[Reading], Registry]:
        """What the messages say, and the registry they filled; fails where one is refused."""
        registry, found = Registry(), []
        for entry in self.committed:
            assert entry.kind is Kind.MESSAGE, entry
            for row in decode(registry, self.config, entry):
                assert not isinstance(row, Refusal), (entry.topic, entry.payload, row)
                found += row
        return found, registry


@pytest.fixture(scope="session")
def credentials() -> Credentials:
    """One device's login; argon2 is slow, so once for all."""
    made = Credentials()
    made.add("device", "home", "device", "p:ss word")
    return made


@pytest.fixture
async def doors(tmp_path: Path, credentials: Credentials) -> AsyncIterator[Doors]:
    """MQTT, HTTP and CoAP."""
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]

    def clock() -> int:
        return time.time_ns() // 1_000_000

    committed: list[Entry] = []
    config = HomeConfig(door=DoorConfig(mqtt_port=0, coap_port=port))
    log = SqliteLog(tmp_path / "log.db")

    def arrived(entries: list[Entry]) -> None:
        """All but what the door notes of sessions and of how to route."""
        committed.extend(entry for entry in entries if entry.kind is not Kind.SESSION)

    committer = Committer(log, arrived)
    await committer.start()
    intake = Intake(config, committer, credentials, clock)
    mqtt, coap = MqttDoor(config, committer, credentials, clock), CoapDoor(config.door, intake)
    await mqtt.start()
    await coap.start()
    app = Starlette(routes=list(ingest_routes(intake)))
    server = uvicorn.Server(uvicorn.Config(app, port=0, log_level="warning", lifespan="off"))
    serving = asyncio.ensure_future(server.serve())
    while not server.started:
        await asyncio.sleep(0.01)
    http = server.servers[0].sockets[0].getsockname()[1]
    login = "device:p%3Ass%20word@127.0.0.1"
    targets = [f"mqtt://{login}:{mqtt.port}", f"http://{login}:{http}", f"coap://{login}:{port}"]
    yield Doors(config, mqtt, targets, committed)
    server.should_exit = True
    await serving
    await coap.stop()
    await mqtt.stop()
    await committer.stop()
    log.close()
