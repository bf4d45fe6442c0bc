"""What page and report ask, over a small house whose figures can be worked out by hand."""

import json
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pytest

from homestream.engine.fact import Alert, AnyFact, Blind, DeviceSeen, Security
from homestream.engine.fold import Engine
from homestream.home import HomeConfig
from homestream.homefile import parse
from homestream.lake import queries
from homestream.lake.connect import connect
from homestream.lake.writer import LakeBatch
from homestream.reading import Entry, Kind, Reading

from .house import DAY, HOME, HOUR, MINUTE, START, placed, reading, rows, tick

ZONE = "Europe/Berlin"

CONFIG = parse(
    """
    id = "home"
    timezone = "Europe/Berlin"
    [tariff]
    per_kwh = 0.5
    [[device]]
    id = "cellar/meter"
    name = "Main meter"
    mains = true
    """
)

NO_MAINS = HomeConfig(id="home", timezone=ZONE)


def configured(config: HomeConfig) -> Entry:
    payload = config.model_dump_json(by_alias=True, exclude={"door", "notify"}).encode()
    return Entry(0, Kind.ACTION, HOME, "run", "configure", payload, START)


def entries() -> list[Entry]:
    """Two days: an oven at 1200 W from 12:00 to 13:00 UTC, else 60 W; a lamp at 10 W; a counter at 100 Wh/h.

    The bedroom is at 18 degC at night (UTC) and 22 by day. On the second day the oven takes half.
    """
    made = [configured(CONFIG)]
    for minute in range(0, 2 * 24 * 60 + 6, 2):
        now = START + minute * MINUTE
        hour, second = minute // 60 % 24, minute >= 24 * 60
        watts = 1200 if hour == 12 else 60
        made.append(
            rows(
                now,
                reading("kitchen/oven", "power", watts / 2 if second else watts, now),
                reading("den/lamp", "power", 10, now),
                reading("cellar/meter", "energy", 1000 + 100 * minute / 60, now),
                reading("cellar/meter", "power", 100, now),
                reading("bedroom/air", "temperature", 22 if 6 <= hour < 18 else 18, now),
            )
        )
    return placed([*made, tick(START + 2 * DAY + 10 * MINUTE)])


def fact_batch(*facts: AnyFact) -> LakeBatch:
    return LakeBatch(facts=[(10_000_000 + n, fact) for n, fact in enumerate(facts)])


@pytest.fixture(scope="module")
def con() -> Iterator[duckdb.DuckDBPyConnection]:
    output = Engine().apply(entries())
    facts = [placed for placed in output.facts if not isinstance(placed[1], Alert | Security | Blind)]
    con = connect(Path("nowhere"), [LakeBatch([], output.readings, facts, output.rejected)])
    yield con
    con.close()


def test_devices_have_rooms_and_names(con: duckdb.DuckDBPyConnection) -> None:
    found = queries.devices(con, HOME)
    assert {name: (d["room"], d["name"]) for name, d in found.items()} == {
        "bedroom/air": ("bedroom", "Air"),
        "cellar/meter": ("cellar", "Main meter"),
        "den/lamp": ("den", "Lamp"),
        "kitchen/oven": ("kitchen", "Oven"),
    }
    assert found["kitchen/oven"]["metrics"] == ["power"]
    assert queries.devices(con, "another") == {}


def test_a_device_seen_again_has_its_newest_name(con: duckdb.DuckDBPyConnection) -> None:
    seen = DeviceSeen(
        home=HOME, time=START, device="d", room="a", name="Old", dialect="plain", metrics=(), commands=()
    )
    moved = DeviceSeen(
        home=HOME, time=START, device="d", room="b", name="New", dialect="plain", metrics=(), commands=()
    )
    other = connect(Path("nowhere"), [fact_batch(seen, moved)])
    assert queries.devices(other, HOME)["d"]["name"] == "New"
    assert queries.devices(other, HOME)["d"]["room"] == "b"
    other.close()


def test_a_device_that_never_spoke_is_named_by_the_home_or_its_id() -> None:
    """As the ETL leaves it: readings and roll-ups, and no registry."""
    minutes = [
        Reading(HOME, device, "power", START + n * MINUTE, 60.0)
        for n in range(3)
        for device in ("kitchen/tea_pot", "den/x", "pump")
    ]
    minutes += [Reading(HOME, "den/x", "temperature", START, 21.0)]
    con = connect(Path("nowhere"), [LakeBatch(readings=[(1, reading, False, False) for reading in minutes])])
    config = parse("[[device]]\nid = 'den/x'\nname = 'Screen'\nroom = 'study'")
    found = queries.energy_by_device(con, HOME, START, START + HOUR, ZONE, config)
    labels = {row["device"]: (row["room"], row["name"]) for row in found}
    assert labels == {
        "kitchen/tea_pot": ("kitchen", "Tea pot"),
        "den/x": ("study", "Screen"),
        "pump": ("", "Pump"),
    }
    (room,) = queries.climate(con, HOME, START, START + HOUR, "UTC", "temperature")
    assert (room["room"], room["value"]) == ("den", 21.0)
    con.close()


def test_span_is_first_and_last_reading(con: duckdb.DuckDBPyConnection) -> None:
    assert queries.span(con, HOME) == (START, START + 2 * DAY + 4 * MINUTE)
    assert queries.span(con, "another") == (None, None)


def test_hogs_against_the_day_before(con: duckdb.DuckDBPyConnection) -> None:
    oven, lamp, meter = sorted(
        queries.energy_by_device(con, HOME, START + DAY, START + 2 * DAY, ZONE, CONFIG),
        key=lambda row: ["kitchen/oven", "den/lamp", "cellar/meter"].index(row["device"]),
    )
    # by hand: 600 W for an hour and 30 W for 23
    assert oven["kwh"] == pytest.approx(1.29)
    assert oven["cost"] == pytest.approx(0.645)
    assert oven["change_pct"] == pytest.approx(-50, abs=0.2)
    assert oven["standby"] == pytest.approx(30 * 24 / 1290, abs=0.001)
    assert oven["known_h"] == pytest.approx(24)
    assert (oven["room"], oven["name"], oven["mains"]) == ("kitchen", "Oven", False)
    assert lamp["kwh"] == pytest.approx(0.24)
    assert lamp["standby"] == pytest.approx(1)
    # the counter goes before the power
    assert (meter["kwh"], meter["mains"]) == (pytest.approx(2.4), True)


def test_hogs_come_most_first_and_the_first_day_has_none_before(con: duckdb.DuckDBPyConnection) -> None:
    found = queries.energy_by_device(con, HOME, START, START + DAY, ZONE, CONFIG)
    assert [row["device"] for row in found] == ["kitchen/oven", "cellar/meter", "den/lamp"]
    assert {row["change_pct"] for row in found} == {None}


def test_consumption_is_the_mains_or_else_all_devices(con: duckdb.DuckDBPyConnection) -> None:
    of_mains = queries.consumption(con, HOME, START, START + DAY, ZONE, "hour", CONFIG)
    assert [row["start"] for row in of_mains] == list(range(START, START + DAY, HOUR))
    assert [row["kwh"] for row in of_mains[1:]] == pytest.approx([0.1] * 23)
    assert of_mains[5]["known"] == pytest.approx(1)
    of_all = queries.consumption(con, HOME, START, START + DAY, ZONE, "hour", NO_MAINS)
    assert of_all[12]["kwh"] == pytest.approx(1.2 + 0.01 + 0.1)
    assert of_all[3]["kwh"] == pytest.approx(0.06 + 0.01 + 0.1)


def test_days_are_the_homes_own(con: duckdb.DuckDBPyConnection) -> None:
    """Berlin's midnight is 23:00 UTC: two days of data touch three of its dates."""
    found = queries.consumption(con, HOME, START - DAY, START + 3 * DAY, ZONE, "day", CONFIG)
    assert [(row["start"] - START) / HOUR for row in found] == [-1, 23, 47]
    assert found[1]["kwh"] == pytest.approx(2.4)
    assert (found[0]["known"], found[1]["known"]) == (pytest.approx(23 / 24), pytest.approx(1))


def test_hours_not_closed_yet_are_estimated() -> None:
    """The page shows the hour under way: 30 minutes at 1000 W, and a counter that rose by 500 Wh."""
    made = [
        rows(
            START + n * MINUTE,
            reading("a/heater", "power", 1000, START + n * MINUTE),
            reading("b/meter", "energy", n * 500 / 30, START + n * MINUTE),
            reading("c/air", "temperature", 20 + n % 2, START + n * MINUTE),
        )
        for n in range(31)
    ]
    output = Engine().apply(placed(made))
    con = connect(Path("nowhere"), [LakeBatch([], output.readings, output.facts, [])])
    assert con.execute("SELECT count(*) FROM rollup_1h").fetchall() == [(0,)]
    found = queries.energy_by_device(con, HOME, START, START + DAY, ZONE, NO_MAINS)
    assert [row["kwh"] for row in found] == pytest.approx([0.5, 0.5])
    (hour,) = queries.consumption(con, HOME, START, START + DAY, ZONE, "hour", NO_MAINS)
    assert (hour["start"], hour["kwh"], hour["known"]) == (
        START,
        pytest.approx(1),
        pytest.approx(0.5, abs=0.01),
    )
    (room,) = queries.climate(con, HOME, START, START + DAY, "UTC", "temperature")
    assert (room["room"], room["hour"], room["value"]) == ("c", 0, pytest.approx(20.5, abs=0.02))
    con.close()


def test_climate_is_by_room_and_local_hour(con: duckdb.DuckDBPyConnection) -> None:
    found = queries.climate(con, HOME, START, START + 2 * DAY, ZONE, "temperature")
    assert [(row["room"], row["hour"]) for row in found] == [("bedroom", hour) for hour in range(24)]
    by_hour = {row["hour"]: row["value"] for row in found}
    # 6:00 to 18:00 UTC are 7:00 to 19:00 in Berlin
    assert by_hour[6] == pytest.approx(18, abs=0.2)
    assert by_hour[7] == by_hour[18] == pytest.approx(22, abs=0.2)


def test_a_freezer_probe_does_not_cool_the_kitchen() -> None:
    """In a room where a device also measures humidity, lone thermometers are no climate."""
    made = [
        rows(
            START + n * MINUTE,
            reading("kitchen/freezer", "temperature", -18, START + n * MINUTE),
            reading("kitchen/air", "temperature", 21, START + n * MINUTE),
            reading("kitchen/air", "humidity", 45, START + n * MINUTE),
            reading("den/thermometer", "temperature", 19, START + n * MINUTE),
        )
        for n in range(200)
    ]
    output = Engine().apply(placed(made))
    con = connect(Path("nowhere"), [LakeBatch([], output.readings, output.facts, output.rejected)])
    found = queries.climate(con, HOME, START, START + 200 * MINUTE, "UTC", "temperature")
    assert {(row["room"], row["hour"]) for row in found} == {
        (r, h) for r in ("den", "kitchen") for h in range(4)
    }
    for row in found:
        assert row["value"] == pytest.approx({"kitchen": 21, "den": 19}[row["room"]])
    con.close()


def test_house_mains_is_the_meter_where_none_is_declared() -> None:
    """It measures what the devices measure too: their sum would count twice."""
    made = [
        rows(
            START + n * MINUTE,
            reading("house/mains", "power", 300, START + n * MINUTE),
            reading("den/lamp", "power", 100, START + n * MINUTE),
        )
        for n in range(200)
    ]
    output = Engine().apply(placed(made))
    con = connect(Path("nowhere"), [LakeBatch([], output.readings, output.facts, output.rejected)])
    period = (con, HOME, START, START + HOUR, "UTC")
    assert [row["kwh"] for row in queries.consumption(*period, "hour", NO_MAINS)] == [pytest.approx(0.3)]
    assert {row["device"]: row["mains"] for row in queries.energy_by_device(*period, NO_MAINS)} == {
        "house/mains": True,
        "den/lamp": False,
    }
    assert queries.peak_power(con, HOME, START, START + HOUR, NO_MAINS) == (300, START)
    declared = parse('[[device]]\nid = "den/lamp"\nmains = true')
    assert queries.meters(con, HOME, declared) == ("den/lamp",)
    assert queries.meters(con, "another", NO_MAINS) == ()
    con.close()


@pytest.mark.parametrize("metric", ["x'; DROP VIEW readings", "power') OR ('", ""])
def test_a_metric_is_a_word(con: duckdb.DuckDBPyConnection, metric: str) -> None:
    with pytest.raises(ValueError, match="is no metric"):
        queries.climate(con, HOME, START, START + DAY, ZONE, metric)


def test_series_thins_by_readings_and_by_hours(con: duckdb.DuckDBPyConnection) -> None:
    fine = queries.series(con, HOME, "kitchen/oven", "power", START, START + HOUR, 30)
    assert [row["time"] for row in fine] == [START + n * 2 * MINUTE for n in range(30)]
    assert {row["mean"] for row in fine} == {60.0}
    coarse = queries.series(con, HOME, "kitchen/oven", "power", START, START + 2 * DAY, 16)
    assert [row["time"] for row in coarse] == [START + n * 3 * HOUR for n in range(16)]
    assert (coarse[4]["min"], coarse[4]["max"]) == (60, 1200)
    assert coarse[4]["mean"] == pytest.approx((1200 + 2 * 60) / 3)
    assert queries.series(con, HOME, "kitchen/oven", "humidity", START, START + DAY, 10) == []


def test_the_mean_day_and_the_peak(con: duckdb.DuckDBPyConnection) -> None:
    profile = queries.power_mean_day(con, HOME, START, START + 2 * DAY, "UTC", NO_MAINS)
    assert [row["minute"] for row in profile] == list(range(0, 24 * 60, 5))
    by_minute = {row["minute"]: row["watts"] for row in profile}
    assert by_minute[12 * 60] == pytest.approx(900 + 10 + 100)
    assert by_minute[0] == pytest.approx(45 + 10 + 100)
    assert queries.peak_power(con, HOME, START, START + 2 * DAY, CONFIG) == (100, START)
    watts, at = queries.peak_power(con, HOME, START, START + 2 * DAY, NO_MAINS) or (0, 0)
    assert (watts, at // HOUR) == (1200, (START + 12 * HOUR) // HOUR)
    assert queries.peak_power(con, "another", START, START + DAY, CONFIG) is None


def security(time: int, severity: str, text: str) -> Security:
    return Security(
        home=HOME, time=time, kind="opened", device="hall/door", room="hall", severity=severity, text=text
    )


def test_the_security_log_is_newest_first_and_filtered() -> None:
    log = [security(START + n * HOUR, ["info", "critical"][n % 2], f"opened {n}") for n in range(10)]
    con = connect(Path("nowhere"), [fact_batch(*log)])
    found = queries.security_log(con, HOME, START, START + DAY, ZONE)
    assert [row["text"] for row in found] == [f"opened {n}" for n in range(9, -1, -1)]
    assert found[0]["kind"] == "opened"
    found = queries.security_log(con, HOME, START + 2 * HOUR, START + DAY, ZONE, "critical", 2)
    assert [row["text"] for row in found] == ["opened 9", "opened 7"]
    assert queries.security_count(con, HOME, START, START + 5 * HOUR) == 5
    con.close()


def alert(number: int, state: str, time: int, by: str = "") -> Alert:
    opened = START + number * HOUR
    return Alert(
        home=HOME, time=time, id=f"a{number}", rule="Iron left on", key="laundry/iron", severity="warning",
        state=state, text=state, opened=opened, by=by,
    )  # fmt: skip


def test_alerts_have_one_row_each_with_their_last_state() -> None:
    life = [
        alert(1, "opened", START + HOUR),
        alert(2, "opened", START + 2 * HOUR),
        alert(1, "acknowledged", START + 2 * HOUR, "ann"),
        alert(1, "cleared", START + 3 * DAY),
        alert(60, "opened", START + 60 * HOUR),
    ]
    con = connect(Path("nowhere"), [fact_batch(*life)])
    second, first = queries.alerts(con, HOME, START, START + DAY, ZONE)
    assert (first["id"], first["state"], first["by"]) == ("a1", "cleared", "ann")
    assert (first["acknowledged"], first["cleared"]) == (START + 2 * HOUR, START + 3 * DAY)
    assert (second["id"], second["state"], second["acknowledged"]) == ("a2", "opened", None)
    con.close()


def test_blind_devices_count_once_for_all_their_series() -> None:
    def blind(device: str, metric: str, start: int, end: int | None) -> Blind:
        return Blind(
            home=HOME, time=end or start, device=device, metric=metric, start=start, end=end,
            before=None, after=None, why="silent",
        )  # fmt: skip

    told = [
        blind("a", "temperature", START, START + HOUR),
        blind("a", "humidity", START, START + HOUR + MINUTE),
        blind("a", "humidity", START + 5 * HOUR, START + 6 * HOUR),
        blind("b", "power", START, START + 4 * HOUR),
        blind("c", "power", START, None),
    ]
    con = connect(Path("nowhere"), [fact_batch(*told)])
    b, a = queries.blind(con, HOME, START, START + DAY)
    assert (b["device"], b["times"], b["longest"]) == ("b", 1, 4 * HOUR)
    assert (a["times"], a["total"], a["longest"]) == (2, 2 * HOUR + MINUTE, HOUR + MINUTE)
    con.close()


def test_performance_of_the_system_itself() -> None:
    minutes = [
        {
            "time": START + n * MINUTE,
            "received": 60,
            "stored": 60,
            "p50_ms": 1.0,
            "p99_ms": float(n),
            "rate": n,
            "rss_bytes": n,
        }
        for n in range(100)
    ]
    con = connect(Path("nowhere"), [LakeBatch(system=minutes)])
    found = queries.performance(con, START, START + 100 * MINUTE, points=10)
    assert (found["p50_ms"], found["rate_peak"], found["received"], found["rss_bytes"]) == (1.0, 99, 6000, 99)
    assert found["p99_ms"] == pytest.approx(98.01)
    assert [point["time"] for point in found["points"]] == [START + n * 10 * MINUTE for n in range(10)]
    assert found["points"][0]["rate"] == pytest.approx(4.5)
    nothing = queries.performance(con, START - DAY, START)
    assert (nothing["p50_ms"], nothing["points"]) == (None, [])
    con.close()


def test_answers_are_plain(con: duckdb.DuckDBPyConnection) -> None:
    """The page sends them as JSON."""
    period = (HOME, START, START + 2 * DAY, ZONE)
    answers = [
        queries.energy_by_device(con, *period, CONFIG),
        queries.consumption(con, *period, "day", CONFIG),
        queries.climate(con, *period, "temperature"),
        queries.performance(con, START, START + DAY),
        queries.series(con, HOME, "den/lamp", "power", START, START + DAY, 50),
    ]
    assert json.loads(json.dumps(answers, allow_nan=False)) == answers
