"""Energy from counters: what a meter's readings say was used, without being fooled by the meter.

A counter that falls by more than a tolerance was reset and counts from zero; one that falls by less dips,
and is ignored until it has passed its old value; one that leaps beyond what the breaker allows is a glitch,
kept out until it has been confirmed, then taken as a new level from which to count. What was used between
two readings is a draw. It belongs whole to the window that holds the second reading: windows before it are
closed by then, and so the hours always sum to the day. But over a longer silence nobody knows when it was
used: such a draw is unplaced and in no window, or a meter that returns after a week would draw a huge bar.
(Power is integrated in `windows`: left-hold, with a maximum gap.)
"""

from collections.abc import Iterable
from math import isnan
from typing import Final, NamedTuple

#: No home's main breaker passes more than this, in W: 200 A at 240 V is 48 kW.
BREAKER_W: Final = 50_000.0

#: A counter of whole kWh moves by this much at once, in Wh.
COARSE_WH: Final = 1_000.0

#: A reset restarts near zero; a fall within this share of the counter is a dip (rounding, a lost save).
DIP_SHARE: Final = 0.01
DIP_WH: Final = 1.0

#: So many readings in a row that agree on another level are a new level, not a glitch.
CONFIRMED: Final = 3

#: Two readings further apart say how much was used, not when: an hourly meter, and half an hour's slack.
PLACED_MS: Final = 90 * 60_000

_WH_PER_MS_W: Final = 1.0 / 3_600_000.0


class Meter(NamedTuple):
    """A counter's reference: its last accepted reading, and a doubted level that may replace it."""

    time: int
    value: float
    doubt_time: int = 0
    doubt_value: float = 0.0
    doubts: int = 0


class Draw(NamedTuple):
    """Wh used between two readings of a counter too far apart to say when."""

    since: int
    time: int
    wh: float


class Glitch(NamedTuple):
    """A reading that was kept out; `low` and `high` (Wh) is what could have been."""

    time: int
    value: float
    low: float
    high: float


def allowance(elapsed: int) -> float:
    """The most a counter can have grown in `elapsed` ms, in Wh."""
    return BREAKER_W * _WH_PER_MS_W * elapsed + COARSE_WH


class Counted(NamedTuple):
    """What readings made of a counter: its reference, the Wh of each draw it is known when, those apart."""

    meter: Meter | None
    used: list[float]
    apart: list[Draw]
    glitches: list[Glitch]


def fold(meter: Meter | None, readings: Iterable[tuple[int, float]]) -> Counted:
    """The meter after (time, value) readings in order of time, and what they tell.

    Unknowns (NaN) are passed over: a counter goes on counting while nobody hears it.
    """
    placed: list[float] = []
    apart: list[Draw] = []
    glitches: list[Glitch] = []
    for time, value in readings:
        if isnan(value):
            continue
        if meter is None:
            meter = Meter(time, value)
            continue
        since, before = meter[0], meter[1]
        used = _used(since, before, time, value)
        if used is None:
            meter, glitch = _doubt(meter, time, value)
            if glitch is not None:
                glitches.append(glitch)
        elif used < 0.0:  # a dip: the reference stands until it is passed
            meter = meter._replace(doubts=0)
        else:
            meter = Meter(time, value)
            if used:
                if time - since <= PLACED_MS:
                    placed.append(used)
                else:
                    apart.append(Draw(since, time, used))
    return Counted(meter, placed, apart, glitches)


def _doubt(meter: Meter, time: int, value: float) -> tuple[Meter, Glitch | None]:
    """A reading that cannot be: kept out, until enough others agree with it on a new level."""
    doubts = 1
    if meter.doubts:
        since = _used(meter.doubt_time, meter.doubt_value, time, value)
        if since is not None and since >= 0.0:
            doubts = meter.doubts + 1
    if doubts == CONFIRMED:
        return Meter(time, value), None
    glitch = Glitch(time, value, meter.value, meter.value + allowance(time - meter.time))
    return meter._replace(doubt_time=time, doubt_value=value, doubts=doubts), glitch


def _used(since: int, before: float, time: int, value: float) -> float | None:
    """Wh between two readings; -1 for a dip, None where it cannot be."""
    limit = allowance(time - since)
    grown = value - before
    if grown < 0.0:
        if -grown <= max(DIP_WH, DIP_SHARE * before):
            return -1.0
        grown = value
    return grown if grown <= limit else None
