"""The life of what rules find: opened with its effects, acknowledged, cleared; cool-down and flapping."""

from collections.abc import Iterable
from typing import Any

from homestream.engine.alert import Alerts
from homestream.engine.fact import Alert, Evidence
from homestream.engine.operator import Context
from homestream.engine.rules.condition import Condition
from homestream.engine.rules.effect import OPERATOR, carry_out
from homestream.engine.rules.flapping import OPENINGS, WINDOW_MS, Flapping
from homestream.engine.rules.ruleset import Rule
from homestream.engine.rules.sight import Sight, bound, known_value, period_start
from homestream.engine.wording import amount, label, span

#: Begins the key of the timer that clears what flapped; no rule's own timer has it.
CALM = "\0"

Slot = tuple[str, str]


class Lives:
    """The open alerts of a home's rules, at most one for each (rule, key)."""

    def __init__(self) -> None:
        self.alerts = Alerts()
        self.flapping = Flapping()
        self._cool: dict[Slot, int] = {}

    def get(self, rule: Rule, key: str) -> Alert | None:
        """The open alert."""
        return self.alerts.get(rule.name, key)

    def cool(self, rule: Rule, key: str) -> int:
        """Not before this time may it open again."""
        return self._cool.get((rule.name, key), 0)

    def open(
        self,
        ctx: Context,
        rule: Rule,
        key: str,
        time: int,
        evidence: Iterable[Evidence],
        *,
        late: bool = False,
        said: str = "",
    ) -> Alert:
        """A new alert, and its effects; `said` goes into its text where the evidence does not say it."""
        evidence = tuple(evidence)
        slot = rule.name, key
        self._cool.pop(slot, None)
        flaps = not late and self.flapping.opens(slot, time)
        if flaps:
            said = f"flapping, {OPENINGS} times in {span(WINDOW_MS)}; quiet until it is steady"
        alert = self.alerts.open(
            ctx,
            rule=rule.name,
            key=key,
            severity=rule.severity,
            text=_text(ctx, rule, evidence, said),
            time=time,
            evidence=evidence,
            late=late,
            flapping=flaps,
        )
        carry_out(ctx, rule, alert)
        return alert

    def review(self, ctx: Context, rule: Rule, sight: Sight, moment: int, *, late: bool = False) -> bool:
        """Whether an alert is open, and if so clear it where it is over; `moment` is when that came."""
        alert = self.get(rule, sight.key)
        if alert is None:
            return False
        if is_over(rule, sight):
            self.clear(ctx, rule, alert, moment, late=late)
        else:
            self.keep(ctx, rule, sight.key)
        return True

    def keep(self, ctx: Context, rule: Rule, key: str) -> None:
        """Its condition holds: what flapped is not steady yet."""
        slot = rule.name, key
        if slot in self.flapping and self.flapping.again(slot):
            ctx.cancel(OPERATOR, CALM + timer(slot))

    def clear(self, ctx: Context, rule: Rule, alert: Alert, time: int, *, late: bool = False) -> None:
        """The end of an alert; of one that flaps, when its condition has been over for long enough."""
        slot = alert.rule, alert.key
        if slot not in self.flapping:
            self._end(ctx, rule, alert, time, late=late)
        elif (due := self.flapping.over(slot, ctx.now)) is not None:
            ctx.at(due, OPERATOR, CALM + timer(slot))

    def calmed(self, ctx: Context, rule: Rule, key: str) -> None:
        """What flapped has been over for long enough."""
        slot = rule.name, key
        if slot in self.flapping and (alert := self.get(rule, key)) is not None:
            self.flapping.forget(slot)
            self._end(ctx, rule, alert, ctx.now, late=False)

    def drop(self, ctx: Context, gone: Alert, why: str) -> None:
        """An alert whose rule is no more, or another one now, that would not end it."""
        self.alerts.clear(ctx, gone, ctx.now, by=why)

    def forget(self, names: Iterable[str]) -> None:
        """Cool-downs and flapping of rules that are no more, or are others now."""
        gone = set(names)
        self._cool = {slot: until for slot, until in self._cool.items() if slot[0] not in gone}
        self.flapping.forget_rules(gone)

    def _end(self, ctx: Context, rule: Rule, alert: Alert, time: int, *, late: bool) -> None:
        self.alerts.clear(ctx, alert, time, late=late)
        if rule.cooldown:
            self._cool[alert.rule, alert.key] = time + rule.cooldown

    def snapshot(self) -> Any:
        """Builtins only."""
        return {
            "alerts": self.alerts.snapshot(),
            "cool": [[*slot, until] for slot, until in self._cool.items()],
            "flapping": self.flapping.snapshot(),
        }

    def restore(self, state: Any) -> None:
        """The inverse of `snapshot`."""
        self.alerts.restore(state["alerts"])
        self._cool = {(rule, key): until for rule, key, until in state.get("cool", ())}
        self.flapping.restore(state.get("flapping", {"opened": (), "calm": ()}))


def timer(slot: Slot) -> str:
    """The key of the timer of a (rule, key)."""
    return f"{slot[0]}\n{slot[1]}"


def is_over(rule: Rule, sight: Sight) -> bool:
    """Whether an alert of the rule ends by what is seen."""
    if rule.until is not None:
        return rule.until.truth(sight) is True
    return rule.ends is not None and rule.ends.truth(sight) is False


def evidence_of(ctx: Context, condition: Condition, sight: Sight) -> list[Evidence]:
    """The readings that a condition looks at, as they are; the energy it asks of, in Wh."""
    evidence = []
    for ref in condition.uses.refs:
        device = bound(ref, sight)
        if (seen := sight.look(device, ref.metric)) is not None:
            evidence.append(Evidence(device, ref.metric, seen[0], known_value(seen)))
    for device, since in condition.uses.budgets:
        used = ctx.energy(device or None, period_start(ctx, since))
        evidence.append(Evidence(device, "energy", ctx.now, used))
    return evidence


def _text(ctx: Context, rule: Rule, evidence: tuple[Evidence, ...], said: str) -> str:
    # what a sequence ended with, else what the condition names first
    shown = (evidence[-1] if rule.kind == "first" else evidence[0]) if evidence else None
    what = label(ctx, shown.device) if shown else ""
    how = said or (amount(shown.metric, shown.value) if shown else "")
    return " · ".join(filter(None, (rule.name, f"{what} {how}".strip())))
