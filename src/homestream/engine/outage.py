"""Silence: a device that says nothing for longer than it ever did has an outage.

The expected interval is `expect_every` where `home.toml` gives it, else learned from the gaps between a
device's messages: their mean, their mean deviation from it, and the longest of late. A device that speaks
steadily is silent after three of its longest gaps and a half; one that speaks only when something changes,
after a day at least, until it is known well: a door that nobody opens is not lost. While the hub was down
nobody listened; that time counts for no device's silence.

Nobody listens to every word: once a device's pace is learned, its newest times are looked at when it would
be silent, and its gaps are learned from in runs. Only a silent device is listened to again.
"""

from math import isnan
from typing import Any, ClassVar, Final

from typing_extensions import override

from homestream.engine.alert import Alerts
from homestream.engine.fact import AnyFact, Blind, Outage
from homestream.engine.operator import Context
from homestream.engine.quiet import Quiet
from homestream.engine.wording import label, span
from homestream.home import duration_ms
from homestream.reading import Reading

#: Gaps to see before a device's silence means anything.
WARM: Final = 12
#: So many times the longest usual gap is silence: two messages may be lost on the air, the third be slow.
FACTOR: Final = 3.5
#: Nothing is called silent sooner; a slow Wi-Fi reconnect takes 20 s.
SHORTEST_MS: Final = 30_000
#: Deviation of the gaps over their mean beyond which a device speaks when something changes, not steadily:
#: it is 0 for a metronome, 0.74 for events that come by chance.
STEADY: Final = 0.5
#: Silence of those: 25 h, as Zigbee2MQTT's for battery devices; a sensor's daily report gets an hour's delay.
CHANGE_ONLY_MS: Final = 25 * 3_600_000
#: The same for one that is known well and never paused for long: its longest gap counts, from here on.
KNOWN, PAUSES_MS = 100, 8 * 3_600_000
#: A device that said it goes offline is believed after a minute: most are back by then.
OFFLINE_MS: Final = 60_000
#: Of the gaps that are nothing new, one in so many is learned from: a device's pace is that of hours.
SAMPLE: Final = 8
#: The longest gap fades by this share with each learned one, so that one bad night is forgotten in a day.
FADE: Final = 1 / 32
#: Weight of the newest gap in mean and deviation.
WEIGHT: Final = 1 / 16
#: How often the gaps of a device that speaks are learned from.
LEARN_MS: Final = 5 * 60_000
#: Who is due so soon is looked at with the first, so that a home of fast devices is woken seldom.
AHEAD_MS: Final = 10_000

RULE = "Device silent"


class Watch:
    """What is known of one device's talk, in ms.

    `expected` is what is configured, `armed` when its timer is due, `silent` when it fell silent (each 0 for
    none); `learned` is when its talk was last learned from; `spare` messages more need not be.
    """

    __slots__: ClassVar = (
        "armed",
        "count",
        "expected",
        "last",
        "learned",
        "longest",
        "mean",
        "silent",
        "spare",
        "wobble",
    )

    def __init__(self, last: int, expected: int) -> None:
        self.last, self.expected = last, expected
        self.count = self.armed = self.silent = self.spare = self.learned = 0
        self.mean = self.wobble = self.longest = 0.0

    def hear(self, time: int) -> None:
        """A message: learn from the gap before it."""
        gap = time - self.last
        if gap <= 0:
            return
        self.last = time
        self.count += 1
        self.spare = SAMPLE - 1 if self.count > WARM else 0
        if self.silent:
            # a true outage teaches nothing; but a device that often pauses so long is given more each time
            gap = min(gap, 2 * (self.patience() or gap))
        weight = max(WEIGHT, 1 / self.count)
        off = gap - self.mean
        self.mean += off * weight
        self.wobble += (abs(off) - self.wobble) * weight if self.count > 1 else 0.0
        self.longest = max(float(gap), self.longest * (1 - FADE))

    def catch_up(self, times: list[int], now: int) -> None:
        """All messages since the last one heard, oldest first."""
        self.learned = now
        for time in times:
            if self.spare and time - self.last <= self.longest:
                self.spare -= 1
                self.last = time
            else:
                self.hear(time)

    @property
    def listening(self) -> bool:
        """Whether each message matters: until its pace is learned, and while it is silent."""
        return self.count < WARM or self.silent > 0

    def patience(self) -> int | None:
        """How long it may be silent; None while that is not known."""
        if self.expected:
            return self.expected
        if self.count < WARM:
            return None
        if self.wobble > STEADY * self.mean:
            least = PAUSES_MS if self.count >= KNOWN else CHANGE_ONLY_MS
            return max(least, int(FACTOR * self.longest))
        return max(SHORTEST_MS, int(FACTOR * self.longest))


class Outages(Quiet):
    """The silence of one home's devices. One timer, for the first look that is due."""

    name = "outage"

    def __init__(self) -> None:
        self._watches: dict[str, Watch] = {}
        self._alerts = Alerts()
        self._due = 0

    @override
    def configure(self, ctx: Context) -> None:
        for device, watch in self._watches.items():
            watch.expected = _expected(ctx, device)
            self._arm(ctx, device, watch)

    @override
    def wants(self, ctx: Context, device: str, metric: str) -> bool:
        watch = self._watches.get(device)
        return watch is None or watch.listening

    @override
    def on_reading(self, ctx: Context, reading: Reading) -> None:
        _, device, _, time, value = reading
        if isnan(value):
            return  # unknown values are no talk
        watch = self._watches.get(device)
        if watch is None:
            watch = self._watches[device] = Watch(time, _expected(ctx, device))
            self._arm(ctx, device, watch)
            return
        watch.hear(time)
        if watch.silent:
            self._back(ctx, device, watch, time)
        elif not watch.listening:
            self._arm(ctx, device, watch)
            ctx.ask(device)

    @override
    def on_late(self, ctx: Context, reading: Reading) -> None:
        """It speaks now, whatever it speaks of."""
        watch = self._watches.get(reading.device)
        if watch is not None and not isnan(reading.value) and ctx.now > watch.last:
            self._learn(ctx, reading.device, watch)
            watch.last = ctx.now
            if watch.silent:
                self._back(ctx, reading.device, watch, ctx.now)

    @override
    def on_fact(self, ctx: Context, fact: AnyFact) -> None:
        """A whole device that says it is offline is given a minute."""
        if isinstance(fact, Blind) and fact.end is None and _offline(ctx, fact.device):
            watch = self._watches.get(fact.device)
            if watch is not None and not watch.silent:
                self._look_at(ctx, watch, ctx.now + OFFLINE_MS)

    def _learn(self, ctx: Context, device: str, watch: Watch) -> None:
        watch.catch_up([] if watch.listening else ctx.times(device, watch.last), ctx.now)

    def _arm(self, ctx: Context, device: str, watch: Watch) -> None:
        patience = watch.patience()
        if patience is not None and not watch.silent:
            due = min(watch.last + patience, max(watch.learned, ctx.now) + LEARN_MS)
            # later is left to the look that is due: it sees, and waits on
            if not watch.armed or due < watch.armed:
                self._look_at(ctx, watch, due)

    def _look_at(self, ctx: Context, watch: Watch, due: int) -> None:
        watch.armed = due
        if not self._due or due < self._due:
            self._wake_at(ctx, due)

    def _wake_at(self, ctx: Context, due: int) -> None:
        self._due = due
        if due:
            ctx.at(due, self.name, "")

    @override
    def on_timer(self, ctx: Context, key: str) -> None:
        """Look at all that are due soon, and at most one that is due now: each silence is heard by itself."""
        overdue = []
        for device, watch in self._watches.items():
            if 0 < watch.armed <= ctx.now + AHEAD_MS:
                self._wait_on(ctx, device, watch)
                if watch.armed <= ctx.now:
                    overdue.append(device)
        if overdue:
            self._judge(ctx, min(overdue))
        self._wake_at(ctx, min((w.armed for w in self._watches.values() if w.armed), default=0))

    def _wait_on(self, ctx: Context, device: str, watch: Watch) -> None:
        """Put off the look at a device that has spoken, as nearly all have."""
        if _offline(ctx, device):
            return
        if ctx.now + AHEAD_MS > watch.learned + LEARN_MS:
            self._learn(ctx, device, watch)
        patience = watch.patience()
        if patience is not None:
            due = max(ctx.heard(device), watch.last) + patience
            watch.armed = max(watch.armed, min(due, watch.learned + LEARN_MS))

    def _judge(self, ctx: Context, device: str) -> None:
        watch = self._watches[device]
        watch.armed = 0
        self._learn(ctx, device, watch)
        patience, quiet = watch.patience(), ctx.now - watch.last
        offline = quiet >= OFFLINE_MS and _offline(ctx, device)
        if offline or (patience is not None and quiet >= patience):
            self._silent(ctx, device, watch)
        else:
            self._arm(ctx, device, watch)

    def _silent(self, ctx: Context, device: str, watch: Watch) -> None:
        watch.silent = ctx.now
        ctx.emit(Outage(home=ctx.home, time=ctx.now, device=device, state="silent", since=watch.last))
        if self._alerts.get(RULE, device) is None:
            self._alerts.open(
                ctx,
                rule=RULE,
                key=device,
                severity="warning",
                text=f"{label(ctx, device)} silent for {span(ctx.now - watch.last)}",
                time=ctx.now,
            )
        ctx.ask(device)

    def _back(self, ctx: Context, device: str, watch: Watch, time: int) -> None:
        ctx.emit(
            Outage(
                home=ctx.home, time=max(time, watch.silent), device=device, state="back", since=watch.silent
            )
        )
        watch.silent = 0
        alert = self._alerts.get(RULE, device)
        if alert is not None:
            self._alerts.clear(ctx, alert, ctx.now)
        self._arm(ctx, device, watch)
        ctx.ask(device)

    @override
    def on_action(self, ctx: Context, name: str, body: dict[str, Any], by: str, seq: int) -> None:
        if name == "acknowledge":
            self._alerts.acknowledge(ctx, body, by)

    @override
    def on_gap(self, ctx: Context, since: int, until: int) -> None:
        """Nobody listened: every device's silence begins later by so much."""
        for device, watch in self._watches.items():
            self._learn(ctx, device, watch)
            watch.last += until - since
            if watch.armed:
                watch.armed += until - since
        if self._due:
            self._wake_at(ctx, self._due + until - since)

    @override
    def snapshot(self) -> Any:
        rows = [
            [device, *(getattr(watch, name) for name in Watch.__slots__)]
            for device, watch in self._watches.items()
        ]
        return {"watches": rows, "due": self._due, "alerts": self._alerts.snapshot()}

    @override
    def restore(self, state: Any) -> None:
        self._watches, self._due = {}, state["due"]
        for device, *values in state["watches"]:
            watch = self._watches[device] = Watch(0, 0)
            for name, value in zip(Watch.__slots__, values, strict=True):
                setattr(watch, name, value)
        self._alerts.restore(state["alerts"])


def _offline(ctx: Context, device: str) -> bool:
    known = ctx.devices.get(device)
    return known is not None and known.available is False


def _expected(ctx: Context, device: str) -> int:
    config = ctx.config.named(device)
    return duration_ms(config.expect_every) if config is not None and config.expect_every else 0
