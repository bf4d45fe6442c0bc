"""Somebody breathes: carbon dioxide that rises in a room, and has not fallen since.

A short and a long mean are compared: above, the air is being used up; below, the room is left or aired.
People at rest in a closed room reach a level that stays, so that a rise counts for an hour. It tells of
sleepers, whom no motion sensor sees.
"""

from typing import Any, ClassVar

#: The means' times, ms.
SHORT_MS, LONG_MS = 5 * 60_000, 60 * 60_000
#: The short mean over the long one that is a rise, and under it that is a fall, ppm.
RISE, FALL = 12.0, 20.0
#: How long a rise counts, ms; and after what pause in readings the air is looked at anew.
COUNTS_MS, PAUSE_MS = 60 * 60_000, 60 * 60_000


class Breath:
    """The air at one sensor; `somebody(now)` says whether it is being used up."""

    __slots__: ClassVar = ("long", "risen", "short", "time")

    def __init__(self) -> None:
        self.short = self.long = 0.0
        self.time = self.risen = 0

    def see(self, time: int, value: float) -> None:
        """Take a reading, ppm."""
        since = time - self.time
        if not 0 <= since <= PAUSE_MS or not self.time:
            self.short = self.long = value
            self.risen, since = 0, 0
        self.time = time
        self.short += (value - self.short) * since / (since + SHORT_MS)
        self.long += (value - self.long) * since / (since + LONG_MS)
        if self.short - self.long > RISE:
            self.risen = time
        elif self.long - self.short > FALL:
            self.risen = 0

    def somebody(self, now: int) -> bool:
        """Whether it rose within the hour and did not fall since."""
        return self.risen > 0 and now - self.risen < COUNTS_MS

    def snapshot(self) -> list[Any]:
        """Builtins only."""
        return [getattr(self, name) for name in self.__slots__]

    def restore(self, state: list[Any]) -> None:
        """The inverse of `snapshot`."""
        for name, value in zip(self.__slots__, state, strict=True):
            setattr(self, name, value)
