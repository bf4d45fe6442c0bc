"""Who is home: from people's trackers, from a person at the panel, else inferred from doors and motion.

- Trackers come first: any home -> occupied, all away -> empty; one that fell silent knows nothing. Motion
  without anybody having come in since is then somebody without a tracker, a child or a guest: occupied, with
  less confidence.
- A person at the panel: setting `away` empties the home after the exit delay and until the mode changes;
  any other mode says that somebody is there.
- Inferred: an outer door that opened or closed, shut again, and no motion for `empty_after` -> empty. Motion,
  or a switch that moved without a command -> occupied. While carbon dioxide rises somebody breathes, and the
  home is not empty. Without a motion sensor nothing is inferred.
"""

from math import isnan
from typing import Any, Final

from typing_extensions import override

from homestream.engine.fact import AnyFact, Command, Occupancy
from homestream.engine.operator import Context
from homestream.engine.quiet import Quiet
from homestream.engine.rules.condition import MODES
from homestream.engine.safety.breath import Breath
from homestream.engine.safety.zones import MOTION, is_door
from homestream.engine.wording import hour, label
from homestream.home import duration_ms
from homestream.reading import Reading

#: A motion sensor stays on for a minute or two after the last move, also that of the person who left.
GRACE_MS: Final = 120_000

#: How sure each way of knowing is.
PANEL, TRACKED, SENSED, INFERRED, UNTRACKED = 0.99, 0.95, 0.9, 0.8, 0.6

#: Beside motion, what tells of people.
OTHERS = frozenset({"contact", "switch", "carbon_dioxide"})

_EMPTY, _LEFT = "empty", "left"


class Presence(Quiet):
    """Whether somebody is home."""

    name = "presence"

    def __init__(self) -> None:
        self._people: dict[str, tuple[str, ...]] = {}
        self._empty_after = self._exit_delay = 0
        # last known state of every perimeter contact and motion sensor, by device
        self._contacts: dict[str, float] = {}
        self._motion: dict[str, float] = {}
        self._switches: dict[str, float] = {}
        self._air: dict[str, Breath] = {}
        # when somebody last moved, an outer door last did, the home was last said to be empty
        self._moved = self._door = self._left = 0
        # when it is to be judged whether it is empty; 0: not now
        self._due = 0
        self._ordered: set[str] = set()
        self._verdict: bool | None = None  # of the trackers: somebody is home, nobody, not known

    @override
    def configure(self, ctx: Context) -> None:
        self._people = {person.name: person.tracker for person in ctx.config.person if person.tracker}
        self._empty_after = duration_ms(ctx.config.security.empty_after)
        self._exit_delay = duration_ms(ctx.config.security.exit_delay)

    @override
    def wants(self, ctx: Context, device: str, metric: str) -> bool:
        return metric in MOTION or metric in OTHERS or self._is_tracker(device, metric)

    def _is_tracker(self, device: str, metric: str) -> bool:
        return metric == "presence" and any(device in trackers for trackers in self._people.values())

    @override
    def on_reading(self, ctx: Context, reading: Reading) -> None:
        _, device, metric, time, value = reading
        if metric == "presence":
            self._tracked(ctx)
        elif isnan(value):
            return  # unknown says nothing about people
        elif metric == "contact":
            self._contact(ctx, device, time, value)
        elif metric == "switch":
            self._switch(ctx, device, time, value)
        elif metric == "carbon_dioxide":
            self._air.setdefault(device, Breath()).see(time, value)
        else:
            self._motion[device] = value
            if value:
                self._sensed(ctx, time, device, "motion, {}")

    @override
    def on_late(self, ctx: Context, reading: Reading) -> None:
        """Motion learned late takes back an inference that it would have prevented, and nothing else."""
        if (
            reading.metric in MOTION
            and reading.value == 1
            and reading.time > self._door + GRACE_MS > GRACE_MS
        ):
            self._sensed(ctx, reading.time, reading.device, "motion, {}, learned late")

    def _tracked(self, ctx: Context) -> None:
        """Let the trackers decide, where they can; one that only repeats itself decides nothing."""
        home = self._at_home(ctx)
        verdict = None if home is None else bool(home)
        if verdict == self._verdict:
            return
        self._verdict = verdict
        if verdict is not None:
            why = f"{' and '.join(home or [])} at home" if verdict else "everybody is away"
            self._say(ctx, verdict, TRACKED, why)

    def _at_home(self, ctx: Context) -> list[str] | None:
        """Who is home by tracker; [] for nobody, None where that is not known."""
        where = {name: self._where(ctx, trackers) for name, trackers in self._people.items()}
        home = [name for name, at_home in where.items() if at_home]
        if home or (where and all(at_home is False for at_home in where.values())):
            return home
        return None

    @staticmethod
    def _where(ctx: Context, trackers: tuple[str, ...]) -> bool | None:
        """A person is home where one tracker says so, away where all that know say so."""
        said = [newest[1] for tracker in trackers if (newest := ctx.value(tracker, "presence"))]
        known = [value for value in said if not isnan(value)]
        return any(known) if known else None

    def _contact(self, ctx: Context, device: str, time: int, value: float) -> None:
        before = self._contacts.get(device)
        if before == value:
            return
        config = ctx.config.named(device)
        if config is not None and not config.perimeter:
            return
        self._contacts[device] = value
        doors = [d for d in self._contacts if _is_door(ctx, d)] or list(self._contacts)
        if before is None or device not in doors:
            return
        self._door = time
        if all(self._contacts[door] == 0 for door in doors):
            self._judge_at(ctx, max(time + self._empty_after, ctx.now))
        else:
            self._judge_at(ctx, 0)

    def _judge_at(self, ctx: Context, due: int) -> None:
        self._due = due
        if due:
            ctx.at(due, self.name, _EMPTY)
        else:
            ctx.cancel(self.name, _EMPTY)

    @override
    def on_gap(self, ctx: Context, since: int, until: int) -> None:
        """While the hub was down nobody watched for motion: that time is not waited for."""
        if self._due:
            self._judge_at(ctx, self._due + until - since)

    def _switch(self, ctx: Context, device: str, time: int, value: float) -> None:
        before = self._switches.get(device)
        if before != value:
            self._switches[device] = value
            if before is not None and device not in self._ordered:
                self._sensed(ctx, time, device, "{} switched by hand")
        if self._ordered:
            self._ordered.discard(device)

    def _sensed(self, ctx: Context, time: int, device: str, why: str) -> None:
        """A sign of life inside; who has set the home to away knows better."""
        self._moved = max(self._moved, time)
        if ctx.occupied is True or ctx.mode == "away":
            return
        if self._at_home(ctx) is None:
            self._say(ctx, True, SENSED, why.format(label(ctx, device)))
        elif self._door <= self._left + GRACE_MS:
            self._say(ctx, True, UNTRACKED, why.format(label(ctx, device)) + ", nobody with a tracker")
        # else somebody came in whom no tracker knows: that is for security to say

    @override
    def on_timer(self, ctx: Context, key: str) -> None:
        if key == _LEFT:
            self._say(ctx, False, PANEL, "set to away")
            return
        self._due = 0
        home = self._at_home(ctx)
        if not self._motion or home:
            return
        breathing = any(air.somebody(ctx.now) for air in self._air.values())
        if breathing or any(self._motion.values()):
            self._judge_at(ctx, ctx.now + self._empty_after)  # a sensor that is still on has a say
        elif self._moved <= self._door + GRACE_MS:
            sure = INFERRED if home is None else TRACKED
            self._say(ctx, False, sure, f"no motion since a door closed at {hour(ctx, self._door)}")

    @override
    def on_action(self, ctx: Context, name: str, body: dict[str, Any], by: str, seq: int) -> None:
        mode = body.get("mode")
        if name != "mode" or mode not in MODES:
            return
        ctx.cancel(self.name, _LEFT)
        if mode == "away":
            ctx.at(ctx.now + self._exit_delay, self.name, _LEFT)
        else:
            self._say(ctx, True, PANEL, f"set to {mode} by {by}")

    @override
    def on_fact(self, ctx: Context, fact: AnyFact) -> None:
        if isinstance(fact, Command) and fact.metric == "switch":
            if fact.state == "pending":
                self._ordered.add(fact.device)
            elif fact.state != "confirmed":
                self._ordered.discard(fact.device)

    def _say(self, ctx: Context, occupied: bool, confidence: float, why: str) -> None:
        if ctx.occupied is not occupied:
            self._left = self._left if occupied else ctx.now
            ctx.emit(
                Occupancy(home=ctx.home, time=ctx.now, occupied=occupied, confidence=confidence, why=why)
            )

    @override
    def snapshot(self) -> Any:
        return {
            "contacts": self._contacts,
            "motion": self._motion,
            "switches": self._switches,
            "air": {device: air.snapshot() for device, air in self._air.items()},
            "moved": self._moved,
            "door": self._door,
            "left": self._left,
            "due": self._due,
            "ordered": sorted(self._ordered),
            "verdict": self._verdict,
        }

    @override
    def restore(self, state: Any) -> None:
        self._contacts, self._motion = dict(state["contacts"]), dict(state["motion"])
        self._switches, self._ordered = dict(state["switches"]), set(state["ordered"])
        self._air = {}
        for device, figures in state["air"].items():
            self._air.setdefault(device, Breath()).restore(figures)
        self._moved, self._door = state["moved"], state["door"]
        self._left, self._due, self._verdict = state["left"], state["due"], state["verdict"]


def _is_door(ctx: Context, device: str) -> bool:
    known = ctx.devices.get(device)
    return is_door(device, known.name, known.room) if known else is_door(device, "", "")
