"""Local times of day: `22:00`, `mon-fri`, `22:00-07:00`, and when they are."""

import re
from datetime import date, datetime, time, timedelta
from typing import NamedTuple
from zoneinfo import ZoneInfo

from homestream.engine.rules.expression import ExpressionError
from homestream.engine.rules.names import nearest

WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

DAY_S = 86_400


def clock_s(text: str) -> int:
    """`22:00` -> seconds since midnight; up to 24:00."""
    found = re.fullmatch(r"(\d{1,2}):([0-5]\d)", text)
    seconds = (int(found[1]) * 60 + int(found[2])) * 60 if found else DAY_S + 1
    if seconds > DAY_S:
        raise ExpressionError(f'"{text}" is no time of day; write it as "22:00"')
    return seconds


def weekday(name: str) -> int:
    """`mon` -> 1, as ISO counts."""
    if name not in WEEKDAYS:
        raise ExpressionError(f"weekday is one of {', '.join(WEEKDAYS)}{nearest(name, WEEKDAYS)}")
    return WEEKDAYS.index(name) + 1


def weekdays(text: str) -> frozenset[int]:
    """`mon-fri`, `sat, sun`, `fri-mon`; "" is all."""
    found: set[int] = set()
    for part in text.lower().split(",") if text else ["mon-sun"]:
        first, _, last = (name.strip() for name in part.partition("-"))
        begin, end = weekday(first), weekday(last or first)
        found |= {(begin + n - 1) % 7 + 1 for n in range((end - begin) % 7 + 1)}
    return frozenset(found)


def instant(day: date, seconds: int, zone: ZoneInfo) -> int:
    """When the wall shows so many seconds after midnight, ms; the first time, where it does so twice.

    Where the clock is put forward past it, it is as much later.
    """
    at = datetime.combine(day, time()) + timedelta(seconds=seconds)
    return int(at.replace(tzinfo=zone).timestamp()) * 1000


class Hours(NamedTuple):
    """Hours of each day, in seconds since midnight; over midnight where `end` is not after `begin`."""

    begin: int
    end: int

    def over(self, at: datetime) -> int | None:
        """When they will be over, ms, at a local time within them; None outside."""
        now = at.hour * 3600 + at.minute * 60 + at.second
        zone = at.tzinfo
        assert isinstance(zone, ZoneInfo)
        if self.begin < self.end:
            return instant(at.date(), self.end, zone) if self.begin <= now < self.end else None
        if now >= self.begin:
            return instant(at.date() + timedelta(days=1), self.end, zone)
        return instant(at.date(), self.end, zone) if now < self.end else None


def hours(text: str) -> Hours:
    """`22:00-07:00`."""
    begin, dash, end = text.partition("-")
    if not dash:
        raise ExpressionError(f'"{text}" are no hours; write them as "22:00-07:00"')
    return Hours(clock_s(begin.strip()), clock_s(end.strip()))


def quiet_hours(text: str) -> Hours | None:
    """As `hours`; None for "" and "never"."""
    return None if text in ("", "never") else hours(text)
