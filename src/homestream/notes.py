"""What is to be said of a home's files while it runs: what is wrong with them, and what looks wrong."""

from collections.abc import Iterable

from homestream.engine.rules.ruleset import strangers
from homestream.home import HomeConfig


class Notes:
    """What is to be said of the home's files."""

    def __init__(self) -> None:
        self.problem = self.later = ""
        self._of: tuple[HomeConfig, int] | None = None
        self._strangers: list[str] = []

    def lines(self, config: HomeConfig, devices: Iterable[str]) -> list[str]:
        """What is wrong, what waits for the next start, and devices in rules that have never spoken."""
        known = list(devices)
        if self._of is None or self._of[0] is not config or self._of[1] != len(known):
            self._of = config, len(known)
            self._strangers = strangers(config, known)
        return [line for line in (self.problem, self.later) if line] + self._strangers
