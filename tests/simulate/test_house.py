"""The house behaves like one: same seed, same life; the parts make the whole; the truth is in the data."""

from collections import defaultdict
from math import isclose
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homestream.reading import METRICS
from homestream.simulate.devices import DEVICES, MAINS, Device
from homestream.simulate.faults import Report
from homestream.simulate.house import House

MONDAY = 1_767_571_200_000
DAY = 86_400_000
BERLIN = ZoneInfo("Europe/Berlin")
BY_ID = {device.id: device for device in DEVICES}


def house(seed: int = 1, every: int = 60_000, start: int = MONDAY, showcase: bool = False) -> House:
    return House("home", seed, BERLIN, start, every, showcase)


def live(home: House, steps: int) -> list[Report]:
    return [report for _ in range(steps) for report in home.step()]


@pytest.fixture(scope="module")
def week() -> tuple[list[Report], list[dict[str, object]]]:
    home = house()
    return live(home, 7 * 1440), home.truth


def value(report: Report, metric: str) -> float:
    return report.values[report.device.metrics.index(metric)]


def test_about_sixty_devices_in_all_families_with_ids_of_their_own() -> None:
    assert 55 <= len(DEVICES) <= 70
    assert len(BY_ID) == len(DEVICES)
    assert {d.family for d in DEVICES} == {"z2m", "tasmota", "plain", "http", "coap", "senml"}
    assert 0.25 < sum(d.family == "z2m" for d in DEVICES) / len(DEVICES) < 0.45


@given(seed=st.integers(0, 2**63), start=st.integers(0, 400), steps=st.integers(1, 40))
@settings(max_examples=15, deadline=None)
def test_same_seed_same_life(seed: int, start: int, steps: int) -> None:
    first, again = (house(seed, 300_000, MONDAY + start * 3_600_000) for _ in range(2))
    assert live(first, steps) == live(again, steps)
    assert first.truth == again.truth


def test_another_seed_is_another_life() -> None:
    assert live(house(1), 60) != live(house(2), 60)


def test_speed_changes_stamps_but_not_the_life() -> None:
    slow, fast = house(every=5000), house(every=5000)
    for step in range(200):
        a, b = slow.step(), fast.step(step * 500, 500)
        keep = [n for n, d in enumerate(DEVICES) if "energy" not in d.metrics]
        assert [a[n].values for n in keep] == [b[n].values for n in keep]
        assert all(step * 500 <= report.time < step * 500 + 500 for report in b)


def test_counters_grow_with_the_stamps_by_power_times_time() -> None:
    home = house(every=5000)
    last: dict[str, float] = {}
    for step in range(300):
        for report in home.step(step * 1000, 1000):
            if "energy" in report.device.metrics and report.device.id not in home._wire._zero:
                energy, power = value(report, "energy"), value(report, "power")
                if report.device.id in last:
                    grown = energy - last[report.device.id]
                    assert isclose(grown, power / 3600, abs_tol=0.11), report
                last[report.device.id] = energy


def test_values_are_possible(week: tuple[list[Report], object]) -> None:
    for report in week[0]:
        for metric, one in zip(report.device.metrics, report.values, strict=True):
            _, low, high = METRICS[metric]
            assert low <= one <= high, report


def test_the_mains_is_the_sum_of_its_parts_and_what_has_no_meter() -> None:
    home = house(3)
    for _ in range(2000):
        reports = home.step()
        metered = [d.id for d in DEVICES if "power" in d.metrics and d.id != MAINS]
        parts = sum(home.power[device] for device in metered)
        assert isclose(home.power[MAINS], parts + home.untracked, abs_tol=0.051)
        assert home.untracked > 30
        for report in reports:
            if report.device.id in home.power:
                assert value(report, "power") == home.power[report.device.id]


def test_consumption_and_climate_are_those_of_a_home(week: tuple[list[Report], object]) -> None:
    watts = [value(r, "power") for r in week[0] if r.device.id == MAINS]
    per_day = sum(watts) / len(watts) * 24 / 1000
    assert 8 < per_day < 70, f"{per_day} kWh a day"
    assert max(watts) > 4000
    assert min(watts) < 400
    rooms = defaultdict(list)
    for report in week[0]:
        if report.device.kind == "climate" and report.device.room != "garage":
            rooms[report.device.room].append(value(report, "temperature"))
    for room, temperatures in rooms.items():
        middle = sorted(temperatures)[len(temperatures) // 2]
        assert 14 < middle < 25, room
    damp = [value(r, "humidity") for r in week[0] if r.device.id == "bathroom/climate"]
    assert max(damp) > 70
    assert sorted(damp)[len(damp) // 2] < 65


def test_nobody_moves_in_an_empty_house(week: tuple[list[Report], list[dict[str, object]]]) -> None:
    reports, truth = week
    where: dict[object, object] = {}
    changes = []
    for line in truth:
        if line["truth"] == "person":
            where[line["person"]] = line["where"]
            changes.append((line["time"], all(place == "away" for place in where.values())))
    strangers = {(t["start"], t["end"]) for t in truth if t.get("kind") == "intrusion"}
    assert any(empty for _, empty in changes)
    from homestream.simulate.house import _iso

    place, empty_since = 0, None
    seen_at_home = seen_away = 0
    for report in reports:
        now = _iso(report.time)
        while place < len(changes) and changes[place][0] <= now:
            if not changes[place][1]:
                empty_since = None
            elif empty_since is None:
                empty_since = report.time
            place += 1
        if report.device.kind == "motion" and value(report, "motion"):
            if empty_since is not None and report.time - empty_since > 120_000:
                assert any(start <= now <= end for start, end in strangers), (now, report)
                seen_away += 1
            else:
                seen_at_home += 1
    assert seen_at_home > 1000


def test_an_appliance_that_runs_draws_power(week: tuple[list[Report], list[dict[str, object]]]) -> None:
    from homestream.simulate.house import _iso

    reports, truth = week
    runs = [t for t in truth if t["truth"] == "appliance" and t["device"] == "washing_machine"]
    assert runs
    for report in reports:
        if report.device.id == "washing_machine":
            now = _iso(report.time)
            running = any(run["start"] <= now < run["end"] for run in runs)
            near = any(abs(_ms(run[k]) - report.time) < 61_000 for run in runs for k in ("start", "end"))
            if not near:
                assert (value(report, "power") > 10) == running, now


def _ms(text: object) -> float:
    from datetime import datetime

    return datetime.fromisoformat(str(text)).timestamp() * 1000


def test_a_lamp_obeys_until_the_room_is_left_and_a_deaf_one_does_not() -> None:
    home = house(showcase=True, every=5000, start=MONDAY + 13 * 3_600_000)
    home.step()
    garage = BY_ID["garage/light"]
    answer = home.command(garage, "switch", 1.0, 42)
    assert answer == Report(garage, 42, (1.0, 80.0))
    assert home.command(garage, "brightness", 30.0, 43) == Report(garage, 43, (1.0, 30.0))
    after = {r.device.id: r.values for r in home.step()}
    assert after["garage/light"] == (1.0, 30.0)
    assert home.command(BY_ID["living_room/floor_lamp"], "switch", 1.0, 44) is None
    assert home.command(BY_ID["hall/motion"], "motion", 1.0, 45) is None


@pytest.mark.parametrize("device", [d for d in DEVICES if d.kind == "plug"], ids=lambda d: d.id)
def test_a_plug_turned_off_draws_nothing_and_comes_back(device: Device) -> None:
    home = house(every=5000)
    home.step()
    off = home.command(device, "switch", 0.0, 1)
    assert off is not None
    assert off.values[:2] == (0.0, 0.0)
    on = home.command(device, "switch", 1.0, 2)
    assert on is not None
    assert on.values[0] == 1.0
    assert {r.device.id: r.values[0] for r in home.step()}[device.id] == 1.0


def test_commands_use_up_no_luck() -> None:
    left, touched = house(5), house(5)
    for step in range(120):
        a, b = left.step(), touched.step()
        if step == 20:
            touched.command(BY_ID["garage/light"], "switch", 1.0, 0)
        others = [n for n, d in enumerate(DEVICES) if d.id not in ("garage/light", MAINS, "garage/motion")]
        assert [a[n] for n in others] == [b[n] for n in others]


def test_a_day_in_which_the_clock_is_changed_has_its_hours() -> None:
    spring = 1_774_738_800_000  # 2026-03-29 00:00 in Berlin, a day of 23 h
    home = house(start=spring)
    live(home, 23 * 60)
    assert home.clock == home._day_end == spring + 23 * 3_600_000
    live(home, 60)
    assert home.day.midnight == spring + 23 * 3_600_000
