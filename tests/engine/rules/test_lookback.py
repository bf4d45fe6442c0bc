"""Measures of the past of a series, against the plain definition."""

from math import isclose, nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homestream.engine.rules.lookback import MEASURES, longest, percentile, session, sliding, tumbling

MIN = 60_000


def rows(*readings):
    return [minute * MIN for minute, _ in readings], [value for _, value in readings]


def measure(name, history, end=20, span=10):
    return MEASURES[name](sliding(history, (end - span) * MIN, end * MIN))


def test_of_the_last_ten_minutes():
    history = rows((0, 10.0), (12, 20.0), (16, 40.0))
    assert measure("twmean", history) == (2 * 10 + 4 * 20 + 4 * 40) / 10
    assert measure("mean", history) == 30
    assert measure("sum", history) == 60
    assert measure("min", history) == 10  # which held when it began
    assert measure("max", history) == 40
    assert measure("count", history) == 2
    assert measure("last", history) == 40
    assert measure("delta", history) == 30
    assert measure("rate", history) == 180  # an hour


def test_unknown_is_left_out_and_nothing_is_none():
    history = rows((0, 10.0), (12, nan), (16, 40.0))
    assert measure("twmean", history) == (2 * 10 + 4 * 40) / 6
    for name in set(MEASURES) - {"count"}:
        assert measure(name, rows()) is None
        assert measure(name, rows((0, nan))) is None
    assert measure("count", rows((12, nan))) == 0


def test_a_quiet_stretch_is_what_held():
    history = rows((0, 10.0))
    assert [measure(name, history) for name in ("mean", "twmean", "min", "max", "last")] == [10.0] * 5
    assert [measure(name, history) for name in ("sum", "count", "delta", "rate")] == [0.0] * 4


def test_a_change_since_before_the_first_reading_is_not_known():
    assert measure("delta", rows((15, 1.0), (18, 2.0))) is None
    assert measure("rate", rows((15, 1.0), (18, 2.0))) is None


def test_a_tumbling_window_has_its_beginning():
    of = tumbling(rows((5, 1.0), (10, 2.0), (15, 4.0)), 10 * MIN, 20 * MIN)
    assert MEASURES["sum"](of) == 6
    assert MEASURES["twmean"](of) == 3
    assert MEASURES["delta"](of) == 2  # from the reading at its very beginning


@pytest.mark.parametrize(("share", "expected"), [(0, 1.0), (0.5, 2.5), (0.95, 3.85), (1, 4.0)])
def test_percentiles_lie_between_readings_in_proportion(share, expected):
    of = sliding(rows((1, 4.0), (2, 2.0), (3, 3.0), (4, 1.0)), 0, 5 * MIN)
    found = percentile(of, share)
    assert found is not None
    assert isclose(found, expected)


def test_a_session_goes_back_to_the_last_pause():
    history = rows((0, 9.0), (10, 1.0), (14, 2.0), (15, nan), (18, 4.0))
    of = session(history, 5 * MIN, 20 * MIN)
    assert of is not None
    assert (of.begin, MEASURES["count"](of), MEASURES["max"](of), MEASURES["delta"](of)) == (
        10 * MIN,
        3,
        4,
        3,
    )
    assert session(history, 2 * MIN, 20 * MIN) is None
    assert session(rows(), 5 * MIN, 20 * MIN) is None


@pytest.mark.parametrize(
    ("truths", "minutes"),
    [
        ([(0, True)], 20),
        ([(0, False)], 0),
        ([(0, True), (12, False), (15, True)], 20),
        ([(0, True), (8, False), (15, True)], 5),
        ([(0, True), (17, False)], 17),
        ([(0, True), (15, False)], 0),
        ([(0, False), (3, True), (4, True), (17, False), (19, True)], 17),
        ([], 0),
    ],
)
def test_how_long_something_has_gone_on(truths, minutes):
    newest_first = [(minute * MIN, true) for minute, true in reversed(truths)]
    assert longest(newest_first, 5 * MIN, 20 * MIN) == minutes * MIN


@given(st.lists(st.tuples(st.integers(0, 50), st.floats(-1e6, 1e6)), unique_by=lambda r: r[0], max_size=50))
def test_measures_agree_with_each_other(readings):
    history = rows(*sorted(readings))
    of = sliding(history, 20 * MIN, 50 * MIN)
    if not of.all:
        assert all(MEASURES[name](of) is None for name in set(MEASURES) - {"count"})
        return
    low, high = min(of.all), max(of.all)
    assert percentile(of, 0) == low
    assert percentile(of, 1) == high
    for name in ("mean", "twmean", "last"):
        found = MEASURES[name](of)
        assert found is not None
        assert low - 1e-6 <= found <= high + 1e-6
    assert MEASURES["count"](of) == sum(20 < minute <= 50 for minute, _ in readings)
