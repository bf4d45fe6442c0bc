"""The life of alerts: opened, acknowledged, cleared. Each operator keeps the open ones of its own."""

import hashlib
from typing import Any

import msgspec

from homestream.engine.fact import Alert, Evidence, Notify, decode, encode
from homestream.engine.operator import Context
from homestream.engine.rules.daytime import quiet_hours
from homestream.engine.wording import local


class Alerts:
    """The open alerts, at most one for each (rule, key)."""

    def __init__(self) -> None:
        self._open: dict[tuple[str, str], Alert] = {}

    def get(self, rule: str, key: str) -> Alert | None:
        """The open alert of this rule and key; None where there is none."""
        return self._open.get((rule, key))

    def all(self) -> list[Alert]:
        """The open alerts, oldest first."""
        return list(self._open.values())

    def open(
        self,
        ctx: Context,
        *,
        rule: str,
        key: str,
        severity: str,
        text: str,
        time: int,
        evidence: tuple[Evidence, ...] = (),
        late: bool = False,
        flapping: bool = False,
    ) -> Alert:
        """Emit and keep a new alert; the caller has made sure that none is open for (rule, key)."""
        alert = Alert(
            home=ctx.home,
            time=time,
            id=alert_id(ctx.home, rule, key, time),
            rule=rule,
            key=key,
            severity=severity,
            state="opened",
            text=text,
            opened=time,
            evidence=evidence,
            late=late,
            flapping=flapping,
        )
        self._open[rule, key] = alert
        ctx.emit(alert)
        return alert

    def clear(self, ctx: Context, alert: Alert, time: int, *, late: bool = False, by: str = "") -> None:
        """Emit the end of an open alert and forget it."""
        del self._open[alert.rule, alert.key]
        ctx.emit(msgspec.structs.replace(alert, state="cleared", time=time, late=late, by=by))

    def acknowledge(self, ctx: Context, body: dict[str, Any], by: str) -> None:
        """A person saw it: `body` is the action's, {"alert": id}; an id not open here is none of ours."""
        for slot, alert in self._open.items():
            if alert.id == body.get("alert") and alert.state == "opened":
                seen = msgspec.structs.replace(alert, state="acknowledged", time=ctx.now, by=by)
                self._open[slot] = seen
                ctx.emit(seen)
                return

    def snapshot(self) -> list[str]:
        """The open alerts' own encoding."""
        return [encode(alert).decode() for alert in self._open.values()]

    def restore(self, state: list[str]) -> None:
        """The inverse of `snapshot`."""
        self._open = {}
        for row in state:
            alert = decode(row)
            assert isinstance(alert, Alert)
            self._open[alert.rule, alert.key] = alert


def alert_id(home: str, rule: str, key: str, opened: int) -> str:
    """16 hex digits from what makes an alert this one, so that a replay gives it the same."""
    return hashlib.sha256("\n".join((home, rule, key, str(opened))).encode()).hexdigest()[:16]


def notify(ctx: Context, alert: Alert, targets: tuple[str, ...], act_within: int, quiet: str = "") -> None:
    """Owe `alert` to each target; suppressed when it is late or older than `act_within` ms.

    What is not critical waits for the end of the quiet hours: `quiet`, or the home's where it is "".
    """
    hours = quiet_hours(quiet or ctx.config.quiet)
    after = hours.over(local(ctx, ctx.now)) if hours and alert.severity != "critical" else None
    for target in targets:
        ctx.emit(
            Notify(
                home=ctx.home,
                time=alert.time,
                id=f"{alert.id}:{target}",
                target=target,
                title=ctx.config.name,
                text=alert.text,
                severity=alert.severity,
                act_within=act_within,
                suppressed=overdue(ctx, alert, act_within),
                after=after or 0,
            )
        )


def overdue(ctx: Context, alert: Alert, act_within: int) -> bool:
    """Whether the time to act on `alert` has passed."""
    return alert.late or ctx.now - alert.time > act_within
