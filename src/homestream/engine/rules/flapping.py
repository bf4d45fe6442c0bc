"""Alerts that open and clear over and over: said once, then quiet until they are steady."""

from collections.abc import Container
from typing import Any

#: A rule that opens so often within `WINDOW_MS` is flapping: nobody wants a fifth message in ten minutes.
OPENINGS = 5
WINDOW_MS = 10 * 60_000
#: It is steady when its condition has been over for so long; only then is its alert cleared.
CALM_MS = 10 * 60_000

Slot = tuple[str, str]


class Flapping:
    """Which (rule, key) open too often, by when they did."""

    def __init__(self) -> None:
        self._opened: dict[Slot, list[int]] = {}
        #: those that flap, and since when their condition has been over; None while it holds
        self._calm: dict[Slot, int | None] = {}

    def __contains__(self, slot: Slot) -> bool:
        return slot in self._calm

    def opens(self, slot: Slot, time: int) -> bool:
        """Note an opening; whether it is one too many."""
        recent = [at for at in self._opened.get(slot, ()) if time - WINDOW_MS < at <= time]
        self._opened[slot] = [*recent, time]
        if len(recent) + 1 < OPENINGS:
            return False
        self._calm[slot] = None
        return True

    def over(self, slot: Slot, time: int) -> int | None:
        """Its condition is over; when the alert is to be cleared, None where that is known already."""
        if self._calm[slot] is not None:
            return None
        self._calm[slot] = time
        return time + CALM_MS

    def again(self, slot: Slot) -> bool:
        """Its condition holds again; whether it had been over."""
        was, self._calm[slot] = self._calm[slot], None
        return was is not None

    def forget(self, slot: Slot) -> None:
        """It is steady, or no rule any more."""
        self._opened.pop(slot, None)
        self._calm.pop(slot, None)

    def forget_rules(self, names: Container[str]) -> None:
        """As `forget`, for all keys of these rules."""
        for slot in [slot for slot in self._opened if slot[0] in names]:
            self.forget(slot)

    def snapshot(self) -> Any:
        """Builtins only."""
        return {
            "opened": [[*slot, times] for slot, times in self._opened.items()],
            "calm": [[*slot, since] for slot, since in self._calm.items()],
        }

    def restore(self, state: Any) -> None:
        """The inverse of `snapshot`."""
        self._opened = {(rule, key): list(times) for rule, key, times in state["opened"]}
        self._calm = {(rule, key): since for rule, key, since in state["calm"]}
