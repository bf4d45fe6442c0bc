from math import nan

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homestream.engine.energy.counter import CONFIRMED, Glitch, Meter, allowance, fold

MINUTE = 60_000


def used(*values: float, every: int = MINUTE) -> tuple[float, list[float]]:
    """Wh that a counter read every minute says were used, and the values kept out."""
    counted = fold(None, [(n * every, value) for n, value in enumerate(values)])
    total = sum(counted.used) + sum(draw.wh for draw in counted.apart)
    return total, [glitch.value for glitch in counted.glitches]


@given(st.lists(st.integers(0, 500), min_size=1, max_size=20), st.integers(0, 1_000_000))
def test_a_counter_that_only_grows_used_what_it_grew_by(steps: list[int], start: int) -> None:
    total, values = start, [float(start)]
    for step in steps:
        total += step
        values.append(float(total))
    assert used(*values) == (sum(steps), [])


def test_the_first_reading_uses_nothing() -> None:
    assert used(5_000_000.0) == (0, [])


def test_a_reset_counts_from_zero() -> None:
    assert used(900_000, 900_010, 3, 8) == (10 + 3 + 5, [])


def test_a_small_daily_counter_resets_too() -> None:
    assert used(58, 60, 0, 1) == (3, [])


def test_a_dip_is_ignored_until_it_is_passed() -> None:
    assert used(500_000, 499_000, 499_500, 500_000, 500_020) == (20, [])


def test_a_glitch_is_kept_out() -> None:
    assert used(500_000, 500_010, 9_999_999, 500_020) == (20, [9_999_999])


def test_a_glitch_downwards_is_kept_out() -> None:
    assert used(500_000, 500_010, 300_000, 500_020) == (20, [300_000])


def test_a_glitch_to_zero_loses_no_more_than_its_neighbours() -> None:
    total, kept_out = used(500_000, 500_010, 0, 500_020, 500_030, 500_040, 500_050)
    assert total == 10 + 10
    assert kept_out == [500_020, 500_030]


def test_a_new_meter_is_believed_once_confirmed() -> None:
    values = [9_000_000.0 + n for n in range(CONFIRMED + 2)]
    assert used(500_000, *values) == (2, values[: CONFIRMED - 1])


def test_glitches_that_disagree_confirm_nothing() -> None:
    total, kept_out = used(500_000, 9_000_000, 5_000_000, 7_000_000, 500_010)
    assert (total, kept_out) == (10, [9_000_000, 5_000_000, 7_000_000])


def test_a_leap_is_possible_when_time_was_long_enough() -> None:
    assert used(500_000, 560_000, every=2 * 3_600_000) == (60_000, [])
    assert used(500_000, 560_000, every=60_000) == (0, [560_000])


def test_a_counter_of_whole_kwh_may_step() -> None:
    assert used(500_000, 501_000, every=1_000) == (1_000, [])


def test_it_counts_on_while_nobody_hears_it() -> None:
    assert used(100, nan, nan, 130) == (30, [])


def test_a_glitch_says_what_was_possible() -> None:
    assert fold(Meter(0, 100.0), [(MINUTE, 90_000.0)]).glitches == [
        Glitch(MINUTE, 90_000.0, 100.0, 100.0 + allowance(MINUTE))
    ]


@given(
    st.lists(st.sampled_from([0.0, 5.0, 1_000.0, 1_005.0, 995.0, 50_000.0, 9e6, 9e6 + 5, nan]), max_size=30)
)
def test_folding_in_parts_is_folding_at_once(values: list[float]) -> None:
    readings = [(n * 5_000, value) for n, value in enumerate(values)]
    whole = fold(None, readings)
    half = len(readings) // 2
    first = fold(None, readings[:half])
    second = fold(first.meter, readings[half:])
    assert (second.meter, *(a + b for a, b in zip(first[1:], second[1:], strict=True))) == whole
    assert all(wh > 0 for wh in whole.used)
    assert sum(whole.used) <= allowance(0) * len(values) + allowance(len(values) * 5_000)


@pytest.mark.parametrize("elapsed", [0, 1, 3_600_000])
def test_what_a_breaker_allows(elapsed: int) -> None:
    assert allowance(elapsed) == pytest.approx(1_000 + elapsed / 3_600_000 * 50_000)
