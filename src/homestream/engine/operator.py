"""The port between a home's fold and its operators (rules, outage, presence, security, ...).

Contract. The fold owns clock, series and registry, and calls its operators in one fixed order. `wants` is
asked for each series when first seen (again after a configuration change, and when an operator calls
`ctx.ask`); `on_reading` gets, in arrival order, every new reading of a wanted series that moves the series
forward; `on_late` those of any series that do not (late, or out of order); `on_timer` fires at exactly the
due time asked for with `ctx.at`, before any reading of a later time is seen. An operator keeps no clock and
does no I/O; everything it remembers is in `snapshot()`, built of dict, list, str, int, float, bool and None.
"""

from collections.abc import Mapping, Sequence
from typing import Any, Protocol

from homestream.dialects.registry import Device
from homestream.engine.fact import AnyFact
from homestream.home import HomeConfig
from homestream.reading import Reading

#: Six ticks: what is longer is no slow disk, it is a hub that was off.
GAP_MS = 30_000

#: After a gap: by then devices have found the hub again and have said how things are.
REJOIN_MS = 60_000


class Context(Protocol):
    """What an operator may see and do while it is called."""

    config: HomeConfig
    home: str
    #: the home's clock, ms
    now: int
    #: devices known by now, by id, in the order learned
    devices: Mapping[str, Device]
    #: disarmed, home, night or away
    mode: str
    #: True, False or None (not known)
    occupied: bool | None

    def value(self, device: str, metric: str) -> tuple[int, float] | None:
        """The newest (time, value) of a series; NaN value = unknown; None = never seen."""

    def previous(self, device: str, metric: str) -> tuple[int, float] | None:
        """The (time, value) before the newest, unknowns left out."""

    def heard(self, device: str) -> int:
        """The time of the newest reading of those of the device's series that are known now; 0 for none."""

    def times(self, device: str, after: int) -> list[int]:
        """When the device gave known readings after a time, ascending, each once; a day back at most."""

    def history(
        self, device: str, metric: str, after: int, upto: int
    ) -> tuple[Sequence[int], Sequence[float]]:
        """Times and values of the readings in (after, upto], and the one before them; a day back at most.

        NaN: unknown from then on, also where a value has held longer than it may without another.
        """

    def energy(self, device: str | None, since: int, until: int | None = None) -> float | None:
        """Wh that a device, or with None the home, used in [since, until); None where nothing is known.

        Of closed minutes only, so a minute or two behind; its counter goes before its power. `since` is where
        a local day begins, up to a month ago, or a local hour up to a day ago. The same all through a minute.
        """

    def flow(self, device: str, hour: int) -> float | None:
        """Wh into a device, less those out of it, in the closed local hour from `hour`.

        None where any of that hour is unknown. Of the two days past.
        """

    def readings(self, device: str, metric: str, after: int, upto: int) -> list[tuple[int, float]]:
        """The (time, value) of a series in (after, upto], unknowns too; a day back at most."""

    def hour(self, device: str, metric: str, start: int) -> tuple[float, int]:
        """(time-weighted mean, ms known) of a closed local hour of the last day; (0, 0) where not known."""

    def series(self) -> list[tuple[str, str]]:
        """All (device, metric) seen, in the order first seen."""

    def emit(self, fact: AnyFact) -> None:
        """Add a fact to this entry's output; other operators hear of it by `on_fact`."""

    def ask(self, device: str) -> None:
        """Ask all operators anew which readings of the device they want."""

    def at(self, due: int, operator: str, key: str) -> None:
        """Call `on_timer(ctx, key)` of that operator when the clock is at `due`; replaces an earlier one."""

    def cancel(self, operator: str, key: str) -> None:
        """Forget a timer; nothing happens where there is none."""


class Operator(Protocol):
    """One idea folded over a home's readings."""

    name: str

    def configure(self, ctx: Context) -> None:
        """Take the home's configuration; called first, and again when it changes (state is kept)."""

    def wants(self, ctx: Context, device: str, metric: str) -> bool:
        """Whether readings of this series come to `on_reading`; each costs, those of no interest nothing."""

    def on_reading(self, ctx: Context, reading: Reading) -> None:
        """A new reading, already the series' newest value; `ctx.now` >= nothing but the clock."""

    def on_late(self, ctx: Context, reading: Reading) -> None:
        """A reading of any series, older than the series' newest, or older than the watermark."""

    def on_timer(self, ctx: Context, key: str) -> None:
        """A timer asked for with `ctx.at` fell due; `ctx.now` is its due time."""

    def on_action(self, ctx: Context, name: str, body: dict[str, Any], by: str, seq: int) -> None:
        """A person or an API acted: mode, acknowledge, command, ..."""

    def on_gap(self, ctx: Context, since: int, until: int) -> None:
        """The hub was down: the log, which gets a tick every 5 s, holds nothing for over `GAP_MS`.

        Called with the clock still at `since`, before any timer due in the gap. Only in a home that has seen
        a tick: history without ticks has no gaps.
        """

    def on_fact(self, ctx: Context, fact: AnyFact) -> None:
        """Another operator emitted a fact (own facts are not echoed)."""

    def snapshot(self) -> Any:
        """All that is remembered."""

    def restore(self, state: Any) -> None:
        """The inverse of `snapshot`."""
