"""Rules as written become rules to run; what is wrong with one is said with file, line and nearest name."""

from collections.abc import Iterable
from difflib import get_close_matches
from typing import NamedTuple

from homestream.engine.rules.action import Order, Tell, parse_action
from homestream.engine.rules.condition import Condition
from homestream.engine.rules.expression import ExpressionError, Ref
from homestream.errors import ConfigError
from homestream.home import HomeConfig, RuleConfig, duration_ms


class Rule(NamedTuple):
    """One rule, compiled; durations in ms. `print` tells whether it is still the same one."""

    name: str
    severity: str
    when: Condition
    until: Condition | None
    hold: int
    cooldown: int
    act_within: int
    tell: tuple[str, ...]
    orders: tuple[Order, ...]
    print: str

    @property
    def refs(self) -> list[Ref]:
        """The series its conditions look at, those of `when` first."""
        return list(dict.fromkeys([*self.when.refs, *(self.until.refs if self.until else [])]))

    @property
    def windows(self) -> list[tuple[Ref, int]]:
        """The series its conditions look back on, and how far in ms."""
        return self.when.windows + (self.until.windows if self.until else [])

    @property
    def pattern(self) -> str:
        """The device with `*` that binds it, "" where it binds none."""
        return self.when.pattern

    @property
    def timed(self) -> bool:
        """Whether it may change by time alone."""
        return self.when.timed or bool(self.until and self.until.timed)

    @property
    def of_home(self) -> bool:
        """Whether it may change by mode or occupancy."""
        return self.when.of_home or bool(self.until and self.until.of_home)


def compile_rules(config: HomeConfig) -> list[Rule]:
    """All rules of a home, in order; `ConfigError` for the first that is wrong."""
    return list(_compiled(config, tolerant=False))


def sound_rules(config: HomeConfig) -> list[Rule]:
    """The rules of a home that can run. For the log: `up` has refused the others before they got there."""
    return list(_compiled(config, tolerant=True))


def _compiled(config: HomeConfig, *, tolerant: bool) -> Iterable[Rule]:
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
    when = Condition(rule.when, config)
    until = Condition(rule.until, config) if rule.until else None
    if until and until.pattern and until.pattern != when.pattern:
        raise ExpressionError(f"until binds {until.pattern}, but when binds {when.pattern or 'nothing'}")
    actions = [parse_action(text) for text in rule.do]
    tell = tuple(action.target for action in actions if isinstance(action, Tell))
    for target in tell:
        if target not in config.notify:
            near = get_close_matches(target, config.notify, 1)
            raise ExpressionError(
                f"no target {target!r} in [notify]" + (f"; did you mean {near[0]}" if near else "")
            )
    return Rule(
        name=rule.name,
        severity=rule.severity,
        when=when,
        until=until,
        hold=duration_ms(rule.hold),
        cooldown=duration_ms(rule.cooldown),
        act_within=duration_ms(rule.act_within),
        tell=tell,
        orders=tuple(action for action in actions if isinstance(action, Order)),
        print=rule.model_dump_json(exclude={"where"}),
    )
