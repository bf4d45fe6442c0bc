"""The operator that hears everything and does nothing: the others override what concerns them."""

from typing import Any

from homestream.engine.fact import AnyFact
from homestream.engine.operator import Context
from homestream.reading import Reading


class Quiet:
    """See `operator.Operator` for the contract of each method."""

    name = "quiet"

    def configure(self, ctx: Context) -> None:
        """Nothing to take."""

    def wants(self, ctx: Context, device: str, metric: str) -> bool:
        """No series."""
        return False

    def on_reading(self, ctx: Context, reading: Reading) -> None:
        """Nothing."""

    def on_late(self, ctx: Context, reading: Reading) -> None:
        """Nothing."""

    def on_timer(self, ctx: Context, key: str) -> None:
        """Nothing."""

    def on_action(self, ctx: Context, name: str, body: dict[str, Any], by: str, seq: int) -> None:
        """Nothing."""

    def on_gap(self, ctx: Context, since: int, until: int) -> None:
        """Nothing."""

    def on_fact(self, ctx: Context, fact: AnyFact) -> None:
        """Nothing."""

    def snapshot(self) -> Any:
        """Nothing is remembered."""
        return None

    def restore(self, state: Any) -> None:
        """Nothing to remember."""
