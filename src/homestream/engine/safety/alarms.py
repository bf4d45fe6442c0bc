"""The alerts of security: raised and told at once, over when their cause has been gone for a while."""

from typing import Any

from homestream.engine.alert import Alerts, notify
from homestream.engine.fact import Evidence
from homestream.engine.operator import Context
from homestream.reading import Reading

#: The operator whose timers end alerts.
NAME = "security"

#: An alert is over when its door is shut and its room is still for this long.
CALM_MS = 5 * 60_000
#: An alarm is worth telling for so long after it happened.
ACT_WITHIN_MS = 60_000

OPENED = "Opened unexpectedly"
MOTION_ALONE = "Motion when nobody is home"
MOTION_ARMED = "Motion while armed"
WRONG_CODE = "Wrong code"

#: Metric -> (rule, alert's severity), for what is an alarm at any time.
ALARMS = {
    "smoke": ("Smoke", "critical"),
    "moisture": ("Water leak", "critical"),
    "tamper": ("Tampered with", "warning"),
}

#: Metric -> the rules its sensors raise.
RULES = {
    "contact": (OPENED,),
    "motion": (MOTION_ALONE, MOTION_ARMED),
    "occupancy": (MOTION_ALONE, MOTION_ARMED),
    **{metric: (rule,) for metric, (rule, _) in ALARMS.items()},
}

#: What disarming ends.
OF_ARMING = frozenset({OPENED, MOTION_ALONE, MOTION_ARMED, WRONG_CODE})


class Alarms:
    """The open alerts, by rule and device (of a wrong code: by whom)."""

    def __init__(self) -> None:
        self._alerts = Alerts()

    def broken_in(self) -> bool:
        """Whether something was opened unexpectedly, and that is not over."""
        return any(alert.rule == OPENED for alert in self._alerts.all())

    def sound(
        self, ctx: Context, reading: Reading, rule: str, severity: str, text: str, *, late: bool = False
    ) -> None:
        """Because of a reading; while an alert is open for its device, the log has the repetition."""
        evidence = (Evidence(reading.device, reading.metric, reading.time, reading.value),)
        self._open(ctx, rule, reading.device, severity, text, reading.time, evidence, late)
        if (newest := ctx.value(reading.device, reading.metric)) and newest[1] != reading.value:
            self.calm(ctx, reading)

    def wrong_code(self, ctx: Context, by: str, severity: str, text: str) -> None:
        """Because of somebody who does not know the code."""
        self._open(ctx, WRONG_CODE, by, severity, text, ctx.now, (), False)
        ctx.at(ctx.now + CALM_MS, NAME, _timer(WRONG_CODE, by))

    def _open(
        self,
        ctx: Context,
        rule: str,
        key: str,
        severity: str,
        text: str,
        time: int,
        evidence: tuple[Evidence, ...],
        late: bool,
    ) -> None:
        ctx.cancel(NAME, _timer(rule, key))
        if self._alerts.get(rule, key) is None:
            alert = self._alerts.open(
                ctx, rule=rule, key=key, severity=severity, text=text, time=time, evidence=evidence, late=late
            )
            notify(ctx, alert, tuple(ctx.config.notify), ACT_WITHIN_MS)

    def calm(self, ctx: Context, reading: Reading) -> None:
        """The cause is gone, unless the sensor says otherwise by now; its alerts end when it stays so."""
        newest = ctx.value(reading.device, reading.metric)
        if newest is not None and newest[1] == 1:
            return
        for rule in RULES[reading.metric]:
            if self._alerts.get(rule, reading.device) is not None:
                ctx.at(ctx.now + CALM_MS, NAME, _timer(rule, reading.device))

    def over(self, ctx: Context, key: str) -> None:
        """A timer set here fell due."""
        rule, _, key = key.partition("\n")
        alert = self._alerts.get(rule, key)
        if alert is not None:
            self._alerts.clear(ctx, alert, ctx.now)

    def disarmed(self, ctx: Context, by: str) -> None:
        """End all that only arming makes an alarm."""
        for alert in self._alerts.all():
            if alert.rule in OF_ARMING:
                ctx.cancel(NAME, _timer(alert.rule, alert.key))
                self._alerts.clear(ctx, alert, ctx.now, by=by)

    def acknowledge(self, ctx: Context, body: dict[str, Any], by: str) -> None:
        """A person saw one."""
        self._alerts.acknowledge(ctx, body, by)

    def snapshot(self) -> list[str]:
        """The open alerts."""
        return self._alerts.snapshot()

    def restore(self, state: list[str]) -> None:
        """The inverse of `snapshot`."""
        self._alerts.restore(state)


def _timer(rule: str, key: str) -> str:
    return f"{rule}\n{key}"
