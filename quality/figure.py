"""One measured figure of quality."""

from pathlib import Path
from typing import NamedTuple, Protocol


class Figure(NamedTuple):
    """`name` says what, `value` in `unit` (F1 and the like have none), `note` on what it was measured."""

    name: str
    value: float
    unit: str
    note: str


class Figures(Protocol):
    """What each module of `quality` offers."""

    def __call__(self, data: Path) -> list[Figure]:
        """Measure on the real homes in `data`; takes minutes at most."""
