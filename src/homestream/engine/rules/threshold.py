"""`when`: a condition that holds for a while opens an alert, its end clears it.

- Only true opens. Unknown neither opens nor clears, and it breaks a hold: nobody knows that it lasted.
- `for` counts event time from the reading that made the condition true.
- What falls due while the hub is down is judged `REJOIN_MS` after it is back, when devices have spoken.
- A late reading that is still the newest of its series opens and clears as any other, marked `late`, with
  its effects suppressed; its hold is judged `SETTLE_MS` after, since late readings come in runs. One that is
  older than the newest never opens: it ends an open alert or a hold that it shows to have been broken,
  with the other series taken as they are now.
"""

from typing import Any

import msgspec
from typing_extensions import override

from homestream.engine.operator import REJOIN_MS, Context
from homestream.engine.rules.kind import Kind
from homestream.engine.rules.life import Lives, Slot, evidence_of, is_over
from homestream.engine.rules.ruleset import Rule
from homestream.engine.rules.sight import Sight
from homestream.reading import Reading

#: A device that comes back sends what it kept within a few seconds; wait for its end before judging.
SETTLE_MS = 5_000


class Hold(msgspec.Struct):
    """Since when a condition is true (None: it is not), and until when it may not open."""

    since: int | None = None
    late: bool = False
    cool: int = 0


class Thresholds(Kind):
    """Rules that begin with `when`."""

    def __init__(self, lives: Lives) -> None:
        super().__init__(lives)
        self._holds: dict[Slot, Hold] = {}

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
        sight = Sight(ctx, key, trigger)
        if self.lives.review(ctx, rule, sight, moment, late=late):
            return
        truth = rule.when.truth(sight)
        hold = self._holds.get((rule.name, key))
        if truth is not True:
            if hold is not None and hold.since is not None:
                self._break(ctx, rule, sight, hold, moment)
            return
        if hold is None:
            hold = self._holds[rule.name, key] = Hold()
        if hold.since is None:
            hold.since, hold.late = moment, late
        opens = self._opens(rule, key, hold, hold.since)
        due = max(opens, ctx.now + SETTLE_MS) if late and rule.hold else opens
        if due > ctx.now:
            self.wake(ctx, rule, key, due)
        else:
            self._open(ctx, rule, sight, opens, late=hold.late and opens < ctx.now)

    def _opens(self, rule: Rule, key: str, hold: Hold, since: int) -> int:
        return max(since + rule.hold, hold.cool, self.lives.cool(rule, key))

    def _break(self, ctx: Context, rule: Rule, sight: Sight, hold: Hold, moment: int) -> None:
        """The condition ended before its alert opened; in a late run it may have lasted long enough."""
        assert hold.since is not None
        opens = self._opens(rule, sight.key, hold, hold.since)
        if hold.late and opens <= moment:
            self._open(ctx, rule, sight, opens, late=True)
            if (alert := self.lives.get(rule, sight.key)) is not None:
                self.lives.clear(ctx, rule, alert, moment, late=True)
            return
        hold.since = None
        self.sleep(ctx, (rule.name, sight.key))

    @override
    def past(self, ctx: Context, rule: Rule, key: str, reading: Reading) -> None:
        alert, hold = self.lives.get(rule, key), self._holds.get((rule.name, key))
        since = alert.opened if alert else hold.since if hold else None
        newest = ctx.value(reading.device, reading.metric)
        if since is None or reading.time <= since or newest is None:
            return
        sight = Sight(ctx, key, past=reading)
        if alert is not None:
            if not is_over(rule, sight):
                return
            self.lives.clear(ctx, rule, alert, reading.time, late=True)
        elif hold is None or rule.when.truth(sight) is True:
            return
        else:
            hold.since = None
        self.judge(ctx, rule, key, newest[0], None, late=True)

    def _open(self, ctx: Context, rule: Rule, sight: Sight, time: int, *, late: bool) -> None:
        self.forget(ctx, (rule.name, sight.key))
        evidence = evidence_of(ctx, rule.when, sight)
        self.lives.open(ctx, rule, sight.key, time, evidence, late=late)

    @override
    def due(self, ctx: Context, rule: Rule, key: str) -> None:
        self.judge(ctx, rule, key, ctx.now, None)

    @override
    def gap(self, ctx: Context, rules: dict[str, Rule], since: int, until: int) -> None:
        seen = until + REJOIN_MS
        for (name, key), hold in self._holds.items():
            if hold.since is not None and self._opens(rules[name], key, hold, hold.since) < seen:
                hold.cool = seen
                self.wake(ctx, rules[name], key, seen)

    @override
    def slots(self) -> list[Slot]:
        return list(self._holds)

    @override
    def forget(self, ctx: Context, slot: Slot) -> None:
        if self._holds.pop(slot, None) is not None:
            self.sleep(ctx, slot)

    @override
    def snapshot(self) -> Any:
        return [[*slot, hold.since, hold.late, hold.cool] for slot, hold in self._holds.items()]

    @override
    def restore(self, state: Any) -> None:
        self._holds = {(rule, key): Hold(since, late, cool) for rule, key, since, late, cool in state or ()}
