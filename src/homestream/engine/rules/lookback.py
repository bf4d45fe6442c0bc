"""What rules ask of the past of a series: mean, percentile, delta and the like, of a stretch of it.

A stretch is the readings in some time, and the value that held when it began. Unknowns are left out.
"""

from collections.abc import Callable, Iterable
from math import floor, fsum, isnan, nan
from typing import NamedTuple

HOUR_MS = 3_600_000

#: (time, value); NaN is unknown from then on.
Row = tuple[int, float]


class Stretch(NamedTuple):
    """Part of a series: from when to when, what held before (None: not known), and its rows in order."""

    begin: int
    end: int
    held: float | None
    rows: list[Row]

    @property
    def known(self) -> list[float]:
        """The values read in it."""
        return [value for _, value in self.rows if not isnan(value)]

    @property
    def all(self) -> list[float]:
        """The values it had, the first of them maybe read before."""
        return self.known if self.held is None else [self.held, *self.known]

    @property
    def first(self) -> float | None:
        """The value it began with."""
        if self.rows and self.rows[0][0] == self.begin:
            return None if isnan(self.rows[0][1]) else self.rows[0][1]
        return self.held


def sliding(history: list[Row], begin: int, end: int) -> Stretch:
    """The part (begin, end] of a history that ends there and starts with the row before, if there is one."""
    inside = 0
    while inside < len(history) and history[inside][0] <= begin:
        inside += 1
    held = history[inside - 1][1] if inside else nan
    return Stretch(begin, end, None if isnan(held) else held, history[inside:])


def tumbling(history: list[Row], begin: int, end: int) -> Stretch:
    """The part [begin, end), as the windows of the engine have it."""
    return sliding(history, begin - 1, end - 1)._replace(begin=begin, end=end)


def session(history: list[Row], gap: int, now: int) -> Stretch | None:
    """The readings up to now that follow each other within `gap` ms; None where the last is that old."""
    known = [row for row in history if not isnan(row[1])]
    if not known or now - known[-1][0] >= gap:
        return None
    first = len(known) - 1
    while first and known[first][0] - known[first - 1][0] < gap:
        first -= 1
    begin = known[first][0]
    return Stretch(begin, now, None, [row for row in history if row[0] >= begin])


def longest(truths: Iterable[tuple[int, bool]], gap: int, now: int) -> int:
    """For how many ms something has gone on, pauses shorter than `gap` overlooked; 0 where it does not.

    `truths` are (time, whether it was true from then on), newest first.
    """
    begin, until, end = None, now, now
    for time, true in truths:
        if true:
            if begin is None and now - until >= gap:
                return 0
            if begin is not None and begin - until >= gap:
                break
            end = until if begin is None else end
            begin = time
        until = time
    return 0 if begin is None else end - begin


def _mean(of: Stretch) -> float | None:
    known = of.known
    return fsum(known) / len(known) if known else of.held


def _twmean(of: Stretch) -> float | None:
    begins = [(of.begin, nan if of.held is None else of.held), *of.rows]
    ends = [*(time for time, _ in of.rows), of.end]
    pieces = [(end - begin, v) for (begin, v), end in zip(begins, ends, strict=True) if not isnan(v)]
    known = sum(ms for ms, _ in pieces)
    return fsum(ms * value for ms, value in pieces) / known if known else _last(of)


def _last(of: Stretch) -> float | None:
    return of.all[-1] if of.all else None


def _sum(of: Stretch) -> float | None:
    return fsum(of.known) if of.all else None


def _delta(of: Stretch) -> float | None:
    return None if of.first is None else of.all[-1] - of.first


def _rate(of: Stretch) -> float | None:
    delta = _delta(of)
    return None if delta is None or of.end == of.begin else delta * HOUR_MS / (of.end - of.begin)


def percentile(of: Stretch, share: float) -> float | None:
    """The value that `share` (0 to 1) of all are below, between two readings in proportion."""
    ordered = sorted(of.all)
    if not ordered:
        return None
    place = (len(ordered) - 1) * share
    low = floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


#: name -> stretch -> value in the metric's unit (`rate`: per hour; `count`: readings); None = unknown
MEASURES: dict[str, Callable[[Stretch], float | None]] = {
    "mean": _mean,
    "twmean": _twmean,
    "min": lambda of: min(of.all, default=None),
    "max": lambda of: max(of.all, default=None),
    "sum": _sum,
    "count": lambda of: float(len(of.known)),
    "last": _last,
    "delta": _delta,
    "rate": _rate,
}
