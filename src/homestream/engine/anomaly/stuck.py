"""A dead sensor that looks alive: one that always varied says the same for far longer than it ever did.

How long a value usually stays is learned from the sensor itself, so that a coarse one that repeats itself all
night is left alone, and one that varies with every reading is missed within the hour.
"""

from collections.abc import Sequence
from math import isnan
from typing import Any, ClassVar, Final

#: Metric -> values whose rest is natural lie below: an empty socket, a dark room. Settings and states rest by
#: nature, counters are held against what they count.
RESTS_BELOW = {
    "temperature": None,
    "humidity": None,
    "pressure": None,
    "carbon_dioxide": None,
    "pm25": None,
    "volatile_organic_compounds": None,
    "voltage": None,
    "frequency": None,
    "power": 5.0,
    "illuminance": 1.0,
}

#: A sensor is known after so many changes, over so long.
CHANGES, KNOWN_MS = 30, 86_400_000
#: So many times the longest rest it ever had is no rest; and nothing is called dead sooner.
FACTOR, LEAST_MS = 4.0, 45 * 60_000
#: A rest has readings in it; a value that is only not reported is silence.
READINGS: Final = 10
#: After a pause like this nobody knows whether the value stayed.
PAUSE_MS: Final = 30 * 60_000
#: The longest rest is forgotten by this share at each look: by half in a week.
FADE: Final = 1 / 1500


class Rest:
    """How long one sensor's value stays. `since` and `last` are the first and newest reading of this rest."""

    __slots__: ClassVar = ("changes", "first", "last", "longest", "readings", "since", "stuck", "value")

    def __init__(self) -> None:
        self.value = float("nan")
        self.first = self.since = self.last = self.changes = self.readings = 0
        self.longest = 0.0
        self.stuck = False

    @property
    def length(self) -> int:
        """How long the value has been seen to stay, ms."""
        return self.last - self.since

    def look(self, readings: Sequence[tuple[int, float]]) -> str:
        """Take the readings since the last look: "stuck" where that begins, "over" where it ends, else "".

        Rests that begin and end within a look are too short to matter.
        """
        value, last, same = self.value, self.last, 0
        for time, seen in readings:
            if seen != value or time - last > PAUSE_MS:
                break
            last = time
            same += 1
        self.last = last
        self.readings += same
        moved = same < len(readings)
        if moved:
            if readings[same][1] != value and not isnan(value):
                self.changes += 1
                if self.length > self.longest:
                    # a dead sensor teaches little; but one that often rests so long is given more each time
                    most = 1.5 * max(self.longest, LEAST_MS / FACTOR) if self.stuck else self.length
                    self.longest = float(min(self.length, most))
            self._begin(readings, same)
        self.longest -= self.longest * FADE
        if self.stuck:
            self.stuck = not moved
            return "over" if moved else ""
        self.stuck = (
            self.readings >= READINGS
            and self.changes >= CHANGES
            and self.last - self.first >= KNOWN_MS
            and self.length >= max(LEAST_MS, FACTOR * self.longest)
        )
        return "stuck" if self.stuck else ""

    def _begin(self, readings: Sequence[tuple[int, float]], first: int) -> None:
        """The rest under way began where the newest value did, in or after the reading `first`."""
        start = len(readings) - 1
        self.last, self.value = readings[start]
        while start > first:
            time, seen = readings[start - 1]
            if seen != self.value or readings[start][0] - time > PAUSE_MS:
                break
            start -= 1
        self.since, self.readings = readings[start][0], len(readings) - start
        self.first = self.first or self.since

    def snapshot(self) -> list[Any]:
        """Builtins only."""
        return [getattr(self, name) for name in self.__slots__]

    def restore(self, state: list[Any]) -> None:
        """The inverse of `snapshot`."""
        for name, value in zip(self.__slots__, state, strict=True):
            setattr(self, name, value)
