from math import fsum

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homestream.engine.clock import DAY, HOUR, LATENESS, MINUTE, day_start
from homestream.engine.energy.counter import PLACED_MS, fold
from homestream.engine.fact import Unplaced, Window
from homestream.engine.home import HomeFold
from homestream.home import HomeConfig

from ..streams import DEVICE, SPRING, Event, Run, final, play

T = SPRING + 22 * HOUR  # 2025-03-31 00:00 in Berlin


def unplaced(run: Run) -> list[Unplaced]:
    return [fact for fact in run.facts if isinstance(fact, Unplaced)]


def configured(run: Run, **config: object) -> None:
    text = HomeConfig.model_validate({"id": "h", "timezone": run.fold.config.timezone, **config})
    run.act(run.fold.now or T, "configure", text.model_dump_json(by_alias=True).encode())


def kilowatt(run: Run, minutes: int, device: str = DEVICE, metric: str = "power", start: int = T) -> None:
    """1 kW for so long, read every minute."""
    for n in range(minutes + 1):
        value = 1_000.0 if metric == "power" else n * 1_000 / 60
        run.read(start + n * MINUTE, value, metric, device)
    run.tick(run.fold.now + LATENESS + MINUTE)


def test_energy_since_midnight_is_that_of_the_closed_minutes() -> None:
    run = Run("Europe/Berlin")
    kilowatt(run, 150)
    assert run.fold.stage.energy(DEVICE, T) == pytest.approx(1_000 * 151 / 60)
    assert run.fold.stage.energy(DEVICE, T + HOUR, T + 2 * HOUR) == pytest.approx(1_000)
    assert run.fold.stage.energy(DEVICE, T + DAY) is None
    assert run.fold.stage.energy("den/y", T) is None


def test_days_are_remembered_for_a_month_and_no_longer() -> None:
    run = Run("Europe/Berlin")
    for day in range(40):
        run.read(T + day * DAY + HOUR, 60.0, "power")
        run.read(T + day * DAY + HOUR + MINUTE, 0.0, "power")
    run.tick(T + 40 * DAY)
    stage = run.fold.stage
    assert stage.energy(DEVICE, T + 10 * DAY) == pytest.approx(30.0)
    assert stage.energy(DEVICE, T + 33 * DAY) == pytest.approx(7.0)
    [series] = stage.table.values()
    assert 31 <= len(series.days) <= 34


def test_a_counter_goes_before_power() -> None:
    run = Run("Europe/Berlin")
    for n in range(61):
        run.read(T + n * MINUTE, 500.0, "power")
        run.read(T + n * MINUTE, n * 10.0, "energy")
    run.tick(run.fold.now + 2 * MINUTE)
    assert run.fold.stage.energy(DEVICE, T) == 600.0


def test_the_home_is_its_meters_or_else_what_no_meter_counts_already() -> None:
    run = Run("Europe/Berlin")
    for device in ("l1", "l2", "oven", "fan"):
        kilowatt(run, 60, device, start=T)
    stage = run.fold.stage
    one = stage.energy("oven", T)
    assert one is not None
    assert stage.energy(None, T) == pytest.approx(4 * one)
    configured(run, device=[{"id": "oven", "parent": "l1"}, {"id": "l1"}])
    assert stage.energy(None, T) == pytest.approx(3 * one)
    configured(run, device=[{"id": "l1", "produces": True}])
    assert stage.energy(None, T) == pytest.approx(3 * one), "what gives is nothing used"
    configured(run, device=[{"id": "l1", "mains": True}, {"id": "l2", "mains": True}])
    assert stage.energy(None, T) == pytest.approx(2 * one)


def test_a_meter_that_returns_after_a_week_draws_no_bar() -> None:
    run = Run("Europe/Berlin")
    kilowatt(run, 60, metric="energy")
    back = run.fold.now + 7 * DAY
    run.read(back, 50_000.0, "energy")
    run.read(back + MINUTE, 50_010.0, "energy")
    run.tick(back + HOUR + 3 * MINUTE)
    assert max(w.energy or 0.0 for size in ("1m", "1h", "1d") for w in run.windows(size)) <= 1_000
    [draw] = unplaced(run)
    assert (draw.start, draw.end, draw.energy, draw.revision) == (T + HOUR, back, 49_000.0, 0)
    stage = run.fold.stage
    assert stage.energy(DEVICE, T) == pytest.approx(50_010)
    day = day_start(run.fold.config.zone, back)
    assert stage.energy(DEVICE, day) == pytest.approx(10 + 49_000 * (back - day) / (back - T - HOUR))


def test_what_a_returning_meter_remembered_puts_its_energy_back_in_place() -> None:
    run = Run("Europe/Berlin")
    kilowatt(run, 60, metric="energy")
    back = T + 5 * HOUR
    run.read(back, 5_000.0, "energy")
    run.tick(back + 2 * MINUTE)
    for n in range(2, 5):
        run.read(T + n * HOUR, n * 1_000.0, "energy")
    run.tick(back + 4 * MINUTE)
    assert [(fact.energy, fact.revision) for fact in unplaced(run)] == [(4_000.0, 0), (0.0, 1)]
    assert run.fold.stage.energy(DEVICE, T) == pytest.approx(5_000)
    hours = final(run.windows("1h"))
    assert [hours["energy", "1h", T + n * HOUR].energy for n in range(1, 5)] == [1_000.0] * 4


def test_an_hour_and_a_half_still_says_when() -> None:
    run = Run("Europe/Berlin")
    run.read(T, 0.0, "energy")
    run.read(T + PLACED_MS, 700.0, "energy")
    run.tick(T + 3 * HOUR)
    assert unplaced(run) == []
    assert [w.energy for w in run.windows("1h")][:2] == [0.0, 700.0]


counters = st.builds(
    Event,
    st.sampled_from([5_000, MINUTE, 20 * MINUTE, HOUR, 2 * HOUR]),
    st.sampled_from(["energy", "energy", ""]),
    st.sampled_from([0, 0, 0, 90_000, 10 * MINUTE, 3 * HOUR + 1]),
    st.sampled_from([0.0, 5.0, 1_000.0, 1_005.0, 995.0, 3_000.0, 50_000.0, 9e6]),
)


@given(st.lists(counters, min_size=2, max_size=40), st.integers(0, 40))
@settings(max_examples=60, deadline=None)
def test_windows_and_what_is_in_none_are_all_that_was_counted(stream: list[Event], crash: int) -> None:
    """Also across a snapshot: every draw is in its windows, or set apart, exactly once."""
    run = Run("Europe/Berlin")
    play(run, T, stream[:crash])
    state = run.fold.snapshot()
    run.fold = HomeFold.restore(state, [])
    assert run.fold.snapshot() == state
    now = play(run, run.fold.now, stream[crash:])
    history = {reading.time: reading.value for _, reading, _, _ in run.out.readings}
    closed = (now - LATENESS) // MINUTE * MINUTE
    rows = [row for row in sorted(history.items()) if row[0] <= closed]
    counted = fold(None, rows)
    apart = {fact.end: (fact.start, fact.energy) for fact in unplaced(run)}
    assert {end: draw for end, draw in apart.items() if draw[1]} == {
        draw.time: (draw.since, draw.wh) for draw in counted.apart
    }
    minutes: list[Window] = list(final(run.windows("1m")).values())
    total = fsum([*counted.used, *(draw.wh for draw in counted.apart)])
    assert fsum([w.energy or 0.0 for w in minutes] + [wh for _, wh in apart.values()]) == pytest.approx(total)
    since = day_start(run.fold.config.zone, T) - DAY
    told = run.fold.stage.energy(DEVICE, since)
    assert told == (None if not rows else pytest.approx(total, abs=1e-6))
