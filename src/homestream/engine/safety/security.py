"""The security log and its two rules: opened unexpectedly, motion when nobody is home.

Every change of a contact, every start of motion, tamper, smoke and water, every loss of a device that
watches, and every change of mode is an entry; entries are chained by hash (`seal.py`). Unexpected is an
opening while armed, in the night hours or when nobody is home, and motion when nobody is home or the mode
is away. The first reading of a sensor is no change; unknown between two states makes one change, whose
text says what was not seen. What is learned late is judged by the mode of its own time, and told nobody.
"""

from math import isnan
from typing import Any

from typing_extensions import override

from homestream.engine.alert import Alerts, notify
from homestream.engine.fact import AnyFact, Evidence, Mode, Occupancy, Outage, Security
from homestream.engine.operator import REJOIN_MS, Context
from homestream.engine.quiet import Quiet
from homestream.engine.rules.condition import MODES
from homestream.engine.safety.guard import SURE, Guard
from homestream.engine.safety.presence import MOTION
from homestream.engine.safety.seal import seal
from homestream.engine.safety.watched import Watched
from homestream.engine.wording import hour, label
from homestream.reading import Reading

#: Ordinary motion is logged once in so long a device: a person in a room is one event, not hundreds.
MOTION_EVERY_MS = 5 * 60_000
#: An alert is over when its door is shut and its room is still for this long.
CALM_MS = 5 * 60_000
#: An alarm is worth telling for so long after it happened.
ACT_WITHIN_MS = 60_000

OPENED = "Opened unexpectedly"
MOTION_ALONE = "Motion when nobody is home"
MOTION_ARMED = "Motion while armed"

#: metric -> (rule, alert's severity, what the log says), for what is an alarm at any time
ALARMS = {
    "smoke": ("Smoke", "critical", "smoke"),
    "moisture": ("Water leak", "critical", "water"),
    "tamper": ("Tampered with", "warning", "tampered with"),
}
WATCHED = MOTION | ALARMS.keys() | {"contact"}

Series = tuple[str, str]


class SecurityLog(Quiet):
    """The security of one home."""

    name = "security"

    def __init__(self) -> None:
        self._alerts = Alerts()
        self._guard = Guard()
        self._watched: dict[Series, Watched] = {}
        self._previous = ""
        self._logged: dict[str, int] = {}  # device -> its last entry of motion
        self._offline: dict[str, int] = {}
        self._gap: tuple[int, int] = (0, 0)

    @override
    def wants(self, ctx: Context, device: str, metric: str) -> bool:
        return metric in WATCHED

    @override
    def on_reading(self, ctx: Context, reading: Reading) -> None:
        _, device, metric, time, value = reading
        watched = self._watched.get((device, metric))
        if watched is None:
            watched = self._watched[device, metric] = Watched()
        elif watched.same(time, value) and not self._offline:
            return
        if isnan(value):
            watched.lose(time)
            known = ctx.devices.get(device)
            if known is not None and known.available is False:
                self._lost(ctx, device, time)
            return
        if device in self._offline:
            self._found(ctx, device, time)
        blind = watched.blind
        before = watched.see(time, value)
        if before is None:
            if value and metric in ("smoke", "moisture"):
                self._alarm(ctx, reading, "", late=False)
        elif before[1] != value:
            self._change(ctx, reading, self._unseen(ctx, before[0], time, blind), late=False)

    @override
    def on_late(self, ctx: Context, reading: Reading) -> None:
        if reading.metric not in WATCHED or isnan(reading.value):
            return
        watched = self._watched.setdefault((reading.device, reading.metric), Watched())
        before = watched.insert(reading.time, reading.value)
        if before is not None and before[1] != reading.value:
            self._change(ctx, reading, " (learned late)", late=True)

    def _unseen(self, ctx: Context, before: int, time: int, blind: int | None) -> str:
        """What to say of a change that nobody saw happen."""
        since, until = self._gap
        if blind is not None:
            return f" (not seen {hour(ctx, blind)}-{hour(ctx, time)})"
        if before <= since and until <= time <= until + REJOIN_MS:
            return f" (hub down {hour(ctx, since)}-{hour(ctx, until)})"
        return ""

    def _change(self, ctx: Context, reading: Reading, note: str, *, late: bool) -> None:
        if reading.metric == "contact":
            self._contact(ctx, reading, note, late=late)
        elif reading.metric in MOTION:
            self._motion(ctx, reading, note, late=late)
        elif reading.value:
            self._alarm(ctx, reading, note, late=late)
        else:
            self._calm(ctx, reading, late=late)

    def _contact(self, ctx: Context, reading: Reading, note: str, *, late: bool) -> None:
        _, device, _, time, value = reading
        name = label(ctx, device)
        if not value:
            self._log(ctx, "closed", time, f"{name} closed{note}", device=device, late=late)
            self._calm(ctx, reading, late=late)
            return
        why, sure = self._unexpected(ctx, device, time)
        if not why:
            self._log(ctx, "opened", time, f"{name} opened{note}", device=device, late=late)
            return
        text = f"{OPENED} · {name}"
        self._log(ctx, "opened_unexpectedly", time, f"{text}, {why}{note}", "high", device=device, late=late)
        self._raise(ctx, reading, OPENED, "critical" if sure else "warning", text + note, late=late)

    def _unexpected(self, ctx: Context, device: str, time: int) -> tuple[str, bool]:
        """Why an opening is unexpected ("" where it is not), and whether that is sure."""
        config = ctx.config.named(device)
        if config is not None and not config.perimeter:
            return "", False
        if mode := self._guard.armed(ctx, time):
            return f"armed ({mode})", True
        if self._guard.night(ctx, time):
            return "at night", True
        empty = self._guard.empty(time)
        return ("nobody is home", empty >= SURE) if empty else ("", False)

    def _motion(self, ctx: Context, reading: Reading, note: str, *, late: bool) -> None:
        _, device, _, time, value = reading
        if not value:
            self._calm(ctx, reading, late=late)
            return
        armed = self._guard.armed(ctx, time) == "away"
        name = label(ctx, device)
        if armed or self._guard.empty(time):
            rule = MOTION_ARMED if armed else MOTION_ALONE
            # by itself it may be a child or a cat; after an unexpected opening it is not
            broken = any(alert.rule == OPENED for alert in self._alerts.all())
            text = f"{rule} · {name}{note}"
            self._log(ctx, "motion_nobody_home", time, text, "high", device=device, late=late)
            self._raise(ctx, reading, rule, "critical" if armed or broken else "warning", text, late=late)
        elif time - self._logged.get(device, -MOTION_EVERY_MS) >= MOTION_EVERY_MS:
            self._logged[device] = time
            self._log(ctx, "motion", time, f"Motion · {name}{note}", device=device, late=late)

    def _alarm(self, ctx: Context, reading: Reading, note: str, *, late: bool) -> None:
        rule, severity, _ = ALARMS[reading.metric]
        text = f"{rule} · {label(ctx, reading.device)}{note}"
        self._log(ctx, reading.metric, reading.time, text, "high", device=reading.device, late=late)
        if self._guard.armed(ctx, reading.time):
            severity = "critical"
        self._raise(ctx, reading, rule, severity, text, late=late)

    def _raise(
        self, ctx: Context, reading: Reading, rule: str, severity: str, text: str, *, late: bool
    ) -> None:
        """Open an alert and tell everybody; while one is open for this device, the log has the repetition."""
        ctx.cancel(self.name, _timer(rule, reading.device))
        if self._alerts.get(rule, reading.device) is not None:
            return
        evidence = (Evidence(reading.device, reading.metric, reading.time, reading.value),)
        alert = self._alerts.open(
            ctx,
            rule=rule,
            key=reading.device,
            severity=severity,
            text=text,
            time=reading.time,
            evidence=evidence,
            late=late,
        )
        notify(ctx, alert, tuple(ctx.config.notify), ACT_WITHIN_MS)
        if late and (newest := ctx.value(reading.device, reading.metric)) and newest[1] != reading.value:
            self._calm(ctx, reading, late=True)

    def _calm(self, ctx: Context, reading: Reading, *, late: bool) -> None:
        """The cause is gone; the alerts about it end when it stays so."""
        newest = ctx.value(reading.device, reading.metric)
        if late and newest is not None and newest[1]:
            return  # it was calm once, but is not now
        rules = {"contact": (OPENED,), "motion": (MOTION_ALONE, MOTION_ARMED)}
        rules["occupancy"] = rules["motion"]
        for rule in rules.get(reading.metric) or (ALARMS[reading.metric][0],):
            if self._alerts.get(rule, reading.device) is not None:
                ctx.at(ctx.now + CALM_MS, self.name, _timer(rule, reading.device))

    @override
    def on_timer(self, ctx: Context, key: str) -> None:
        rule, _, device = key.partition("\n")
        alert = self._alerts.get(rule, device)
        if alert is not None:
            self._alerts.clear(ctx, alert, ctx.now)

    @override
    def on_action(self, ctx: Context, name: str, body: dict[str, Any], by: str, seq: int) -> None:
        if name == "acknowledge":
            self._alerts.acknowledge(ctx, body, by)
        mode = body.get("mode")
        if name != "mode" or mode not in MODES or mode == ctx.mode:
            return
        change = Mode(home=ctx.home, time=ctx.now, mode=mode, by=by)
        ctx.emit(change)
        self._guard.learn(change)
        if mode == "disarmed":
            self._log(ctx, "disarmed", ctx.now, "Alarm disarmed", by=by)
            for alert in self._alerts.all():
                if alert.rule in (OPENED, MOTION_ALONE, MOTION_ARMED):
                    ctx.cancel(self.name, _timer(alert.rule, alert.key))
                    self._alerts.clear(ctx, alert, ctx.now, by=by)
        else:
            self._log(ctx, "armed", ctx.now, f"Alarm armed ({mode})", by=by)

    @override
    def on_gap(self, ctx: Context, since: int, until: int) -> None:
        self._gap = (since, until)

    @override
    def on_fact(self, ctx: Context, fact: AnyFact) -> None:
        if isinstance(fact, Occupancy):
            self._guard.learn(fact)
        elif isinstance(fact, Outage) and any(device == fact.device for device, _ in self._watched):
            if fact.state == "silent":
                for (device, _), watched in self._watched.items():
                    if device == fact.device:
                        watched.lose(fact.since)
                self._lost(ctx, fact.device, fact.time)
            elif fact.device in self._offline:
                self._found(ctx, fact.device, fact.time)

    def _lost(self, ctx: Context, device: str, time: int) -> None:
        if device not in self._offline:
            self._offline[device] = time
            self._log(ctx, "offline", time, f"{label(ctx, device)} offline", "medium", device=device)

    def _found(self, ctx: Context, device: str, time: int) -> None:
        since = self._offline.pop(device)
        text = f"{label(ctx, device)} online again, not seen {hour(ctx, since)}-{hour(ctx, time)}"
        self._log(ctx, "online", time, text, device=device)

    def _log(
        self,
        ctx: Context,
        kind: str,
        time: int,
        text: str,
        severity: str = "info",
        *,
        device: str = "",
        by: str = "",
        late: bool = False,
    ) -> None:
        known = ctx.devices.get(device)
        entry = seal(
            Security(
                home=ctx.home,
                time=time,
                kind=kind,
                device=device,
                room=known.room if known else "",
                severity=severity,
                text=text,
                by=by,
                late=late,
            ),
            self._previous,
        )
        self._previous = entry.hash
        ctx.emit(entry)

    @override
    def snapshot(self) -> Any:
        return {
            "alerts": self._alerts.snapshot(),
            "guard": self._guard.snapshot(),
            "watched": [[*series, *watched.snapshot()] for series, watched in self._watched.items()],
            "previous": self._previous,
            "logged": self._logged,
            "offline": self._offline,
            "gap": list(self._gap),
        }

    @override
    def restore(self, state: Any) -> None:
        self._alerts.restore(state["alerts"])
        self._guard.restore(state["guard"])
        self._watched = {(row[0], row[1]): Watched.restore(row[2:]) for row in state["watched"]}
        self._previous = state["previous"]
        self._logged, self._offline = dict(state["logged"]), dict(state["offline"])
        self._gap = (state["gap"][0], state["gap"][1])


def _timer(rule: str, device: str) -> str:
    return f"{rule}\n{device}"
