import asyncio
import json
from math import nan
from typing import Any

import pytest

from homestream.engine.fact import AnyFact, DeviceSeen, Mode, Window
from homestream.engine.output import Stored
from homestream.reading import Reading
from homestream.web import hub as hub_file
from homestream.web.hub import BACKLOG, FACTS, Hub, Viewer


def hub() -> Hub:
    return Hub("home", lambda: {"now": 7, "devices": []}, lambda: 7)


def stored(
    value: float, time: int, *, home: str = "home", metric: str = "power", late: bool = False
) -> Stored:
    return 1, Reading(home, "kitchen/plug", metric, time, value), late, False


async def frame(viewer: Viewer) -> dict[str, Any]:
    async with asyncio.timeout(2):
        found: dict[str, Any] = json.loads(await viewer.next())
    return found


async def delta(one: Hub, readings: list[Stored], facts: list[AnyFact] = []) -> dict[str, Any]:  # noqa: B006
    viewer = one.join()
    assert (await frame(viewer))["type"] == "view"
    one.publish(readings, [(1, fact) for fact in facts])
    one._flush()
    return await frame(viewer)


async def test_the_newest_value_of_each_series_goes_out_once() -> None:
    sent = await delta(hub(), [stored(1, 10), stored(3, 30), stored(2, 20), stored(9, 5, metric="energy")])
    assert sent["values"] == [["kitchen/plug", "power", 30, 3.0], ["kitchen/plug", "energy", 5, 9.0]]
    assert sent["now"] == 7


async def test_unknown_is_null_and_late_or_foreign_readings_stay_away() -> None:
    sent = await delta(hub(), [stored(nan, 10), stored(5, 20, late=True), stored(5, 20, home="other")])
    assert sent["values"] == [["kitchen/plug", "power", 10, None]]


async def test_only_facts_of_this_home_that_the_page_shows_go_out() -> None:
    window = Window(home="home", time=1, device="d", metric="power", size="1m", start=0, count=0, min=None,
                    max=None, sum=0, mean=None, twmean=None, last=None, known=0)  # fmt: skip
    facts: list[AnyFact] = [
        Mode(home="home", time=1, mode="away", by="ann"),
        Mode(home="other", time=1, mode="night", by="bob"),
        window,
    ]
    sent = await delta(hub(), [], facts)
    assert [(fact["fact"], fact["mode"]) for fact in sent["facts"]] == [("mode", "away")]


async def test_a_new_device_brings_a_fresh_picture() -> None:
    seen = DeviceSeen(
        home="home", time=1, device="d", room="", name="D", dialect="plain", metrics=(), commands=()
    )
    assert (await delta(hub(), [stored(1, 1)], [seen]))["type"] == "view"


async def test_a_storm_of_facts_brings_a_fresh_picture() -> None:
    storm: list[AnyFact] = [Mode(home="home", time=n, mode="away", by="") for n in range(FACTS + 1)]
    assert (await delta(hub(), [], storm))["type"] == "view"


async def test_a_viewer_that_falls_behind_gets_a_snapshot_and_nobody_else_does() -> None:
    one = hub()
    slow, quick = one.join(), one.join()
    kinds = [(await frame(quick))["type"]]
    for n in range(BACKLOG + 5):
        one.publish([stored(n, n)], [])
        one._flush()
        kinds.append((await frame(quick))["type"])
    assert kinds == ["view"] + ["delta"] * (BACKLOG + 5)
    assert len(slow._frames) <= BACKLOG
    assert (await frame(slow))["type"] == "view"


async def test_without_viewers_nothing_is_kept() -> None:
    one = hub()
    one.publish([stored(1, 1)], [])
    assert not one._values


async def test_frames_are_at_most_twenty_a_second_and_a_quiet_home_still_beats(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(hub_file, "HEARTBEAT_S", 0.2)
    one = hub()
    viewer = one.join()
    running = asyncio.create_task(one.run())
    loop = asyncio.get_running_loop()
    end = loop.time() + 0.5
    while loop.time() < end:
        one.publish([stored(loop.time(), int(loop.time() * 1e6))], [])
        await asyncio.sleep(0.001)
    assert 2 <= len(viewer._frames) <= 12
    viewer.restart("{}")
    await frame(viewer)
    await asyncio.sleep(0.1)
    beats = []
    for _ in range(2):
        beats.append(await frame(viewer))
    assert beats[-1] == {"type": "delta", "now": 7, "values": [], "facts": [], "trouble": ""}
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)


async def test_who_left_gets_nothing() -> None:
    one = hub()
    viewer = one.join()
    one.leave(viewer)
    assert len(one) == 0
    one.publish([stored(1, 1)], [])
    one._flush()
    assert len(viewer._frames) == 1
