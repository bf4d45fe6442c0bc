from math import fsum, nan

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homestream.engine import series as series_module
from homestream.engine.clock import DAY, HOUR, LATENESS, MINUTE
from homestream.engine.fact import Anomaly
from homestream.engine.windows import HOLD_MAX, MAX_GAP

from .streams import AUTUMN, DEVICE, SPRING, Event, Run, events, final, play, reference

ZONES = ("UTC", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe")
STARTS = (SPRING - 2 * HOUR, AUTUMN - 2 * HOUR, SPRING + 13 * HOUR + 17)
T = SPRING


def check(run: Run, zone: str, now: int) -> None:
    """The last revision of every window is what the stored readings say, and there is no other window."""
    stated = final(fact for size in ("1m", "1h", "1d") for fact in run.windows(size))
    expected = reference(run.out.readings, zone, now)
    assert set(stated) == set(expected)
    for key, window in expected.items():
        fact = stated[key]
        exact = (fact.count, fact.min, fact.max, fact.sum, fact.last, fact.known)
        assert exact == (window.count, window.min, window.max, window.sum, window.last, window.known), key
        assert fact.mean == (fact.sum / fact.count if fact.count else None)
        assert fact.twmean == pytest.approx(window.twmean), key
        assert fact.energy == pytest.approx(window.energy, abs=1e-6), key


@given(st.sampled_from(ZONES), st.sampled_from(STARTS), st.lists(events(), min_size=1, max_size=40))
@settings(max_examples=100, deadline=None)
def test_windows_are_what_the_readings_say(zone: str, start: int, stream: list[Event]) -> None:
    run = Run(zone)
    check(run, zone, play(run, start, stream))


counts = st.sampled_from([0.0, 5.0, 1_000.0, 1_005.0, 995.0, 3_000.0, 50_000.0, 9e6, 9e6 + 5, 9e6 + 9, nan])
odd_counters = st.builds(
    Event,
    st.sampled_from([0, 5_000, 30_000, MINUTE, 20 * MINUTE, HOUR]),
    st.sampled_from(["energy", "energy", "energy", ""]),
    st.sampled_from([0, 0, 0, 1, 90_000, 10 * MINUTE, 3 * HOUR + 1]),
    counts,
)


@given(st.lists(odd_counters, min_size=5, max_size=60))
@settings(max_examples=100, deadline=None)
def test_late_readings_of_a_counter_that_resets_dips_and_glitches(stream: list[Event]) -> None:
    run = Run()
    check(run, "UTC", play(run, T, stream))


@pytest.mark.parametrize(("midnight", "hours"), [(SPRING, 23), (AUTUMN, 25)])
def test_hours_sum_to_the_day_when_the_clock_is_changed(midnight: int, hours: int) -> None:
    """A house at 0.1 W steps from midnight to midnight, Berlin time; the energy counter agrees with it."""
    run = Run("Europe/Berlin")
    start = midnight - (HOUR if hours == 23 else 2 * HOUR)
    for n in range(hours * 12 + 3):
        run.read(start + n * 5 * MINUTE, 100 + n % 7 / 10, "power")
        run.read(start + n * 5 * MINUTE, n * 7.3, "energy")
    run.tick(run.fold.now + 2 * MINUTE)
    for metric in ("power", "energy"):
        parts = [fact for fact in run.windows("1h") if fact.metric == metric]
        [day] = (fact for fact in run.windows("1d") if fact.metric == metric)
        assert day.start == start
        assert len(parts) == hours
        assert day.count == sum(part.count for part in parts) == hours * 12
        assert day.known == sum(part.known for part in parts) == hours * HOUR
        assert day.sum == fsum(part.sum for part in parts)
        assert day.energy == fsum(part.energy or 0.0 for part in parts)
        assert day.min == min(part.min or 0.0 for part in parts)
        assert day.max == max(part.max or 0.0 for part in parts)


def test_a_quiet_sensor_closes_its_windows_by_ticks_while_its_value_holds() -> None:
    run = Run()
    run.read(T + 30_000, 1.0, "contact")
    for n in range(26 * 60):
        run.tick(T + n * MINUTE)
    minutes = run.windows("1m")
    assert len(minutes) == 24 * 60 + 1
    assert [fact.known for fact in minutes] == [30_000, *[MINUTE] * (24 * 60 - 1), 30_000]
    assert {(fact.count, fact.last, fact.twmean) for fact in minutes[1:]} == {(0, 1.0, 1.0)}
    assert (minutes[1].min, minutes[1].mean, minutes[1].sum) == (None, None, 0.0)
    [day] = run.windows("1d")
    assert (day.count, day.known) == (1, HOLD_MAX - 30_000)


def test_one_jump_of_the_clock_closes_what_many_ticks_would() -> None:
    ticking, jumping = Run(), Run()
    for run in (ticking, jumping):
        run.read(T, 1.0, "contact")
        run.read(T, 60.0, "power")
    for n in range(60 * 60):
        ticking.tick(T + n * MINUTE)
    jumping.tick(T + 60 * HOUR - MINUTE)
    assert jumping.facts == ticking.facts
    assert jumping.fold.snapshot()["rollup"] == ticking.fold.snapshot()["rollup"]


def test_power_is_held_no_longer_than_the_gap() -> None:
    run = Run()
    run.read(T, 1_200.0, "power")
    run.tick(T + HOUR + LATENESS)
    [hour] = run.windows("1h")
    assert (hour.known, hour.energy) == (MAX_GAP, 1_200 * MAX_GAP / HOUR)


def test_a_late_reading_states_its_windows_again_once() -> None:
    run = Run()
    run.read(T, 1.0)
    run.tick(T + DAY + 2 * HOUR)
    before = len(run.facts)
    run.read(T + 3 * HOUR, 2.0)
    run.read(T + 3 * HOUR + 1_000, 3.0)
    assert len(run.facts) == before
    run.tick(T + DAY + 2 * HOUR + MINUTE)
    again = [fact for size in ("1m", "1h", "1d") for fact in run.windows(size) if fact.revision]
    assert {fact.revision for fact in again} == {1}
    day = again[-1]
    assert (day.size, day.start, day.count, day.max) == ("1d", T, 3, 3.0)
    assert [fact.start for fact in again if fact.size == "1h"] == [T + n * HOUR for n in range(3, 25)]
    run.read(T + 3 * HOUR, 2.5)
    run.tick(T + DAY + 2 * HOUR + 2 * MINUTE)
    last = run.windows("1h")[-1]
    assert (last.start, last.revision, last.sum) == (T + 3 * HOUR, 2, 5.5)


def test_older_than_a_day_is_stored_and_amends_nothing() -> None:
    run = Run()
    run.read(T, 1.0)
    run.tick(T + 2 * DAY)
    run.read(T + HOUR, 2.0)
    run.tick(T + 2 * DAY + 3 * MINUTE)
    assert run.account.stored == 2
    assert [fact for size in ("1m", "1h", "1d") for fact in run.windows(size) if fact.revision] == []


def test_a_glitch_is_flagged_and_kept_out() -> None:
    run = Run()
    for n, value in enumerate((500_000, 500_010, 9_999_999, 500_030)):
        run.read(T + n * 10_000, value, "energy")
    run.tick(T + 3 * MINUTE)
    [anomaly] = (fact for fact in run.facts if isinstance(fact, Anomaly))
    assert (anomaly.device, anomaly.metric, anomaly.kind, anomaly.value) == (
        DEVICE,
        "energy",
        "range",
        9_999_999,
    )
    assert "9999999 Wh cannot be" in anomaly.text
    assert run.windows("1m")[0].energy == 30


def test_a_meter_read_on_the_hour_tells_of_the_hour_before() -> None:
    run = Run()
    for n in range(4):
        run.read(T + n * HOUR, n * 500.0, "energy")
    run.tick(T + 4 * HOUR)
    assert [(fact.start - T, fact.energy) for fact in run.windows("1h")] == [
        (0, 500), (HOUR, 500), (2 * HOUR, 500)
    ]  # fmt: skip


def test_a_series_too_fast_for_its_history_still_has_whole_hours(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("homestream.engine.rollup.MAX_HISTORY", 50)
    run = Run()
    for n in range(3_600):
        run.read(T + n * 1_000, 1.0)
    run.read(T + 1_500, 9.0)  # its hour is no longer whole: stored, and amends nothing
    run.tick(T + HOUR + LATENESS)
    [hour] = run.windows("1h")
    assert (hour.count, hour.sum, hour.revision) == (3_600, 3_600, 0)
    [series] = run.fold.stage.table.values()
    assert len(series.times) < 50 + series_module.SPARE + 120


def test_late_readings_hours_apart_are_both_counted() -> None:
    run = Run()
    for n in range(6 * 6):
        run.read(T + n * 10 * MINUTE, n * 50.0, "energy")
    run.read(T + 65 * MINUTE, 310.0, "energy")
    run.read(T + 245 * MINUTE, 1_240.0, "energy")
    now = run.fold.now + 3 * MINUTE
    run.tick(now)
    check(run, "UTC", now)
    assert {fact.start for fact in run.windows("1h") if fact.revision} == {T + HOUR, T + 4 * HOUR}


def test_a_counter_is_corrected_after_its_beginning_is_forgotten() -> None:
    run = Run()
    for n in range(60 * 6):
        run.read(T + n * 10 * MINUTE, n * 50.0, "energy")
    run.read(T + 50 * HOUR + 5 * MINUTE, 15_040.0, "energy")
    now = run.fold.now + 3 * MINUTE
    run.tick(now)
    [series] = run.fold.stage.table.values()
    assert series.times[0] > T + 30 * HOUR
    check(run, "UTC", now)
    assert [fact.start for fact in run.windows("1h") if fact.revision] == [T + 50 * HOUR]
