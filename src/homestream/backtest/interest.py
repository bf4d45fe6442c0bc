"""Which readings can change what rules conclude: those that cross a number that a rule compares with.

Two readings of a series in a row lie in the same cell when every number that a rule compares the series with
is on the same side of both. A rule judged again in the same cell finds what it found, so the second reading
is *dull*: it need not be shown to the rules, only kept. That holds for rules that compare a series with
numbers, whose `when` and `until` cannot both be true; of all others every reading counts: where time is
asked, a window, an age, a change, or a series is compared with another.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from homestream.engine.rules.action import Enter
from homestream.engine.rules.condition import STATE_WORDS
from homestream.engine.rules.expression import Both, Call, Compare, Either, Number, Ref, Text, Word, parse
from homestream.engine.rules.names import device_id
from homestream.engine.rules.ruleset import Rule, compile_rules
from homestream.home import HomeConfig, RuleConfig

#: Metrics that tell who is home or what is wrong: presence and security look at each reading of theirs.
OF_PEOPLE = frozenset(("contact", "motion", "occupancy", "presence", "switch", "smoke", "moisture", "tamper"))


class Interest:
    """What the rules of `configs` want to see of a home.

    `of_home`: they ask who is home or in which mode it is, or set it. `whole`: they ask what is concluded
    from all readings, energy or anomalies.
    """

    def __init__(self, configs: Iterable[HomeConfig]) -> None:
        """ConfigError for a wrong rule."""
        self._levels: dict[Ref, set[float]] = {}
        self._every: set[Ref] = set()
        self.of_home = self.whole = False
        for config in configs:
            for rule, written in zip(compile_rules(config), config.rule, strict=True):
                self._add(rule, written, config)

    def levels(self, device: str, metric: str) -> list[float] | None:
        """The numbers that part the cells of a series, ascending; None where every reading counts."""
        if self.whole or metric == "presence" or (self.of_home and metric in OF_PEOPLE):
            return None
        if any(_may_be(ref, device, metric) for ref in self._every):
            return None
        return sorted(
            {n for ref, levels in self._levels.items() if _may_be(ref, device, metric) for n in levels}
        )

    def _add(self, rule: Rule, written: RuleConfig, config: HomeConfig) -> None:
        self.of_home = self.of_home or rule.of_home or any(isinstance(act, Enter) for act in rule.actions)
        self.whole = self.whole or rule.kind == "anomaly" or bool(rule.budgets)
        conditions = [parse(text) for text in (written.when, written.until) if text]
        excluded = all(_excludes(conditions[0], until) for until in conditions[1:])
        if rule.kind != "when" or rule.timed or not excluded:
            self._every |= rule.heard
            return
        for condition in conditions:
            for (name, metric), level in _compared(condition):
                ref = Ref(device_id(config, name), metric)
                if level is None:
                    self._every.add(ref)
                else:
                    self._levels.setdefault(ref, set()).add(level)


def _may_be(ref: Ref, device: str, metric: str) -> bool:
    return ref.metric == metric and ("*" in ref.device or ref.device == device)


def _literal(node: Any) -> float | None:
    """The number that a series is compared with, None for anything else."""
    if isinstance(node, Number):
        return node.value
    return STATE_WORDS.get(node.value) if isinstance(node, (Word, Text)) else None


def _compared(node: Any) -> Iterator[tuple[Ref, float | None]]:
    """Each series in a condition with the number it is compared with, None where it is used otherwise."""
    match node:
        case Compare(_, Ref() as ref, other) | Compare(_, other, Ref() as ref) if _literal(other) is not None:
            yield ref, _literal(other)
        case Ref():
            yield node, None
        case Call("unknown"):
            pass  # what is unknown, and what comes after it, is never dull
        case tuple():
            for part in node:
                yield from _compared(part)


def _excludes(when: Any, until: Any) -> bool:
    """Whether it is plain to see that both are never true at once."""
    if isinstance(when, Either):
        return _excludes(when.left, until) and _excludes(when.right, until)
    if isinstance(until, Either):
        return _excludes(when, until.left) and _excludes(when, until.right)
    if isinstance(when, Both):
        return _excludes(when.left, until) or _excludes(when.right, until)
    if isinstance(until, Both):
        return _excludes(when, until.left) or _excludes(when, until.right)
    if not (isinstance(until, Compare) and isinstance(until.left, Ref)):
        return False
    if isinstance(when, Call):
        return when.function == "unknown" and when.arguments == (until.left,)
    if not isinstance(when, Compare) or when.left != until.left:
        return False
    level, clear = _literal(when.right), _literal(until.right)
    if level is None or clear is None:
        return False
    rises, falls = (">", ">="), ("<", "<=")
    if when.sign in rises and until.sign in falls:
        return clear < level or (clear == level and (when.sign, until.sign) != (">=", "<="))
    if when.sign in falls and until.sign in rises:
        return clear > level or (clear == level and (when.sign, until.sign) != ("<=", ">="))
    return when.sign == "==" and until.sign == "==" and level != clear
