"""What the kinds of rules share: each overrides what concerns it. One object serves all rules of its kind."""

from collections.abc import Iterable
from typing import Any

from homestream.engine.fact import AnyFact
from homestream.engine.operator import Context
from homestream.engine.rules.effect import OPERATOR
from homestream.engine.rules.life import Lives, Slot, timer
from homestream.engine.rules.ruleset import Rule
from homestream.engine.rules.sight import Sight
from homestream.reading import Reading


class Kind:
    """Judges rules of one kind; `key` is the device that `*` stands for, or what an alert is about."""

    def __init__(self, lives: Lives) -> None:
        self.lives = lives

    def begin(self, ctx: Context, rule: Rule, keys: Iterable[str]) -> None:
        """The rule is new, or another one; the home's clock runs. Judges what is."""
        for key in keys:
            self.judge(ctx, rule, key, ctx.now, None)

    def judge(
        self,
        ctx: Context,
        rule: Rule,
        key: str,
        moment: int,
        trigger: tuple[str, str] | None,
        *,
        late: bool = False,
    ) -> None:
        """Something it looks at may have changed; `moment` is the event time of the cause.

        `trigger` is the series whose new reading caused it, None for time, mode and occupancy.
        """

    def past(self, ctx: Context, rule: Rule, key: str, reading: Reading) -> None:
        """A reading came that is older than the newest of its series: end what it shows to be over."""
        alert = self.lives.get(rule, key)
        if alert is not None and reading.time > alert.opened:
            self.lives.review(ctx, rule, Sight(ctx, key, past=reading), reading.time, late=True)

    def due(self, ctx: Context, rule: Rule, key: str) -> None:
        """Its timer fell due."""

    def noticed(self, ctx: Context, rule: Rule, fact: AnyFact) -> None:
        """Another operator concluded something of a device that the rule looks at."""

    def gap(self, ctx: Context, rules: dict[str, Rule], since: int, until: int) -> None:
        """The hub was down, see `Operator.on_gap`; `rules` are all of the home, by name."""

    def slots(self) -> list[Slot]:
        """The (rule, key) it remembers something of."""
        return []

    def forget(self, ctx: Context, slot: Slot) -> None:
        """Drop what it remembers of a (rule, key)."""

    def snapshot(self) -> Any:
        """Nothing is remembered."""
        return None

    def restore(self, state: Any) -> None:
        """The inverse of `snapshot`; None: nothing was."""

    def wake(self, ctx: Context, rule: Rule, key: str, due: int) -> None:
        """Have `due` called then."""
        ctx.at(due, OPERATOR, timer((rule.name, key)))

    def sleep(self, ctx: Context, slot: Slot) -> None:
        """Have it not called."""
        ctx.cancel(OPERATOR, timer(slot))
