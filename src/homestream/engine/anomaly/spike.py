"""A value that leaps away from all that is usual for its series.

Each series of a climate or grid quantity keeps its usual level and spread, as exponentially weighted means
of the value and of its absolute deviation; what an outlier adds is cut off, so that one spike does not make
the next usual. A spike leaps: what gets there step by step, or no faster than air does, is a shower, an open
window or a sunny morning. Switched quantities (power, current, light) leap by nature and are not judged.
Method: robust EWMA, as in Gelper, Fried, Croux, "Robust forecasting with exponential and Holt-Winters
smoothing" (2010), simplified.
"""

from typing import Any, ClassVar, Final

#: Metric -> the smallest deviation worth a word; below it lie a sensor's steps and a room's ordinary day.
SPIKES = {
    "temperature": 2.5,
    "humidity": 12.0,
    "pressure": 4.0,
    "carbon_dioxide": 400.0,
    "pm25": 40.0,
    "volatile_organic_compounds": 400.0,
    "voltage": 15.0,
    "frequency": 0.5,
}

#: Metric -> how fast it may truly change, per s: steam in a bathroom, a window opened in winter, a breath.
FASTEST = {"temperature": 0.02, "humidity": 0.4, "carbon_dioxide": 5.0}

#: Readings before a series is judged.
WARM: Final = 24
#: Deviation over usual deviation that makes a spike; beyond half of it, it is cut off for learning.
SPIKE: Final = 6.0
#: Weight of the newest reading: the level is that of some 32 readings.
WEIGHT: Final = 1 / 32
#: So many outliers in a row are the new usual, and the level moves there.
MOVED: Final = 24
#: After so long without a reading the level may be anywhere: take it anew, keep the spread.
STALE_MS: Final = 30 * 60_000


class Usual:
    """Level and spread of one series; `odd` counts outliers in a row, `low` to `high` is what they left."""

    __slots__: ClassVar = (
        "count",
        "fastest",
        "floor",
        "high",
        "last",
        "level",
        "low",
        "odd",
        "spread",
        "time",
    )

    def __init__(self, metric: str) -> None:
        self.floor, self.fastest = SPIKES[metric], FASTEST.get(metric, 0.0)
        self.level = self.spread = self.last = self.low = self.high = 0.0
        self.count = self.time = self.odd = 0

    def judge(self, time: int, value: float) -> str:
        """Take a reading: "spike" where a leap begins, "over" where one ends, else ""."""
        count, level, odd = self.count, self.level, self.odd
        if count and time - self.time > STALE_MS:
            level, odd, self.last = value, 0, value
        elif not count:
            level = value
        leap, since = abs(value - self.last), time - self.time
        self.last, self.time = value, time
        reach = SPIKE * self.spread
        reach = max(reach, self.floor)
        off, found = value - level, ""
        if (
            -reach <= off <= reach
            or count < WARM
            or (not odd and leap < reach / 2 + self.fastest * since / 1000)
        ):
            if odd:
                odd, found = 0, "over"
        else:
            odd += 1
            if odd == 1:
                self.low, self.high, found = level - reach, level + reach, "spike"
            elif odd >= MOVED:
                level, odd, off, found = value, 0, 0.0, "over"
        # learn; what is off by more than half the reach counts as off by that
        if count < WARM:
            self.count = count + 1
            weight = 1 / (count + 1)
        else:
            weight, most = WEIGHT, reach / 2
            off = -most if off < -most else most if off > most else off
        self.level = level + weight * off
        self.spread += weight * (abs(off) - self.spread)
        self.odd = odd
        return found

    def snapshot(self) -> list[Any]:
        """Builtins only."""
        return [getattr(self, name) for name in self.__slots__]

    def restore(self, state: list[Any]) -> None:
        """The inverse of `snapshot`."""
        for name, value in zip(self.__slots__, state, strict=True):
            setattr(self, name, value)
