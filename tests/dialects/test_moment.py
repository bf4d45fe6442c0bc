"""Which of a device's times are believed."""

from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homestream.dialects.moment import AHEAD_MS, local_ms, ms_of, trusted

ARRIVED = 1_767_607_200_000
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.mark.parametrize(
    "raw",
    [1_767_607_200, 1_767_607_200_000, 1_767_607_200_000_000, 1_767_607_200_000_000_000, 1_767_607_200.0,
     "2026-01-05T10:00:00Z", "2026-01-05T11:00:00+01:00", "2026-01-05 10:00:00.000+00:00"],
)  # fmt: skip
def test_times_are_told_by_their_size(raw: object) -> None:
    assert ms_of(raw) == ARRIVED


def test_seconds_keep_their_milliseconds() -> None:
    assert [ms_of(1_767_607_200 + n / 1000) for n in range(1000)] == [ARRIVED + n for n in range(1000)]


@pytest.mark.parametrize("raw", [None, True, "soon", "2026-01-05T10:00:00", -5, 1e30, [], float("nan")])
def test_what_is_no_time_is_none(raw: object) -> None:
    assert ms_of(raw) is None


@pytest.mark.parametrize(
    ("at", "believed"),
    [(ARRIVED, True), (ARRIVED + AHEAD_MS, True), (ARRIVED + AHEAD_MS + 1, False), (5, False), (0, False)],
)
def test_the_future_and_the_unset_clock_are_not_believed(at: int, believed: bool) -> None:
    assert trusted(at, ARRIVED) == (at if believed else None)


def test_local_time_is_read_in_the_home_s_zone_on_both_sides_of_a_clock_change() -> None:
    winter = local_ms("2026-03-29T01:59:00", BERLIN, 1_774_746_000_000)
    summer = local_ms("2026-03-29T03:01:00", BERLIN, 1_774_746_120_000)
    assert winter is not None and summer is not None and summer - winter == 120_000


@given(st.integers(min_value=-24, max_value=24).filter(bool), st.integers(min_value=-55, max_value=55))
def test_another_zone_s_time_is_never_believed(half_hours: int, seconds: int) -> None:
    shown = ARRIVED // 1000 - half_hours * 1800 + seconds
    text = datetime.fromtimestamp(shown, UTC).strftime("%Y-%m-%dT%H:%M:%S")
    assert local_ms(text, ZoneInfo("UTC"), ARRIVED) is None


def test_a_message_that_waited_ten_minutes_keeps_its_time() -> None:
    assert local_ms("2026-01-05T10:50:00", BERLIN, ARRIVED) == ARRIVED - 600_000


@pytest.mark.parametrize("text", ["now", "2026-01-04T10:59:00", "2026-01-05T12:00:00", "0001-01-01T00:00:00"])
def test_the_implausible_is_none(text: str) -> None:
    assert local_ms(text, BERLIN, ARRIVED) is None
