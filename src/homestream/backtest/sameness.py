"""Tests that a reading finds a rule as the one before left it, over a whole column of a series at once.

Each takes the column, in order of arrival, as `plain` (neither late, a correction, unknown nor out of order),
`times` (ms) and `values`, and gives of each reading but the first whether nothing has differed since the one
before, whatever moment a rule was judged at meanwhile. `plain` itself is asked of both by the caller.
"""

from dataclasses import dataclass
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from homestream.engine.clock import LATENESS
from homestream.engine.series import BEFORE

#: An average of values that all are beyond a level is there too, but for the rounding of its sum.
ROUNDING = 1e-12


@dataclass(frozen=True)
class Level:
    """`x > 5`: it is on the same side of the number as the one before, or equals it as that did."""

    number: float

    def same(self, plain: Any, times: Any, values: Any) -> Any:
        """See above."""
        below, above = pc.less(values, self.number), pc.greater(values, self.number)
        return pc.and_(pc.equal(below[1:], below[:-1]), pc.equal(above[1:], above[:-1]))


@dataclass(frozen=True)
class Settled:
    """`mean(x, "10m") > 5`: all values since before the window began are on the same side.

    Then so is the mean, and whatever else lies between the least and the greatest of them.
    """

    number: float
    ms: int

    def same(self, plain: Any, times: Any, values: Any) -> Any:
        """See above."""
        margin = abs(self.number) * ROUNDING
        above, below = pc.greater(values, self.number + margin), pc.less(values, self.number - margin)
        sound = pc.fill_null(pc.and_(plain, pc.or_(above, below)), False)
        steady = pc.and_(pc.and_(sound[1:], sound[:-1]), pc.equal(above[1:], above[:-1]))
        steady = pc.fill_null(pa.concat_arrays([pa.array([False]), steady]), False)
        newest = pc.cumulative_max(times)
        crossed = pc.cumulative_max(pc.if_else(steady, BEFORE, newest))
        # the one before the crossing is what held when the window began, until the crossing is out of it
        out = pc.less_equal(crossed[1:], pc.subtract(newest[:-1], self.ms))
        return pc.and_(out, Pause(self.ms).same(plain, times, values))


@dataclass(frozen=True)
class Pause:
    """`age(x) > "5m"`: it followed the one before sooner than that by any clock of the home."""

    ms: int

    def same(self, plain: Any, times: Any, values: Any) -> Any:
        """See above."""
        # what is not late is behind the home's clock by less than this
        return pc.less(pc.subtract(times[1:], times[:-1]), self.ms - LATENESS)


@dataclass(frozen=True)
class Again:
    """The same value as before: what presence makes of doors and switches."""

    def same(self, plain: Any, times: Any, values: Any) -> Any:
        """See above."""
        return pc.equal(values[1:], values[:-1])


@dataclass(frozen=True)
class Still:
    """Still no motion; while there is, each reading says that somebody moves."""

    def same(self, plain: Any, times: Any, values: Any) -> Any:
        """See above."""
        return pc.and_(pc.equal(values[1:], 0), pc.equal(values[:-1], 0))


@dataclass(frozen=True)
class Moving:
    """Still no motion, or still motion, and not for the last time: that tells when somebody last moved."""

    def same(self, plain: Any, times: Any, values: Any) -> Any:
        """See above."""
        again = pc.equal(values[1:], values[:-1])
        goes_on = pa.concat_arrays([pc.and_(again[1:], plain[2:]), pa.array([False])])
        return pc.and_(again, pc.or_(pc.equal(values[1:], 0), goes_on))


Test = Level | Settled | Pause | Again | Still | Moving
