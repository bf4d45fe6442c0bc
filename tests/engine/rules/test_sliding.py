"""Windows that rules look back on, against the plain definition."""

from math import isclose, nan

from hypothesis import given
from hypothesis import strategies as st

from homestream.engine.rules.sliding import FUNCTIONS, Sliding

MIN = 60_000


def window(*readings, span=10 * MIN):
    sliding = Sliding(span)
    for minute, value in readings:
        sliding.add(minute * MIN, value)
    return sliding


def measure(name, sliding, minute):
    return FUNCTIONS[name](sliding, minute * MIN)


def test_left_hold_over_the_span():
    sliding = window((0, 10.0), (12, 20.0), (16, 40.0))
    assert measure("mean", sliding, 20) == (2 * 10 + 4 * 20 + 4 * 40) / 10
    assert measure("min", sliding, 20) == 10
    assert measure("max", sliding, 20) == 40
    assert measure("count", sliding, 20) == 2
    assert measure("delta", sliding, 20) == 30
    assert measure("rate", sliding, 20) == 180  # an hour


def test_unknown_is_left_out_and_nothing_is_none():
    sliding = window((0, 10.0), (12, nan), (16, 40.0))
    assert measure("mean", sliding, 20) == (2 * 10 + 4 * 40) / 6
    for name in ("mean", "min", "max", "delta", "rate"):
        assert measure(name, Sliding(MIN), 20) is None
        assert measure(name, window((0, nan)), 20) is None
    assert measure("count", Sliding(MIN), 20) == 0


def test_a_change_since_before_the_first_reading_is_not_known():
    assert measure("delta", window((15, 1.0), (18, 2.0)), 20) is None


@given(st.lists(st.tuples(st.integers(0, 500), st.floats(-100, 100)), unique_by=lambda r: r[0], max_size=200))
def test_order_of_arrival_does_not_matter_and_the_old_is_forgotten(readings):
    ordered, mixed = Sliding(50), Sliding(50)
    for time, value in sorted(readings):
        ordered.add(time, value)
    for time, value in sorted(readings)[::-1][:20] + sorted(readings)[: max(len(readings) - 20, 0)]:
        mixed.add(time, value)
    for name, function in FUNCTIONS.items():
        a, b = function(ordered, 500), function(mixed, 500)
        assert (a is None) == (b is None), name
        assert a is None or b is None or isclose(a, b, abs_tol=1e-9), name
    assert len(ordered.times) <= 51 + 65
