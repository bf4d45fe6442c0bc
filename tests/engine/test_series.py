from math import isnan, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homestream.engine.clock import HOUR
from homestream.engine.energy.counter import Meter
from homestream.engine.series import KEEP, KEEP_HOURS, Series
from homestream.engine.windows import Tally

readings = st.lists(st.tuples(st.integers(0, 50), st.one_of(st.floats(-1e6, 1e6), st.just(nan))), max_size=60)


def filled(*times: int) -> Series:
    series = Series("den/x", "temperature")
    for time in times:
        series.insert(time, float(time))
    return series


@given(readings)
def test_history_is_in_order_of_time_with_the_newest_value_of_each(stream: list[tuple[int, float]]) -> None:
    series, expected = Series("den/x", "temperature"), dict[int, float]()
    for time, value in stream:
        index, what = series.insert(time, value)
        assert series.times[index] == time
        if time not in expected:
            assert what == "new"
        elif expected[time] == value or (isnan(expected[time]) and isnan(value)):
            assert what == "duplicate"
        else:
            assert what == "correction"
        expected[time] = value
    assert series.times.tolist() == sorted(expected)
    assert series.values.tolist() == pytest.approx([expected[t] for t in sorted(expected)], nan_ok=True)


@given(readings)
def test_a_snapshot_brings_all_back(stream: list[tuple[int, float]]) -> None:
    series = Series("den/x", "energy")
    for time, value in stream:
        series.insert(time * 1_000_003, value)
    series.time, series.value = 50, 2.5
    series.blind, series.why, series.before = 7, "silent", 1.5
    series.floor = 3
    series.minutes[60_000], series.hours[0] = Tally(), Tally()
    series.hours[0].energy = 4.5
    series.dirty, series.revised = {60_000, 0}, {("1h", 0): 2}
    series.meter, series.checkpoints = Meter(1, 2.0), {0: None, HOUR: Meter(3, 4.0, 5, 6.0, 1)}
    state = series.snapshot()
    again = Series.restore(state)
    assert repr(again.snapshot()) == repr(state)
    assert again.times == series.times
    assert repr(again.values) == repr(series.values)
    assert again.checkpoints == series.checkpoints
    assert again.hours[0].energy == 4.5


def test_a_steady_day_takes_next_to_nothing_once_compressed() -> None:
    import zstandard

    series = filled(*range(0, 24 * HOUR, 5_000))
    assert len(zstandard.compress(series.snapshot()["times"])) < 200


def test_previous_leaves_out_unknowns() -> None:
    series = filled(1, 2)
    series.insert(3, nan)
    series.insert(4, 9.0)
    assert series.previous() == (2, 2.0)
    assert Series("den/x", "power").previous() is None


def test_between_leaves_out_its_beginning_and_takes_its_end() -> None:
    assert filled(1, 2, 3, 4).between(1, 3) == [(2, 2.0), (3, 3.0)]


def test_shrinking_keeps_the_open_windows_and_what_is_held_into_them() -> None:
    series = filled(*range(10))
    series.shrink(most=2, opened=5)
    assert series.times.tolist() == [4, 5, 6, 7, 8, 9]
    assert series.floor == 4
    series.shrink(most=3, opened=9)
    assert series.times.tolist() == [7, 8, 9]


def test_what_expires_is_what_no_correction_can_touch() -> None:
    series = filled(0, 10, 20)
    series.hours = {0: Tally(), HOUR: Tally()}
    series.checkpoints = {0: None, HOUR: None}
    series.revised = {("1m", 0): 1, ("1d", HOUR): 1}
    series.expire(KEEP + 10)
    assert series.times.tolist() == [0, 10, 20]  # the one before the horizon is still held
    series.expire(KEEP + 20)
    assert series.times.tolist() == [10, 20]
    assert list(series.hours) == [0, HOUR]
    series.expire(KEEP_HOURS + HOUR)
    assert list(series.hours) == list(series.checkpoints) == [HOUR]
    assert series.revised == {("1d", HOUR): 1}
