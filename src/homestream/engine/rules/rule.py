"""Rules over a home: a condition that holds for a while opens an alert, its end clears it.

- Only true opens. Unknown neither opens nor clears, and it breaks a hold: nobody knows that it lasted.
- `for` counts event time from the reading that made the condition true; `cooldown` from the clearing.
- Conditions on time, age and windows are judged again every minute, by the home's clock.
- What falls due while the hub is down is judged `REJOIN_MS` after it is back, when devices have spoken.
- A late reading that is still the newest of its series opens and clears as any other, marked `late`, with
  its effects suppressed; its hold is judged `SETTLE_MS` after, since late readings come in runs. One that is
  older than the newest never opens: it ends an open alert or a hold that it shows to have been broken,
  with the other series taken as they are now.
"""

from typing import Any, NamedTuple

import msgspec
from typing_extensions import override

from homestream.engine.alert import Alerts, notify, overdue
from homestream.engine.fact import Alert, AnyFact, Command, Evidence, Mode, Occupancy
from homestream.engine.operator import REJOIN_MS, Context
from homestream.engine.quiet import Quiet
from homestream.engine.rules.condition import matches
from homestream.engine.rules.ruleset import Rule, sound_rules
from homestream.engine.rules.sight import Sight, known_value
from homestream.engine.rules.sliding import Sliding
from homestream.engine.wording import amount, label
from homestream.reading import Reading

MINUTE_MS = 60_000
#: A device that comes back sends what it kept within a few seconds; wait for its end before judging.
SETTLE_MS = 5_000
#: A command of a rule that the device has not confirmed by then has failed.
EXPIRY_MS = 10_000

_MINUTE = ""

Slot = tuple[str, str]


class Hold(msgspec.Struct):
    """Since when a condition is true (None: it is not), and until when it may not open again."""

    since: int | None = None
    late: bool = False
    cool: int = 0


class Bound(NamedTuple):
    """What a reading of one series touches: rules, each with the key it is judged for (None: all its keys).

    `spans` are the windows, in ms, that rules keep of the series.
    """

    rules: tuple[tuple[Rule, str | None], ...]
    spans: tuple[int, ...]


class Rules(Quiet):
    """The threshold rules of one home."""

    name = "rules"

    def __init__(self) -> None:
        self._rules: dict[str, Rule] = {}
        self._bound: dict[tuple[str, str], Bound] = {}
        self._alerts = Alerts()
        self._holds: dict[Slot, Hold] = {}
        # devices that `*` has stood for, a rule; its order is the order they came
        self._keys: dict[str, dict[str, None]] = {}
        self._prints: dict[str, str] = {}
        self._windows: dict[tuple[str, str, int], Sliding] = {}

    @override
    def configure(self, ctx: Context) -> None:
        self._rules = {rule.name: rule for rule in sound_rules(ctx.config)}
        self._bound.clear()
        for alert in self._alerts.all():
            if alert.rule not in self._rules:
                self._alerts.clear(ctx, alert, ctx.now, by="rule removed")
        changed = [r for r in self._rules.values() if self._prints.get(r.name) != r.print]
        for name, key in list(self._holds):
            if name not in self._rules or any(rule.name == name for rule in changed):
                self._drop(ctx, (name, key))
        self._prints = {rule.name: rule.print for rule in self._rules.values()}
        self._keys = {name: keys for name, keys in self._keys.items() if name in self._rules}
        for rule in changed:
            self._keys.pop(rule.name, None)
            for device, metric in ctx.series():
                self._bind(ctx, rule, device, metric)
            if ctx.now:
                self._judge_all(ctx, rule)
        if ctx.now:
            self._next_minute(ctx)

    @override
    def wants(self, ctx: Context, device: str, metric: str) -> bool:
        return bool(self._of(ctx, device, metric).rules)

    def _of(self, ctx: Context, device: str, metric: str) -> Bound:
        """The rules that look at a series; remembers the device where `*` stands for it."""
        bound = self._bound.get((device, metric))
        if bound is None:
            rules = [r for r in self._rules.values() if self._bind(ctx, r, device, metric)]
            spans = dict.fromkeys(ms for rule in rules for ref, ms in rule.windows if ref.metric == metric)
            keyed = tuple((rule, _key_of(rule, (device, metric))) for rule in rules)
            bound = self._bound[device, metric] = Bound(keyed, tuple(spans))
        return bound

    def _bind(self, ctx: Context, rule: Rule, device: str, metric: str) -> bool:
        known = ctx.devices.get(device)
        room = known.room if known else ""
        for ref in rule.refs:
            if ref.metric == metric and "*" in ref.device and matches(ref.device, device, room):
                self._keys.setdefault(rule.name, {})[device] = None
                return True
        return any(ref == (device, metric) for ref in rule.refs)

    @override
    def on_reading(self, ctx: Context, reading: Reading) -> None:
        self._new(ctx, reading, late=False)

    def _new(self, ctx: Context, reading: Reading, *, late: bool) -> None:
        _, device, metric, time, value = reading
        bound = self._of(ctx, device, metric)
        for ms in bound.spans:
            window = self._windows.get((device, metric, ms))
            if window is None:
                window = self._windows[device, metric, ms] = Sliding(ms)
            window.add(time, value)
        for rule, key in bound.rules:
            for one in self._keys_of(rule) if key is None else (key,):
                self._judge(ctx, rule, one, time, (device, metric), late=late)

    def _keys_of(self, rule: Rule) -> list[str]:
        """What an alert of this rule may be about."""
        key = _key_of(rule)
        return list(self._keys.get(rule.name, ())) if key is None else [key]

    @override
    def on_late(self, ctx: Context, reading: Reading) -> None:
        newest = ctx.value(reading.device, reading.metric)
        if newest is not None and newest[0] == reading.time:
            self._new(ctx, reading, late=True)
            return
        for rule, key in self._of(ctx, reading.device, reading.metric).rules:
            for one in self._keys_of(rule) if key is None else (key,):
                self._rejudge(ctx, rule, one, reading)

    @override
    def on_timer(self, ctx: Context, key: str) -> None:
        if key == _MINUTE:
            for rule in self._rules.values():
                if rule.timed:
                    self._judge_all(ctx, rule)
            self._next_minute(ctx)
            return
        name, _, device = key.rpartition("\n")
        if name in self._rules:
            self._judge(ctx, self._rules[name], device, ctx.now, None)

    @override
    def on_action(self, ctx: Context, name: str, body: dict[str, Any], by: str, seq: int) -> None:
        if name == "acknowledge":
            self._alerts.acknowledge(ctx, body, by)

    @override
    def on_fact(self, ctx: Context, fact: AnyFact) -> None:
        if isinstance(fact, (Mode, Occupancy)):
            for rule in self._rules.values():
                if rule.of_home:
                    self._judge_all(ctx, rule)

    @override
    def on_gap(self, ctx: Context, since: int, until: int) -> None:
        seen = until + REJOIN_MS
        self._next_minute(ctx, seen)
        for (name, key), hold in self._holds.items():
            if hold.since is not None and max(hold.since + self._rules[name].hold, hold.cool) < seen:
                hold.cool = seen
                ctx.at(seen, self.name, f"{name}\n{key}")

    def _next_minute(self, ctx: Context, after: int = 0) -> None:
        if any(rule.timed for rule in self._rules.values()):
            after = max(after, ctx.now)
            ctx.at(after - after % MINUTE_MS + MINUTE_MS, self.name, _MINUTE)

    def _judge_all(self, ctx: Context, rule: Rule) -> None:
        for key in self._keys_of(rule):
            self._judge(ctx, rule, key, ctx.now, None)

    def _judge(
        self,
        ctx: Context,
        rule: Rule,
        key: str,
        moment: int,
        trigger: tuple[str, str] | None,
        *,
        late: bool = False,
    ) -> None:
        """Open, keep or clear, by what the home looks like now; `moment` is the event time of the cause."""
        sight = Sight(ctx, key, self._windows, trigger)
        truth = rule.when.truth(sight)
        alert = self._alerts.get(rule.name, key)
        if alert is not None:
            if truth is False if rule.until is None else rule.until.truth(sight) is True:
                self._clear(ctx, rule, alert, moment, late=late)
            return
        hold = self._holds.get((rule.name, key))
        if truth is not True:
            if hold is not None and hold.since is not None:
                self._break(ctx, rule, sight, hold, moment)
            return
        if hold is None:
            hold = self._holds[rule.name, key] = Hold()
        if hold.since is None:
            hold.since, hold.late = moment, late
        opens = max(hold.since + rule.hold, hold.cool)
        due = max(opens, ctx.now + SETTLE_MS) if late and rule.hold else opens
        if due > ctx.now:
            ctx.at(due, self.name, f"{rule.name}\n{key}")
        else:
            self._open(ctx, rule, sight, opens, late=hold.late and opens < ctx.now)

    def _break(self, ctx: Context, rule: Rule, sight: Sight, hold: Hold, moment: int) -> None:
        """The condition ended before its alert opened; in a late run it may have lasted long enough."""
        assert hold.since is not None
        opens = max(hold.since + rule.hold, hold.cool)
        if hold.late and opens <= moment:
            alert = self._open(ctx, rule, sight, opens, late=True)
            self._clear(ctx, rule, alert, moment, late=True)
            return
        hold.since = None
        ctx.cancel(self.name, f"{rule.name}\n{sight.key}")

    def _rejudge(self, ctx: Context, rule: Rule, key: str, past: Reading) -> None:
        """Judge a reading older than the newest of its series: end what it shows to have been broken then."""
        alert, hold = self._alerts.get(rule.name, key), self._holds.get((rule.name, key))
        since = alert.opened if alert else hold.since if hold else None
        newest = ctx.value(past.device, past.metric)
        if since is None or past.time <= since or newest is None:
            return
        sight = Sight(ctx, key, self._windows, past=past)
        truth = rule.when.truth(sight)
        if alert is None:
            if truth is True or hold is None:
                return
            hold.since = None
        else:
            if truth is not False if rule.until is None else rule.until.truth(sight) is not True:
                return
            self._clear(ctx, rule, alert, past.time, late=True)
        self._judge(ctx, rule, key, newest[0], None, late=True)

    def _open(self, ctx: Context, rule: Rule, sight: Sight, time: int, *, late: bool) -> Alert:
        self._drop(ctx, (rule.name, sight.key))
        evidence = []
        for ref in rule.when.refs:
            device = sight.key if "*" in ref.device else ref.device
            if (seen := sight.look(device, ref.metric)) is not None:
                evidence.append(Evidence(device, ref.metric, seen[0], known_value(seen)))
        said = f" · {label(ctx, evidence[0].device)}" if evidence else ""
        said += "".join(f" {amount(e.metric, e.value)}" for e in evidence[:1])
        alert = self._alerts.open(
            ctx,
            rule=rule.name,
            key=sight.key,
            severity=rule.severity,
            text=rule.name + said,
            time=time,
            evidence=tuple(evidence),
            late=late,
        )
        notify(ctx, alert, rule.tell, rule.act_within)
        dropped = overdue(ctx, alert, rule.act_within)
        for place, order in enumerate(rule.orders):
            ctx.emit(
                Command(
                    home=ctx.home,
                    time=ctx.now,
                    id=f"{alert.id}-{place}",
                    device=order.device,
                    metric=order.metric,
                    value=order.value,
                    state="expired" if dropped else "pending",
                    by=f"rule {rule.name}",
                    expires=ctx.now + EXPIRY_MS,
                    requested=ctx.now,
                )
            )
        return alert

    def _clear(self, ctx: Context, rule: Rule, alert: Alert, time: int, *, late: bool) -> None:
        self._alerts.clear(ctx, alert, time, late=late)
        if rule.cooldown:
            self._holds[alert.rule, alert.key] = Hold(cool=time + rule.cooldown)

    def _drop(self, ctx: Context, slot: Slot) -> None:
        if self._holds.pop(slot, None) is not None:
            ctx.cancel(self.name, f"{slot[0]}\n{slot[1]}")

    @override
    def snapshot(self) -> Any:
        return {
            "alerts": self._alerts.snapshot(),
            "holds": [[*slot, hold.since, hold.late, hold.cool] for slot, hold in self._holds.items()],
            "keys": {name: list(keys) for name, keys in self._keys.items()},
            "prints": self._prints,
            "windows": [[*place, w.times, w.values] for place, w in self._windows.items()],
        }

    @override
    def restore(self, state: Any) -> None:
        self._alerts.restore(state["alerts"])
        self._holds = {
            (rule, key): Hold(since, late, cool) for rule, key, since, late, cool in state["holds"]
        }
        self._keys = {name: dict.fromkeys(keys) for name, keys in state["keys"].items()}
        self._prints = dict(state["prints"])
        self._windows = {}
        for device, metric, ms, times, values in state["windows"]:
            window = self._windows[device, metric, ms] = Sliding(ms)
            window.times, window.values = list(times), list(values)
        self._bound.clear()


def _key_of(rule: Rule, series: tuple[str, str] | None = None) -> str | None:
    """What an alert of this rule is about, after a reading of `series`; None where it may be several."""
    if not rule.pattern:
        return rule.refs[0].device if rule.refs else ""
    return series[0] if series is not None and series not in rule.refs else None
