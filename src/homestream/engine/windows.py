"""What one window of one series says: pure arithmetic over its readings.

Count, min, max, sum, mean and last are of the readings in [start, end). The time-weighted mean holds each
value until the next reading, from before the window too, at most for the series' hold; time without a
known value is left out, and `known` says how many ms were not. A minute is measured from readings, an hour
merged from its minutes, a day from its hours, so that the smaller always sum to the larger; sums are
exact (`fsum`), so that the order of merging cannot matter.
"""

from array import array
from bisect import bisect_left
from collections.abc import Iterable
from math import fsum, isnan
from operator import mul, sub
from typing import Any, ClassVar, Final

from homestream.engine.fact import Window
from homestream.home import DeviceConfig, duration_ms

#: A state that reports on change is held this long; then nobody knows any more.
HOLD_MAX: Final = 24 * 3_600_000

#: Power is held no longer than this without a new reading: beyond, energy is unknown, not invented.
MAX_GAP: Final = 5 * 60_000

#: A window that closes is mostly found among so many newest readings: a few minutes of 5 s data.
NEAR: Final = 64

_MS_PER_HOUR: Final = 3_600_000.0


def power_hold(said: DeviceConfig | None) -> int:
    """How long, in ms, a power holds of which `home.toml` says this."""
    if said is None:
        return MAX_GAP
    return min(duration_ms(said.max_gap) or max(MAX_GAP, duration_ms(said.expect_every)), HOLD_MAX)


class Tally:
    """The figures of one window. `integral` is value x ms over the `known` ms; `energy` in Wh."""

    __slots__: ClassVar = ("count", "energy", "integral", "known", "last", "max", "min", "sum")

    def __init__(self) -> None:
        """An empty window."""
        self.count = 0
        self.min: float | None = None
        self.max: float | None = None
        self.sum = 0.0
        self.integral = 0.0
        self.known = 0
        self.last: float | None = None
        self.energy: float | None = None

    def __bool__(self) -> bool:
        """Whether there is anything to tell."""
        return bool(self.known or self.count or self.energy)

    def state(self) -> list[Any]:
        """All figures, for a snapshot."""
        return [getattr(self, name) for name in self.__slots__]

    @classmethod
    def of(cls, state: list[Any]) -> "Tally":
        """The inverse of `state`."""
        tally = cls()
        for name, value in zip(cls.__slots__, state, strict=True):
            setattr(tally, name, value)
        return tally


def measure(times: "array[int]", values: "array[float]", start: int, end: int, hold: int) -> Tally:
    """The window [start, end) of a series, no longer than its hold, from its readings in order of time.

    Energy is left to others.
    """
    tally = Tally()
    near = len(times) - NEAR
    low = bisect_left(times, start, near if near > 0 and times[near] < start else 0)
    high = bisect_left(times, end, low)
    first = low - 1 if low else 0  # the reading before the window is held into it
    begins, held = times[first:high].tolist(), values[first:high].tolist()
    if not begins:
        return tally
    inside = held[low - first :]
    stops = begins[1:]
    stops.append(end)
    if low:
        stops[0] = max(min(stops[0], begins[0] + hold), start)
        begins[0] = start
    spans = list(map(sub, stops, begins))
    integral = fsum(map(mul, held, spans))
    if isnan(integral):  # unknowns among them
        inside = [value for value in inside if not isnan(value)]
        spans = [0 if isnan(value) else span for value, span in zip(held, spans, strict=True)]
        integral = fsum(map(mul, [0.0 if isnan(value) else value for value in held], spans))
    tally.integral = integral
    tally.known = sum(spans)
    if inside:
        tally.count = len(inside)
        tally.min = min(inside)
        tally.max = max(inside)
        tally.sum = fsum(inside)
        tally.last = inside[-1]
    elif spans[0]:
        tally.last = held[0]
    return tally


def energy_of_power(tally: Tally) -> float | None:
    """Wh of a window of a power series; None where nothing is known."""
    return tally.integral / _MS_PER_HOUR if tally.known else None


def merge(parts: Iterable[Tally]) -> Tally:
    """The window made of `parts`, which follow each other."""
    whole = Tally()
    parts = [part for part in parts if part]
    if not parts:
        return whole
    whole.count = sum(part.count for part in parts)
    whole.sum = fsum(part.sum for part in parts)
    whole.integral = fsum(part.integral for part in parts)
    whole.known = sum(part.known for part in parts)
    lows = [part.min for part in parts if part.min is not None]
    highs = [part.max for part in parts if part.max is not None]
    lasts = [part.last for part in parts if part.last is not None]
    energies = [part.energy for part in parts if part.energy is not None]
    whole.min = min(lows) if lows else None
    whole.max = max(highs) if highs else None
    whole.last = lasts[-1] if lasts else None
    whole.energy = fsum(energies) if energies else None
    return whole


def fact(
    home: str, device: str, metric: str, size: str, start: int, tally: Tally, time: int, revision: int
) -> Window:
    """The fact that states a window, known at `time`."""
    count, known = tally.count, tally.known
    return Window(
        home=home,
        time=time,
        device=device,
        metric=metric,
        size=size,
        start=start,
        count=count,
        min=tally.min,
        max=tally.max,
        sum=tally.sum,
        mean=tally.sum / count if count else None,
        twmean=tally.integral / known if known else None,
        last=tally.last,
        known=known,
        energy=tally.energy,
        revision=revision,
    )
