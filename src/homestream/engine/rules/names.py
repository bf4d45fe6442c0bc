"""The names in a rule: what they stand for in this home, what a rule looks at, and the nearest known one."""

from collections.abc import Iterable
from difflib import get_close_matches

from homestream.engine.rules.expression import ExpressionError, Ref
from homestream.home import HomeConfig
from homestream.reading import METRICS


class Uses:
    """The names a condition uses, collected while it is compiled.

    `refs` are all series it looks at, `heard` those at each reading of which it is judged; `budgets` whose
    energy it asks, as (device, period), "" being the home. `timed`: it may change by time alone; `of_home`:
    by mode or occupancy; `momentary`: it may be true for one reading only.
    """

    def __init__(self, config: HomeConfig) -> None:
        self.config = config
        self.refs: list[Ref] = []
        self.heard: list[Ref] = []
        self.budgets: list[tuple[str, str]] = []
        self.timed = self.momentary = False
        self.of_home = False

    def series(self, ref: Ref, *, heard: bool = True) -> Ref:
        """The series that a name stands for, noted; a likely slip of the pen is an error."""
        if ref.device == "person":
            ref = self.trackers(ref.metric)[0]
        elif ref.metric not in METRICS and (near := nearest(ref.metric, METRICS, 0.8)):
            raise ExpressionError(f"no metric {ref.metric!r}{near}")
        else:
            ref = Ref(device_id(self.config, ref.device), ref.metric)
        for noted in (self.refs, self.heard) if heard else (self.refs,):
            if ref not in noted:
                noted.append(ref)
        return ref

    def trackers(self, name: str) -> list[Ref]:
        """The series that tell of a person's whereabouts."""
        people = {person.name: person.tracker for person in self.config.person}
        if not people.get(name):
            raise ExpressionError(f"no person {name!r} with a tracker{nearest(name, people)}")
        return [Ref(tracker, "presence") for tracker in people[name]]

    def pattern(self) -> str:
        """The one device with `*`, "" where there is none."""
        patterns = list(dict.fromkeys(ref.device for ref in self.refs if "*" in ref.device))
        if len(patterns) > 1:
            raise ExpressionError(f"* stands for one device in a rule; {' and '.join(patterns)} differ")
        return patterns[0] if patterns else ""


def device_id(config: HomeConfig, name: str) -> str:
    """The device's id, where `name` is what `home.toml` calls it; else it is an id itself."""
    if "*" in name or config.named(name) is not None:
        return name
    called = [device.id for device in config.device if device.name == name]
    if len(called) > 1:
        raise ExpressionError(f"{' and '.join(called)} are both called {name!r}; write the id")
    return called[0] if called else name


def nearest(name: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    """`; did you mean phone`, or "" where nothing known is near."""
    near = get_close_matches(name, list(known), 1, cutoff)
    return f"; did you mean {near[0]}" if near else ""
