"""`at`: a time of day opens an alert, by timers alone, so in a quiet home too.

With `when` it opens one for each device of which that is true then, which clears as any other; without, it
is over as soon as it is opened, unless `until` says otherwise. A time that passed while the hub was down is
made good within `act_within`; after that a rule without `when` says that it was missed, one with `when`
says nothing: nobody knows what was.
"""

from collections.abc import Iterable
from typing import Any

from typing_extensions import override

from homestream.engine.operator import Context
from homestream.engine.rules.kind import Kind
from homestream.engine.rules.life import Lives, evidence_of
from homestream.engine.rules.ruleset import Rule
from homestream.engine.rules.sight import Sight
from homestream.engine.wording import hour

#: The timer of a rule is under no key: it goes off for all of them.
ALL = ""


class Schedules(Kind):
    """Rules that begin with `at`. `keys` gives what an alert of a rule may be about."""

    def __init__(self, lives: Lives) -> None:
        super().__init__(lives)
        #: when the hub was back last
        self._back = 0

    @override
    def begin(self, ctx: Context, rule: Rule, keys: Iterable[str]) -> None:
        self._plan(ctx, rule)

    def _plan(self, ctx: Context, rule: Rule) -> None:
        assert rule.at is not None
        if (due := rule.at.next(ctx.now, ctx.config)) is not None:
            self.wake(ctx, rule, ALL, due)

    @override
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
        self.lives.review(ctx, rule, Sight(ctx, key, trigger), moment, late=late)

    def fire(self, ctx: Context, rule: Rule, keys: Iterable[str]) -> None:
        """It is one of the rule's times."""
        missed = self._back - ctx.now > rule.act_within
        for key in keys:
            sight = Sight(ctx, key)
            if self.lives.get(rule, key) is not None or ctx.now < self.lives.cool(rule, key):
                continue
            if not rule.steps:
                alert = self.lives.open(ctx, rule, key, ctx.now, (), late=missed, said=hour(ctx, ctx.now))
                if rule.until is None:
                    self.lives.clear(ctx, rule, alert, ctx.now, late=missed)
            elif not missed and rule.when.truth(sight) is True:
                self.lives.open(ctx, rule, key, ctx.now, evidence_of(ctx, rule.when, sight))
        self._plan(ctx, rule)

    @override
    def gap(self, ctx: Context, rules: dict[str, Rule], since: int, until: int) -> None:
        self._back = until

    @override
    def snapshot(self) -> Any:
        return self._back

    @override
    def restore(self, state: Any) -> None:
        self._back = state or 0
