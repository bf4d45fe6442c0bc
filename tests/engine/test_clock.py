from datetime import UTC, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homestream.engine.clock import DAY, HOUR, MINUTE, day_end, day_start, hour_end, hour_start, offset

ZONES = ["UTC", "Europe/Berlin", "Asia/Kathmandu", "Australia/Lord_Howe", "America/Sao_Paulo", "Pacific/Apia"]
zones = st.sampled_from(ZONES).map(ZoneInfo)
instants = st.integers(1_000_000_000_000, 2_000_000_000_000)


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


@given(zones, instants)
def test_every_instant_lies_in_one_hour_and_one_day(zone: ZoneInfo, at: int) -> None:
    for start, end in ((hour_start, hour_end), (day_start, day_end)):
        first, last = start(zone, at), end(zone, at)
        assert first <= at < last
        assert start(zone, first) == start(zone, last - 1) == first
        assert end(zone, first) == end(zone, last - 1) == last
        assert start(zone, last) == last
        assert first % MINUTE == last % MINUTE == 0


@given(zones, instants)
def test_days_are_made_of_whole_hours(zone: ZoneInfo, at: int) -> None:
    at, end = day_start(zone, at), day_end(zone, at)
    while at < end:
        assert 0 < hour_end(zone, at) - at <= HOUR
        at = hour_end(zone, at)
    assert at == end


@pytest.mark.parametrize(
    ("zone", "noon", "hours"),
    [
        ("Europe/Berlin", "2025-03-30T12:00+02:00", 23),
        ("Europe/Berlin", "2025-10-26T12:00+01:00", 25),
        ("Australia/Lord_Howe", "2025-04-06T12:00+10:30", 24.5),
        ("America/Sao_Paulo", "2018-11-04T12:00-02:00", 23),
        ("Asia/Kolkata", "2025-01-01T12:00+05:30", 24),
    ],
)
def test_a_day_is_as_long_as_the_wall_clock_says(zone: str, noon: str, hours: float) -> None:
    where = ZoneInfo(zone)
    assert day_end(where, ms(noon)) - day_start(where, ms(noon)) == hours * HOUR


def test_half_hour_zones_begin_their_hours_at_half_past() -> None:
    assert hour_start(ZoneInfo("Asia/Kolkata"), ms("2025-01-01T00:10+00:00")) == ms("2024-12-31T23:30+00:00")


def test_an_hour_ends_where_the_clock_is_changed_by_half_an_hour() -> None:
    zone, change = ZoneInfo("Australia/Lord_Howe"), ms("2025-04-05T15:00+00:00")
    assert hour_end(zone, change - 1) == change
    assert (hour_start(zone, change), hour_end(zone, change)) == (change, change + HOUR // 2)


@given(zones, st.integers(-(1 << 62), 1 << 62))
def test_no_instant_is_too_far_away(zone: ZoneInfo, at: int) -> None:
    assert abs(offset(zone, at)) < DAY
    inside = min(max(at, 0), 10_413_792_000_000)
    assert offset(zone, at) == offset(zone, inside)


def test_offset_is_local_minus_utc() -> None:
    at = int(datetime(2025, 7, 1, tzinfo=UTC).timestamp() * 1000)
    assert offset(ZoneInfo("Europe/Berlin"), at) == 2 * HOUR
