"""Drift: an hour's mean far from the usual for that hour of the week, and the next one too.

Each series keeps a profile of 168 hours: for each its level and spread over the weeks, as exponentially
weighted means of the hourly mean and of its absolute deviation (robust: what an outlier adds is cut off). An
hour is judged by the spread of its own few weeks or that of the whole profile, whichever is larger.
"""

from array import array
from typing import Any, Final

HOURS: Final = 168

#: Metric -> the smallest deviation of an hour's mean worth a word.
DRIFTS = {
    "temperature": 1.5,
    "humidity": 8.0,
    "carbon_dioxide": 250.0,
    "pm25": 25.0,
    "volatile_organic_compounds": 250.0,
    "voltage": 8.0,
    "power": 60.0,
}

#: Weeks an hour must have been seen before it is judged.
WEEKS: Final = 3
#: Deviation over usual deviation that is far.
FAR: Final = 6.0
#: Weight of the newest week, once there are more.
WEIGHT: Final = 1 / 6
#: Weight of the newest hour in the profile's spread: a week's worth.
PROFILE_WEIGHT: Final = 1 / HOURS
#: So many hours far in a row are a drift; so many are the new usual.
HOLD, MOVED = 2, 24
#: What of an hour must be known, ms.
ENOUGH_MS: Final = 30 * 60_000


class Profile:
    """What is usual of one series, hour by hour of the week; `odd` counts hours that are far, in a row."""

    def __init__(self, metric: str) -> None:
        self.floor = DRIFTS[metric]
        self.levels, self.spreads = array("d", bytes(8 * HOURS)), array("d", bytes(8 * HOURS))
        self.weeks = bytearray(HOURS)
        self.spread, self.count, self.odd = 0.0, 0, 0
        #: the usual range of the newest hour that was judged
        self.low = self.high = 0.0

    def judge(self, hour: int, mean: float) -> str:
        """Take an hour's mean: "drift" where it has lasted for HOLD, "over" where it ends, else ""."""
        weeks, found = self.weeks[hour], ""
        off = mean - self.levels[hour] if weeks else 0.0
        if weeks >= WEEKS:
            reach = max(self.floor, FAR * self.spreads[hour], FAR * self.spread)
            self.low, self.high = self.levels[hour] - reach / 2, self.levels[hour] + reach / 2
            if abs(off) > reach:
                self.odd += 1
                if self.odd == HOLD:
                    found = "drift"
                elif self.odd == MOVED:
                    self.levels = array("d", [level + off for level in self.levels])
                    self.odd, off, found = 0, 0.0, "over"
            else:
                found, self.odd = "over" if self.odd >= HOLD else "", 0
            off = max(-reach / 2, min(reach / 2, off))
        self._learn(hour, mean, off, weeks)
        return found

    def _learn(self, hour: int, mean: float, off: float, weeks: int) -> None:
        if not weeks:
            self.levels[hour] = mean
        else:
            weight = max(WEIGHT, 1 / (weeks + 1))
            self.levels[hour] += weight * off
            self.spreads[hour] += max(WEIGHT, 1 / weeks) * (abs(off) - self.spreads[hour])
            self.count = min(self.count + 1, HOURS)
            self.spread += max(PROFILE_WEIGHT, 1 / self.count) * (abs(off) - self.spread)
        self.weeks[hour] = min(weeks + 1, WEEKS + 7)

    def snapshot(self) -> list[Any]:
        """Builtins only."""
        arrays = [self.levels.tobytes(), self.spreads.tobytes(), bytes(self.weeks)]
        return [*arrays, self.spread, self.count, self.odd, self.low, self.high]

    def restore(self, state: list[Any]) -> None:
        """The inverse of `snapshot`."""
        self.levels, self.spreads = array("d"), array("d")
        self.levels.frombytes(state[0])
        self.spreads.frombytes(state[1])
        self.weeks = bytearray(state[2])
        self.spread, self.count, self.odd, self.low, self.high = state[3:]
