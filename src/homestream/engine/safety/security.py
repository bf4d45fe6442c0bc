"""The security log and its rules: opened unexpectedly, motion while armed or when nobody is home.

Every change of a contact, every start of motion, tamper, smoke and water, every loss of a device that
watches, and every change of mode is an entry; entries are chained by hash (`seal.py`). Unexpected is an
opening while its zone is armed, in the night hours or when nobody is home, and motion while its zone is armed
or when nobody is home. The way in leaves time to disarm (`entry.py`). The first reading of a sensor is no
change; unknown between two states makes one change, whose text says what was not seen, and motion that was
not seen to begin wakes nobody. What is learned late is judged by the mode of its own time, and told nobody.
"""

from math import isnan
from typing import Any, Final, NamedTuple

from typing_extensions import override

from homestream.engine.fact import AnyFact, Mode, Occupancy, Outage
from homestream.engine.operator import REJOIN_MS, Context
from homestream.engine.quiet import Quiet
from homestream.engine.rules.condition import MODES
from homestream.engine.safety.alarms import (
    ALARMS,
    MOTION_ALONE,
    MOTION_ARMED,
    NAME,
    OPENED,
    WRONG_CODE,
    Alarms,
)
from homestream.engine.safety.arming import Arming
from homestream.engine.safety.entry import EntryDelay, Opening
from homestream.engine.safety.guard import SURE, Guard
from homestream.engine.safety.journal import Journal
from homestream.engine.safety.watched import Watched
from homestream.engine.safety.zones import MOTION, Zone, zone_of
from homestream.engine.wording import hour, label
from homestream.home import duration_ms
from homestream.reading import Reading

#: Ordinary motion is logged once in so long a device: a person in a room is one event, not hundreds.
MOTION_EVERY_MS: Final = 5 * 60_000
#: So sure of somebody at home are trackers and the panel, but not sensors: a stranger moves as well.
KNOWN: Final = 0.95

WATCHED = frozenset({*MOTION, *ALARMS, "contact"})

#: The timer of the entry delay; those of alerts have a line end in their key.
_ENTRY = "entry"

Series = tuple[str, str]


class Unexpected(NamedTuple):
    """Why an opening is unexpected, whether that is sure, and whether there is time to disarm."""

    why: str
    sure: bool
    delay: bool


class SecurityLog(Quiet):
    """The security of one home."""

    name = NAME

    def __init__(self) -> None:
        self._alarms = Alarms()
        self._guard = Guard()
        self._journal = Journal()
        self._arming = Arming()
        self._entry = EntryDelay()
        self._watched: dict[Series, Watched] = {}
        self._logged: dict[str, int] = {}  # device -> its last entry of motion
        self._offline: dict[str, int] = {}
        self._gap: tuple[int, int] = (0, 0)

    @property
    def head(self) -> str:
        """The hash of the newest entry, "" where there is none."""
        return self._journal.head

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
            self._alarms.calm(ctx, reading)

    def _contact(self, ctx: Context, reading: Reading, note: str, *, late: bool) -> None:
        _, device, _, time, value = reading
        name = label(ctx, device)
        if not value:
            self._journal.write(ctx, "closed", time, f"{name} closed{note}", device=device, late=late)
            self._alarms.calm(ctx, reading)
            return
        found = self._unexpected(ctx, device, time)
        if found is None:
            self._journal.write(ctx, "opened", time, f"{name} opened{note}", device=device, late=late)
        elif found.delay and not note and duration_ms(ctx.config.security.entry_delay):
            self._enter(ctx, Opening(reading, found.why, found.sure))
        else:
            # nobody saw it happen: it may have been long ago, and by whom is not known
            sure = found.sure and not note
            self._broken(ctx, reading, f", {found.why}{note}", "critical" if sure else "warning", note, late)

    def _broken(
        self, ctx: Context, reading: Reading, why: str, severity: str, note: str = "", late: bool = False
    ) -> None:
        """An unexpected opening: into the log, and told."""
        text = f"{OPENED} · {label(ctx, reading.device)}"
        self._journal.write(
            ctx,
            "opened_unexpectedly",
            reading.time,
            f"{text}{why}",
            "high",
            device=reading.device,
            late=late,
        )
        self._alarms.sound(ctx, reading, OPENED, severity, text + note, late=late)

    def _enter(self, ctx: Context, opening: Opening) -> None:
        """The way in was opened; it is said at once, and judged when the delay is over."""
        seconds = duration_ms(ctx.config.security.entry_delay) // 1000
        _, device, _, time, _ = opening.reading
        text = f"{label(ctx, device)} opened, {opening.why}: {seconds} s to disarm"
        self._journal.write(ctx, "opened", time, text, "medium", device=device)
        self._entry.add(ctx, opening)
        ctx.at(self._entry.until, self.name, _ENTRY)

    def _unexpected(self, ctx: Context, device: str, time: int) -> Unexpected | None:
        """What is unexpected of an opening, if anything."""
        zone = self._zone(ctx, device, "contact")
        if zone.always:
            return Unexpected(f"zone {zone.name}", True, False)
        if not zone.armed or device in self._arming.bypassed:
            return None
        if (mode := self._guard.armed(ctx, time)) in zone.armed:
            return Unexpected(f"armed ({mode})", True, zone.entry)
        empty = self._guard.empty(time)
        if empty >= SURE:
            return Unexpected("nobody is home", True, zone.entry)
        if self._guard.night(ctx, time):
            return Unexpected("at night", True, False)
        return Unexpected("nobody is home", False, zone.entry) if empty else None

    def _motion(self, ctx: Context, reading: Reading, note: str, *, late: bool) -> None:
        _, device, _, time, value = reading
        if not value:
            self._alarms.calm(ctx, reading)
            return
        zone, mode = self._zone(ctx, device, reading.metric), self._guard.armed(ctx, time)
        armed, empty = zone.always or mode in zone.armed, self._guard.empty(time)
        entering = bool(self._entry) and zone.entry and not zone.always
        name = label(ctx, device)
        if not (armed or empty) or entering or device in self._arming.bypassed:
            if time - self._logged.get(device, -MOTION_EVERY_MS) >= MOTION_EVERY_MS:
                self._logged[device] = time
                self._journal.write(ctx, "motion", time, f"Motion · {name}{note}", device=device, late=late)
            return
        rule = MOTION_ARMED if armed else MOTION_ALONE
        kind = "motion_nobody_home" if empty or mode == "away" else "motion_armed"
        text = f"{rule} · {name}{note}"
        seen = not note or late
        self._journal.write(ctx, kind, time, text, "high" if seen else "medium", device=device, late=late)
        if seen:
            # by itself it may be a child or a cat; after an unexpected opening it is not
            severity = "critical" if armed or self._alarms.broken_in() else "warning"
            self._alarms.sound(ctx, reading, rule, severity, text, late=late)

    @staticmethod
    def _zone(ctx: Context, device: str, metric: str) -> Zone:
        known = ctx.devices.get(device)
        name, room = (known.name, known.room) if known else ("", "")
        return zone_of(ctx.config, device, name, room, metric)

    def _alarm(self, ctx: Context, reading: Reading, note: str, *, late: bool) -> None:
        _, device, metric, time, _ = reading
        rule, severity = ALARMS[metric]
        text = f"{rule} · {label(ctx, device)}{note}"
        self._journal.write(ctx, metric, time, text, "high", device=device, late=late)
        if self._guard.armed(ctx, time):
            severity = "critical"
        self._alarms.sound(ctx, reading, rule, severity, text, late=late)

    @override
    def on_timer(self, ctx: Context, key: str) -> None:
        if key == _ENTRY:
            delay = f"not disarmed within {duration_ms(ctx.config.security.entry_delay) // 1000} s"
            for reading, why, sure in self._entry.end(ctx):
                told = reading._replace(time=ctx.now)
                self._broken(ctx, told, f", {why}, {delay}", "critical" if sure else "warning")
            return
        self._alarms.over(ctx, key)

    @override
    def on_action(self, ctx: Context, name: str, body: dict[str, Any], by: str, seq: int) -> None:
        if name == "acknowledge":
            self._alarms.acknowledge(ctx, body, by)
        elif name == "bypass":
            self._arming.bypass(ctx, self._journal, body, by)
        elif name == "wrong_code":
            self._wrong_code(ctx, body, by)
        elif name == "mode" and (mode := body.get("mode")) in MODES and mode != ctx.mode:
            change = Mode(home=ctx.home, time=ctx.now, mode=mode, by=by)
            ctx.emit(change)
            self._changed(ctx, change, " with the code" if body.get("code") is True else "")

    def _changed(self, ctx: Context, change: Mode, how: str = "") -> None:
        """The mode is another; whoever sets anything but away has shown who they are."""
        self._guard.learn(change)
        self._arming.log(ctx, self._journal, change, how)
        if change.mode != "away":
            self._expected(ctx)
        if change.mode == "disarmed":
            self._alarms.disarmed(ctx, change.by)

    def _expected(self, ctx: Context) -> list[Opening]:
        """The way in was opened by somebody known."""
        ctx.cancel(self.name, _ENTRY)
        return self._entry.end(ctx)

    def _wrong_code(self, ctx: Context, body: dict[str, Any], by: str) -> None:
        count = body.get("count")
        if not isinstance(count, int):
            return
        text = f"{WRONG_CODE}, {count} times, by {by}"
        self._journal.write(ctx, "wrong_code", ctx.now, text, "high", by=by)
        armed = self._guard.armed(ctx, ctx.now)
        self._alarms.wrong_code(ctx, by, "critical" if armed else "warning", text)

    @override
    def on_gap(self, ctx: Context, since: int, until: int) -> None:
        self._gap = (since, until)
        if self._entry:
            self._entry.shift(ctx, until - since)
            ctx.at(self._entry.until, self.name, _ENTRY)

    @override
    def on_fact(self, ctx: Context, fact: AnyFact) -> None:
        if isinstance(fact, Occupancy):
            self._guard.learn(fact)
            if fact.occupied and fact.confidence >= KNOWN and ctx.mode == "disarmed":
                for reading, _, _ in self._expected(ctx):
                    text = f"{label(ctx, reading.device)}: {fact.why}"
                    self._journal.write(ctx, "expected", ctx.now, text, device=reading.device)
        elif isinstance(fact, Mode):
            self._changed(ctx, fact)
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
            self._journal.write(
                ctx, "offline", time, f"{label(ctx, device)} offline", "medium", device=device
            )

    def _found(self, ctx: Context, device: str, time: int) -> None:
        since = self._offline.pop(device)
        text = f"{label(ctx, device)} online again, not seen {hour(ctx, since)}-{hour(ctx, time)}"
        self._journal.write(ctx, "online", time, text, device=device)

    @override
    def snapshot(self) -> Any:
        return {
            "alerts": self._alarms.snapshot(),
            "guard": self._guard.snapshot(),
            "watched": [[*series, *watched.snapshot()] for series, watched in self._watched.items()],
            "head": self._journal.head,
            "arming": self._arming.snapshot(),
            "entry": self._entry.snapshot(),
            "logged": self._logged,
            "offline": self._offline,
            "gap": list(self._gap),
        }

    @override
    def restore(self, state: Any) -> None:
        self._alarms.restore(state["alerts"])
        self._guard.restore(state["guard"])
        self._watched = {(row[0], row[1]): Watched.restore(row[2:]) for row in state["watched"]}
        self._journal.head = state["head"]
        self._arming.restore(state["arming"])
        self._entry.restore(state["entry"])
        self._logged, self._offline = dict(state["logged"]), dict(state["offline"])
        self._gap = (state["gap"][0], state["gap"][1])
