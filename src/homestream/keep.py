"""What goes on beside the pipeline while a home is up: ticks, flushes, snapshots, compaction, status."""

import asyncio
import contextlib
import logging
import time
from dataclasses import asdict
from typing import Any

from deltalake.exceptions import DeltaError

from homestream.door.mqtt import sessions
from homestream.errors import HomestreamError
from homestream.etl.nightly import restate_apart
from homestream.log.sqlite import LogError
from homestream.parts import Parts, clock
from homestream.reading import Entry, Kind
from homestream.replay import LOG_FILE, rebuild
from homestream.system import rss_bytes, total, write_status

#: The home's clock never stands still longer than this; a hold or an outage is noticed within it.
TICK_S = 5.0
#: A lake commit costs tens of ms of CPU whatever its size; queries see younger data through the live tail.
FLUSH_S = 60.0
#: A snapshot holds a day of every series; replaying a few minutes of log beats writing it oftener.
SNAPSHOT_S = 300.0
#: Compaction rewrites whole days of files.
COMPACT_S = 3600.0
#: What comes more than a day late is rare, and nobody waits for it: once a day, at 03:00 UTC, so that a home
#: that is restarted every evening has its turn too.
DAY_S, AMEND_AT_S = 86_400, 3 * 3_600
#: `homestream status` is this old at most.
STATUS_S = 5.0

#: What is to be said of a failing part, before its own words.
MEANING = {
    "log": "Nothing can be stored; devices are not acknowledged and will send again.",
    "lake": "History is not being written and waits in the log; alerts and live values go on.",
}

_log = logging.getLogger(__name__)


async def tick(parts: Parts) -> None:
    """Write the time into the log."""
    while True:
        await asyncio.sleep(TICK_S)
        with contextlib.suppress(LogError):  # the disk is full: the next tick tells the same
            await parts.committer.append([Entry(0, Kind.TICK, "", "clock", "", b"", clock())])


async def keep(parts: Parts, stopping: asyncio.Event) -> None:
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
            await flush(parts, snapshot=now - kept > SNAPSHOT_S)
        except (OSError, DeltaError, HomestreamError) as error:
            _log.warning("the lake cannot be written, its rows wait: %s", error)
            parts.pipeline.failed(error, clock())
        except Exception as error:  # a mistake of ours; keeping that ended for good would fill the memory
            _log.exception("the lake was not written, its rows wait")
            parts.pipeline.failed(error, clock())
        else:
            kept = now if now - kept > SNAPSHOT_S else kept


async def compact(parts: Parts) -> None:
    """Merge the lake's small files, in a process of its own; flushes go on beside it."""
    while True:
        await asyncio.sleep(COMPACT_S)
        try:
            await asyncio.to_thread(parts.lake.compact)
        except (OSError, DeltaError, HomestreamError) as error:
            _log.warning("the lake was not compacted: %s", error)


async def amend(parts: Parts) -> None:
    """Once a day, state again the hours and days that readings which came days late change."""
    while True:
        await asyncio.sleep(until_amend(clock()))
        try:
            await asyncio.to_thread(restate_apart, parts.folder)
        except (OSError, HomestreamError) as error:
            _log.warning("%s", error)


def until_amend(now: int) -> float:
    """Seconds from `now` (ms since 1970) to the next time of day at which the lake is amended."""
    return DAY_S - (now / 1000 - AMEND_AT_S) % DAY_S


async def flush(parts: Parts, *, snapshot: bool) -> None:
    """Bring the lake up to now; with `snapshot` also keep the engine's state and trim the log."""
    pipeline = parts.pipeline
    if pipeline.left:
        await asyncio.to_thread(rebuild, parts.folder, parts.lake, parts.log, pipeline.left)
        pipeline.left = 0
    batch, upto = pipeline.take([measures(parts)])
    # A snapshot ends the log's memory of what came before: not while effects of it are owed.
    state = pipeline.engine.freeze() if snapshot and not pipeline.owed else None
    remember = sessions.keep(parts.folder, parts.mqtt.exchanges, upto) if state is not None else None
    await asyncio.to_thread(parts.lake.write, batch, upto)
    pipeline.flushed()
    if state is not None and remember is not None:
        await asyncio.to_thread(remember)
        await asyncio.to_thread(parts.intake.answers.save)
        await asyncio.to_thread(pipeline.keep, parts.folder, state, upto)


async def report_status(parts: Parts) -> None:
    """Write down for other processes how it goes."""
    while True:
        try:
            parts.system.sample(clock(), total(parts.pipeline.engine.accounts().values()).received)
            write_status(parts.folder, status(parts, running=True))
        except (OSError, LogError) as error:
            _log.warning("the home's folder cannot be written: %s", error)
        await asyncio.sleep(STATUS_S)


def measures(parts: Parts) -> dict[str, Any]:
    """One row of the lake's `system` table: what came since the row before."""
    books = total(parts.pipeline.engine.accounts().values())
    return parts.system.row(clock(), books, sizes(parts), lag(parts))


def lag(parts: Parts) -> int:
    """Entries on disk that the engine has not seen yet."""
    return max(parts.log.end() - 1 - parts.pipeline.engine.last_seq, 0)


def sizes(parts: Parts) -> dict[str, int]:
    """Bytes: log on disk, lake on disk, resident memory."""
    log = sum(file.stat().st_size for file in parts.folder.glob(LOG_FILE + "*"))
    return {"log_bytes": log, "lake_bytes": parts.lake.size_bytes(), "rss_bytes": rss_bytes()}


def troubles(parts: Parts) -> list[dict[str, Any]]:
    """What is wrong now, since when (ms) and what that means.

    A failing log or lake ends by itself; what has stopped waits for a restart.
    """
    failing = {"log": parts.committer.failing, "lake": parts.pipeline.failing}
    found = [
        {"what": what, "since": found[0], "text": f"{MEANING[what]} {found[1]}"}
        for what, found in failing.items()
        if found is not None
    ]
    for what, (since, error) in parts.stopped.items():
        text = f"Homestream goes on without its part {what!r}; restart it. {type(error).__name__}: {error}"
        found.append({"what": what, "since": since, "text": text})
    return found


def notice(parts: Parts, task: asyncio.Task[None]) -> None:
    """Say of a task that it has ended by a mistake of ours, if it has."""
    if task.cancelled() or (error := task.exception()) is None:
        return
    _log.critical("%s has stopped", task.get_name(), exc_info=error)
    parts.stopped[task.get_name()] = clock(), error


def status(parts: Parts, *, running: bool) -> dict[str, Any]:
    """The books and the measures, as `homestream status --json` prints them."""
    engine, latency = parts.pipeline.engine, parts.system.whole
    accounts = engine.accounts()
    books = total(accounts.values())
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
        "clients": parts.mqtt.connected,
        "bridges": [bridge.status() for bridge in parts.bridges],
        "effects": parts.outbox.counts(),
        "troubles": troubles(parts),
        "notes": parts.notes.lines(parts.config, engine.registry(parts.config.id).devices),
        "seq": engine.last_seq,
        "digest": engine.digest(),
    }
