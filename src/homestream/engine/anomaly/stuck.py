"""A dead sensor that looks alive: one that always varied says the same for far longer than it ever did.

How long a value usually stays is learned from the sensor itself, so that a coarse one that repeats itself all
night is left alone, and one that varies with every reading is missed within the hour.
"""

from collections.abc import Iterable
from math import isnan
from typing import Any

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
FACTOR, LEAST_MS = 3.0, 45 * 60_000
#: A rest has readings in it; a value that is only not reported is silence.
READINGS = 10
#: After a pause like this nobody knows whether the value stayed.
PAUSE_MS = 30 * 60_000
#: The longest rest is forgotten by this share at each look: by half in a week.
FADE = 1 / 1500


class Rest:
    """How long one sensor's value stays. `since` and `last` are the first and newest reading of this rest."""

    __slots__ = ("changes", "first", "last", "longest", "readings", "since", "stuck", "value")

    def __init__(self) -> None:
        self.value = float("nan")
        self.first = self.since = self.last = self.changes = self.readings = 0
        self.longest = 0.0
        self.stuck = False

    @property
    def length(self) -> int:
        """How long the value has been seen to stay, ms."""
        return self.last - self.since

    def look(self, readings: Iterable[tuple[int, float]]) -> str:
        """Take the readings since the last look: "stuck" where that begins, "over" where it ends, else ""."""
        value, since, last, count = self.value, self.since, self.last, self.readings
        for time, seen in readings:
            if seen == value and time - last <= PAUSE_MS:
                last = time
                count += 1
                continue
            if isnan(seen):
                continue
            if seen != value and not isnan(value):
                self.changes += 1
                if last - since > self.longest:
                    # a dead sensor teaches little; but one that often rests so long is given more each time
                    self.longest = float(min(last - since, 2 * max(self.longest, LEAST_MS)))
            value, since, last, count = seen, time, time, 1
        moved = since != self.since
        self.value, self.since, self.last, self.readings = value, since, last, count
        self.first = self.first or since
        self.longest -= self.longest * FADE
        if self.stuck:
            self.stuck = not moved
            return "over" if moved else ""
        self.stuck = (
            count >= READINGS
            and self.changes >= CHANGES
            and last - self.first >= KNOWN_MS
            and last - since >= max(LEAST_MS, FACTOR * self.longest)
        )
        return "stuck" if self.stuck else ""

    def snapshot(self) -> list[Any]:
        """Builtins only."""
        return [getattr(self, name) for name in self.__slots__]

    def restore(self, state: list[Any]) -> None:
        """The inverse of `snapshot`."""
        for name, value in zip(self.__slots__, state, strict=True):
            setattr(self, name, value)
