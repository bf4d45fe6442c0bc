"""What goes on beside the pipeline of a running home."""

import asyncio
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import uvloop
from hypothesis import given
from hypothesis import strategies as st

from home_process import ports
from homestream import keep, pipeline, run
from homestream.homefile import load
from homestream.init import init
from homestream.keep import AMEND_AT_S, DAY_S, status, until_amend
from homestream.lake.connect import connect
from homestream.log.sqlite import SqliteLog
from homestream.parts import Parts, clock
from homestream.reading import Entry, Kind
from homestream.replay import LOG_FILE, replay
from homestream.run import build, running
from homestream.system import read_status


def pytest_asyncio_loop_factories(config: pytest.Config, item: pytest.Item) -> dict[str, object]:
    """On uvloop, as `homestream up` runs it."""
    return {"uvloop": uvloop.new_event_loop}


async def say(parts: Parts, value: int) -> None:
    payload = b"%d" % value
    await parts.committer.append(
        [Entry(0, Kind.MESSAGE, "home", "mqtt:t", "home/den/meter/gas", payload, clock())]
    )


async def until(condition: Callable[[], object]) -> None:
    end = time.monotonic() + 20
    while not condition():
        assert time.monotonic() < end, "it did not come to pass"
        await asyncio.sleep(0.05)


async def test_a_lake_that_fails_alone_is_said_and_whole_afterwards(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(keep, "FLUSH_S", 0.5)
    init(tmp_path, ports()[3])
    parts = await build(tmp_path, load(tmp_path))
    lake = tmp_path / "lake"
    async with running(parts):
        await say(parts, 1)
        await until(lambda: lake.is_dir() and not parts.pipeline.writing.entries)
        lake.rename(tmp_path / "aside")
        lake.write_text("no folder")
        await say(parts, 2)
        await until(lambda: parts.pipeline.failing)
        (trouble,) = status(parts, running=True)["troubles"]
        assert trouble["what"] == "lake"
        assert trouble["text"].startswith("History is not being written and waits in the log")
        await say(parts, 3)
        lake.unlink()
        (tmp_path / "aside").rename(lake)
        await until(lambda: not parts.pipeline.failing)
        assert status(parts, running=True)["troubles"] == []
    values = connect(tmp_path).execute("SELECT value FROM readings ORDER BY time, seq").fetchall()
    assert values == [(1.0,), (2.0,), (3.0,)]
    assert replay(tmp_path).digest() == read_status(tmp_path)["digest"]


async def test_a_start_after_a_lake_that_failed_for_long(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(pipeline, "FLUSH_ROWS", 100)
    init(tmp_path, ports()[3])
    log = SqliteLog(tmp_path / LOG_FILE)
    for first in range(0, 500, 50):
        entry = Entry(0, Kind.MESSAGE, "home", "mqtt:t", "home/den/meter/gas", b"", clock())
        log.append([entry._replace(payload=b"%d" % value) for value in range(first, first + 50)])
    log.close()
    parts = await build(tmp_path, load(tmp_path))
    assert parts.pipeline.left, "more than memory has room for is left to the log"
    assert sum(len(batch.readings) for batch in parts.pipeline.tail()) <= 100
    async with running(parts):
        pass
    told = "SELECT count(*) FROM messages WHERE kind = 'message'"
    assert connect(tmp_path).execute(told).fetchone() == (500,)
    assert replay(tmp_path).digest() == read_status(tmp_path)["digest"]


async def test_a_status_that_cannot_be_written_says_so_to_other_processes(tmp_path: Path) -> None:
    from homestream.run import only_one
    from homestream.system import STALE_MS, write_status

    init(tmp_path)
    written = int(time.time() * 1000) - STALE_MS - 1000
    write_status(tmp_path, {"running": True, "time": written, "troubles": []})
    assert read_status(tmp_path)["running"] is False, "nobody holds the home: it died"
    with only_one(tmp_path):
        found = read_status(tmp_path)
        assert found["running"] is True
        assert [trouble["what"] for trouble in found["troubles"]] == ["folder"]


@given(st.integers(0, 4 * 10**12))
def test_the_lake_is_amended_at_three_and_never_twice_at_once(now: int) -> None:
    wait = until_amend(now)
    assert 0 < wait <= DAY_S
    assert (
        abs((now / 1000 + wait - AMEND_AT_S) / DAY_S - round((now / 1000 + wait - AMEND_AT_S) / DAY_S)) < 1e-6
    )


async def test_a_part_that_ends_by_a_mistake_is_said_and_the_rest_goes_on(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture
) -> None:
    async def tick(_: Parts) -> None:
        raise ZeroDivisionError("of the clock")

    monkeypatch.setattr(run, "tick", tick)
    init(tmp_path, ports()[3])
    parts = await build(tmp_path, load(tmp_path))
    async with running(parts):
        await until(lambda: parts.stopped)
        (trouble,) = status(parts, running=True)["troubles"]
        assert (trouble["what"], "part 'tick'; restart it" in trouble["text"]) == ("tick", True)
        assert parts.hub.trouble() == trouble["text"]
        assert "ZeroDivisionError: of the clock" in caplog.text
        await say(parts, 1)
    assert connect(tmp_path).execute("SELECT value FROM readings").fetchall() == [(1.0,)]
