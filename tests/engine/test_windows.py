from array import array
from math import isnan, nan

from hypothesis import given
from hypothesis import strategies as st

from homestream.engine.windows import Tally, energy_of_power, fact, measure, merge


def tally(*readings: tuple[int, float], start: int = 0, end: int = 60, hold: int = 1_000) -> Tally:
    times = array("q", [time for time, _ in readings])
    return measure(times, array("d", [value for _, value in readings]), start, end, hold)


def figures(of: Tally) -> tuple[object, ...]:
    return of.count, of.min, of.max, of.sum, of.integral, of.known, of.last


def test_nothing_is_known_of_nothing() -> None:
    assert not tally()
    assert figures(tally()) == (0, None, None, 0.0, 0.0, 0, None)


def test_a_value_holds_until_the_next() -> None:
    assert figures(tally((10, 2.0), (40, 5.0))) == (2, 2.0, 5.0, 7.0, 2 * 30 + 5 * 20, 50, 5.0)


def test_the_value_before_the_window_is_held_into_it() -> None:
    assert figures(tally((-100, 3.0), (30, 6.0))) == (1, 6.0, 6.0, 6.0, 3 * 30 + 6 * 30, 60, 6.0)


def test_it_is_held_no_longer_than_the_hold() -> None:
    assert figures(tally((-80, 3.0), hold=100)) == (0, None, None, 0.0, 3 * 20, 20, 3.0)
    assert not tally((-80, 3.0), hold=80)


def test_unknown_time_is_left_out() -> None:
    assert figures(tally((0, 2.0), (10, nan), (30, 4.0))) == (2, 2.0, 4.0, 6.0, 2 * 10 + 4 * 30, 40, 4.0)
    assert figures(tally((-5, nan), (30, 4.0))) == (1, 4.0, 4.0, 4.0, 4 * 30, 30, 4.0)
    assert not tally((-5, nan))


def test_the_window_ends_before_its_end() -> None:
    assert figures(tally((0, 1.0), (60, 9.0)))[:4] == (1, 1.0, 1.0, 1.0)


quarters = st.integers(-400, 400).map(lambda n: n / 4)
streams = st.dictionaries(st.integers(-50, 119), st.one_of(quarters, st.just(nan)), max_size=20)


@given(streams, st.integers(60, 90))
def test_two_halves_merge_to_the_whole(readings: dict[int, float], hold: int) -> None:
    rows = sorted(readings.items())
    first, second = tally(*rows, start=0, end=60, hold=hold), tally(*rows, start=60, end=120, hold=hold)
    known, integral = 0, 0.0
    for (time, value), (after, _) in zip(rows, [*rows[1:], (120, 0.0)], strict=False):
        span = min(after, time + hold) - max(time, 0)
        if not isnan(value) and span > 0:
            known, integral = known + span, integral + value * span
    inside = [value for time, value in rows if time >= 0 and not isnan(value)]
    whole = merge([first, second])
    assert (whole.count, whole.sum, whole.known, whole.integral) == (
        len(inside),
        sum(inside),
        known,
        integral,
    )
    assert (whole.min, whole.max) == (min(inside, default=None), max(inside, default=None))


def test_merging_leaves_out_what_is_unknown() -> None:
    a, b = Tally(), tally((0, 2.0))
    b.energy = 1.5
    assert merge([a, b, a]).state() == b.state()
    assert not merge([])


def test_energy_of_power_is_what_its_integral_says() -> None:
    assert energy_of_power(tally((0, 1_000.0), end=3_600_000, hold=3_600_000)) == 1_000.0
    assert energy_of_power(Tally()) is None


def test_a_tally_comes_back_from_its_state() -> None:
    of = tally((0, 2.0), (7, 1.0))
    assert Tally.of(of.state()).state() == of.state()


def test_a_fact_of_an_empty_window_knows_nothing() -> None:
    stated = fact("h", "d", "power", "1m", 60, Tally(), 180, 1)
    assert (stated.mean, stated.twmean, stated.last, stated.energy) == (None, None, None, None)
    assert (stated.start, stated.time, stated.revision) == (60, 180, 1)
