"""One series of a home: its newest value, its last 24 hours, its windows under way."""

from array import array
from bisect import bisect_left, bisect_right
from itertools import accumulate
from math import isnan
from operator import sub
from typing import Any, ClassVar, Final

from homestream.engine.clock import DAY, HISTORY, HOUR
from homestream.engine.energy.counter import Meter
from homestream.engine.operator import Operator
from homestream.engine.windows import HOLD_MAX, MAX_GAP, Tally

#: A day of readings every 5 s is 17,280, which take 280 kB. A faster series is corrected less far back.
MAX_HISTORY: Final = 20_000

#: All series of a home share this many readings of history: 96 MB, within a home's 150 MB.
HOME_HISTORY: Final = 6_000_000

#: Readings are kept so much longer than they may be corrected that the hour they fall in is whole.
KEEP: Final = HISTORY + 2 * HOUR

#: Hours are kept until no correction can touch their day: a day of 25 h that ended 24 h ago.
KEEP_HOURS: Final = HISTORY + 26 * HOUR

#: Energy is told back to the start of the month, and of the week.
KEEP_DAYS: Final = 33 * DAY

#: Readings are forgotten this many at a time: moving an array's rest costs as much for one as for many.
SPARE: Final = 1_000

#: Earlier than any time.
BEFORE: Final = -(1 << 62)

#: Counters of energy; windows say how much of it was used.
ENERGY = frozenset({"energy", "energy_export"})


class Series:
    """State of one series. `time`, `value` are its newest reading; NaN is unknown."""

    __slots__: ClassVar = (
        "before",
        "blind",
        "checkpoints",
        "counter",
        "days",
        "device",
        "dirty",
        "floor",
        "hold",
        "hours",
        "meter",
        "metric",
        "minutes",
        "revised",
        "time",
        "times",
        "unplaced",
        "value",
        "values",
        "watchers",
        "why",
    )

    def __init__(self, device: str, metric: str) -> None:
        """A series that has seen nothing."""
        self.device = device
        self.metric = metric
        self.time = BEFORE
        self.value = float("nan")
        self.times = array("q")
        self.values = array("d")
        #: readings before this time may have been forgotten
        self.floor = BEFORE
        #: operators that want its readings, with nothing in it for most series
        self.watchers: tuple[Operator, ...] = ()
        #: whether it counts energy
        self.counter = metric in ENERGY
        #: ms a value holds without a new reading
        self.hold = MAX_GAP if metric == "power" else HOLD_MAX
        #: since when it is unknown, why, and what it was before; None while known
        self.blind: int | None = None
        self.why = ""
        self.before: float | None = None
        #: closed minutes of the hour under way, and closed hours, by start
        self.minutes: dict[int, Tally] = {}
        self.hours: dict[int, Tally] = {}
        #: minutes to measure again, and (size, start) -> revision of what was corrected
        self.dirty: set[int] = set()
        self.revised: dict[tuple[str, int], int] = {}
        #: a counter's reference up to the closed minutes, and as it was at the ends of hours
        self.meter: Meter | None = None
        self.checkpoints: dict[int, Meter | None] = {}
        #: energy of closed days, by start: their end and Wh
        self.days: dict[int, tuple[int, float]] = {}
        #: draws of a counter that no window holds, by end: their start, Wh and revision
        self.unplaced: dict[int, tuple[int, float, int]] = {}

    def insert(self, time: int, value: float) -> tuple[int, str]:
        """Put a reading where its time belongs; its index, and `new`, `duplicate` or `correction`."""
        index = bisect_left(self.times, time)
        if index < len(self.times) and self.times[index] == time:
            there = self.values[index]
            if there == value or (isnan(there) and isnan(value)):
                return index, "duplicate"
            self.values[index] = value
            return index, "correction"
        self.times.insert(index, time)
        self.values.insert(index, value)
        return index, "new"

    def previous(self) -> tuple[int, float] | None:
        """The known reading before the newest."""
        for index in range(len(self.times) - 2, -1, -1):
            value = self.values[index]
            if not isnan(value):
                return self.times[index], value
        return None

    def known_after(self, after: int) -> list[int]:
        """The times of its known readings after a time."""
        low = bisect_right(self.times, after)
        times, values = self.times[low:], self.values[low:]
        if not isnan(sum(values)):  # as nearly always
            return times.tolist()
        return [time for time, value in zip(times, values, strict=True) if not isnan(value)]

    def between(self, after: int, upto: int) -> list[tuple[int, float]]:
        """The readings in (after, upto]."""
        low = bisect_left(self.times, after + 1)
        high = bisect_left(self.times, upto + 1, low)
        return list(zip(self.times[low:high], self.values[low:high], strict=True))

    def shrink(self, most: int, opened: int) -> None:
        """Keep the newest `most` readings, and all from `opened` on with the one before it."""
        self._forget(min(len(self.times) - most, bisect_left(self.times, opened) - 1))

    def expire(self, now: int) -> None:
        """Forget what no correction can touch any more."""
        self._forget(bisect_left(self.times, now - KEEP) - 1)
        for kept in (self.hours, self.checkpoints):
            for start in [start for start in kept if start < now - KEEP_HOURS]:
                del kept[start]
        for start in [start for start in self.days if start < now - KEEP_DAYS]:
            del self.days[start]
        for end in [end for end in self.unplaced if end < now - KEEP_DAYS]:
            del self.unplaced[end]
        if self.revised:
            self.revised = {k: n for k, n in self.revised.items() if k[1] >= now - KEEP_HOURS}

    def _forget(self, count: int) -> None:
        if count > 0:
            del self.times[:count]
            del self.values[:count]
            self.floor = self.times[0]

    def freeze(self) -> "Series":
        """A copy that changes no more, quickly made; of it another thread may take the `snapshot`."""
        frozen = Series(self.device, self.metric)
        for name in self.__slots__:
            setattr(frozen, name, getattr(self, name))
        frozen.times, frozen.values = self.times[:], self.values[:]
        # a tally is never changed once it is kept
        frozen.minutes, frozen.hours = dict(self.minutes), dict(self.hours)
        frozen.dirty, frozen.revised = set(self.dirty), dict(self.revised)
        frozen.checkpoints = dict(self.checkpoints)
        frozen.days, frozen.unplaced = dict(self.days), dict(self.unplaced)
        return frozen

    def snapshot(self) -> Any:
        """Builtins only; the history as bytes."""
        return {
            "device": self.device,
            "metric": self.metric,
            "newest": [self.time, self.value],
            "times": _pack_times(self.times),
            "values": _pack_values(self.values),
            "floor": self.floor,
            "blind": [self.blind, self.why, self.before],
            "minutes": [[start, tally.state()] for start, tally in self.minutes.items()],
            "hours": [[start, tally.state()] for start, tally in self.hours.items()],
            "dirty": sorted(self.dirty),
            "revised": [[size, start, n] for (size, start), n in self.revised.items()],
            "meter": self.meter,
            "checkpoints": list(self.checkpoints.items()),
            "days": list(self.days.items()),
            "unplaced": list(self.unplaced.items()),
        }

    @classmethod
    def restore(cls, state: Any) -> "Series":
        """The inverse of `snapshot`; its watchers are to be asked for again."""
        series = cls(state["device"], state["metric"])
        series.time, series.value = state["newest"]
        series.times = _unpack_times(state["times"])
        series.values = _unpack_values(state["values"])
        series.floor = state["floor"]
        series.blind, series.why, series.before = state["blind"]
        series.minutes = {start: Tally.of(tally) for start, tally in state["minutes"]}
        series.hours = {start: Tally.of(tally) for start, tally in state["hours"]}
        series.dirty = set(state["dirty"])
        series.revised = {(size, start): n for size, start, n in state["revised"]}
        series.meter = _meter(state["meter"])
        series.checkpoints = {at: _meter(meter) for at, meter in state["checkpoints"]}
        series.days = {start: tuple(day) for start, day in state.get("days", ())}
        series.unplaced = {end: tuple(draw) for end, draw in state.get("unplaced", ())}
        return series


def _meter(state: Any) -> Meter | None:
    return None if state is None else Meter(*state)


def _pack_times(times: "array[int]") -> bytes:
    """As differences: a steady series is then the same few bytes over and over, which compress to nothing."""
    return array("q", [*times[:1], *map(sub, times[1:], times)]).tobytes()


def _unpack_times(data: bytes) -> "array[int]":
    steps = array("q")
    steps.frombytes(data)
    return array("q", accumulate(steps))


def _pack_values(values: "array[float]") -> bytes:
    """All first bytes, then all second ones, ...: what neighbours share lies together and compresses."""
    data = values.tobytes()
    return b"".join(data[i::8] for i in range(8))


def _unpack_values(data: bytes) -> "array[float]":
    size = len(data) // 8
    mixed = bytearray(len(data))
    for i in range(8):
        mixed[i::8] = data[i * size : (i + 1) * size]
    values = array("d")
    values.frombytes(bytes(mixed))
    return values
