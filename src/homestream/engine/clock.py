"""Time of a home: how late a reading may come, and where local hours and days begin.

All instants are UTC milliseconds. A local hour ends at the next full hour on the wall, or where the wall
clock is changed, whichever is first; so hours tile time without overlap in every zone, half-hour offsets
and half-hour changes included, and days (23, 24 or 25 hours) are made of whole hours.
"""

from datetime import UTC, date, datetime, timedelta
from typing import Final
from zoneinfo import ZoneInfo

MINUTE: Final = 60_000
HOUR: Final = 60 * MINUTE
DAY: Final = 24 * HOUR

#: The watermark runs this far behind the clock: devices that batch or relay are within it, and a minute's
#: window still closes a minute after its end.
LATENESS: Final = MINUTE

#: A reading moves the home's clock no further than this beyond its arrival: synchronised clocks differ by
#: less, and one device that is minutes ahead must not make all others late.
AHEAD: Final = 2_000

#: How far back a late reading or a correction still amends windows. Older ones are stored; the nightly ETL
#: amends their windows in the lake.
HISTORY: Final = DAY

#: Zones are asked only between 1970 and 2300: outside, the offset at the edge is used.
_LAST: Final = 10_413_792_000_000


def offset(zone: ZoneInfo, at: int) -> int:
    """Local time minus UTC at `at`, ms, in whole minutes."""
    inside = min(max(at, 0), _LAST)
    delta = datetime.fromtimestamp(inside // 1000, zone).utcoffset()
    return 0 if delta is None else int(delta.total_seconds() // 60) * MINUTE


def hour_start(zone: ZoneInfo, at: int) -> int:
    """Where the local hour that holds `at` begins."""
    at = at // MINUTE * MINUTE
    shift = offset(zone, at)
    start = (at + shift) // HOUR * HOUR - shift
    return start if offset(zone, start) == shift else _change(zone, start, at)


def hour_end(zone: ZoneInfo, at: int) -> int:
    """Where the local hour that holds `at` ends."""
    at = at // MINUTE * MINUTE
    shift = offset(zone, at)
    end = (at + shift) // HOUR * HOUR + HOUR - shift
    return end if offset(zone, end) == shift else _change(zone, at, end)


def day_start(zone: ZoneInfo, at: int) -> int:
    """Where the local day that holds `at` begins."""
    return _midnight(zone, _local(zone, at))


def day_end(zone: ZoneInfo, at: int) -> int:
    """Where the local day that holds `at` ends."""
    return _midnight(zone, _local(zone, at) + timedelta(days=1))


def _local(zone: ZoneInfo, at: int) -> date:
    return datetime.fromtimestamp(min(max(at, 0), _LAST) // 1000, zone).date()


def _midnight(zone: ZoneInfo, day: date) -> int:
    midnight = datetime(day.year, day.month, day.day, tzinfo=zone)
    return int(midnight.astimezone(UTC).timestamp()) // 60 * MINUTE


def _change(zone: ZoneInfo, low: int, high: int) -> int:
    """The first minute in (low, high] at which the offset is no longer that at `low`."""
    shift = offset(zone, low)
    while high - low > MINUTE:
        middle = (low + high) // 2 // MINUTE * MINUTE
        if offset(zone, middle) == shift:
            low = middle
        else:
            high = middle
    return high
