"""`homestream up`: build wires the parts, run loops, stop drains the input first.

door (mqtt, http, coap) -> committer -> log, fsync -> acknowledgement
                                     -> pipeline -> engine -> hub, effects, lake
"""

import asyncio
import contextlib
import fcntl
import json
import logging
import resource
import signal
import sys
from collections.abc import AsyncIterator, Callable, Coroutine, Iterable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import uvicorn
import uvloop
from deltalake.exceptions import DeltaError
from fastapi import APIRouter

from homestream.dialects import observed
from homestream.door.answers import Answers
from homestream.door.coap.door import CoapDoor
from homestream.door.http.routes import ingest_routes
from homestream.door.intake import Intake
from homestream.door.listen import Places, http_listeners
from homestream.door.login.credentials import FILE as CREDENTIALS
from homestream.door.login.credentials import Credentials
from homestream.door.login.snippets import address
from homestream.door.mqtt.bridge import Bridge
from homestream.door.mqtt.door import MqttDoor, limits
from homestream.door.mqtt.sessions import Memory
from homestream.door.mqtt.websocket import websocket_route
from homestream.door.tls import Tls
from homestream.door.watch import Watched, watch
from homestream.effects.outbox import Outbox
from homestream.effects.worker import Effects
from homestream.engine.rules.ruleset import compile_rules
from homestream.errors import HomestreamError
from homestream.home import HomeConfig
from homestream.homefile import FILE, load
from homestream.keep import amend, compact, flush, keep, notice, report_status, status, tick, troubles
from homestream.lake.connect import Queries
from homestream.lake.disk import make_folder
from homestream.lake.writer import Lake
from homestream.log.committer import Committer
from homestream.log.sqlite import SqliteLog
from homestream.parts import Parts, clock
from homestream.pipeline import Pipeline
from homestream.reading import Entry, Kind
from homestream.reload import configure, follow
from homestream.replay import LOG_FILE, history, restore
from homestream.system import LOCK, System, spare_collector, total, write_status
from homestream.web.app import Deps, create_app, server_config
from homestream.web.hub import Hub

#: How long stopping waits for viewers and effects under way.
STOP_S = 8.0

_log = logging.getLogger(__name__)


class _Web(uvicorn.Server):
    """uvicorn without signal handlers of its own: stopping happens here, in our order."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield


#: Something that runs beside a serving home; when it ends, the home stops.
Beside = Callable[[Parts], Coroutine[Any, Any, None]]


def up(folder: Path, ready: Beside | None = None) -> dict[str, Any]:
    """Run a home until SIGTERM or SIGINT; returns its last status. `ready` runs beside it once it serves.

    HomestreamError in one line: no home there, a taken port, a second `up` on the same folder.
    """
    logging.basicConfig(level=logging.WARNING, format="%(asctime)s %(levelname)s %(name)s: %(message)s")
    # Each device is an open file; systems give far fewer at first than they allow.
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    with only_one(folder):
        return uvloop.run(_up(folder, ready))


async def _up(folder: Path, ready: Beside | None) -> dict[str, Any]:
    stop = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, stop.set)
    config = load(folder)
    compile_rules(config)  # a wrong rule is said now, with file and line, not found missing at night
    parts = await build(folder, config)
    asyncio.get_running_loop().add_signal_handler(signal.SIGHUP, parts.again.set)
    async with running(parts) as ended:
        spare_collector()
        if ready is None:
            print(_where(parts), file=sys.stderr, flush=True)
        extra = asyncio.create_task(ready(parts)) if ready else None
        if extra is not None:
            extra.add_done_callback(lambda _: stop.set())
        await stop.wait()
        if extra is not None:
            extra.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await extra
    return ended


def _where(parts: Parts) -> str:
    door = parts.config.door
    page = f"http://{address(door)}:{door.http_port}/"
    devices = f"MQTT {parts.mqtt.port}, HTTP {door.http_port}, CoAP {door.coap_port}"
    return f"{parts.config.name} is up: page {page}; devices {devices}; Ctrl-C stops"


async def build(folder: Path, config: HomeConfig) -> Parts:
    """Open a home's folder and wire its parts; nothing listens yet, and what the log holds is known."""
    make_folder(folder / "state")
    door = config.door
    lake, credentials = Lake(folder), Credentials.load(folder, door.login_attempts)
    tls = Tls(folder, door) if door.certificate else None
    log = SqliteLog(folder / LOG_FILE, first=lake.durable() + 1)
    system = System(started=clock())
    pipeline = Pipeline(restore(folder), lake, log, system)
    committer = Committer(log, pipeline.arrived)

    def route(entries: Iterable[Entry]) -> None:
        mqtt.bridged(entries)

    bridges = tuple(Bridge(one, config.id, folder, committer, clock, route) for one in config.bridge)
    memory = Memory(folder, limits(config), pipeline.engine.last_seq + 1)

    answers = Answers(folder / "state")
    intake = Intake(config, committer, credentials, clock, answers)
    coap = CoapDoor(door, intake, folder)

    async def publish(home: str, topic: str, payload: bytes, *, qos: int) -> None:
        if topic.startswith(observed.PREFIX):
            coap.tell(home, topic.removeprefix(observed.PREFIX), payload)
            return
        mqtt.publish(topic, payload, qos, home=home)
        if home == config.id:
            for bridge in bridges:
                bridge.publish(topic, payload, qos)

    engine = pipeline.engine
    outbox = Outbox(folder / "outbox.db")
    effects = Effects(outbox, config, engine.registry, publish, clock)
    hub = Hub(config.id, lambda: engine.view(config.id), lambda: engine.now(config.id))
    pipeline.effects, pipeline.hub = effects, hub
    for entries in history(lake, log, min(engine.last_seq + 1, memory.since)):
        memory.read(entries)
        pipeline.recalled(entries)
        answers.read(entries)
    context = tls.context if tls is not None else None
    mqtt = MqttDoor(config, committer, credentials, clock, memory.done(clock()), context)
    system.begin(clock(), total(engine.accounts().values()))
    queries = Queries(folder, config.timezone)
    parts: Parts

    async def act(name: str, body: dict[str, Any], source: str) -> int:
        payload = json.dumps(body).encode()
        return await committer.append([Entry(0, Kind.ACTION, config.id, source, name, payload, clock())])

    async def query(function: Callable[..., Any], /, *args: Any) -> Any:
        return await asyncio.to_thread(queries.ask, function, *args, tail=pipeline.tail())

    async def report(since: int, until: int) -> bytes:
        from homestream.report.pdf import build as build_report  # typesetting takes memory: when asked for

        pdf: bytes = await query(
            build_report, parts.config, since, until, status(parts, running=True)["accounts"]
        )
        return pdf

    deps = Deps(
        config=config,
        folder=folder,
        credentials=credentials,
        hub=hub,
        act=act,
        view=lambda: engine.view(config.id),
        now=lambda: engine.now(config.id),
        query=query,
        status=lambda: status(parts, running=True),
        report=report,
        ingest=APIRouter(routes=[*ingest_routes(intake), websocket_route(mqtt.client)]),
    )
    page = create_app(deps)
    places = Places(door)
    web = [_Web(server_config(page, door, places))]
    if context is not None:
        web.append(_Web(server_config(page, door, places, context)))

    def reload_credentials() -> None:
        changed = credentials.reload()
        mqtt.part(changed)
        coap.part(changed)

    watched = [Watched([folder / CREDENTIALS], reload_credentials)]
    if tls is not None:
        watched.append(Watched(tls.files, tls.reload))
    parts = Parts(
        folder,
        config,
        log,
        lake,
        pipeline,
        committer,
        hub,
        outbox,
        effects,
        mqtt,
        coap,
        web,
        system,
        watched,
        intake,
        deps,
        bridges=bridges,
    )
    hub.trouble = lambda: " ".join(one["text"] for one in troubles(parts))
    return parts


@contextlib.asynccontextmanager
async def running(parts: Parts) -> AsyncIterator[dict[str, Any]]:
    """Everything runs inside; leaving drains: doors shut, log written, facts known, lake flushed.

    Yields a dict that holds the last status once all has ended.
    """
    ended: dict[str, Any] = {}
    door = parts.config.door
    await parts.committer.start()
    await configure(parts)
    listeners = http_listeners(door)
    await parts.mqtt.start()
    await parts.coap.start()
    for bridge in parts.bridges:
        bridge.start()
    stopping = asyncio.Event()
    serving = [
        asyncio.create_task(web.serve([listener]), name="page")
        for web, listener in zip(parts.web, listeners, strict=True)
    ]
    serving.append(asyncio.create_task(parts.effects.run(), name="effects"))
    keeping = asyncio.create_task(keep(parts, stopping))
    works = {
        "tick": tick(parts),
        "compact": compact(parts),
        "amend": amend(parts),
        "status": report_status(parts),
        "watch": watch(parts.watched, parts.again),
        "follow": follow(parts),
    }
    beside = [asyncio.create_task(work, name=name) for name, work in works.items()]
    for task in (*serving, *beside):
        task.add_done_callback(partial(notice, parts))
    try:
        yield ended
    finally:
        await parts.mqtt.stop()
        await parts.coap.stop()
        await asyncio.gather(*(bridge.stop() for bridge in parts.bridges))
        for web in parts.web:
            web.should_exit = True
        parts.effects.stop()
        stopping.set()
        await asyncio.wait(serving, timeout=STOP_S)
        for task in (*serving, *beside):
            task.cancel()
        await asyncio.gather(*serving, *beside, keeping, return_exceptions=True)
        await parts.intake.close()
        await parts.committer.stop()
        try:
            await flush(parts, snapshot=True)
        except (OSError, DeltaError, HomestreamError) as error:
            _log.warning("the lake cannot be written, its rows stay in the log for the next start: %s", error)
        ended.update(status(parts, running=False))
        try:
            write_status(parts.folder, ended)
        except OSError as error:
            _log.warning("the last status cannot be written: %s", error)
        parts.outbox.close()
        parts.log.close()


@contextlib.contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Hold the home's folder: two writers would each think the log its own."""
    if not (folder / FILE).exists():
        raise HomestreamError(f"{folder} is no home yet; make one with: homestream init {folder}")
    with (folder / LOCK).open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise HomestreamError(
                f"{folder} is in use by another homestream; stop that one, or choose another --home"
            ) from None
        yield
