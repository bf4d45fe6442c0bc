"""Conditions of rules: the tree of `expression.py` becomes a function of the home, in Kleene's logic.

Every part yields a float or None for unknown; a truth is 1.0 or 0.0. Names it knows: series
(`laundry/iron.power`), `person.NAME`, `mode`, `occupied`, `time`, `weekday`, the words on/off, open/closed,
home/away for states, and the functions unknown, age, changed and those of `sliding.py`.
"""

import operator
import re
from collections.abc import Iterable
from difflib import get_close_matches

from homestream.engine.rules.expression import (
    Both,
    Call,
    Compare,
    Either,
    ExpressionError,
    Node,
    Not,
    Number,
    Ref,
    Text,
    Word,
    parse,
)
from homestream.engine.rules.sight import (
    Sight,
    Value,
    age,
    both,
    bound,
    changed,
    either,
    is_unknown,
    known_value,
    time_of_day,
    weekday,
)
from homestream.engine.rules.sliding import FUNCTIONS
from homestream.home import HomeConfig, duration_ms
from homestream.reading import METRICS

MODES = ("disarmed", "home", "night", "away")
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
#: what a state may be compared with
STATE_WORDS = {
    **dict.fromkeys(("on", "open", "true", "home"), 1.0),
    **dict.fromkeys(("off", "closed", "false", "away"), 0.0),
}

#: A longer window would keep more readings than a rule is worth; days are in the roll-ups.
MAX_WINDOW_MS = 86_400_000

_SIGNS = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}


class Condition:
    """A compiled condition. `timed`: it may change by time alone; `of_home`: by mode or occupancy."""

    def __init__(self, text: str, config: HomeConfig) -> None:
        """Raises `ExpressionError` for what is no condition."""
        self.refs: list[Ref] = []
        self.windows: list[tuple[Ref, int]] = []
        self.timed = False
        self.of_home = False
        self._config = config
        self._truth = self._compile(parse(text))
        self.pattern = self._one_pattern()

    def truth(self, sight: Sight) -> bool | None:
        """True, False or None (unknown)."""
        value = self._truth(sight)
        return None if value is None else value != 0

    def _one_pattern(self) -> str:
        patterns = list(dict.fromkeys(ref.device for ref in self.refs if "*" in ref.device))
        if len(patterns) > 1:
            raise ExpressionError(f"* stands for one device in a rule; {' and '.join(patterns)} differ")
        return patterns[0] if patterns else ""

    def _compile(self, node: Node) -> Value:
        match node:
            case Not(of):
                inner = self._compile(of)
                return lambda sight: None if (x := inner(sight)) is None else float(x == 0)
            case Both(left, right):
                return both(self._compile(left), self._compile(right))
            case Either(left, right):
                return either(self._compile(left), self._compile(right))
            case Compare(sign, left, right):
                return self._comparison(sign, left, right)
            case Number(number):
                return lambda sight: number
            case Ref():
                return self._series(node)
            case Call(function, arguments):
                return self._call(function, arguments)
            case Word(name):
                return self._word(name)
            case Text(value):
                raise ExpressionError(f'"{value}" stands alone; compare it with something')

    def _series(self, ref: Ref) -> Value:
        if ref.device == "person":
            return self._person([self._known(Ref(t, "presence")) for t in self._trackers(ref.metric)])
        device, metric = ref = self._known(ref)
        if "*" in device:
            return lambda sight: known_value(sight.look(sight.key, metric))
        return lambda sight: known_value(sight.look(device, metric))

    def _trackers(self, name: str) -> tuple[str, ...]:
        people = {p.name: p.tracker for p in self._config.person}
        if not people.get(name):
            raise ExpressionError(f"no person {name!r} with a tracker{_nearest(name, people)}")
        return people[name]

    @staticmethod
    def _person(trackers: list[Ref]) -> Value:
        """Home where a tracker says so, away where all that know say so."""

        def at_home(sight: Sight) -> float | None:
            said = [known_value(sight.look(device, metric)) for device, metric in trackers]
            return max((value for value in said if value is not None), default=None)

        return at_home

    def _known(self, ref: Ref) -> Ref:
        """The series that a name stands for, noted as used; a likely slip of the pen is an error."""
        device, metric = ref
        if device == "person":
            ref = Ref(self._trackers(metric)[0], "presence")
        elif metric not in METRICS and (near := _nearest(metric, METRICS, 0.8)):
            raise ExpressionError(f"no metric {metric!r}{near}")
        if ref not in self.refs:
            self.refs.append(ref)
        return ref

    def _word(self, name: str) -> Value:
        if name == "occupied":
            self.of_home = True
            return lambda sight: None if sight.ctx.occupied is None else float(sight.ctx.occupied)
        if name in STATE_WORDS or name in _EXAMPLES:
            raise ExpressionError(f"{name} stands alone; compare it, as in {_EXAMPLES.get(name, _STATE)}")
        known = [*STATE_WORDS, *_EXAMPLES, "occupied", "not"]
        raise ExpressionError(f"no name {name!r}{_nearest(name, known)}")

    def _comparison(self, sign: str, left: Node, right: Node) -> Value:
        if _is_text(left) or (_is_plain_word(left) and not _is_plain_word(right)):
            return self._comparison(_MIRROR[sign], right, left)
        compare = _SIGNS[sign]
        if left == Word("mode"):
            return self._mode(sign, right)
        subject = self._subject(left)
        against = (
            self._literal(left, right) if _is_plain_word(right) or _is_text(right) else self._compile(right)
        )

        def judge(sight: Sight) -> float | None:
            a, b = subject(sight), against(sight)
            return None if a is None or b is None else float(compare(a, b))

        return judge

    def _mode(self, sign: str, right: Node) -> Value:
        wanted = right.value if isinstance(right, (Word, Text)) else ""
        if wanted not in MODES or sign not in ("==", "!="):
            raise ExpressionError(f"mode is == or != one of {', '.join(MODES)}{_nearest(wanted, MODES)}")
        self.of_home = True
        return lambda sight: float((sight.ctx.mode == wanted) == (sign == "=="))

    def _subject(self, node: Node) -> Value:
        """`time` as ms since local midnight, `weekday` as 1 (Monday) to 7, else any value."""
        if node == Word("time"):
            self.timed = True
            return time_of_day
        if node == Word("weekday"):
            self.timed = True
            return weekday
        return self._compile(node)

    def _literal(self, subject: Node, node: Node) -> Value:
        """A word or a text, read as what `subject` is measured in."""
        word = node.value if isinstance(node, (Word, Text)) else ""
        if subject == Word("time"):
            value = _clock_ms(word)
        elif subject == Word("weekday"):
            if word not in WEEKDAYS:
                raise ExpressionError(f"weekday is one of {', '.join(WEEKDAYS)}{_nearest(word, WEEKDAYS)}")
            value = float(WEEKDAYS.index(word) + 1)
        elif word in STATE_WORDS:
            value = STATE_WORDS[word]
        elif isinstance(node, Word):
            return self._word(word)
        elif isinstance(subject, Call) and subject.function == "age":
            value = _duration(word) / 1000
        else:
            raise ExpressionError(f'"{word}" cannot be compared with a number')
        return lambda sight: value

    def _call(self, function: str, arguments: tuple[Ref | Text, ...]) -> Value:
        known = ["unknown", "age", "changed", *FUNCTIONS]
        if function not in known:
            raise ExpressionError(f"no function {function!r}{_nearest(function, known)}")
        series = arguments[0]
        if not isinstance(series, Ref):
            raise ExpressionError(f"{function} takes a series, as {function}(laundry/iron.power)")
        ref = self._known(series)
        if function in FUNCTIONS:
            return self._window(function, ref, arguments)
        if len(arguments) > 1:
            raise ExpressionError(f"{function} takes one series and nothing more")
        if function == "unknown":
            return lambda sight: is_unknown(sight.look(bound(ref, sight), ref.metric))
        if function == "age":
            self.timed = True
            return lambda sight: age(sight, bound(ref, sight), ref.metric)
        return lambda sight: changed(sight, bound(ref, sight), ref.metric)

    def _window(self, function: str, ref: Ref, arguments: tuple[Ref | Text, ...]) -> Value:
        if len(arguments) != 2 or not isinstance(arguments[1], Text):
            raise ExpressionError(f'{function} takes a series and a duration: {function}(x, "10m")')
        ms = _duration(arguments[1].value)
        if not 0 < ms <= MAX_WINDOW_MS:
            raise ExpressionError(f"{function} looks back over at most 24h")
        if (ref, ms) not in self.windows:
            self.windows.append((ref, ms))
        self.timed = True
        measure = FUNCTIONS[function]

        def value(sight: Sight) -> float | None:
            window = sight.windows.get((bound(ref, sight), ref.metric, ms))
            return None if window is None else measure(window, sight.ctx.now)

        return value


_EXAMPLES = {
    "mode": "mode == away",
    "time": 'time >= "22:00"',
    "weekday": "weekday == sat",
}
_STATE = "hall/door.contact == open"
_MIRROR = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}


def matches(pattern: str, device: str, room: str) -> bool:
    """Whether `*` in `pattern` can make it `device`, or `room/device` for an id that names no room."""
    regex = re.compile(".*".join(re.escape(part) for part in pattern.split("*")))
    return bool(regex.fullmatch(device)) or bool(room and regex.fullmatch(f"{room}/{device}"))


def _clock_ms(text: str) -> float:
    found = re.fullmatch(r"([01]?\d|2[0-4]):([0-5]\d)", text)
    if not found:
        raise ExpressionError(f'"{text}" is no time of day; write it as "22:00"')
    return float((int(found[1]) * 60 + int(found[2])) * 60_000)


def _duration(text: str) -> int:
    try:
        return duration_ms(text)
    except ValueError as error:
        raise ExpressionError(str(error)) from None


def _is_text(node: Node) -> bool:
    return isinstance(node, Text)


def _is_plain_word(node: Node) -> bool:
    return isinstance(node, Word) and node.value not in ("mode", "time", "weekday", "occupied")


def _nearest(name: str, known: Iterable[str], cutoff: float = 0.6) -> str:
    near = get_close_matches(name, list(known), 1, cutoff)
    return f"; did you mean {near[0]}" if near else ""
