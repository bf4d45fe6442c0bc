"""Rules over a home: which reading, time or fact concerns which rule, and the kind that judges it.

A rule is of the kind it begins with: `threshold`, `sequence`, `silence`, `unusual`, `schedule`; the life of
what they find is in `life`. Conditions on time, age, energy and long windows are judged every minute, by the
home's clock; a reading that concerns no rule costs nothing.
"""

from typing import Any, Final, NamedTuple

from typing_extensions import override

from homestream.engine.fact import Anomaly, AnyFact, Mode, Occupancy
from homestream.engine.operator import REJOIN_MS, Context
from homestream.engine.quiet import Quiet
from homestream.engine.rules.condition import matches
from homestream.engine.rules.effect import MODE_TIMER, OPERATOR
from homestream.engine.rules.kind import Kind
from homestream.engine.rules.life import CALM, Lives, timer
from homestream.engine.rules.ruleset import Rule, sound_rules
from homestream.engine.rules.schedule import Schedules
from homestream.engine.rules.sequence import Sequences
from homestream.engine.rules.silence import Silences
from homestream.engine.rules.threshold import Thresholds
from homestream.engine.rules.unusual import Unusuals
from homestream.reading import Reading

MINUTE_MS: Final = 60_000

#: The timer of the full minute.
_MINUTE = ""


class Bound(NamedTuple):
    """A rule that a reading touches, and the key it is judged for (None: all its keys)."""

    rule: Rule
    kind: Kind
    key: str | None


class Rules(Quiet):
    """The rules of one home."""

    name = OPERATOR

    def __init__(self) -> None:
        self._rules: dict[str, Rule] = {}
        self._bound: dict[tuple[str, str], list[Bound]] = {}
        # devices that `*` has stood for, a rule; its order is the order they came
        self._keys: dict[str, dict[str, None]] = {}
        self._prints: dict[str, str] = {}
        self._lives = Lives()
        self._schedules = Schedules(self._lives)
        self._kinds: dict[str, Kind] = {
            "when": Thresholds(self._lives),
            "first": Sequences(self._lives),
            "silent": Silences(self._lives),
            "anomaly": Unusuals(self._lives),
            "at": self._schedules,
        }

    @override
    def configure(self, ctx: Context) -> None:
        self._rules = {rule.name: rule for rule in sound_rules(ctx.config)}
        self._bound.clear()
        fresh = [r for r in self._rules.values() if self._prints.get(r.name) != r.print]
        stale = {name for name in self._prints if name not in self._rules} | {rule.name for rule in fresh}
        for kind in self._kinds.values():
            for slot in [slot for slot in kind.slots() if slot[0] in stale]:
                kind.forget(ctx, slot)
        for name in sorted(stale):
            ctx.cancel(OPERATOR, timer((name, "")))
        self._lives.forget(stale)
        self._prints = {rule.name: rule.print for rule in self._rules.values()}
        self._keys = {name: keys for name, keys in self._keys.items() if name not in stale}
        for rule in fresh:
            for device, metric in ctx.series():
                self._bind(ctx, rule, device, metric)
        self._drop_alerts(ctx, stale)
        for rule in fresh:
            if ctx.now:
                self._kinds[rule.kind].begin(ctx, rule, self._keys_of(rule))
        if ctx.now:
            self._next_minute(ctx)

    def _drop_alerts(self, ctx: Context, stale: set[str]) -> None:
        """End the alerts of rules that are no more, and those that a rule, as it is now, would never end."""
        for alert in self._lives.alerts.all():
            rule = self._rules.get(alert.rule)
            if rule is None:
                self._lives.drop(ctx, alert, "rule removed")
            elif alert.rule in stale:
                ends = rule.until is not None or rule.ends is not None
                if not ends or alert.key not in self._keys_of(rule):
                    self._lives.drop(ctx, alert, "rule changed")

    @override
    def wants(self, ctx: Context, device: str, metric: str) -> bool:
        return bool(self._of(ctx, device, metric))

    def _of(self, ctx: Context, device: str, metric: str) -> list[Bound]:
        """The rules that are judged at a reading; a rule remembers the device where `*` stands for it."""
        bound = self._bound.get((device, metric))
        if bound is None:
            bound = self._bound[device, metric] = []
            for rule in self._rules.values():
                ref = self._bind(ctx, rule, device, metric)
                if ref in rule.heard:
                    bound.append(Bound(rule, self._kinds[rule.kind], _key_of(rule, (device, metric))))
        return bound

    def _bind(self, ctx: Context, rule: Rule, device: str, metric: str) -> tuple[str, str] | None:
        """The series as the rule names it."""
        known = ctx.devices.get(device)
        room = known.room if known else ""
        for ref in rule.refs:
            if ref.metric == metric and "*" in ref.device and matches(ref.device, device, room):
                self._keys.setdefault(rule.name, {})[device] = None
                return ref
        return (device, metric) if (device, metric) in rule.refs else None

    def _keys_of(self, rule: Rule) -> list[str]:
        """What an alert of this rule may be about."""
        key = _key_of(rule)
        return list(self._keys.get(rule.name, ())) if key is None else [key]

    @override
    def on_reading(self, ctx: Context, reading: Reading) -> None:
        self._new(ctx, reading, late=False)

    def _new(self, ctx: Context, reading: Reading, *, late: bool) -> None:
        _, device, metric, time, _ = reading
        trigger = device, metric
        for rule, kind, key in self._of(ctx, device, metric):
            for one in self._keys_of(rule) if key is None else (key,):
                kind.judge(ctx, rule, one, time, trigger, late=late)

    @override
    def on_late(self, ctx: Context, reading: Reading) -> None:
        newest = ctx.value(reading.device, reading.metric)
        if newest is not None and newest[0] == reading.time:
            self._new(ctx, reading, late=True)
            return
        for rule, kind, key in self._of(ctx, reading.device, reading.metric):
            for one in self._keys_of(rule) if key is None else (key,):
                kind.past(ctx, rule, one, reading)

    @override
    def on_timer(self, ctx: Context, key: str) -> None:
        if key == _MINUTE:
            self._judge_all(ctx, [rule for rule in self._rules.values() if rule.timed])
            self._next_minute(ctx)
        elif key == MODE_TIMER:
            self._judge_all(ctx, [rule for rule in self._rules.values() if rule.of_home])
        else:
            name, _, device = key.removeprefix(CALM).rpartition("\n")
            rule = self._rules.get(name)
            if rule is None:
                return
            if key.startswith(CALM):
                self._lives.calmed(ctx, rule, device)
            elif rule.kind == "at":
                self._schedules.fire(ctx, rule, self._keys_of(rule))
            else:
                self._kinds[rule.kind].due(ctx, rule, device)

    @override
    def on_action(self, ctx: Context, name: str, body: dict[str, Any], by: str, seq: int) -> None:
        if name == "acknowledge":
            self._lives.alerts.acknowledge(ctx, body, by)

    @override
    def on_fact(self, ctx: Context, fact: AnyFact) -> None:
        if isinstance(fact, (Mode, Occupancy)):
            self._judge_all(ctx, [rule for rule in self._rules.values() if rule.of_home])
        elif isinstance(fact, Anomaly):
            for rule in self._rules.values():
                if rule.kind == "anomaly":
                    ref = self._bind(ctx, rule, fact.device, fact.metric)
                    if ref == rule.watched:
                        self._kinds[rule.kind].noticed(ctx, rule, fact)

    @override
    def on_gap(self, ctx: Context, since: int, until: int) -> None:
        self._next_minute(ctx, until + REJOIN_MS)
        for kind in self._kinds.values():
            kind.gap(ctx, self._rules, since, until)

    def _next_minute(self, ctx: Context, after: int = 0) -> None:
        if any(rule.timed for rule in self._rules.values()):
            after = max(after, ctx.now)
            ctx.at(after - after % MINUTE_MS + MINUTE_MS, OPERATOR, _MINUTE)

    def _judge_all(self, ctx: Context, rules: list[Rule]) -> None:
        for rule in rules:
            for key in self._keys_of(rule):
                self._kinds[rule.kind].judge(ctx, rule, key, ctx.now, None)

    @override
    def snapshot(self) -> Any:
        return {
            **self._lives.snapshot(),
            "holds": self._kinds["when"].snapshot(),
            "kinds": {name: kind.snapshot() for name, kind in self._kinds.items() if name != "when"},
            "keys": {name: list(keys) for name, keys in self._keys.items()},
            "prints": self._prints,
        }

    @override
    def restore(self, state: Any) -> None:
        self._lives.restore(state)
        kinds = {"when": state["holds"], **state.get("kinds", {})}
        for name, kind in self._kinds.items():
            kind.restore(kinds.get(name))
        self._keys = {name: dict.fromkeys(keys) for name, keys in state["keys"].items()}
        self._prints = dict(state["prints"])
        self._bound.clear()


def _key_of(rule: Rule, series: tuple[str, str] | None = None) -> str | None:
    """What an alert of this rule is about, after a reading of `series`; None where it may be several."""
    if not rule.pattern:
        return rule.refs[0].device if rule.refs else next(iter(rule.budgets), "")
    return series[0] if series is not None and series not in rule.refs else None
