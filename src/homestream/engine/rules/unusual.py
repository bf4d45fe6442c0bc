"""`anomaly`: something unusual that the engine noticed of a series opens an alert.

Without `until` it clears when nothing unusual has been noticed for `CALM_MS`.
"""

from typing_extensions import override

from homestream.engine.fact import Anomaly, AnyFact, Evidence
from homestream.engine.operator import Context
from homestream.engine.rules.kind import Kind
from homestream.engine.rules.ruleset import Rule
from homestream.engine.rules.sight import Sight
from homestream.reading import Reading

#: An anomaly is a moment, or a run of them that are seconds to minutes apart.
CALM_MS = 15 * 60_000


class Unusuals(Kind):
    """Rules that begin with `anomaly`."""

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

    @override
    def noticed(self, ctx: Context, rule: Rule, fact: AnyFact) -> None:
        assert isinstance(fact, Anomaly)
        key = fact.device
        if self.lives.get(rule, key) is None and fact.time >= self.lives.cool(rule, key):
            evidence = [Evidence(key, fact.metric, fact.time, fact.value)]
            self.lives.open(ctx, rule, key, fact.time, evidence, said=fact.text)
        self.lives.keep(ctx, rule, key)
        if rule.until is None:
            self.wake(ctx, rule, key, ctx.now + CALM_MS)

    @override
    def due(self, ctx: Context, rule: Rule, key: str) -> None:
        if (alert := self.lives.get(rule, key)) is not None:
            self.lives.clear(ctx, rule, alert, ctx.now)

    @override
    def past(self, ctx: Context, rule: Rule, key: str, reading: Reading) -> None:
        if rule.until is not None:
            super().past(ctx, rule, key, reading)
