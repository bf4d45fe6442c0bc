"""Commands to devices: pending until the device's own reading confirms, else failed.

One is pending a series at most: a newer one ends the older as expired, so that `off` is never followed by
a retried `on`.
"""

from math import isnan
from typing import Any, TypeGuard

import msgspec
from typing_extensions import override

from homestream.engine.fact import AnyFact, Command, decode, encode
from homestream.engine.operator import Context
from homestream.engine.quiet import Quiet
from homestream.reading import METRICS, STATES, Reading

#: Zigbee answers within 2 s and a sleeping mesh route within 5; what comes later is for a person to see.
EXPIRY_MS = 10_000

#: A clock that is further behind is not trusted to time an answer.
SLOW_MS = 60_000

#: metric -> how far the confirming value may be off: devices round to steps of their own (1/254, 0.5 °C)
TOLERANCE = {"brightness": 1.0, "position": 2.0, "setpoint": 0.5}


class Commands(Quiet):
    """The commands of one home that wait for an answer."""

    name = "commands"

    def __init__(self) -> None:
        self._pending: dict[tuple[str, str], Command] = {}

    @override
    def wants(self, ctx: Context, device: str, metric: str) -> bool:
        return (device, metric) in self._pending and (metric in TOLERANCE or metric in STATES)

    @override
    def on_action(self, ctx: Context, name: str, body: dict[str, Any], by: str, seq: int) -> None:
        if name != "command":
            return
        device, metric, value = body.get("device"), body.get("metric"), body.get("value")
        if not isinstance(device, str) or not isinstance(metric, str) or not _settable(value, metric):
            return  # the page refuses these; whatever else writes actions gets no command for them
        command = Command(
            home=ctx.home,
            time=ctx.now,
            id=f"c{seq}",
            device=device,
            metric=metric,
            value=float(value),
            state="pending",
            by=by,
            expires=ctx.now + EXPIRY_MS,
            requested=ctx.now,
        )
        ctx.emit(command)
        self._await(ctx, command)

    @override
    def on_fact(self, ctx: Context, fact: AnyFact) -> None:
        if isinstance(fact, Command) and fact.state == "pending":
            self._await(ctx, fact)

    def _await(self, ctx: Context, command: Command) -> None:
        if (older := self._pending.pop((command.device, command.metric), None)) is not None:
            self._end(ctx, older, "expired")
        self._pending[command.device, command.metric] = command
        ctx.ask(command.device)
        ctx.at(command.expires, self.name, command.id)

    @override
    def on_reading(self, ctx: Context, reading: Reading) -> None:
        command = self._pending.get((reading.device, reading.metric))
        if command is not None and abs(reading.value - command.value) <= TOLERANCE.get(reading.metric, 0.0):
            self._end(ctx, command, "confirmed")

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

    @override
    def snapshot(self) -> Any:
        return [encode(command).decode() for command in self._pending.values()]

    @override
    def restore(self, state: Any) -> None:
        self._pending = {}
        for row in state:
            command = decode(row)
            assert isinstance(command, Command)
            self._pending[command.device, command.metric] = command


def _settable(value: Any, metric: str) -> TypeGuard[float]:
    if isinstance(value, bool) or not isinstance(value, (int, float)) or isnan(value):
        return isinstance(value, bool)
    _, low, high = METRICS.get(metric, ("", -1e9, 1e9))
    return low <= value <= high
