"""Meters that disagree: what hangs under a meter cannot use more than goes through it.

Judged each local hour, some minutes after its end, where the parent and all that gives (solar) are known for
all of it; a consumer that is not known counts as nothing. A counter tells of an hour up to an hour late, and
one of whole kWh tells of several at once: so one hour alone says nothing, several in a row do.
"""

from math import fsum
from typing import Any

from typing_extensions import override

from homestream.engine.alert import Alerts
from homestream.engine.clock import HOUR, LATENESS, MINUTE, hour_end, hour_start
from homestream.engine.energy.tree import HOME, tree
from homestream.engine.fact import AnyFact, DeviceSeen
from homestream.engine.operator import Context
from homestream.engine.quiet import Quiet
from homestream.engine.wording import hour as clock
from homestream.engine.wording import label

#: Hours in a row that open an alert, and that clear it.
HOURS = 3

#: Meters err by their class, 1 to 2 % each, and by the step in which they count.
ERROR_SHARE = 0.04
ERROR_WH = 20.0

#: Slow meters report within this time after the hour; its windows are closed by then.
SETTLE = LATENESS + 5 * MINUTE

RULE = "Meters disagree"
TIMER = "hour"


class Conservation(Quiet):
    """The meter tree of one home. `_streak`: parent -> hours in a row that disagree (> 0) or agree (< 0)."""

    name = "conservation"

    def __init__(self) -> None:
        self._alerts = Alerts()
        self._streak: dict[str, int] = {}
        self._started = False

    @override
    def on_fact(self, ctx: Context, fact: AnyFact) -> None:
        if not self._started and isinstance(fact, DeviceSeen):
            self._started = True
            ctx.at(hour_end(ctx.config.zone, fact.time) + SETTLE, self.name, TIMER)

    @override
    def on_timer(self, ctx: Context, key: str) -> None:
        zone = ctx.config.zone
        start = hour_start(zone, ctx.now - SETTLE - 1)
        ctx.at(hour_end(zone, ctx.now) + SETTLE, self.name, TIMER)
        devices = [device for device, metric in ctx.series() if metric in ("energy", "power")]
        for parent, children in tree(ctx.config, dict.fromkeys(devices)).items():
            self._judge(ctx, parent, children, start)

    def _judge(self, ctx: Context, parent: str, children: tuple[str, ...], start: int) -> None:
        through, parts = self._through(ctx, parent, start), {c: ctx.flow(c, start) for c in children}
        gives = [parts[d.id] for d in ctx.config.device if d.produces and d.id in parts]
        if through is None or None in gives:
            return
        used = fsum(part for part in parts.values() if part is not None)
        streak = self._streak.get(parent, 0)
        if used - through > ERROR_SHARE * abs(through) + ERROR_WH:
            self._streak[parent] = streak = max(streak, 0) + 1
        else:
            self._streak[parent] = streak = min(streak, 0) - 1
        alert = self._alerts.get(RULE, parent)
        if alert is None and streak >= HOURS:
            name = label(ctx, parent) if parent else "The mains"
            self._alerts.open(
                ctx,
                rule=RULE,
                key=parent,
                severity="warning",
                text=f"{RULE} · {name} measured {through / 1000:.2f} kWh from {clock(ctx, start)} to "
                f"{clock(ctx, start + HOUR)}, the devices under it {used / 1000:.2f} kWh; check their parent "
                "and units, and whether something feeds in unmeasured",
                time=ctx.now,
            )
        elif alert is not None and streak <= -HOURS:
            self._alerts.clear(ctx, alert, ctx.now)

    @staticmethod
    def _through(ctx: Context, parent: str, start: int) -> float | None:
        meters = ctx.config.mains if parent == HOME else (parent,)
        flows = [ctx.flow(meter, start) for meter in meters]
        known = [flow for flow in flows if flow is not None]
        return fsum(known) if len(known) == len(flows) else None

    @override
    def configure(self, ctx: Context) -> None:
        """Meters that are none any more have no streak and no alert."""
        parents = {HOME, *(device.parent for device in ctx.config.device)}
        self._streak = {parent: hours for parent, hours in self._streak.items() if parent in parents}
        for alert in self._alerts.all():
            if alert.key not in parents:
                self._alerts.clear(ctx, alert, ctx.now)

    @override
    def on_action(self, ctx: Context, name: str, body: dict[str, Any], by: str, seq: int) -> None:
        if name == "acknowledge":
            self._alerts.acknowledge(ctx, body, by)

    @override
    def snapshot(self) -> Any:
        return {"alerts": self._alerts.snapshot(), "streak": self._streak, "started": self._started}

    @override
    def restore(self, state: Any) -> None:
        self._alerts.restore(state["alerts"])
        self._streak, self._started = state["streak"], state["started"]
