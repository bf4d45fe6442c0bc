"""`homestream up`: build wires the parts, run loops, stop drains the input first.

door (mqtt, http, coap) -> committer -> log -> [fsync] -> acknowledgement
                                         \\-> pipeline -> engine -> hub, effects, lake
"""

import asyncio
import contextlib
import fcntl
import gc
import json
import logging
import resource
import signal
import socket
import time
from collections.abc import AsyncIterator, Callable, Coroutine, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import uvicorn
import uvloop
from deltalake.exceptions import DeltaError
from fastapi import APIRouter

from homestream.door.coap import CoapDoor
from homestream.door.credentials import Credentials
from homestream.door.http import ingest_routes
from homestream.door.listen import taken
from homestream.door.mqtt import MqttDoor
from homestream.door.retained import load_retained, save_retained
from homestream.effects.outbox import Outbox
from homestream.effects.worker import Effects
from homestream.engine.ruleset import compile_rules
from homestream.errors import HomestreamError
from homestream.home import FILE, DoorConfig, HomeConfig, load
from homestream.lake.connect import Queries
from homestream.lake.disk import make_folder
from homestream.lake.writer import Lake
from homestream.log.committer import Committer
from homestream.log.sqlite import LogError, SqliteLog
from homestream.pipeline import Pipeline
from homestream.reading import Entry, Kind
from homestream.replay import LOG_FILE, history, restore
from homestream.steady import SteadyClock
from homestream.system import Books, System, rss_bytes, write_status
from homestream.web.app import Deps, create_app, server_config
from homestream.web.hub import Hub
from homestream.wire.exchange import Retained

#: The home's clock never stands still longer than this; a hold or an outage is noticed within it.
TICK_S = 5.0
#: A lake commit costs tens of ms of CPU whatever its size; queries see younger data through the live tail.
FLUSH_S = 60.0
#: A snapshot holds a day of every series; replaying a few minutes of log beats writing it oftener.
SNAPSHOT_S = 300.0
#: Compaction rewrites whole days of files.
COMPACT_S = 3600.0
#: `homestream status` and the retained messages are this old at most.
STATUS_S = 5.0
#: How long stopping waits for viewers and effects under way.
STOP_S = 8.0

_log = logging.getLogger(__name__)


#: The only clock; everything behind the log takes its time from the entries.
clock = SteadyClock()


@dataclass(slots=True)
class Parts:
    """A home's running parts, wired."""

    folder: Path
    config: HomeConfig
    log: SqliteLog
    lake: Lake
    pipeline: Pipeline
    committer: Committer
    hub: Hub
    outbox: Outbox
    effects: Effects
    mqtt: MqttDoor
    coap: CoapDoor
    web: uvicorn.Server
    system: System


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
    async with running(parts) as ended:
        gc.freeze()
        extra = asyncio.create_task(ready(parts)) if ready else None
        if extra is not None:
            extra.add_done_callback(lambda _: stop.set())
        await stop.wait()
        if extra is not None:
            extra.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await extra
    return ended


async def build(folder: Path, config: HomeConfig) -> Parts:
    """Open a home's folder and wire its parts; nothing listens yet, and what the log holds is known."""
    make_folder(folder / "state")
    lake, credentials = Lake(folder), Credentials.load(folder)
    log = SqliteLog(folder / LOG_FILE, first=lake.durable() + 1)
    system = System(started=clock())
    pipeline = Pipeline(restore(folder), lake, log, system)
    committer = Committer(log, pipeline.arrived)
    mqtt = MqttDoor(config, committer, credentials, clock, load_retained(folder))

    async def publish(home: str, topic: str, payload: bytes, *, qos: int) -> None:
        mqtt.publish(topic, payload, qos, home=home)

    engine = pipeline.engine
    outbox = Outbox(folder / "outbox.db")
    effects = Effects(outbox, config, engine.registry, publish, clock)
    hub = Hub(config.id, lambda: engine.view(config.id), lambda: engine.now(config.id))
    pipeline.effects, pipeline.hub = effects, hub
    for entries in history(lake, log, engine.last_seq + 1):
        pipeline.committed(entries)
    queries = Queries(folder, config.timezone)
    parts: Parts

    async def act(name: str, body: dict[str, Any], source: str) -> int:
        payload = json.dumps(body).encode()
        return await committer.append([Entry(0, Kind.ACTION, config.id, source, name, payload, clock())])

    async def query(function: Callable[..., Any], /, *args: Any) -> Any:
        return await asyncio.to_thread(queries.ask, function, *args, tail=pipeline.tail())

    async def report(since: int, until: int) -> bytes:
        from homestream.report.pdf import build as build_report  # typesetting takes memory: when asked for

        pdf: bytes = await query(build_report, config, since, until, status(parts, running=True)["accounts"])
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
        ingest=APIRouter(routes=[*ingest_routes(config, committer, credentials, clock)]),
    )
    web = _Web(server_config(create_app(deps), config.door.host, config.door.http_port))
    coap = CoapDoor(config, committer, credentials, clock)
    parts = Parts(
        folder, config, log, lake, pipeline, committer, hub, outbox, effects, mqtt, coap, web, system
    )
    return parts


@contextlib.asynccontextmanager
async def running(parts: Parts) -> AsyncIterator[dict[str, Any]]:
    """Everything runs inside; leaving drains: doors shut, log written, facts known, lake flushed.

    Yields a dict that holds the last status once all has ended.
    """
    ended: dict[str, Any] = {}
    door = parts.config.door
    await parts.committer.start()
    await _configure(parts)
    with taken("http_port", door.host, door.http_port):
        listener = socket.create_server((door.host, door.http_port), backlog=1024)
    await parts.mqtt.start()
    await parts.coap.start()
    stopping = asyncio.Event()
    serving = [asyncio.create_task(parts.web.serve([listener])), asyncio.create_task(parts.effects.run())]
    keeping = asyncio.create_task(_keep(parts, stopping))
    beside = [asyncio.create_task(work) for work in (_tick(parts), _compact(parts), _report_status(parts))]
    try:
        yield ended
    finally:
        await parts.mqtt.stop()
        await parts.coap.stop()
        parts.web.should_exit = True
        parts.effects.stop()
        stopping.set()
        await asyncio.wait(serving, timeout=STOP_S)
        for task in (*serving, *beside):
            task.cancel()
        await asyncio.gather(*serving, *beside, keeping, return_exceptions=True)
        await parts.committer.stop()
        try:
            await _flush(parts, snapshot=True)
            save_retained(parts.folder, parts.mqtt.retained)
        except (OSError, DeltaError, HomestreamError) as error:
            _log.warning("the lake cannot be written, its rows stay in the log for the next start: %s", error)
        ended.update(status(parts, running=False))
        try:
            write_status(parts.folder, ended)
        except OSError as error:
            _log.warning("the last status cannot be written: %s", error)
        parts.outbox.close()
        parts.log.close()


async def _configure(parts: Parts) -> None:
    """Tell the engine, through the log, of a configuration it does not know yet. Secrets stay out."""
    config = parts.config
    public = config.model_copy(update={"door": DoorConfig(), "notify": dict.fromkeys(config.notify, "")})
    home = parts.pipeline.engine.homes.get(config.id)
    if home is None or home.config != public:
        payload = public.model_dump_json(by_alias=True).encode()
        await parts.committer.append([Entry(0, Kind.ACTION, config.id, "run", "configure", payload, clock())])


async def _tick(parts: Parts) -> None:
    """Write the time into the log."""
    while True:
        await asyncio.sleep(TICK_S)
        with contextlib.suppress(LogError):  # the disk is full: the next tick tells the same
            await parts.committer.append([Entry(0, Kind.TICK, "", "clock", "", b"", clock())])


async def _keep(parts: Parts, stopping: asyncio.Event) -> None:
    """Flush and snapshot in their turns; what fails is tried again, nothing is dropped.

    Ends when `stopping` is set and never in the middle of a flush: the lake has one writer.
    """
    flushed = kept = time.monotonic()
    while not stopping.is_set():
        with contextlib.suppress(TimeoutError):
            await asyncio.wait_for(stopping.wait(), 1)
        now = time.monotonic()
        if stopping.is_set() or (now - flushed < FLUSH_S and not parts.pipeline.full):
            continue
        flushed = now
        try:
            await _flush(parts, snapshot=now - kept > SNAPSHOT_S)
        except (OSError, DeltaError, HomestreamError) as error:
            _log.warning("the lake cannot be written, its rows wait: %s", error)
        except Exception:  # a mistake of ours; keeping that ended for good would fill the memory
            _log.exception("the lake was not written, its rows wait")
        else:
            kept = now if now - kept > SNAPSHOT_S else kept


async def _compact(parts: Parts) -> None:
    """Merge the lake's small files, in a process of its own; flushes go on beside it."""
    while True:
        await asyncio.sleep(COMPACT_S)
        try:
            await asyncio.to_thread(parts.lake.compact)
        except (OSError, DeltaError, HomestreamError) as error:
            _log.warning("the lake was not compacted: %s", error)


async def _flush(parts: Parts, *, snapshot: bool) -> None:
    """Bring the lake up to now; with `snapshot` also keep the engine's state and trim the log."""
    pipeline = parts.pipeline
    batch, upto = pipeline.take([measures(parts)])
    # A snapshot ends the log's memory of what came before: not while effects of it are owed.
    state = pipeline.engine.freeze() if snapshot and not pipeline.owed else None
    await asyncio.to_thread(parts.lake.write, batch, upto)
    pipeline.flushed()
    if state is not None:
        await asyncio.to_thread(pipeline.keep, parts.folder, state, upto)


async def _report_status(parts: Parts) -> None:
    """Write down for other processes how it goes, and what is retained."""
    retained: dict[str, Retained] = {}
    while True:
        try:
            parts.system.sample(clock(), Books.of(parts.pipeline.engine.accounts()).received)
            write_status(parts.folder, status(parts, running=True))
            if (now := {home: dict(topics) for home, topics in parts.mqtt.retained.items()}) != retained:
                await asyncio.to_thread(save_retained, parts.folder, now)
                retained = now
        except (OSError, LogError) as error:
            _log.warning("the home's folder cannot be written: %s", error)
        await asyncio.sleep(STATUS_S)


def measures(parts: Parts) -> dict[str, Any]:
    """One row of the lake's `system` table: what came since the row before."""
    books = Books.of(parts.pipeline.engine.accounts())
    return parts.system.row(clock(), books, sizes(parts), lag(parts))


def lag(parts: Parts) -> int:
    """Entries on disk that the engine has not seen yet."""
    return max(parts.log.end() - 1 - parts.pipeline.engine.last_seq, 0)


def sizes(parts: Parts) -> dict[str, int]:
    """Bytes: log on disk, lake on disk, resident memory."""
    log = sum(file.stat().st_size for file in parts.folder.glob(LOG_FILE + "*"))
    return {"log_bytes": log, "lake_bytes": parts.lake.size_bytes(), "rss_bytes": rss_bytes()}


def status(parts: Parts, *, running: bool) -> dict[str, Any]:
    """The books and the measures, as `homestream status --json` prints them."""
    engine, latency = parts.pipeline.engine, parts.system.whole
    accounts = engine.accounts()
    books = Books.of(accounts)
    return {
        "running": running,
        "time": clock(),
        "started": parts.system.started,
        "accounts": [{"home": h, "source": s, **asdict(a)} for (h, s), a in sorted(accounts.items())],
        **asdict(books),
        "rate": parts.system.rate,
        "p50_ms": latency.percentile(0.5),
        "p99_ms": latency.percentile(0.99),
        "lag": lag(parts),
        **sizes(parts),
        "viewers": len(parts.hub),
        "clients": len(parts.mqtt.present),
        "effects": parts.outbox.counts(),
        "seq": engine.last_seq,
        "digest": engine.digest(),
    }


@contextlib.contextmanager
def only_one(folder: Path) -> Iterator[None]:
    """Hold the home's folder: two writers would each think the log its own."""
    if not (folder / FILE).exists():
        raise HomestreamError(f"{folder} is no home yet; make one with: homestream init {folder}")
    with (folder / ".lock").open("w") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise HomestreamError(
                f"{folder} is in use by another homestream; stop that one, or choose another --home"
            ) from None
        yield
