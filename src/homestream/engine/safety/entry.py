"""The way in: who opens its door has a while to disarm, or to be known, before it is an alarm."""

from typing import Any, NamedTuple

from homestream.engine.fact import Delay
from homestream.engine.operator import Context
from homestream.home import duration_ms
from homestream.reading import Reading


class Opening(NamedTuple):
    """An opening that waits to be judged: why it is unexpected, and whether that is sure."""

    reading: Reading
    why: str
    sure: bool


class EntryDelay:
    """The openings since the first, all judged when its time is up; `until` is 0 while none waits."""

    def __init__(self) -> None:
        self.until = 0
        self._waiting: list[Opening] = []

    def __bool__(self) -> bool:
        """Whether somebody may be on the way in."""
        return self.until > 0

    def add(self, ctx: Context, opening: Opening) -> None:
        """An opening; the first begins the delay, which the caller times."""
        self._waiting.append(opening)
        if not self.until:
            self.until = ctx.now + duration_ms(ctx.config.security.entry_delay)
            self._tell(ctx, self.until)

    def shift(self, ctx: Context, ms: int) -> None:
        """Wait longer: the hub was down, and nobody could disarm."""
        self.until += ms
        self._tell(ctx, self.until)

    def end(self, ctx: Context) -> list[Opening]:
        """No more waiting; what waited."""
        waiting, self._waiting, self.until = self._waiting, [], 0
        if waiting:
            self._tell(ctx, ctx.now)
        return waiting

    def _tell(self, ctx: Context, until: int) -> None:
        ctx.emit(Delay(home=ctx.home, time=ctx.now, kind="entry", until=until))

    def snapshot(self) -> Any:
        """Builtins only."""
        return [self.until, [[list(o.reading), o.why, o.sure] for o in self._waiting]]

    def restore(self, state: Any) -> None:
        """The inverse of `snapshot`."""
        self.until = state[0]
        self._waiting = [Opening(Reading(*reading), why, sure) for reading, why, sure in state[1]]
