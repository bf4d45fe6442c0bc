"""Which readings can change what rules conclude: those after which something they compare differs.

A reading is *dull* when every comparison that a rule makes of its series comes out as it did since the
reading before (`sameness.py`): a rule judged again finds what it found, so the reading need not be shown to
it, only kept. That holds of numbers, of averages over a sliding window, of ages and silences, in rules whose
`when` and `until` cannot both be true. Of all others every reading counts: where time is asked, a change, a
sum, or a series is compared with another.
"""

from collections.abc import Iterable, Iterator
from typing import Any

from homestream.backtest.sameness import Again, Level, Moving, Pause, Settled, Still, Test
from homestream.engine.rules.action import Enter
from homestream.engine.rules.calls import HEARD_MS, duration
from homestream.engine.rules.condition import STATE_WORDS
from homestream.engine.rules.expression import Both, Call, Compare, Either, Number, Ref, Text, Word, parse
from homestream.engine.rules.names import device_id
from homestream.engine.rules.ruleset import Rule, compile_rules
from homestream.engine.safety.zones import MOTION
from homestream.home import HomeConfig, RuleConfig

#: Metrics of which presence heeds another value only; of the air it looks at each reading.
STATES = frozenset(("contact", "switch"))
TRACKER, AIR = "presence", "carbon_dioxide"

#: Measures of a window that lie between the least and the greatest value in it.
AVERAGES = frozenset(("mean", "twmean", "min", "max", "last", "percentile"))


class Interest:
    """What the rules of `configs` want to see of a home.

    `of_home`: they ask who is home or in which mode it is, or set it. `whole`: they ask what is concluded
    from all readings, energy or anomalies.
    """

    def __init__(self, configs: Iterable[HomeConfig]) -> None:
        """ConfigError for a wrong rule."""
        self._tests: dict[Ref, set[Test]] = {}
        self._every: set[Ref] = set()
        self.of_home = self.whole = self._enters = False
        for config in configs:
            for rule, written in zip(compile_rules(config), config.rule, strict=True):
                self._add(rule, written, config)

    def tests(self, device: str, metric: str, *, tracked: bool) -> list[Test] | None:
        """What a reading of the series must be the same by to be dull; None where every reading counts.

        `tracked`: the home has trackers of people.
        """
        if self.whole or (self.of_home and metric == AIR):
            return None
        if any(_may_be(ref, device, metric) for ref in self._every):
            return None
        found = {test for ref, tests in self._tests.items() if _may_be(ref, device, metric) for test in tests}
        if metric == TRACKER or (self.of_home and metric in STATES):
            found.add(Again())
        elif self.of_home and metric in MOTION:
            # a tracker, or a rule that sets a mode, may empty the home while somebody moves
            found.add(Still() if tracked or self._enters else Moving())
        return list(found)

    def _add(self, rule: Rule, written: RuleConfig, config: HomeConfig) -> None:
        self._enters = self._enters or any(isinstance(act, Enter) for act in rule.actions)
        self.of_home = self.of_home or rule.of_home or self._enters
        self.whole = self.whole or rule.kind == "anomaly" or bool(rule.budgets)
        if rule.kind == "silent":
            for ref in rule.heard:
                self._tests.setdefault(ref, set()).add(Pause(rule.hold))
            return
        conditions = [parse(text) for text in (written.when, written.until) if text]
        excluded = all(_excludes(conditions[0], until) for until in conditions[1:])
        made = [found for condition in conditions for found in _compared(condition)]
        # what time alone changes is seen at each reading of whatever else the rule is judged at
        apart = len(rule.heard) > 1 and rule.timed
        if rule.kind != "when" or not excluded or apart or any(test is None for _, test in made):
            self._every |= rule.heard
            return
        for (name, metric), test in made:
            if test is not None:
                self._tests.setdefault(Ref(device_id(config, name), metric), set()).add(test)


def _may_be(ref: Ref, device: str, metric: str) -> bool:
    return ref.metric == metric and ("*" in ref.device or ref.device == device)


def _literal(node: Any) -> float | None:
    """The number that a series is compared with, None for anything else."""
    if isinstance(node, Number):
        return node.value
    return STATE_WORDS.get(node.value) if isinstance(node, (Word, Text)) else None


def _compared(node: Any) -> Iterator[tuple[Ref, Test | None]]:
    """Each series in a condition with the test of how it is compared, None where there is none."""
    match node:
        case Compare(_, Ref() as ref, other) | Compare(_, other, Ref() as ref) if _literal(other) is not None:
            yield ref, Level(_literal(other) or 0.0)
        case Compare(_, Call("age", (Ref() as ref,)), Text(text)):
            yield ref, Pause(duration(text))
        case Compare(_, Call(function, (Ref() as ref, *_, Text(text))), Number(level)):
            fit = function in AVERAGES and duration(text) <= HEARD_MS
            yield ref, Settled(level, duration(text)) if fit else None
        case Call("unknown"):
            pass  # what is unknown, and what comes after it, is never dull
        case Ref():
            yield node, None
        case Word("time" | "weekday" | "sunrise" | "sunset" | "sun" as name):
            yield Ref(name, ""), None
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
    if not (isinstance(until, Compare) and isinstance(until.left, (Ref, Call))):
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
