"""Where the sun is: its times at a place on a day, by the formulas of NOAA's solar calculator.

After Jean Meeus, Astronomical Algorithms, in the form the calculator of the US National Oceanic and
Atmospheric Administration uses; good to a minute below the polar circles, from 1900 to 2100. Times are to
the full minute, as almanacs give them.
"""

from datetime import UTC, date, datetime, time
from functools import lru_cache
from math import acos, asin, cos, degrees, radians, sin, tan
from zoneinfo import ZoneInfo

#: Sunrise is when the upper edge shows: half the sun's width, and what the air bends.
HORIZON = -0.833

MINUTE_MS = 60_000
DAY_MS = 86_400_000
_J2000_MS = 946_728_000_000
_CENTURY_MS = 36_525 * DAY_MS


def elevation(at: int, latitude: float, longitude: float) -> float:
    """Degrees of the sun's middle above the horizon at an instant (ms), the air left out."""
    declination, equation = _sun(at)
    angle = radians((at % DAY_MS / MINUTE_MS + equation + 4 * longitude) / 4 - 180)
    high = radians(latitude)
    return degrees(asin(sin(high) * sin(declination) + cos(high) * cos(declination) * cos(angle)))


def is_up(at: int, latitude: float, longitude: float) -> bool:
    """Whether any of the sun shows at an instant (ms)."""
    return elevation(at, latitude, longitude) > HORIZON


@lru_cache(maxsize=64)  # asked by each judging of a rule, and the same all day
def rise_and_set(day: date, zone: ZoneInfo, latitude: float, longitude: float) -> tuple[int, int] | None:
    """Sunrise and sunset (ms) of a local day; None where it does not both rise and set on it."""
    noon = _noon(day, zone, longitude)
    rising = _crossing(noon, latitude, longitude, before=True)
    setting = _crossing(noon, latitude, longitude, before=False)
    return None if rising is None or setting is None else (rising, setting)


def _noon(day: date, zone: ZoneInfo, longitude: float) -> int:
    """When the sun is highest, of all times nearest to 12:00 on the wall."""
    at = int(datetime.combine(day, time(12), zone).astimezone(UTC).timestamp()) * 1000
    for _ in range(2):
        past = (at % DAY_MS / MINUTE_MS + _sun(at)[1] + 4 * longitude) % 1440 - 720
        at -= round(past * MINUTE_MS)
    return at


def _crossing(noon: int, latitude: float, longitude: float, *, before: bool) -> int | None:
    """When the sun's upper edge is on the horizon, before or after a noon."""
    at = noon
    for _ in range(3):  # the sun moves on meanwhile: each time nearer, the third by less than a second
        declination, equation = _sun(at)
        high = radians(latitude)
        cosine = (sin(radians(HORIZON)) - sin(high) * sin(declination)) / (cos(high) * cos(declination))
        if not -1 <= cosine <= 1:
            return None
        half = degrees(acos(cosine)) * 4 * MINUTE_MS
        turn = equation - _sun(noon)[1]  # the noon of that moment is a little off the day's
        at = round(noon - turn * MINUTE_MS - half if before else noon - turn * MINUTE_MS + half)
    return (at + MINUTE_MS // 2) // MINUTE_MS * MINUTE_MS


def _sun(at: int) -> tuple[float, float]:
    """Its declination (radians) and the equation of time (minutes) at an instant (ms)."""
    t = (at - _J2000_MS) / _CENTURY_MS
    longitude = radians((280.46646 + t * (36000.76983 + t * 0.0003032)) % 360)
    anomaly = radians(357.52911 + t * (35999.05029 - 0.0001537 * t))
    eccentricity = 0.016708634 - t * (0.000042037 + 0.0000001267 * t)
    centre = radians(
        sin(anomaly) * (1.914602 - t * (0.004817 + 0.000014 * t))
        + sin(2 * anomaly) * (0.019993 - 0.000101 * t)
        + sin(3 * anomaly) * 0.000289
    )
    node = radians(125.04 - 1934.136 * t)
    apparent = longitude + centre - radians(0.00569 + 0.00478 * sin(node))
    tilt = radians(23.439291 - t * (0.0130042 + t * (0.00000016 - t * 0.000000504)) + 0.00256 * cos(node))
    declination = asin(sin(tilt) * sin(apparent))
    y = tan(tilt / 2) ** 2
    equation = 4 * degrees(
        y * sin(2 * longitude)
        - 2 * eccentricity * sin(anomaly)
        + 4 * eccentricity * y * sin(anomaly) * cos(2 * longitude)
        - 0.5 * y * y * sin(4 * longitude)
        - 1.25 * eccentricity * eccentricity * sin(2 * anomaly)
    )
    return declination, equation
