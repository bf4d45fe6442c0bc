"""The last changes of one sensor that security watches, so that what is learned late finds its place."""

from bisect import bisect_right
from typing import Any, Final

#: Changes kept: a door that sends more than this while it is out of reach is judged by the last ones.
KEEP: Final = 16


class Watched:
    """Changes (time, value) in order of time, and since when the sensor is not seen (None: it is)."""

    __slots__ = ("blind", "changes", "time")

    def __init__(self) -> None:
        self.changes: list[tuple[int, float]] = []
        self.time = 0
        self.blind: int | None = None

    def lose(self, time: int) -> None:
        """Unknown from `time` on."""
        if self.blind is None and self.changes:
            self.blind = time

    def same(self, time: int, value: float) -> bool:
        """Take the newest reading if it is only the last state again, which nearly all are."""
        if self.blind is not None or not self.changes or self.changes[-1][1] != value:
            return False
        self.time = time
        return True

    def see(self, time: int, value: float) -> tuple[int, float] | None:
        """Take the newest reading; returns when the state before it was last seen, and that state."""
        before = (self.time, self.changes[-1][1]) if self.changes else None
        if before is None or before[1] != value:
            self.changes = [*self.changes, (time, value)][-KEEP:]
        self.time, self.blind = time, None
        return before

    def insert(self, time: int, value: float) -> tuple[int, float] | None:
        """Take a late reading; returns the change before it, None where that is not known."""
        if time >= self.time:
            return self.see(time, value)
        place = bisect_right(self.changes, time, key=lambda row: row[0])
        if not place:
            return None
        before = self.changes[place - 1]
        if before[1] != value:
            # the change that was thought to come later is now known to have come here
            after = self.changes[place:]
            if after and after[0][1] == value:
                after = after[1:]
            self.changes = [*self.changes[:place], (time, value), *after][-KEEP:]
        return before

    def snapshot(self) -> list[Any]:
        """Builtins only."""
        return [[list(change) for change in self.changes], self.time, self.blind]

    @classmethod
    def restore(cls, state: list[Any]) -> "Watched":
        """The inverse of `snapshot`."""
        watched = cls()
        watched.changes = [(time, value) for time, value in state[0]]
        watched.time, watched.blind = state[1], state[2]
        return watched
