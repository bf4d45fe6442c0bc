"""Commands to devices: pending until the device's own reading confirms, else failed.

One is pending a series at most: a newer one ends the older as expired, so that `off` is never followed by
a retried `on`. A device that does not obey has an alert until it does. A group of devices is told by one
command each; when all have ended, one fact says who obeyed.
"""

from math import isnan
from typing import Any, TypeGuard

import msgspec
from typing_extensions import override

from homestream.engine.alert import Alerts
from homestream.engine.fact import AnyFact, Command, Group, decode, encode
from homestream.engine.operator import Context
from homestream.engine.quiet import Quiet
from homestream.engine.wording import amount, label
from homestream.reading import METRICS, STATES, Reading

#: Zigbee answers within 2 s and a sleeping mesh route within 5; what comes later is for a person to see.
EXPIRY_MS = 10_000

#: A clock that is further behind is not trusted to time an answer.
SLOW_MS = 60_000

#: metric -> how far the confirming value may be off: devices round to steps of their own (1/254, 0.5 °C)
TOLERANCE = {"brightness": 1.0, "position": 2.0, "setpoint": 0.5}


RULE = "Did not obey"

Asked = tuple[str, str]


class Commands(Quiet):
    """The commands of one home that wait for an answer."""

    name = "commands"

    def __init__(self) -> None:
        self._pending: dict[Asked, Command] = {}
        #: group commands under way, by id: (group, devices), and how each device's command ended so far
        self._groups: dict[str, tuple[str, list[str]]] = {}
        self._ended: dict[str, dict[str, str]] = {}
        #: what was asked of those that did not obey
        self._refused: dict[Asked, float] = {}
        self._alerts = Alerts()

    @override
    def wants(self, ctx: Context, device: str, metric: str) -> bool:
        asked = device, metric
        waiting = asked in self._pending or asked in self._refused
        return waiting and (metric in TOLERANCE or metric in STATES)

    @override
    def on_action(self, ctx: Context, name: str, body: dict[str, Any], by: str, seq: int) -> None:
        if name == "acknowledge":
            self._alerts.acknowledge(ctx, body, by)
        if name != "command":
            return
        device, group, metric, value = (body.get(key) for key in ("device", "group", "metric", "value"))
        if not isinstance(metric, str) or not _settable(value, metric):
            return  # the page refuses these; whatever else writes actions gets no command for them
        if isinstance(device, str):
            self._ask(ctx, f"c{seq}", device, metric, float(value), by)
        elif isinstance(group, str) and (devices := list(dict.fromkeys(ctx.config.group.get(group, ())))):
            self._groups[f"c{seq}"] = group, devices
            self._ended[f"c{seq}"] = {}
            for number, member in enumerate(devices):
                self._ask(ctx, f"c{seq}.{number}", member, metric, float(value), by, group)

    def _ask(
        self, ctx: Context, name: str, device: str, metric: str, value: float, by: str, group: str = ""
    ) -> None:
        command = Command(
            home=ctx.home,
            time=ctx.now,
            id=name,
            device=device,
            metric=metric,
            value=value,
            state="pending",
            by=by,
            expires=ctx.now + EXPIRY_MS,
            requested=ctx.now,
            group=group,
        )
        ctx.emit(command)
        self._await(ctx, command)

    @override
    def on_fact(self, ctx: Context, fact: AnyFact) -> None:
        if isinstance(fact, Command) and fact.state == "pending":
            if fact.group and (name := fact.id.partition(".")[0]) not in self._groups:
                self._groups[name] = fact.group, list(dict.fromkeys(ctx.config.group.get(fact.group, ())))
                self._ended[name] = {}
            self._await(ctx, fact)

    def _await(self, ctx: Context, command: Command) -> None:
        if (older := self._pending.pop((command.device, command.metric), None)) is not None:
            self._end(ctx, older, "expired")
        self._pending[command.device, command.metric] = command
        ctx.ask(command.device)
        ctx.at(command.expires, self.name, command.id)

    @override
    def on_reading(self, ctx: Context, reading: Reading) -> None:
        asked = reading.device, reading.metric
        command = self._pending.get(asked)
        if command is not None and _is(reading, command.value):
            self._end(ctx, command, "confirmed")
        elif asked in self._refused and _is(reading, self._refused[asked]):
            self._obeyed(ctx, asked)

    @override
    def on_late(self, ctx: Context, reading: Reading) -> None:
        """A device's clock may be slow; but what it kept from before the question is no answer."""
        command = self._pending.get((reading.device, reading.metric))
        if command is None or not self.wants(ctx, reading.device, reading.metric):
            return
        if reading.time >= command.requested - SLOW_MS:
            self.on_reading(ctx, reading)

    @override
    def on_timer(self, ctx: Context, key: str) -> None:
        for command in list(self._pending.values()):
            if command.id == key:
                self._end(ctx, command, "failed")

    def _end(self, ctx: Context, command: Command, state: str) -> None:
        self._pending.pop((command.device, command.metric), None)
        ctx.ask(command.device)
        ctx.cancel(self.name, command.id)
        ctx.emit(msgspec.structs.replace(command, state=state, time=ctx.now))
        if state == "confirmed":
            self._obeyed(ctx, (command.device, command.metric))
        elif state == "failed":
            self._disobeyed(ctx, command)
        self._tally(ctx, command, state)

    def _disobeyed(self, ctx: Context, command: Command) -> None:
        device, metric, asked = command.device, command.metric, command.value
        self._refused[device, metric] = asked
        ctx.ask(device)
        if self._alerts.get(RULE, _key(device, metric)) is None:
            newest = ctx.value(device, metric)
            says = f"says {amount(metric, newest[1])}" if newest else "says nothing"
            self._alerts.open(
                ctx,
                rule=RULE,
                key=_key(device, metric),
                severity="warning",
                text=f"{label(ctx, device)} did not obey: asked for {amount(metric, asked)}, {says}",
                time=ctx.now,
            )

    def _obeyed(self, ctx: Context, asked: Asked) -> None:
        if self._refused.pop(asked, None) is not None:
            ctx.ask(asked[0])
        alert = self._alerts.get(RULE, _key(*asked))
        if alert is not None:
            self._alerts.clear(ctx, alert, ctx.now)

    def _tally(self, ctx: Context, command: Command, state: str) -> None:
        """Where a command was one of a group's and the last to end, say who obeyed."""
        name = command.id.partition(".")[0]
        if name not in self._groups:
            return
        group, devices = self._groups[name]
        ended = self._ended[name]
        ended[command.device] = state
        if len(ended) < len(devices):
            return
        del self._groups[name], self._ended[name]
        obeyed = tuple(device for device in devices if ended[device] == "confirmed")
        failed = tuple(device for device in devices if ended[device] != "confirmed")
        names = ", ".join(label(ctx, device) for device in failed)
        who = f"{len(obeyed)} of {len(devices)}" if failed else f"all {len(devices)}"
        ctx.emit(
            Group(
                home=ctx.home,
                time=ctx.now,
                id=name,
                group=group,
                metric=command.metric,
                value=command.value,
                by=command.by,
                obeyed=obeyed,
                failed=failed,
                text=f"{group}: {who} obeyed" + (f", not {names}" if names else ""),
            )
        )

    @override
    def snapshot(self) -> Any:
        return {
            "pending": [encode(command).decode() for command in self._pending.values()],
            "groups": [[name, *told, self._ended[name]] for name, told in self._groups.items()],
            "refused": [[*asked, value] for asked, value in self._refused.items()],
            "alerts": self._alerts.snapshot(),
        }

    @override
    def restore(self, state: Any) -> None:
        self._pending = {}
        for row in state["pending"]:
            command = decode(row)
            assert isinstance(command, Command)
            self._pending[command.device, command.metric] = command
        self._groups = {name: (group, devices) for name, group, devices, _ in state["groups"]}
        self._ended = {name: ended for name, _, _, ended in state["groups"]}
        self._refused = {(device, metric): value for device, metric, value in state["refused"]}
        self._alerts.restore(state["alerts"])


def _key(device: str, metric: str) -> str:
    return f"{device}.{metric}"


def _is(reading: Reading, value: float) -> bool:
    return abs(reading.value - value) <= TOLERANCE.get(reading.metric, 0.0)


def _settable(value: Any, metric: str) -> TypeGuard[float]:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or isnan(value):
        return isinstance(value, bool)
    _, low, high = METRICS.get(metric, ("", -1e9, 1e9))
    return low <= value <= high
