import asyncio
import json
import time

import httpx
import pytest
from websockets.asyncio.client import connect
from websockets.typing import Origin

from .conftest import CONFIG, USER, House

HOUR = 3_600_000


async def test_the_view_is_what_the_engine_knows(house: House, admin: httpx.AsyncClient) -> None:
    await house.say("kitchen/plug", "power", 12.5)
    view = (await admin.get("/api/view")).json()
    assert view["home"]["name"] == CONFIG.name
    assert view["values"]["kitchen/plug"]["power"][1] == 12.5
    assert [device["id"] for device in view["devices"]] == ["kitchen/plug"]


async def test_a_reading_reaches_an_open_page(house: House, admin: httpx.AsyncClient) -> None:
    await house.say("kitchen/plug", "power", 12.5)
    cookie = {"Cookie": "; ".join(f"{name}={value}" for name, value in admin.cookies.items())}
    address = house.address.replace("http", "ws") + "/live"
    async with connect(address, origin=Origin(house.address), additional_headers=cookie) as socket:
        assert json.loads(await socket.recv())["values"]["kitchen/plug"]["power"][1] == 12.5
        started = time.perf_counter()
        await house.say("kitchen/plug", "power", 99)
        frame = json.loads(await asyncio.wait_for(socket.recv(), 2))
        assert time.perf_counter() - started < 1
    assert frame["type"] == "delta"
    assert [row[:2] + row[3:] for row in frame["values"]] == [["kitchen/plug", "power", 99.0]]


async def test_arming_is_an_action_in_the_log(house: House, admin: httpx.AsyncClient) -> None:
    answer = await admin.post("/api/mode", json={"mode": "away"})
    assert answer.json()["seq"] == house.engine.last_seq
    assert house.acted == [("mode", {"mode": "away"}, f"page:{USER}")]
    assert house.engine.view(CONFIG.id)["mode"] == "away"


async def test_a_command_is_asked_of_devices_that_take_it_and_only_of_those(
    house: House, admin: httpx.AsyncClient
) -> None:
    await house.say("kitchen/lamp", "switch", "OFF")
    await house.say("kitchen/plug", "power", 5)
    answer = await admin.post("/api/devices/kitchen/lamp/command", json={"metric": "switch", "value": 1})
    assert answer.status_code == 200
    (command,) = house.engine.view(CONFIG.id)["commands"]
    assert (command["device"], command["value"], command["state"]) == ("kitchen/lamp", 1.0, "pending")
    body = {"metric": "power", "value": 1}
    assert (await admin.post("/api/devices/kitchen/plug/command", json=body)).status_code == 422
    assert (await admin.post("/api/devices/no/such/command", json=body)).status_code == 404
    assert len(house.acted) == 1


async def test_a_group_is_told_by_name(house: House, admin: httpx.AsyncClient) -> None:
    body = {"metric": "switch", "value": 1}
    await house.say("kitchen/lamp", "switch", "OFF")
    answer = await admin.post("/api/groups/lights/command", json=body)
    assert (answer.status_code, "living_room/lamp" in answer.json()["detail"]) == (422, True)
    await house.say("living_room/lamp", "switch", "OFF")
    assert (await admin.post("/api/groups/lights/command", json=body)).status_code == 200
    asked = {(c["device"], c["state"]) for c in house.engine.view(CONFIG.id)["commands"]}
    assert asked == {("kitchen/lamp", "pending"), ("living_room/lamp", "pending")}
    assert (await admin.post("/api/groups/all/command", json=body)).status_code == 404


async def test_an_open_alert_can_be_acknowledged(house: House, admin: httpx.AsyncClient) -> None:
    await house.say("kitchen/detector", "smoke", 1)
    (alert,) = house.engine.view(CONFIG.id)["alerts"]
    assert (await admin.post(f"/api/alerts/{alert['id']}/acknowledge")).status_code == 200
    (alert,) = house.engine.view(CONFIG.id)["alerts"]
    assert alert["state"] == "acknowledged"
    assert (await admin.post("/api/alerts/none/acknowledge")).status_code == 404
    listed = (await admin.get("/api/alerts")).json()["rows"]
    assert [(one["id"], one["state"]) for one in listed] == [(alert["id"], "acknowledged")]


async def test_the_security_log_by_severity(house: House, admin: httpx.AsyncClient) -> None:
    await house.act("mode", {"mode": "away"}, "page:ann")
    await house.say("kitchen/detector", "smoke", 1)
    everything = (await admin.get("/api/security")).json()["rows"]
    severe = (await admin.get("/api/security", params={"severity": "high"})).json()["rows"]
    assert len(everything) > len(severe) >= 1
    assert {row["severity"] for row in severe} == {"high"}


async def test_history_of_the_running_day(house: House, admin: httpx.AsyncClient) -> None:
    start = int(time.time() * 1000) - 600_000
    for n in range(20):
        at = start + n * 30_000
        await house.say("house/mains", "power", 1200, at)
        await house.say("kitchen/plug", "power", 600, at)
        await house.say("kitchen/air", "temperature", 21, at)
    args = {"device": "house/mains", "metric": "power", "since": start, "until": start + HOUR}
    rows = (await admin.get("/api/history/series", params=args)).json()["rows"]
    assert len(rows) == 20
    assert rows[0] == {"time": start, "min": 1200.0, "max": 1200.0, "mean": 1200.0}
    week = {"by": "week"}
    used = (await admin.get("/api/history/consumption", params=week)).json()
    assert used["step"] == "day"
    assert sum(row["kwh"] for row in used["rows"]) == pytest.approx(1.2 * 19 * 30 / 3600, rel=0.3)
    asked = (await admin.get("/api/history/hogs", params=week)).json()
    hogs, whole = asked["rows"], asked["home"]
    assert [(row["device"], row["mains"]) for row in hogs] == [("house/mains", True), ("kitchen/plug", False)]
    assert whole["kwh"] == pytest.approx(hogs[0]["kwh"])
    assert whole["cost"] == pytest.approx(0.3 * whole["kwh"])
    assert whole["untracked"] == pytest.approx(hogs[0]["kwh"] - hogs[1]["kwh"], abs=2e-6)
    meters = (await admin.get("/api/history/meters", params=week)).json()
    assert [(row["device"], row["parent"]) for row in meters["rows"]] == [("", ""), ("kitchen/plug", "")]
    assert meters["rows"][0]["untracked"] == whole["untracked"]
    assert meters["always_on"] is None or meters["always_on"]["nights"] == 1
    args = {"device": "kitchen/plug", "since": start, "until": start + HOUR}
    assert (await admin.get("/api/history/runs", params=args)).json()["rows"] == []
    refused = await admin.get("/api/history/runs", params=args | {"until": start + 32 * 24 * HOUR})
    assert refused.status_code == 422
    climate = (await admin.get("/api/history/climate", params=week)).json()["rows"]
    assert {(row["room"], round(row["value"], 3)) for row in climate} == {("kitchen", 21.0)}


async def test_a_home_with_only_a_past_shows_the_last_of_it(house: House, admin: httpx.AsyncClient) -> None:
    past = 1_290_000_000_000  # 17 November 2010
    for n in range(20):
        await house.say("house/mains", "power", 1200, past + n * 30_000)
    used = (await admin.get("/api/history/consumption")).json()
    assert used["since"] <= past < used["until"]
    assert used["rows"]
    asked = {"until": used["since"]}
    assert (await admin.get("/api/history/consumption", params=asked)).json()["rows"] == []
    name = (await admin.get("/api/report.pdf")).headers["content-disposition"]
    assert name == 'attachment; filename="home-report-2010-11-17-to-2010-11-17.pdf"'


async def test_a_report_of_whole_local_days(admin: httpx.AsyncClient) -> None:
    answer = await admin.get("/api/report.pdf", params={"since": "2026-10-25", "until": "2026-10-25"})
    assert answer.headers["content-type"] == "application/pdf"
    _, since, until = answer.text.split()
    assert int(until) - int(since) == 25 * HOUR


async def test_status_is_the_books(house: House, admin: httpx.AsyncClient) -> None:
    await house.say("kitchen/plug", "power", 12.5)
    (account,) = (await admin.get("/api/status")).json()["accounts"]
    assert account["received"] == account["stored"] == 1


LAMP = "/api/devices/kitchen/lamp/command"

WRONG_BODIES: list[tuple[str, object]] = [
    ("/api/mode", {"mode": "panic"}),
    ("/api/mode", {"mode": ["away"]}),
    ("/api/mode", {"mode": "away", "more": 1}),
    ("/api/mode", []),
    ("/api/mode", "away"),
    (LAMP, {"metric": "switch", "value": "1"}),
    (LAMP, {"metric": "switch", "value": 1e300}),
    (LAMP, {"metric": "switch"}),
    (LAMP, {"metric": 5, "value": 1}),
    (LAMP, {"metric": "x" * 200, "value": 1}),
    (LAMP, {"metric": "switch", "value": None}),
]


async def test_bodies_of_the_wrong_shape_are_refused_with_a_reason(
    house: House, admin: httpx.AsyncClient
) -> None:
    await house.say("kitchen/lamp", "switch", "OFF")
    for path, body in WRONG_BODIES:
        answer = await admin.post(path, json=body)
        assert answer.status_code == 422, body
        assert 0 < len(answer.json()["detail"]) <= 300
    assert house.acted == []


async def test_not_a_number_is_no_command(house: House, admin: httpx.AsyncClient) -> None:
    await house.say("kitchen/lamp", "switch", "OFF")
    as_json = {"Content-Type": "application/json"}
    for value in (b"NaN", b"Infinity", b"1e999"):
        body = b'{"metric": "switch", "value": ' + value + b"}"
        answer = await admin.post(LAMP, content=body, headers=as_json)
        assert answer.status_code == 422
    assert house.acted == []


WRONG_QUESTIONS = [
    "/api/history/series?device=a&metric=power&since=2&until=1",
    "/api/history/series?device=a&metric=power&since=-1&until=1",
    "/api/history/series?device=a&metric=power&since=0&until=1e9",
    "/api/history/series?device=a&metric=power&since=0&until=99999999999999999999",
    "/api/history/series?device=&metric=power&since=0&until=1",
    "/api/history/series?device=a&metric=power&since=0&until=1&points=1000000",
    "/api/history/series?metric=power&since=0&until=1",
    "/api/history/consumption?by=year",
    "/api/history/consumption?until=x",
    "/api/history/climate?metric=temperature'--",
    "/api/security?severity=loud",
    "/api/security?limit=1000000",
    "/api/report.pdf?since=yesterday",
    "/api/report.pdf?since=2026-11-24&until=2026-11-20",
    "/api/report.pdf?since=" + "9" * 500,
]


async def test_questions_that_make_no_sense_are_refused(admin: httpx.AsyncClient) -> None:
    for path in WRONG_QUESTIONS:
        assert (await admin.get(path)).status_code == 422, path


async def test_names_are_only_names(house: House, admin: httpx.AsyncClient) -> None:
    body = {"metric": "switch", "value": 1}
    for device in ("..", "../../etc/passwd", "%2e%2e%2f", "' OR 1=1 --", "<b>x</b>", "\u202e"):
        args = {"device": device, "metric": "power", "since": 0, "until": 10}
        assert (await admin.get("/api/history/series", params=args)).json()["rows"] == []
        answer = await admin.post(f"/api/devices/{device}/command", json=body)
        assert answer.status_code in (404, 405), device
    assert house.acted == []


async def test_devices_post_readings_beside_the_page(house: House) -> None:
    async with httpx.AsyncClient(base_url=house.address, auth=("sensor", "correct horse")) as device:
        rows = [{"device": "kitchen/plug", "metric": "power", "value": 3}]
        assert (await device.post("/api/v1/readings", json=rows)).is_success
        assert (await device.get("/api/view")).status_code == 401
    assert house.engine.view(CONFIG.id)["values"]["kitchen/plug"]["power"][1] == 3
