"""`silent`: a series that says nothing for so long opens an alert; its next word clears it.

Unknown says nothing. A series that never spoke is not silent. After the hub was down, devices have
`REJOIN_MS` to speak.
"""

from typing import Any

from typing_extensions import override

from homestream.engine.fact import Evidence
from homestream.engine.operator import REJOIN_MS, Context
from homestream.engine.rules.kind import Kind
from homestream.engine.rules.life import Lives, Slot
from homestream.engine.rules.ruleset import Rule
from homestream.engine.rules.sight import spoken
from homestream.engine.wording import span
from homestream.reading import Reading


class Silences(Kind):
    """Rules that begin with `silent`. One timer a series: it looks when the last word was, and waits on."""

    def __init__(self, lives: Lives) -> None:
        super().__init__(lives)
        self._waiting: dict[Slot, None] = {}

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
        slot = rule.name, key
        alert = self.lives.get(rule, key)
        if alert is None and slot in self._waiting:
            return
        due = self._due(ctx, rule, key)
        if due is None or (alert is not None and due <= ctx.now):
            return  # never heard; or it says what it kept, and still is not back
        if alert is not None:
            self.lives.clear(ctx, rule, alert, max(moment, alert.opened), late=late)
        self._wait(ctx, rule, key, due)

    def _due(self, ctx: Context, rule: Rule, key: str) -> int | None:
        """When it will have been silent for long enough."""
        assert rule.watched is not None
        last = spoken(ctx, key, rule.watched.metric)
        return None if last is None else max(last[0] + rule.hold, self.lives.cool(rule, key))

    def _wait(self, ctx: Context, rule: Rule, key: str, due: int) -> None:
        self._waiting[rule.name, key] = None
        self.wake(ctx, rule, key, due)

    @override
    def past(self, ctx: Context, rule: Rule, key: str, reading: Reading) -> None:
        if self.lives.get(rule, key) is not None:
            self.judge(ctx, rule, key, reading.time, None, late=True)

    @override
    def due(self, ctx: Context, rule: Rule, key: str) -> None:
        assert rule.watched is not None
        last, due = spoken(ctx, key, rule.watched.metric), self._due(ctx, rule, key)
        if due is not None and due > ctx.now:
            self._wait(ctx, rule, key, due)
            return
        self._waiting.pop((rule.name, key), None)
        if last is not None and self.lives.get(rule, key) is None:
            evidence = [Evidence(key, rule.watched.metric, *last)]
            self.lives.open(ctx, rule, key, ctx.now, evidence, said=f"silent for {span(ctx.now - last[0])}")

    @override
    def gap(self, ctx: Context, rules: dict[str, Rule], since: int, until: int) -> None:
        seen = until + REJOIN_MS
        for name, key in self._waiting:
            due = self._due(ctx, rules[name], key)
            if due is not None and due < seen:
                self.wake(ctx, rules[name], key, seen)

    @override
    def slots(self) -> list[Slot]:
        return list(self._waiting)

    @override
    def forget(self, ctx: Context, slot: Slot) -> None:
        if slot in self._waiting:
            del self._waiting[slot]
            self.sleep(ctx, slot)

    @override
    def snapshot(self) -> Any:
        return [list(slot) for slot in self._waiting]

    @override
    def restore(self, state: Any) -> None:
        self._waiting = {(rule, key): None for rule, key in state or ()}
