"""The times a schedule names: `22:30`, `sunrise`, `sunset - 15m`, on some weekdays, and the next of them."""

import re
from datetime import date, datetime, timedelta
from typing import NamedTuple

from homestream.engine.rules.calls import duration
from homestream.engine.rules.daytime import clock_s, instant, weekdays
from homestream.engine.rules.expression import ExpressionError
from homestream.engine.rules.sun import rise_and_set
from homestream.home import HomeConfig

#: Beyond the polar circles the sun may not set for months.
YEAR = 370


class Moment(NamedTuple):
    """A time of day: `seconds` after midnight, or ms after sunrise or sunset (`sun`)."""

    sun: str
    after: int


class Moments(NamedTuple):
    """Times of day, on some weekdays (1 Monday to 7)."""

    times: tuple[Moment, ...]
    days: frozenset[int]

    def next(self, after: int, config: HomeConfig) -> int | None:
        """The first of them later than `after` (ms); None where there is none within a year."""
        today = datetime.fromtimestamp(after / 1000, config.zone).date()
        for n in range(-1, YEAR):  # what is timed by yesterday's sunset may be past midnight
            day = today + timedelta(days=n)
            if day.isoweekday() in self.days:
                due = [at for at in (_at(time, day, config) for time in self.times) if at and at > after]
                if due:
                    return min(due)
        return None


def moments(times: tuple[str, ...], days: str, config: HomeConfig) -> Moments:
    """As written; `ExpressionError` for what is no time, or no day."""
    return Moments(tuple(_moment(text.strip(), config) for text in times), weekdays(days))


def _moment(text: str, config: HomeConfig) -> Moment:
    if not (found := re.fullmatch(r"(sunrise|sunset)(?:\s*([+-])\s*(.+))?", text)):
        if text[:1].isdigit():
            return Moment("", clock_s(text))
        raise ExpressionError(f'"{text}" is no time; write "22:30", "sunset" or "sunset - 15m"')
    if config.latitude is None or config.longitude is None:
        raise ExpressionError("the sun's times need latitude and longitude in home.toml, in degrees")
    shift = duration(found[3]) if found[3] else 0
    return Moment(found[1], -shift if found[2] == "-" else shift)


def _at(moment: Moment, day: date, config: HomeConfig) -> int | None:
    if not moment.sun:
        return instant(day, moment.after, config.zone)
    if config.latitude is None or config.longitude is None:
        return None
    times = rise_and_set(day, config.zone, config.latitude, config.longitude)
    return None if times is None else times[moment.sun == "sunset"] + moment.after
