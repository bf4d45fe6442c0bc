"""Which stretch of time a chart shows: the one asked for, or the last that holds data."""

from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from typing import Literal
from zoneinfo import ZoneInfo

By = Literal["day", "week", "month"]

#: Days each choice spans; the last of them is the day of `until`.
DAYS: dict[By, int] = {"day": 1, "week": 7, "month": 30}
#: Latest time the API takes: the year 9999 less what zones may add.
MAX_MS = 253_370_764_800_000


@dataclass(frozen=True, slots=True)
class Period:
    """Whole local days from `since` (inclusive) to `until` (exclusive), ms."""

    since: int
    until: int


def ending(until: int, by: By, zone: ZoneInfo) -> Period:
    """The local days up to and with the one that holds the ms before `until`; days may have 23 or 25 h."""
    last = datetime.fromtimestamp(max(until - 1, 0) / 1000, zone).date()
    midnights = [
        datetime.combine(last + timedelta(days=offset), time(), zone) for offset in (1 - DAYS[by], 1)
    ]
    since, end = (int(midnight.timestamp() * 1000) for midnight in midnights)
    return Period(since, end)


def latest(first: int, last: int, now: int, zone: ZoneInfo) -> Period:
    """The week up to `now`, or where that is empty up to the day of the `last` reading.

    It holds no day before that of the `first`.
    """
    live = last >= ending(now, "week", zone).since
    until = now if live else ending(last + 1, "week", zone).until
    return Period(max(ending(until, "week", zone).since, ending(first + 1, "day", zone).since), until)


def moment(text: str, zone: ZoneInfo, *, end: bool = False) -> int:
    """Ms for `text`: ms, or a local date (2026-11-22), with `end` its last moment; ValueError for neither."""
    if text.isdecimal() and len(text) <= len(str(MAX_MS)):
        return min(int(text), MAX_MS)
    day = date.fromisoformat(text) + timedelta(days=end)
    return max(int(datetime.combine(day, time(), zone).timestamp() * 1000), 0)
