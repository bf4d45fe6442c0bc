"""When an event is unexpected: the home's mode, the night and who is home, also as they were in the past."""

from bisect import bisect_right
from typing import Any

from homestream.engine.fact import Mode, Occupancy
from homestream.engine.operator import Context
from homestream.engine.safety.zones import ARMED
from homestream.engine.wording import local
from homestream.home import duration_ms

#: Changes of mode or occupancy kept to judge what is learned late: weeks of an ordinary home.
KEEP = 64

#: Below this confidence "nobody is home" is a guess, and an alert that rests on it is a warning.
SURE = 0.9


class Guard:
    """Mode and occupancy over time."""

    def __init__(self) -> None:
        self._modes: list[tuple[int, str]] = []
        self._empties: list[
            tuple[int, float]
        ] = []  # confidence that nobody is home; 0 for somebody or not known

    def learn(self, fact: Mode | Occupancy) -> None:
        """Remember a change."""
        if isinstance(fact, Mode):
            self._modes = [*self._modes, (fact.time, fact.mode)][-KEEP:]
        else:
            empty = fact.confidence if fact.occupied is False else 0.0
            self._empties = [*self._empties, (fact.time, empty)][-KEEP:]

    def armed(self, ctx: Context, time: int) -> str:
        """The armed mode in force at `time`; "" when disarmed or within the exit delay."""
        place = bisect_right(self._modes, time, key=lambda row: row[0])
        if not place or self._modes[place - 1][1] not in ARMED:
            return ""
        # from one armed mode to another there is no new time to leave
        first = place - 1
        while first and self._modes[first - 1][1] in ARMED:
            first -= 1
        if time - self._modes[first][0] < duration_ms(ctx.config.security.exit_delay):
            return ""
        return self._modes[place - 1][1]

    def empty(self, time: int) -> float:
        """How sure nobody was home just before `time`; 0 when somebody was or when it is not known."""
        # an event may itself have told that somebody is there: look at what was known before it
        place = bisect_right(self._empties, time - 1, key=lambda row: row[0])
        return self._empties[place - 1][1] if place else 0.0

    def night(self, ctx: Context, time: int) -> bool:
        """Whether `time` is in the home's night hours."""
        clock = local(ctx, time).strftime("%H:%M")
        begin, end = ctx.config.security.night_from.zfill(5), ctx.config.security.night_to.zfill(5)
        return begin <= clock < end if begin <= end else clock >= begin or clock < end

    def snapshot(self) -> Any:
        """Builtins only."""
        return {"modes": [list(m) for m in self._modes], "empties": [list(e) for e in self._empties]}

    def restore(self, state: Any) -> None:
        """The inverse of `snapshot`."""
        self._modes = [(time, mode) for time, mode in state["modes"]]
        self._empties = [(time, empty) for time, empty in state["empties"]]
