"""Energy from counters: what a meter's readings say was used, without being fooled by the meter.

A counter that falls by more than a tolerance was reset and counts from zero; one that falls by less dips,
and is ignored until it has passed its old value; one that leaps beyond what the breaker allows is a glitch,
kept out until it has been confirmed, then taken as a new level from which to count. What was used between
two readings belongs whole to the window that holds the second: windows before it are closed by then, and
so the hours always sum to the day. (Power is integrated in `windows`: left-hold, with a maximum gap.)
"""

from collections.abc import Iterable
from math import isnan
from typing import NamedTuple

#: No home's main breaker passes more than this, in W: 200 A at 240 V is 48 kW.
BREAKER_W = 50_000.0

#: A counter of whole kWh moves by this much at once, in Wh.
COARSE_WH = 1_000.0

#: A reset restarts near zero; a fall within this share of the counter is a dip (rounding, a lost save).
DIP_SHARE = 0.01
DIP_WH = 1.0

#: So many readings in a row that agree on another level are a new level, not a glitch.
CONFIRMED = 3

_WH_PER_MS_W = 1.0 / 3_600_000.0


class Meter(NamedTuple):
    """A counter's reference: its last accepted reading, and a doubted level that may replace it."""

    time: int
    value: float
    doubt_time: int = 0
    doubt_value: float = 0.0
    doubts: int = 0


class Glitch(NamedTuple):
    """A reading that was kept out; `low` and `high` (Wh) is what could have been."""

    time: int
    value: float
    low: float
    high: float


def allowance(elapsed: int) -> float:
    """The most a counter can have grown in `elapsed` ms, in Wh."""
    return BREAKER_W * _WH_PER_MS_W * elapsed + COARSE_WH


def read(meter: Meter | None, time: int, value: float) -> tuple[Meter, float, Glitch | None]:
    """The meter after one known reading, the Wh it adds, and the glitch it is, if it is one."""
    if meter is None:
        return Meter(time, value), 0.0, None
    used = _used(meter.time, meter.value, time, value)
    if used is not None:
        if used < 0.0:  # a dip: the reference stands until it is passed
            return meter._replace(doubts=0) if meter.doubts else meter, 0.0, None
        return Meter(time, value), used, None
    high = meter.value + allowance(time - meter.time)
    since = _used(meter.doubt_time, meter.doubt_value, time, value) if meter.doubts else None
    if since is None or since < 0.0:
        doubted = meter._replace(doubt_time=time, doubt_value=value, doubts=1)
    elif meter.doubts + 1 >= CONFIRMED:
        return Meter(time, value), 0.0, None
    else:
        doubted = meter._replace(doubt_time=time, doubt_value=value, doubts=meter.doubts + 1)
    return doubted, 0.0, Glitch(time, value, meter.value, high)


def fold(
    meter: Meter | None, readings: Iterable[tuple[int, float]]
) -> tuple[Meter | None, list[float], list[Glitch]]:
    """`read` over (time, value) pairs in order of time, unknowns (NaN) left out."""
    used: list[float] = []
    glitches: list[Glitch] = []
    for time, value in readings:
        if isnan(value):
            continue
        meter, more, glitch = read(meter, time, value)
        if more:
            used.append(more)
        if glitch is not None:
            glitches.append(glitch)
    return meter, used, glitches


def _used(since: int, before: float, time: int, value: float) -> float | None:
    """Wh between two readings; -1 for a dip, None where it cannot be."""
    limit = allowance(time - since)
    grown = value - before
    if grown < 0.0:
        if -grown <= max(DIP_WH, DIP_SHARE * before):
            return -1.0
        grown = value
    return grown if grown <= limit else None
