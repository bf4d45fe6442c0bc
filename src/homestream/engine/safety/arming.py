"""Arming: what is said of it, what stands open at that moment, and what is bypassed until disarmed."""

from math import isnan
from typing import Any

from homestream.engine.fact import Delay, Mode
from homestream.engine.operator import Context
from homestream.engine.safety.journal import Journal
from homestream.engine.safety.zones import ARMED, zone_of
from homestream.engine.wording import label
from homestream.home import duration_ms


class Arming:
    """`bypassed` are the devices that somebody took out, until the home is next disarmed."""

    def __init__(self) -> None:
        self.bypassed: set[str] = set()
        self._armed = False
        self._leave_until = 0

    def log(self, ctx: Context, journal: Journal, change: Mode, how: str) -> None:
        """Write down a change of mode; arming names what stands open, which is watched once it is shut."""
        mode = change.mode
        if mode not in ARMED:
            journal.write(ctx, "disarmed", ctx.now, f"Alarm disarmed{how}", by=change.by)
            if ctx.now < self._leave_until:
                self._leave(ctx, ctx.now)
            self.bypassed.clear()
            self._armed = False
            return
        parts: dict[str, list[str]] = {"open": [], "not seen": [], "bypassed": []}
        for device in dict.fromkeys(device for device, metric in ctx.series() if metric == "contact"):
            word = self._word(ctx, device, mode)
            if word:
                parts[word].append(label(ctx, device))
        said = "".join(f"; {word}: {', '.join(names)}" for word, names in parts.items() if names)
        severity = "medium" if said else "info"
        journal.write(ctx, "armed", ctx.now, f"Alarm armed ({mode}){how}{said}", severity, by=change.by)
        if not self._armed:
            self._leave(ctx, ctx.now + duration_ms(ctx.config.security.exit_delay))
        self._armed = True

    def bypass(self, ctx: Context, journal: Journal, body: dict[str, Any], by: str) -> None:
        """Take a device out of this or the next arming, or back in: {"device": id, "bypass": true}."""
        device, out = body.get("device"), body.get("bypass")
        if not isinstance(device, str) or device not in ctx.devices or out is (device in self.bypassed):
            return
        if out:
            self.bypassed.add(device)
        else:
            self.bypassed.discard(device)
        text = f"{label(ctx, device)} {'bypassed until disarmed' if out else 'no longer bypassed'}"
        journal.write(ctx, "bypassed", ctx.now, text, "medium", device=device, by=by)

    def _word(self, ctx: Context, device: str, mode: str) -> str:
        known = ctx.devices.get(device)
        name, room = (known.name, known.room) if known else ("", "")
        zone = zone_of(ctx.config, device, name, room, "contact")
        newest = ctx.value(device, "contact")
        if mode not in zone.armed or newest is None:
            return ""
        if device in self.bypassed:
            return "bypassed"
        return "not seen" if isnan(newest[1]) else "open" if newest[1] else ""

    def _leave(self, ctx: Context, until: int) -> None:
        self._leave_until = until
        ctx.emit(Delay(home=ctx.home, time=ctx.now, kind="exit", until=until))

    def snapshot(self) -> Any:
        """Builtins only."""
        return [sorted(self.bypassed), self._armed, self._leave_until]

    def restore(self, state: Any) -> None:
        """The inverse of `snapshot`."""
        self.bypassed, self._armed, self._leave_until = set(state[0]), state[1], state[2]
