"""Rules as written become rules to run; what is wrong with one is said with file, line and nearest name."""

import re
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from difflib import get_close_matches

from homestream.engine.rules.action import Action, Order, Tell, actions, devices
from homestream.engine.rules.condition import Condition
from homestream.engine.rules.expression import ExpressionError, Ref, parse
from homestream.engine.rules.moments import Moments, moments
from homestream.engine.rules.names import Uses
from homestream.errors import ConfigError
from homestream.home import HomeConfig, RuleConfig, duration_ms

#: How a rule begins -> what else may be said of such a rule.
BEGINNINGS = {
    "when": {"until", "hold"},
    "first": {"then", "within", "until"},
    "silent": {"hold"},
    "anomaly": {"until"},
    "at": {"days", "when", "until"},
}
_WORDS = {"hold": "for"}


@dataclass(frozen=True, slots=True)
class Rule:
    """One rule, compiled; durations in ms.

    `kind` is its beginning. `ends`: without `until` it clears when this is false. `refs` are the series it
    looks at, those it begins with first; `heard` those whose readings it is judged at; `budgets` whose
    energy it asks, "" being the home's. `pattern` is the device with `*` that binds it. `timed`: it may
    change by time alone; `of_home`: by mode or occupancy. `print` tells whether it is still the same one.
    """

    name: str
    kind: str
    severity: str
    steps: tuple[Condition, ...]
    until: Condition | None
    ends: Condition | None
    watched: Ref | None
    at: Moments | None
    within: int
    hold: int
    cooldown: int
    act_within: int
    quiet: str
    actions: tuple[Action, ...]
    print: str
    refs: tuple[Ref, ...]
    heard: frozenset[Ref]
    budgets: tuple[str, ...]
    pattern: str
    timed: bool
    of_home: bool

    @property
    def when(self) -> Condition:
        """The condition of a rule of kind `when`."""
        return self.steps[0]

    @property
    def tell(self) -> tuple[str, ...]:
        """The targets it notifies."""
        return tuple(action.target for action in self.actions if isinstance(action, Tell))


def compile_rules(config: HomeConfig) -> list[Rule]:
    """All rules of a home, in order; `ConfigError` for the first that is wrong."""
    return list(_compiled(config, tolerant=False))


def sound_rules(config: HomeConfig) -> list[Rule]:
    """The rules of a home that can run. For the log: `up` has refused the others before they got there."""
    return list(_compiled(config, tolerant=True))


def _compiled(config: HomeConfig, *, tolerant: bool) -> Iterator[Rule]:
    seen: set[str] = set()
    for rule in config.rule:
        try:
            if rule.name in seen:
                raise ExpressionError("another rule has this name; give each its own")
            compiled = compile_rule(rule, config)
        except ExpressionError as error:
            if not tolerant:
                raise ConfigError(f"{rule.where or 'home.toml'}: rule {rule.name!r}: {error}") from None
        else:
            seen.add(rule.name)
            yield compiled


def compile_rule(rule: RuleConfig, config: HomeConfig) -> Rule:
    """One rule; `ExpressionError` for what is wrong in it."""
    kind = _beginning(rule)
    texts = (rule.first, *rule.then) if kind == "first" else (rule.when,) if rule.when else ()
    steps = tuple(Condition(text, config) for text in texts)
    until = Condition(rule.until, config) if rule.until else None
    begins = Uses(config)
    watched = begins.series(_one_series(rule, kind)) if kind in ("silent", "anomaly") else None
    uses = [begins, *(step.uses for step in steps), *([until.uses] if until else [])]
    refs = tuple(dict.fromkeys(ref for use in uses for ref in use.refs))
    patterns = list(dict.fromkeys(ref.device for ref in refs if "*" in ref.device))
    begun = next((ref.device for use in uses[: len(steps) + 1] for ref in use.refs if "*" in ref.device), "")
    if until and until.pattern not in ("", begun):
        raise ExpressionError(f"until binds {until.pattern}, but {kind} binds {begun or 'nothing'}")
    if len(patterns) > 1:
        raise ExpressionError(f"* stands for one device in a rule; {' and '.join(patterns)} differ")
    judged = uses[1:] if kind == "anomaly" else uses  # not by its readings: by what is noticed of them
    place = [config.timezone, str(config.latitude), str(config.longitude)] if kind == "at" else []
    return Rule(
        name=rule.name,
        kind=kind,
        severity=rule.severity,
        steps=steps,
        until=until,
        ends=steps[-1] if steps else None,
        watched=watched,
        at=moments(rule.at, rule.days, config) if kind == "at" else None,
        within=duration_ms(rule.within or "0s"),
        hold=duration_ms(rule.hold),
        cooldown=duration_ms(rule.cooldown),
        act_within=duration_ms(rule.act_within),
        quiet=rule.quiet,
        actions=actions(rule.do, config),
        print=" ".join([rule.model_dump_json(exclude={"where"}, exclude_defaults=True), *place]),
        refs=refs,
        heard=frozenset(ref for use in judged for ref in use.heard),
        budgets=tuple(dict.fromkeys(device for use in uses for device, _ in use.budgets)),
        pattern=patterns[0] if patterns else "",
        timed=any(use.timed for use in uses),
        of_home=any(use.of_home for use in uses),
    )


def _beginning(rule: RuleConfig) -> str:
    """The one key a rule begins with; all that is set must fit it."""
    found = [kind for kind in BEGINNINGS if getattr(rule, kind)]
    kind = "at" if "at" in found else found[0] if found else ""
    if not kind or set(found) - {kind} - BEGINNINGS[kind]:
        raise ExpressionError(
            f"it begins with one of {', '.join(BEGINNINGS)}; this one has {' and '.join(found) or 'none'}"
        )
    every = set().union(*BEGINNINGS.values()) - {"when"}
    for key in sorted(every - BEGINNINGS[kind]):
        if getattr(rule, key) not in ("", (), "0s"):
            raise ExpressionError(f"{_WORDS.get(key, key)} says nothing in a rule that begins with {kind}")
    if kind == "first" and not (rule.then and rule.within):
        raise ExpressionError('a sequence is first, then and within: within = "5m"')
    if kind == "silent" and duration_ms(rule.hold) <= 0:
        raise ExpressionError('silent needs to know for how long: for = "1h"')
    return kind


def _one_series(rule: RuleConfig, kind: str) -> Ref:
    text = rule.silent if kind == "silent" else rule.anomaly
    node = parse(text)
    if not isinstance(node, Ref):
        raise ExpressionError(f'{kind} takes one series, as {kind} = "garage/freezer.temperature"')
    return node


def strangers(config: HomeConfig, known: Iterable[str]) -> list[str]:
    """What rules say of devices that nobody knows yet: no error, for devices appear by themselves.

    `known` are the devices that have spoken; one line for each that `home.toml` does not name either.
    """
    there = {*known, *(device.id for device in config.device)}
    lines = []
    for written, rule in zip(config.rule, compile_rules(config), strict=True):
        told = [d for act in rule.actions if isinstance(act, Order) for d in devices(act, config)]
        for device in dict.fromkeys([*(ref.device for ref in rule.refs), *filter(None, rule.budgets), *told]):
            if "*" not in device and device not in there:
                near = get_close_matches(device, sorted(there), 1, 0.75)
                hint = f"; did you mean {near[0]}" if near else ""
                where = re.sub(r"^.*/(?=[^/]*:\d+$)", "", written.where) or "home.toml"
                lines.append(f"{where}: rule {rule.name!r}: no device {device!r} has spoken yet{hint}")
    return lines
