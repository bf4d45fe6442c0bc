"""The air of a room that somebody is in."""

from hypothesis import given
from hypothesis import strategies as st

from homestream.engine.safety.breath import COUNTS_MS, PAUSE_MS, Breath

from ..bench import MIN


def breathed(levels: list[float], every: int = MIN) -> tuple[Breath, int]:
    air, now = Breath(), 0
    for level in levels:
        now += every
        air.see(now, level)
    return air, now


def test_rising_air_is_somebody_and_falling_air_nobody():
    rise = [420 + 5.0 * n for n in range(30)]
    air, now = breathed(rise)
    assert air.somebody(now)
    air, now = breathed(rise + [565 - 6.0 * n for n in range(60)])
    assert not air.somebody(now)


def test_air_that_stays_counts_for_an_hour():
    air, now = breathed([420 + 5.0 * n for n in range(30)] + [570.0] * 30)
    assert air.somebody(now)
    air, now = breathed([420 + 5.0 * n for n in range(30)] + [570.0] * 240)
    assert not air.somebody(now)


def test_a_breath_of_air_from_outside_says_nothing():
    air, now = breathed([420.0, 421, 419, 420, 422, 418] * 20)
    assert not air.somebody(now)


@given(st.lists(st.tuples(st.integers(0, 2 * PAUSE_MS), st.floats(0, 40_000)), max_size=50))
def test_any_air_leaves_means_within_what_was_seen(steps):
    air, now = Breath(), 1
    for since, level in steps:
        now += since
        air.see(now, level)
    if steps:
        levels = [level for _, level in steps]
        assert (
            min(levels) - 1e-6 <= min(air.short, air.long) <= max(air.short, air.long) <= max(levels) + 1e-6
        )
    assert not air.somebody(now + COUNTS_MS)
    again = Breath()
    again.restore(air.snapshot())
    assert again.snapshot() == air.snapshot()
