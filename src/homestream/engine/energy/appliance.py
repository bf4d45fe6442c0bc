"""When an appliance ran, from its power alone: two levels learned from its own history, with hysteresis.

`rest` is what it draws while nothing happens, `peak` the most it draws. It runs while it draws more than a
small share of what lies between; a pause, as between wash and spin, belongs to the run. One that runs when it
is first heard is known to have run when it stops.
"""

from collections.abc import Iterable
from math import isnan
from typing import NamedTuple

from homestream.engine.clock import DAY, MINUTE

#: Above rest by this share of what lies between rest and peak it is on, below the second off; in W at least.
ON_SHARE, ON_W = 0.05, 8.0
OFF_SHARE, OFF_W = 0.025, 4.0

#: A pause shorter than this is part of the run.
PAUSE_MS = 3 * MINUTE

#: Rest is found at once downwards and slowly upwards; a peak is forgotten over a season.
RISE_MS = DAY
FADE_MS = 90 * DAY


class Run(NamedTuple):
    """From `start` to `end`, ms; None where it runs still."""

    start: int
    end: int | None


class Appliance:
    """One appliance: `runs` are those that have ended, `on` is since when it runs, or None."""

    def __init__(self, hold: int) -> None:
        """`hold`: ms that a power lasts without a new reading; beyond, it is not known to run."""
        self.runs: list[Run] = []
        self.on: int | None = None
        self._hold = hold
        self._time: int | None = None
        self._first = 0
        self._rest = self._peak = 0.0
        #: since when it has been below the lower level, while on
        self._below: int | None = None

    def step(self, time: int, watts: float) -> None:
        """The next reading, in order of time; NaN is unknown."""
        last, self._time = self._time, time
        if isnan(watts):
            self._end(time)
            return
        if last is None:
            self._first = time
            self._rest = self._peak = watts
            return
        if (
            not self.runs
            and self.on is None
            and self._rest - watts > max(ON_W, ON_SHARE * (self._peak - watts))
        ):
            self.runs.append(
                Run(self._first, min(time, last + self._hold))
            )  # what was taken for rest was none
        self._learn(watts, time - last)
        between = self._peak - self._rest
        if time - last > self._hold:
            self._end(last + self._hold)
        if self.on is None:
            if watts > self._rest + max(ON_W, ON_SHARE * between):
                self.on = time
        elif watts > self._rest + max(OFF_W, OFF_SHARE * between):
            self._below = None
        else:
            self._below = time if self._below is None else self._below
            if time - self._below >= PAUSE_MS:
                self._end(self._below)

    def _learn(self, watts: float, elapsed: int) -> None:
        self._peak = max(watts, self._peak - (self._peak - self._rest) * min(elapsed / FADE_MS, 1.0))
        if watts < self._rest:
            self._rest = watts
        elif self.on is None:
            self._rest += (watts - self._rest) * min(elapsed / RISE_MS, 1.0)

    def _end(self, time: int) -> None:
        if self.on is not None:
            self.runs.append(Run(self.on, min(time, self._below if self._below is not None else time)))
        self.on = self._below = None


def runs(readings: Iterable[tuple[int, float]], hold: int) -> list[Run]:
    """All runs in (time, W) readings in order of time."""
    appliance = Appliance(hold)
    for time, watts in readings:
        appliance.step(time, watts)
    return appliance.runs if appliance.on is None else [*appliance.runs, Run(appliance.on, None)]
