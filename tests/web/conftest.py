"""A real home behind a real page: log, engine, lake and web on a free port of loopback."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import httpx
import pytest
import uvicorn
from fastapi import APIRouter

from homestream.door.http.routes import ingest_routes
from homestream.door.intake import Intake
from homestream.door.listen import Places
from homestream.door.login.credentials import Credentials
from homestream.engine.fold import Engine
from homestream.home import DeviceConfig, HomeConfig
from homestream.lake.connect import Queries
from homestream.lake.writer import Lake
from homestream.log.committer import Committer
from homestream.log.sqlite import SqliteLog
from homestream.pipeline import Pipeline
from homestream.reading import Entry, Kind
from homestream.system import System
from homestream.web.app import Deps, create_app, server_config
from homestream.web.hub import Hub

USER, PASSWORD = "admin", "correct horse"

CONFIG = HomeConfig(
    name="Testers' home",
    timezone="Europe/Berlin",
    rooms=("living_room", "kitchen"),
    device=(DeviceConfig(id="house/mains", mains=True),),
    group={"lights": ("kitchen/lamp", "living_room/lamp")},
)


def clock() -> int:
    return time.time_ns() // 1_000_000


class House:
    """What runs; `say` is a device that speaks."""

    def __init__(self, folder: Path, credentials: Credentials) -> None:
        self.folder, self.credentials = folder, credentials
        self.log = SqliteLog(folder / "log.db")
        self.pipeline = Pipeline(Engine(), Lake(folder), self.log, System(started=clock()))
        self.engine = self.pipeline.engine
        self.hub = Hub(CONFIG.id, lambda: self.engine.view(CONFIG.id), lambda: self.engine.now(CONFIG.id))
        self.pipeline.hub = self.hub
        self.committer = Committer(self.log, self.pipeline.arrived)
        self.queries = Queries(folder)
        self.acted: list[tuple[str, dict[str, Any], str]] = []
        self.address = ""

    async def say(self, device: str, metric: str, value: object, at: int | None = None) -> None:
        """A device publishes on the plain dialect's topic."""
        payload = json.dumps({"value": value, "time": clock() if at is None else at}).encode()
        await self.enter(Kind.MESSAGE, "mqtt:test", f"home/{device}/{metric}", payload)

    async def tick(self, at: int | None = None) -> None:
        await self.enter(Kind.TICK, "clock", "", b"", at)

    async def enter(self, kind: Kind, source: str, topic: str, payload: bytes, at: int | None = None) -> int:
        entry = Entry(0, kind, CONFIG.id, source, topic, payload, clock() if at is None else at)
        return await self.committer.append([entry])

    async def act(self, name: str, body: dict[str, Any], source: str) -> int:
        self.acted.append((name, body, source))
        return await self.enter(Kind.ACTION, source, name, json.dumps(body).encode())

    async def query(self, function: Callable[..., Any], /, *args: Any) -> Any:
        return await asyncio.to_thread(self.queries.ask, function, *args, tail=self.pipeline.tail())

    async def report(self, since: int, until: int) -> bytes:
        return f"%PDF-1.7 {since} {until}".encode()

    def status(self) -> dict[str, Any]:
        accounts = self.engine.accounts().items()
        books = ("received", "stored", "duplicate", "rejected", "late")
        rows = [{"home": h, "source": s, **{b: getattr(a, b) for b in books}} for (h, s), a in accounts]
        return {"accounts": rows, "rate": 1.5, "p50_ms": 2.0, "p99_ms": None, "log_bytes": 4096}

    def deps(self) -> Deps:
        return Deps(
            config=CONFIG,
            folder=self.folder,
            credentials=self.credentials,
            hub=self.hub,
            act=self.act,
            view=lambda: self.engine.view(CONFIG.id),
            now=lambda: self.engine.now(CONFIG.id),
            query=self.query,
            status=self.status,
            report=self.report,
            ingest=APIRouter(routes=ingest_routes(Intake(CONFIG, self.committer, self.credentials, clock))),
        )

    @asynccontextmanager
    async def serving(self, port: int = 0) -> AsyncIterator[None]:
        """Answer on `address` while this lasts."""
        server = uvicorn.Server(
            server_config(create_app(self.deps()), CONFIG.door, Places(CONFIG.door), port=port)
        )
        task = asyncio.ensure_future(server.serve())
        while not server.started:
            await asyncio.sleep(0.01)
        self.address = f"http://127.0.0.1:{server.servers[0].sockets[0].getsockname()[1]}"
        try:
            yield
        finally:
            server.should_exit = True
            await task


@pytest.fixture(scope="session")
def credentials() -> Credentials:
    """argon2 is slow, so once for all."""
    made = Credentials()
    made.add(USER, CONFIG.id, "admin", PASSWORD)
    made.add("sensor", CONFIG.id, "device", PASSWORD)
    made.add("neighbour", "next-door", "admin", PASSWORD)
    return made


@pytest.fixture
async def house(tmp_path: Path, credentials: Credentials) -> AsyncIterator[House]:
    """A home that answers; its first entries are its configuration and a tick."""
    home = House(tmp_path, credentials)
    await home.committer.start()
    config = CONFIG.model_dump_json(by_alias=True, exclude={"door", "notify"}).encode()
    await home.enter(Kind.ACTION, "run", "configure", config)
    await home.tick()
    async with home.serving():
        yield home
    await home.committer.stop()
    home.queries.con.close()
    home.log.close()


@pytest.fixture
async def stranger(house: House) -> AsyncIterator[httpx.AsyncClient]:
    """A client that is not logged in and speaks as the page does."""
    async with httpx.AsyncClient(base_url=house.address, headers={"Origin": house.address}) as client:
        yield client


@pytest.fixture
async def admin(stranger: httpx.AsyncClient) -> httpx.AsyncClient:
    """A client with a session."""
    answer = await stranger.post("/api/login", json={"user": USER, "password": PASSWORD})
    assert answer.status_code == 200
    return stranger
