"""The sun's times against almanacs (timeanddate.com and NOAA's calculator give the same to the minute)."""

from datetime import date, datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homestream.engine.rules.sun import HORIZON, elevation, is_up, rise_and_set

MIN = 60_000


@pytest.mark.parametrize(
    ("zone", "place", "day", "rise", "fall"),
    [
        ("Europe/London", (51.5074, -0.1278), date(2024, 6, 20), "04:43", "21:21"),
        ("Europe/London", (51.5074, -0.1278), date(2024, 12, 21), "08:04", "15:53"),
        ("America/New_York", (40.7128, -74.0060), date(2024, 3, 20), "06:58", "19:08"),
        ("Australia/Sydney", (-33.8688, 151.2093), date(2024, 12, 21), "05:41", "20:05"),
        ("Pacific/Auckland", (-36.8485, 174.7633), date(2024, 6, 21), "07:34", "17:12"),
        ("Asia/Singapore", (1.3521, 103.8198), date(2024, 1, 1), "07:06", "19:09"),
        ("America/Guayaquil", (-0.1807, -78.4678), date(2024, 3, 20), "06:18", "18:24"),
        ("Atlantic/Reykjavik", (64.1466, -21.9426), date(2024, 6, 21), "02:55", "00:03"),
    ],
)
def test_cities_to_the_minute(zone, place, day, rise, fall):
    times = rise_and_set(day, ZoneInfo(zone), *place)
    assert times is not None
    for at, expected in zip(times, (rise, fall), strict=True):
        wall = datetime.fromtimestamp(at / 1000, ZoneInfo(zone))
        minutes = int(expected[:2]) * 60 + int(expected[3:])
        off = (wall.hour * 60 + wall.minute - minutes + 720) % 1440 - 720
        assert abs(off) <= 1, wall
        assert wall.second == 0


def test_polar_day_and_night():
    oslo, tromso = ZoneInfo("Europe/Oslo"), (69.6492, 18.9553)
    assert rise_and_set(date(2024, 6, 21), oslo, *tromso) is None
    assert rise_and_set(date(2024, 12, 21), oslo, *tromso) is None
    assert rise_and_set(date(2024, 3, 20), oslo, *tromso) is not None
    midsummer, midwinter = 1_718_928_000_000, 1_734_782_400_000  # 00:00 and 12:00 UTC
    assert is_up(midsummer, *tromso)
    assert not is_up(midwinter, *tromso)


@given(
    st.dates(date(1980, 1, 1), date(2090, 12, 31)),
    st.floats(-90, 90),
    st.floats(-180, 180),
    st.sampled_from(["UTC", "Pacific/Auckland", "Pacific/Honolulu", "Asia/Kolkata"]),
)
def test_it_rises_before_it_sets_and_is_on_the_horizon_then(day, latitude, longitude, zone):
    times = rise_and_set(day, ZoneInfo(zone), latitude, longitude)
    if times is None:
        return
    rising, setting = times
    assert 0 < setting - rising < 24 * 60 * MIN
    for at in times:
        assert abs(elevation(at, latitude, longitude) - HORIZON) < 0.3  # a minute of its way, at most
    middle = (rising + setting) // 2
    assert is_up(middle, latitude, longitude) or setting - rising < 2 * MIN
    local = datetime.fromtimestamp(middle / 1000, ZoneInfo(zone))
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=ZoneInfo(zone))
    assert abs((local - noon).total_seconds()) < 13 * 3600
