"""Cost, export, the meter tree and what is always on, over homes whose figures can be worked out by hand."""

import json
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from math import fsum, isnan
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homestream.engine.clock import day_end
from homestream.engine.energy.tree import HOME as WHOLE
from homestream.engine.fold import Engine
from homestream.home import HomeConfig
from homestream.lake import queries
from homestream.lake.connect import connect
from homestream.lake.tariff import week
from homestream.lake.writer import LakeBatch
from homestream.reading import Entry, Kind
from homestream.simulate.house import House

from .house import DAY, HOME, HOUR, MINUTE, START, placed, reading, rows, tick

BERLIN = ZoneInfo("Europe/Berlin")
#: 2026-03-29 and 2026-10-25, when Berlin's clocks change; both at local midnight
SPRING, AUTUMN = 1_774_738_800_000, 1_792_879_200_000

Watts = Callable[[int], float]


def config(**more: Any) -> HomeConfig:
    return HomeConfig.model_validate({"id": HOME, "timezone": "Europe/Berlin", **more})


def lived(said: HomeConfig, start: int, length: int, every: int = 10 * MINUTE, **series: Watts) -> LakeBatch:
    """`device__metric=f(minute)`; a counter counts what the function says in W."""
    payload = said.model_dump_json(by_alias=True, exclude={"door", "notify"}).encode()
    entries = [Entry(0, Kind.ACTION, HOME, "run", "configure", payload, start)]
    wh = dict.fromkeys(series, 1_000.0)
    for now in range(start, start + length + 1, every):
        made = []
        for name, watts in series.items():
            device, _, metric = name.rpartition("__")
            value = watts((now - start) // MINUTE)
            if metric.startswith("energy"):
                value, wh[name] = wh[name], wh[name] + value * every / HOUR
            if not isnan(value):
                made.append(reading(device.replace("__", "/"), metric, value, now))
        if made:
            entries.append(rows(now, *made))
    output = Engine().apply(placed([*entries, tick(start + length + 5 * MINUTE)]))
    assert not output.rejected
    return LakeBatch([], output.readings, output.facts, output.rejected)


@contextmanager
def asked(batch: LakeBatch) -> Iterator[duckdb.DuckDBPyConnection]:
    con = connect(Path("nowhere"), [batch])
    yield con
    con.close()


def consumption(con: duckdb.DuckDBPyConnection, said: HomeConfig, start: int, end: int, step: str) -> Any:
    return queries.consumption(con, HOME, start, end, said.timezone, step, said)


def test_a_price_by_time_of_use_is_exact_to_the_minute_of_the_band() -> None:
    tariff = {
        "per_kwh": 0.3,
        "band": [
            {"from": "22:30", "to": "06:00", "per_kwh": 0.1},
            {"days": ["sun"], "per_kwh": 0.2},
        ],
    }
    prices = week(config(tariff=tariff).tariff)
    assert prices[:6] == [0.1] * 6
    assert prices[6:22] == [0.3] * 16
    assert prices[22] == pytest.approx((0.3 + 0.1) / 2)
    assert prices[6 * 24 + 12] == 0.2
    assert prices[6 * 24 + 5] == 0.1


@pytest.mark.parametrize(("midnight", "hours"), [(SPRING, 23), (AUTUMN, 25)])
def test_costs_of_hours_sum_to_the_day_when_the_clock_is_changed(midnight: int, hours: int) -> None:
    band = [{"from": "00:00", "to": "06:00", "per_kwh": 0.1}]
    said = config(tariff={"per_kwh": 0.3, "band": band, "standing_per_day": 0.5})
    end = day_end(BERLIN, midnight)
    batch = lived(said, midnight - HOUR, end - midnight + 2 * HOUR, house__mains__energy=lambda _: 1_000)
    with asked(batch) as con:
        by_hour = consumption(con, said, midnight, end, "hour")
        (day,) = consumption(con, said, midnight, end, "day")
        (mains,) = queries.energy_by_device(con, HOME, midnight, end, said.timezone, said)
    assert len(by_hour) == hours
    night = 6 - 1 if hours == 23 else 6 + 1
    expected = night * 0.1 + (hours - night) * 0.3
    assert day["start"] == midnight
    assert day["kwh"] == pytest.approx(hours)
    assert day["cost"] == pytest.approx(expected + 0.5)
    assert fsum(row["cost"] for row in by_hour) == pytest.approx(day["cost"])
    assert mains["cost"] == pytest.approx(expected)


def test_a_series_of_prices_goes_before_the_bands_and_these_where_it_is_silent() -> None:
    said = config(tariff={"per_kwh": 0.3, "price": "grid/price.price"})
    batch = lived(
        said,
        START,
        6 * HOUR,
        house__mains__energy=lambda _: 2_000,
        grid__price__price=lambda m: float("nan") if m < 120 else -0.05 if m < 240 else 0.4,
    )
    with asked(batch) as con:
        costs = [row["cost"] for row in consumption(con, said, START, START + 5 * HOUR, "hour")]
        (mains,) = queries.energy_by_device(con, HOME, START, START + 5 * HOUR, "Europe/Berlin", said)
    assert costs == [pytest.approx(x) for x in (0.6, 0.6, -0.1, -0.1, 0.8)]
    assert mains["cost"] == pytest.approx(fsum(costs))


def sun(minute: int) -> float:
    return 1_500.0 if 125 <= minute < 245 else 0.0


def test_what_is_fed_in_is_paid_for_whether_counted_or_seen_in_the_sign() -> None:
    said = config(
        tariff={"per_kwh": 0.3, "export_per_kwh": 0.1},
        device=[{"id": "house/mains", "mains": True}, {"id": "roof", "produces": True}],
    )
    end = START + 6 * HOUR
    counted = lived(
        said,
        START,
        6 * HOUR,
        5 * MINUTE,
        house__mains__energy=lambda m: max(500 - sun(m), 0),
        house__mains__energy_export=lambda m: max(sun(m) - 500, 0),
        roof__energy=sun,
    )
    signed = lived(
        said, START, 6 * HOUR, 5 * MINUTE, house__mains__power=lambda m: 500 - sun(m), roof__power=sun
    )
    for batch in (counted, signed):
        with asked(batch) as con:
            (day,) = consumption(con, said, START, end, "day")
            by_hour = consumption(con, said, START, end, "hour")
            tree = {r["device"]: r for r in queries.meter_tree(con, HOME, START, end, "UTC", said)}
            hogs = queries.energy_by_device(con, HOME, START, end, "UTC", said)
        assert day["kwh"] == pytest.approx(4 * 0.5)
        assert day["export_kwh"] == pytest.approx(2.0)
        assert day["cost"] == pytest.approx(2.0 * 0.3 - 2.0 * 0.1)
        assert fsum(row["export_kwh"] for row in by_hour) == pytest.approx(2.0)
        assert tree["roof"]["kwh"] == pytest.approx(-3.0)
        assert tree[WHOLE]["kwh"] == pytest.approx(0.0, abs=1e-6)
        assert tree[WHOLE]["untracked"] == pytest.approx(3.0)  # what the home itself used
        assert [row["device"] for row in hogs] == ["house/mains"]


def test_a_tree_adds_up_at_every_level() -> None:
    said = config(
        device=[
            {"id": "l1", "mains": True},
            {"id": "l2", "mains": True},
            {"id": "kitchen", "parent": "l1"},
            {"id": "oven", "parent": "kitchen"},
            {"id": "fan"},
        ]
    )
    watts = {"l1": 900, "l2": 400, "kitchen": 700, "oven": 450, "fan": 123}
    batch = lived(said, START, 3 * HOUR, **{f"{d}__energy": lambda _, w=w: w for d, w in watts.items()})
    with asked(batch) as con:
        found = queries.meter_tree(con, HOME, START, START + 3 * HOUR, "UTC", said)
    shown = [(r["device"], r["parent"], round(r["kwh"], 6), r["untracked"]) for r in found]
    assert shown == [
        ("", "", 3.9, pytest.approx(3 * 0.477)),
        ("fan", "", 0.369, None),
        ("l1", "", 2.7, pytest.approx(0.6)),
        ("kitchen", "l1", 2.1, pytest.approx(0.75)),
        ("oven", "kitchen", 1.35, None),
        ("l2", "", 1.2, None),
    ]


@given(st.integers(0, 1_000), st.integers(0, 23))
@settings(max_examples=5, deadline=None)
def test_devices_and_untracked_are_the_mains_in_any_house(seed: int, hour: int) -> None:
    """To the last mWh; and untracked is what the house knows that no device measured."""
    start, every = START + hour * HOUR, MINUTE
    house, entries, truth = House(HOME, seed, BERLIN, start, every), [], 0.0
    said = config()
    for step in range(5 * 60 + 3):
        made = [
            reading(report.device.id, metric, value, report.time)
            for report in house.step()
            for metric, value in zip(report.device.metrics, report.values, strict=True)
            if metric == "energy"
        ]
        if step and step <= 5 * 60:
            truth += house.untracked / 60
        entries.append(rows(start + (step + 1) * every, *made))
    output = Engine().apply(placed([*entries, tick(start + 6 * HOUR)]))
    with asked(LakeBatch([], output.readings, output.facts, [])) as con:
        period = (con, HOME, start, start + 5 * HOUR, "UTC")
        found = queries.meter_tree(*period, said)
        hogs = {row["device"]: row["kwh"] for row in queries.energy_by_device(*period, said)}
        by_hour = queries.consumption(*period, "hour", said)
    home, *devices = found
    assert home["device"] == WHOLE
    assert {row["parent"] for row in devices} == {WHOLE}
    parts = [round(row["kwh"] * 1e6) for row in devices] + [round(home["untracked"] * 1e6)]
    assert sum(parts) == round(home["kwh"] * 1e6)
    assert home["kwh"] == pytest.approx(hogs["house/mains"], abs=1e-6)
    assert home["kwh"] == pytest.approx(fsum(row["kwh"] for row in by_hour), abs=1e-6)
    assert all(row["kwh"] == pytest.approx(hogs[row["device"]], abs=1e-6) for row in devices)
    assert home["untracked"] == pytest.approx(truth / 1000, abs=0.02 + 0.02 * home["kwh"])
    assert home["untracked"] > 0


def test_a_meter_back_after_days_draws_no_bar_and_loses_nothing() -> None:
    said = config()
    gone: Watts = lambda m: float("nan") if 600 < m < 600 + 3 * 1440 else m  # noqa: E731
    batch = lived(said, START, 4 * DAY, 30 * MINUTE, house__mains__energy=lambda _: 400, den__tv__count=gone)
    kept = [r for _, r, _, _ in batch.readings if not 600 * MINUTE < r.time - START < 600 * MINUTE + 3 * DAY]
    readings = [
        rows(r.time, reading(r.device, "energy", r.value, r.time)) for r in kept if r.metric == "energy"
    ]
    output = Engine().apply(placed([*readings, tick(START + 4 * DAY + 5 * MINUTE)]))
    with asked(LakeBatch([], output.readings, output.facts, [])) as con:
        by_hour = consumption(con, said, START, START + 4 * DAY, "hour")
        (mains,) = queries.energy_by_device(con, HOME, START, START + 4 * DAY, "UTC", said)
        (half,) = queries.energy_by_device(con, HOME, START, START + 2 * DAY, "UTC", said)
    assert max(row["kwh"] for row in by_hour) == pytest.approx(0.4, abs=0.01)
    assert len(by_hour) == 96
    assert fsum(row["kwh"] for row in by_hour) == pytest.approx(38.4)
    assert mains["kwh"] == pytest.approx(38.4)
    assert (mains["source"], mains["error_kwh"]) == ("counter", 0)
    assert mains["estimated_kwh"] == pytest.approx(3 * 24 * 0.4)
    assert half["error_kwh"] == half["estimated_kwh"] == pytest.approx(38 * 0.4)


def test_in_a_home_without_mains_the_sun_is_no_power_used() -> None:
    said = config(device=[{"id": "roof/inverter", "produces": True}])
    fridge, sun = {"kitchen__fridge__power": lambda _: 100}, {"roof__inverter__power": lambda _: 3_000}
    batch = lived(said, START, DAY, 4 * MINUTE, **fridge, **sun)
    asked_of = (HOME, START, START + DAY)
    with asked(batch) as con:
        peak = queries.peak_power(con, *asked_of, said)
        day = queries.power_mean_day(con, *asked_of, "UTC", said)
        base = queries.always_on(con, *asked_of, "UTC", said)
        (used,) = queries.consumption(con, *asked_of, "UTC", "day", said)
    assert peak is not None and peak[0] == 100
    assert {row["watts"] for row in day} == {100}
    assert base is not None and base["watts"] == pytest.approx(100)
    assert used["kwh"] == pytest.approx(2.4)


def test_where_hours_begin_at_the_half_all_are_cut_there() -> None:
    """Those closed, those after a silence of the counter, and the one under way."""
    said = config(timezone="Asia/Kolkata")
    midnight = START - 5 * HOUR - 30 * MINUTE
    counted = [n for n in range(0, 20 * 60, 10) if not 6 * 60 < n < 12 * 60]
    payload = said.model_dump_json(by_alias=True, exclude={"door", "notify"}).encode()
    entries = [Entry(0, Kind.ACTION, HOME, "run", "configure", payload, midnight)]
    for n in counted:
        now = midnight + n * MINUTE
        entries.append(rows(now, reading("house/mains", "energy", 10.0 * n, now)))
    output = Engine().apply(placed(entries))
    with asked(LakeBatch([], output.readings, output.facts, [])) as con:
        by_hour = queries.consumption(con, HOME, midnight, midnight + DAY, said.timezone, "hour", said)
    assert [row["start"] for row in by_hour] == [midnight + hour * HOUR for hour in range(20)]
    assert [row["kwh"] for row in by_hour[:-1]] == pytest.approx([0.6] * 19, abs=0.11)
    assert fsum(row["kwh"] for row in by_hour) == pytest.approx(11.9, abs=0.11)


def test_a_power_that_is_not_known_makes_the_figure_less_sure() -> None:
    said = config()
    watts: Watts = lambda m: float("nan") if 60 <= m < 180 else 600  # noqa: E731
    batch = lived(said, START, 10 * HOUR, 2 * MINUTE, den__tv__power=watts)
    with asked(batch) as con:
        (row,) = queries.energy_by_device(con, HOME, START, START + 10 * HOUR, "UTC", said)
    assert row["source"] == "power"
    assert row["kwh"] == pytest.approx(0.6 * 8, abs=0.06)
    assert row["error_kwh"] == pytest.approx(0.6 * 2, abs=0.06)


def test_what_is_always_on_is_the_least_of_the_nights() -> None:
    said, midnight = config(), START - HOUR
    use: Watts = lambda m: 80 + 5 * (m // 1440) + (700 if 7 <= m // 60 % 24 < 23 else 0)  # noqa: E731
    batch = lived(said, midnight, 4 * DAY, house__mains__energy=use)
    with asked(batch) as con:
        found = queries.always_on(con, HOME, midnight, midnight + 4 * DAY, "Europe/Berlin", said)
        nothing = queries.always_on(
            con, HOME, midnight + 40 * DAY, midnight + 41 * DAY, "Europe/Berlin", said
        )
    assert nothing is None
    assert found is not None
    assert found["nights"] == 4
    assert found["watts"] == pytest.approx(87.5)
    assert found["error"] == pytest.approx(3.75)
    assert found["share"] == pytest.approx(0.0875 * 96 / (fsum(use(m) for m in range(4 * 1440)) / 60_000))
    json.dumps(found)


def test_the_runs_of_an_appliance_with_what_each_took() -> None:
    said = config()
    watts: Watts = lambda m: 1_800 if m % 360 in range(60, 90) else 2  # noqa: E731
    batch = lived(said, START, DAY, MINUTE, kitchen__oven__power=watts)
    with asked(batch) as con:
        found = queries.appliance_runs(con, HOME, "kitchen/oven", START + HOUR, START + DAY, said)
        assert queries.appliance_runs(con, HOME, "kitchen/fan", START, START + DAY, said) == []
    assert [(row["start"] - START) / HOUR for row in found] == [1, 7, 13, 19]
    assert {row["end"] - row["start"] for row in found} == {30 * MINUTE}
    assert [row["kwh"] for row in found] == [pytest.approx(0.9)] * 4
    assert {row["peak"] for row in found} == {1_800}
