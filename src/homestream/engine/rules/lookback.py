"""What rules ask of the past of a series: mean, percentile, delta and the like, of a stretch of it.

A stretch is the readings in some time, and the value that held when it began. Unknowns are left out.
"""

from bisect import bisect_left, bisect_right
from collections.abc import Callable, Iterable, Sequence
from math import floor, fsum, isnan, nan
from typing import NamedTuple

HOUR_MS = 3_600_000

#: Times, ascending, and the values from then on; NaN is unknown.
History = tuple[Sequence[int], Sequence[float]]


class Stretch(NamedTuple):
    """Part of a series: from when to when, what held before (None: not known), its readings in order."""

    begin: int
    end: int
    held: float | None
    times: Sequence[int]
    values: Sequence[float]

    @property
    def known(self) -> Sequence[float]:
        """The values read in it."""
        values = self.values
        return [value for value in values if not isnan(value)] if isnan(sum(values)) else values

    @property
    def all(self) -> Sequence[float]:
        """The values it had, the first of them maybe read before."""
        return self.known if self.held is None else [self.held, *self.known]

    @property
    def first(self) -> float | None:
        """The value it began with."""
        if self.times and self.times[0] == self.begin:
            return None if isnan(self.values[0]) else self.values[0]
        return self.held


def sliding(history: History, begin: int, end: int) -> Stretch:
    """The part (begin, end] of a history that ends there and starts with the row before, if there is one."""
    times, values = history
    inside = bisect_right(times, begin)
    held = values[inside - 1] if inside else nan
    return Stretch(begin, end, None if isnan(held) else held, times[inside:], values[inside:])


def tumbling(history: History, begin: int, end: int) -> Stretch:
    """The part [begin, end), as the windows of the engine have it."""
    return sliding(history, begin - 1, end - 1)._replace(begin=begin, end=end)


def session(history: History, gap: int, now: int) -> Stretch | None:
    """The readings up to now that follow each other within `gap` ms; None where the last is that old."""
    times, values = history
    known = [time for time, value in zip(times, values, strict=True) if not isnan(value)]
    if not known or now - known[-1] >= gap:
        return None
    first = len(known) - 1
    while first and known[first] - known[first - 1] < gap:
        first -= 1
    begin = known[first]
    inside = bisect_left(times, begin)
    return Stretch(begin, now, None, times[inside:], values[inside:])


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
    begins, values = [of.begin, *of.times], [nan if of.held is None else of.held, *of.values]
    ends = zip(begins, [*of.times, of.end], values, strict=True)
    pieces = [(end - begin, value) for begin, end, value in ends if not isnan(value)]
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
