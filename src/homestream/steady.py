"""The edge's only clock: wall time that stands still rather than step back.

A home's machine is set right by NTP now and then. A reading stamped before the one it follows would be out of
order: kept, but no longer what is true now, so a lamp switched off would be shown as on.
"""

import time
from collections.abc import Callable

#: A step back of more than this, ms, is followed: the clock was wrong, and would stand still for too long.
BACK_MS = 60_000


def wall() -> int:
    """Milliseconds since 1970 UTC, as the machine has them."""
    return time.time_ns() // 1_000_000


class SteadyClock:
    """Call it for the time, ms since 1970 UTC; on one thread."""

    def __init__(self, wall: Callable[[], int] = wall) -> None:
        """`wall` is what it follows."""
        self._wall = wall
        self._last = 0

    def __call__(self) -> int:
        """Not before the last answer, unless the wall clock was put back by more than `BACK_MS`."""
        now = self._wall()
        if self._last - BACK_MS <= now < self._last:
            return self._last
        self._last = now
        return now
