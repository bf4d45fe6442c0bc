"""What rules ask of the last minutes of a series: mean, min, max, count, delta, rate."""

from bisect import bisect_right
from collections.abc import Callable
from math import isnan

HOUR_MS = 3_600_000


class Sliding:
    """The readings of one series in the last `span` ms, and the one that held when that began."""

    __slots__ = ("span", "times", "values")

    def __init__(self, span: int) -> None:
        self.span = span
        self.times: list[int] = []
        self.values: list[float] = []

    def add(self, time: int, value: float) -> None:
        """A reading, late ones too; NaN: unknown from then on."""
        at = bisect_right(self.times, time)
        self.times.insert(at, time)
        self.values.insert(at, value)
        old = bisect_right(self.times, self.times[-1] - self.span) - 1
        if old > 64:  # drop in runs: a drop moves the whole list
            del self.times[:old], self.values[:old]

    def pieces(self, now: int) -> list[tuple[int, float]]:
        """(ms held, value) of what is known within the span ending `now`, oldest first; left-hold."""
        if not self.times:
            return []
        start = now - self.span
        first = max(bisect_right(self.times, start) - 1, 0)
        ends = [*self.times[first + 1 :], now]
        held = zip(self.times[first:], self.values[first:], ends, strict=True)
        return [
            (min(end, now) - max(begin, start), value)
            for begin, value, end in held
            if begin <= now and not isnan(value)
        ]


def _mean(window: Sliding, now: int) -> float | None:
    pieces = window.pieces(now)
    known = sum(ms for ms, _ in pieces)
    return sum(ms * value for ms, value in pieces) / known if known else (pieces[-1][1] if pieces else None)


def _lowest(window: Sliding, now: int) -> float | None:
    return min((value for _, value in window.pieces(now)), default=None)


def _highest(window: Sliding, now: int) -> float | None:
    return max((value for _, value in window.pieces(now)), default=None)


def _count(window: Sliding, now: int) -> float | None:
    return float(sum(now - window.span < t <= now for t in window.times))


def _delta(window: Sliding, now: int) -> float | None:
    pieces = window.pieces(now)
    if not pieces or window.times[0] > now - window.span:
        return None  # what it was at the beginning is not known
    return pieces[-1][1] - pieces[0][1]


def _rate(window: Sliding, now: int) -> float | None:
    delta = _delta(window, now)
    return None if delta is None else delta * HOUR_MS / window.span


#: name -> (window, now) -> value in the metric's unit (`rate`: per hour; `count`: readings); None = unknown
FUNCTIONS: dict[str, Callable[[Sliding, int], float | None]] = {
    "mean": _mean,
    "min": _lowest,
    "max": _highest,
    "count": _count,
    "delta": _delta,
    "rate": _rate,
}
