"""A back-test from the page, over the home's own log, in its own process."""

import asyncio
from pathlib import Path
from typing import Any

import httpx

from homestream.web.api_backtest import Job

from .conftest import House, clock

RULE = """
[[rule]]
name = "Kettle"
when = "kitchen/kettle.power > 1000"
"""


async def ended(admin: httpx.AsyncClient) -> Any:
    async with asyncio.timeout(30):
        while (state := (await admin.get("/api/backtest")).json())["running"]:
            await asyncio.sleep(0.1)
    return state


async def test_rules_tried_from_the_page(house: House, admin: httpx.AsyncClient) -> None:
    now = clock()
    for n, watts in enumerate((5, 1800, 1900, 5)):
        await house.say("kitchen/kettle", "power", watts, now - 40_000 + n * 10_000)
    assert (await admin.get("/api/backtest")).json() == {"running": False}
    begun = await admin.post("/api/backtest", json={"rules": RULE, "days": 7})
    assert (begun.status_code, begun.json()["running"]) == (202, True)
    again = await admin.post("/api/backtest", json={"rules": RULE})
    assert again.status_code == 409
    state = await ended(admin)
    [rule] = state["result"]["rules"]
    assert (rule["rule"], rule["count"], rule["alerts"][0]["seconds"]) == ("Kettle", 1, 20)


async def test_a_wrong_rule_is_said_in_one_line(house: House, admin: httpx.AsyncClient) -> None:
    await house.say("kitchen/kettle", "power", 5)
    await admin.post("/api/backtest", json={"rules": RULE.replace("power", "pwer")})
    state = await ended(admin)
    assert "no metric 'pwer'; did you mean power" in state["error"]
    assert "/" not in state["error"].partition("rule")[0]


async def test_cancelled_before_its_process_began_it_runs_no_more(tmp_path: Path) -> None:
    job = Job()
    job.start(str(tmp_path), 0, RULE.encode())
    await asyncio.sleep(0)
    await job.stop()
    assert (job.state["running"], job.state["error"]) == (False, "stopped before its end")


async def test_it_can_be_cancelled_and_is_for_people_only(
    house: House, admin: httpx.AsyncClient, stranger: httpx.AsyncClient
) -> None:
    await house.say("kitchen/kettle", "power", 5)
    await admin.post("/api/backtest", json={"rules": RULE})
    state = (await admin.delete("/api/backtest")).json()
    assert (state["running"], state["error"]) == (False, "stopped before its end")
    async with httpx.AsyncClient(base_url=house.address) as nobody:
        assert (await nobody.get("/api/backtest")).status_code == 401
