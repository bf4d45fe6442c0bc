"""Silence: a device that says nothing for longer than it ever did has an outage.

The expected interval is `expect_every` where `home.toml` gives it, else learned from the gaps between a
device's messages: their mean, their mean deviation from it, and the longest of late. A device that speaks
steadily is silent after three of its longest gaps and a half; one that speaks only when something changes,
after a day: a door that nobody opens is not lost. While the hub was down nobody listened; that time counts
for no device's silence.
"""

from math import isnan
from typing import Any

from typing_extensions import override

from homestream.engine.alert import Alerts
from homestream.engine.fact import Outage
from homestream.engine.operator import Context
from homestream.engine.quiet import Quiet
from homestream.engine.wording import label, span
from homestream.home import duration_ms
from homestream.reading import Reading

#: Gaps to see before a device's silence means anything.
WARM = 12
#: So many times the longest usual gap is silence: two messages may be lost on the air, the third be slow.
FACTOR = 3.5
#: Nothing is called silent sooner; a slow Wi-Fi reconnect takes 20 s.
SHORTEST_MS = 30_000
#: Deviation of the gaps over their mean beyond which a device speaks when something changes, not steadily:
#: it is 0 for a metronome, 0.74 for events that come by chance.
STEADY = 0.5
#: Silence of those: 25 h, as Zigbee2MQTT's for battery devices; a sensor's daily report gets an hour's delay.
CHANGE_ONLY_MS = 25 * 3_600_000
#: A device that said it goes offline is believed after a minute: most are back by then.
OFFLINE_MS = 60_000
#: Of the gaps that are nothing new, one in so many is learned from: this runs for every message.
SAMPLE = 8
#: The longest gap fades by this share with each learned one, so that one bad night is forgotten in a day.
FADE = 1 / 32
#: Weight of the newest gap in mean and deviation.
WEIGHT = 1 / 16
#: How often, in learned gaps, the deadline is looked at again while a device speaks.
LOOK = 4

RULE = "Device silent"


class Watch:
    """What is known of one device's talk, in ms.

    `expected` is what is configured, `armed` when its timer is due, `silent` when it fell silent (each 0 for
    none); `spare` messages more need not be learned from.
    """

    __slots__ = ("armed", "count", "expected", "last", "longest", "mean", "silent", "spare", "wobble")

    def __init__(self, last: int, expected: int) -> None:
        self.last, self.expected = last, expected
        self.count = self.armed = self.silent = self.spare = 0
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
        self.longest = max(gap, self.longest * (1 - FADE))

    def patience(self) -> int | None:
        """How long it may be silent; None while that is not known."""
        if self.expected:
            return self.expected
        if self.count < WARM:
            return None
        if self.wobble > STEADY * self.mean:
            return max(CHANGE_ONLY_MS, int(FACTOR * self.longest))
        return max(SHORTEST_MS, int(FACTOR * self.longest))


class Outages(Quiet):
    """The silence of one home's devices. One timer a device, set anew when it fires, not by each message."""

    name = "outage"

    def __init__(self) -> None:
        self._watches: dict[str, Watch] = {}
        self._alerts = Alerts()

    @override
    def configure(self, ctx: Context) -> None:
        for device, watch in self._watches.items():
            watch.expected = _expected(ctx, device)
            self._arm(ctx, device, watch)

    @override
    def wants(self, ctx: Context, device: str, metric: str) -> bool:
        return True

    @override
    def on_reading(self, ctx: Context, reading: Reading) -> None:
        _, device, _, time, value = reading
        watch = self._watches.get(device)
        if watch is not None and not watch.silent:
            gap = time - watch.last
            if gap <= 0:
                return  # the same message's other metric
            if watch.spare and gap <= watch.longest and not isnan(value):
                watch.spare -= 1
                watch.last = time
                return
        if isnan(value):
            self._unavailable(ctx, device)
            return
        if watch is None:
            watch = self._watches[device] = Watch(time, _expected(ctx, device))
            self._arm(ctx, device, watch)
            return
        watch.hear(time)
        if watch.silent:
            self._back(ctx, device, watch, time)
        elif watch.count % LOOK == 0 or watch.count == WARM:
            self._arm(ctx, device, watch)

    @override
    def on_late(self, ctx: Context, reading: Reading) -> None:
        """It speaks now, whatever it speaks of."""
        watch = self._watches.get(reading.device)
        if watch is not None and not isnan(reading.value):
            watch.last = max(watch.last, ctx.now)
            if watch.silent:
                self._back(ctx, reading.device, watch, ctx.now)

    def _unavailable(self, ctx: Context, device: str) -> None:
        """Unknown values are no talk; a whole device that says it is offline is given a minute."""
        watch, known = self._watches.get(device), ctx.devices.get(device)
        if watch is not None and not watch.silent and known is not None and known.available is False:
            self._look_at(ctx, device, watch, ctx.now + OFFLINE_MS)

    def _arm(self, ctx: Context, device: str, watch: Watch) -> None:
        patience = watch.patience()
        if patience is not None and not watch.silent:
            due = watch.last + patience
            # later is left to the timer that is set: it looks, and waits on
            if not watch.armed or due < watch.armed:
                self._look_at(ctx, device, watch, due)

    def _look_at(self, ctx: Context, device: str, watch: Watch, due: int) -> None:
        watch.armed = due
        ctx.at(due, self.name, device)

    @override
    def on_timer(self, ctx: Context, key: str) -> None:
        watch = self._watches[key]
        watch.armed = 0
        patience, known = watch.patience(), ctx.devices.get(key)
        offline = known is not None and known.available is False and ctx.now - watch.last >= OFFLINE_MS
        if offline or (patience is not None and ctx.now - watch.last >= patience):
            self._silent(ctx, key, watch)
        else:
            self._arm(ctx, key, watch)

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

    @override
    def on_action(self, ctx: Context, name: str, body: dict[str, Any], by: str, seq: int) -> None:
        if name == "acknowledge":
            self._alerts.acknowledge(ctx, body, by)

    @override
    def on_gap(self, ctx: Context, since: int, until: int) -> None:
        """Nobody listened: every device's silence begins later by so much."""
        for device, watch in self._watches.items():
            watch.last += until - since
            if watch.armed:
                self._look_at(ctx, device, watch, watch.armed + until - since)

    @override
    def snapshot(self) -> Any:
        rows = [
            [device, *(getattr(watch, name) for name in Watch.__slots__)]
            for device, watch in self._watches.items()
        ]
        return {"watches": rows, "alerts": self._alerts.snapshot()}

    @override
    def restore(self, state: Any) -> None:
        self._watches = {}
        for device, *values in state["watches"]:
            watch = self._watches[device] = Watch(0, 0)
            for name, value in zip(Watch.__slots__, values, strict=True):
                setattr(watch, name, value)
        self._alerts.restore(state["alerts"])


def _expected(ctx: Context, device: str) -> int:
    config = ctx.config.named(device)
    return duration_ms(config.expect_every) if config is not None and config.expect_every else 0
