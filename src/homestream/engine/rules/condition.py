"""Conditions of rules: the tree of `expression.py` becomes a function of the home, in Kleene's logic.

Every part yields a float or None for unknown; a truth is 1.0 or 0.0. Times of day and durations are in
seconds, weekdays 1 to 7. Each part has a kind (number, clock, span, day), so that a text is read as what
it stands beside: `"22:00"` beside `time`, `"5m"` beside `age(x)`. Functions are in `calls.py`.
"""

import operator
import re
from collections.abc import Callable
from functools import partial
from math import isfinite

from homestream.engine.rules.calls import call, duration
from homestream.engine.rules.daytime import clock_s
from homestream.engine.rules.daytime import weekday as weekday_number
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
    Sum,
    Text,
    Word,
    parse,
)
from homestream.engine.rules.names import Uses, nearest
from homestream.engine.rules.sight import (
    Sight,
    Value,
    both,
    either,
    known_value,
    sun_time,
    sun_up,
    time_of_day,
    weekday,
)
from homestream.home import HomeConfig

MODES = ("disarmed", "home", "night", "away")
#: what a state may be compared with
STATE_WORDS = {
    **dict.fromkeys(("on", "open", "true", "home"), 1.0),
    **dict.fromkeys(("off", "closed", "false", "away"), 0.0),
}

_SIGNS: dict[str, Callable[[float, float], bool]] = {
    "<": operator.lt,
    "<=": operator.le,
    ">": operator.gt,
    ">=": operator.ge,
    "==": operator.eq,
    "!=": operator.ne,
}
_MIRROR = {"<": ">", "<=": ">=", ">": "<", ">=": "<=", "==": "==", "!=": "!="}
_SUMS: dict[str, Callable[[float, float], float]] = {
    "+": operator.add,
    "-": operator.sub,
    "*": operator.mul,
    "/": operator.truediv,
}
#: names of times and of the home, with how they are used
_EXAMPLES = {
    "mode": "mode == away",
    "sun": "sun == down",
    "time": 'time >= "22:00"',
    "sunrise": "time >= sunrise",
    "sunset": 'time >= sunset + "30m"',
    "weekday": "weekday == sat",
}
_STATE = "hall/door.contact == open"


class Condition:
    """A compiled condition; `uses` is what it looks at, `pattern` the device with `*` that binds it."""

    def __init__(self, text: str, config: HomeConfig) -> None:
        """Raises `ExpressionError` for what is no condition."""
        self.uses = Uses(config)
        self._truth = _judged(parse(text), self.uses)
        self.pattern = self.uses.pattern()

    def truth(self, sight: Sight) -> bool | None:
        """True, False or None (unknown)."""
        value = self._truth(sight)
        return None if value is None else value != 0


def matches(pattern: str, device: str, room: str) -> bool:
    """Whether `*` in `pattern` can make it `device`, or `room/device` for an id that names no room."""
    regex = re.compile(".*".join(re.escape(part) for part in pattern.split("*")))
    return bool(regex.fullmatch(device)) or bool(room and regex.fullmatch(f"{room}/{device}"))


def _judged(node: Node, uses: Uses) -> Value:
    """A part that is to be true or not; a time is neither."""
    value = _compiled(node, uses)
    if _kind(node) in ("clock", "span", "day"):
        name = node.value if isinstance(node, Word) else ""
        example = _EXAMPLES.get(name, 'age(x) > "5m"')
        raise ExpressionError(f"{name or 'a time'} stands alone; compare it, as in {example}")
    return value


def _compiled(node: Node, uses: Uses) -> Value:
    match node:
        case Not(of):
            inner = _judged(of, uses)
            return lambda sight: None if (x := inner(sight)) is None else float(x == 0)
        case Both(left, right):
            return both(_judged(left, uses), _judged(right, uses))
        case Either(left, right):
            return either(_judged(left, uses), _judged(right, uses))
        case Compare(sign, left, right):
            return _comparison(sign, left, right, uses)
        case Sum(sign, left, right):
            _kind(node)
            return _calculated(_SUMS[sign], _part(left, right, uses), _part(right, left, uses))
        case Number(number):
            return lambda sight: number
        case Ref():
            return _series(node, uses)
        case Call(function, arguments):
            return call(uses, function, arguments, _compiled)
        case Word(name):
            return _word(name, uses)
        case Text(value):
            raise ExpressionError(f'"{value}" stands alone; compare it with something')


def _series(ref: Ref, uses: Uses) -> Value:
    if ref.device == "person":
        trackers = [uses.series(tracker) for tracker in uses.trackers(ref.metric)]

        def at_home(sight: Sight) -> float | None:
            """Home where a tracker says so, away where all that know say so."""
            said = [known_value(sight.look(device, metric)) for device, metric in trackers]
            return max((value for value in said if value is not None), default=None)

        return at_home
    device, metric = uses.series(ref)
    if "*" in device:
        return lambda sight: known_value(sight.look(sight.key, metric))
    return lambda sight: known_value(sight.look(device, metric))


def _word(name: str, uses: Uses) -> Value:
    if name == "occupied":
        uses.of_home = True
        return lambda sight: None if sight.ctx.occupied is None else float(sight.ctx.occupied)
    if name in ("time", "weekday"):
        uses.timed = True
        return time_of_day if name == "time" else weekday
    if name in ("sunrise", "sunset"):
        _place(uses)
        return partial(sun_time, rising=name == "sunrise")
    if name in STATE_WORDS or name in _EXAMPLES:
        raise ExpressionError(f"{name} stands alone; compare it, as in {_EXAMPLES.get(name, _STATE)}")
    if re.search(r"[*/-]", name):
        raise ExpressionError(f"{name!r} lacks a metric, as in {name}.power; around + - * / put spaces")
    raise ExpressionError(f"no name {name!r}{nearest(name, [*STATE_WORDS, *_EXAMPLES, 'occupied', 'not'])}")


def _place(uses: Uses) -> None:
    uses.timed = True
    if uses.config.latitude is None or uses.config.longitude is None:
        raise ExpressionError("the sun's times need latitude and longitude in home.toml, in degrees")


def _comparison(sign: str, left: Node, right: Node, uses: Uses) -> Value:
    if _is_literal(left) and (not _is_literal(right) or right == Word("sun")):
        return _comparison(_MIRROR[sign], right, left, uses)
    if left == Word("mode"):
        mode = _choice("mode", sign, right, MODES)
        uses.of_home = True
        return lambda sight: float((sight.ctx.mode == mode) == (sign == "=="))
    if left == Word("sun"):
        _place(uses)
        up = float((_choice("sun", sign, right, ("up", "down")) == "up") == (sign == "=="))
        return lambda sight: None if (shows := sun_up(sight)) is None else float(shows == up)
    kinds = {_kind(node) for node in (left, right) if not _is_literal(node)}
    if len(kinds) > 1 and "clock" in kinds:
        raise ExpressionError(f"a time of day cannot be compared with a {min(kinds - {'clock'})}")
    subject, against = _compiled(left, uses), _literal(left, right, uses)
    compare = _SIGNS[sign]

    def judge(sight: Sight) -> float | None:
        a, b = subject(sight), against(sight)
        return None if a is None or b is None else float(compare(a, b))

    return judge


def _choice(name: str, sign: str, right: Node, choices: tuple[str, ...]) -> str:
    wanted = right.value if isinstance(right, (Word, Text)) else ""
    if wanted not in choices or sign not in ("==", "!="):
        raise ExpressionError(f"{name} is == or != one of {', '.join(choices)}{nearest(wanted, choices)}")
    return wanted


def _literal(subject: Node, node: Node, uses: Uses) -> Value:
    """What `subject` is compared with: a word or a text is read as what it is measured in."""
    if not _is_literal(node):
        return _compiled(node, uses)
    word, kind = getattr(node, "value", ""), _kind(subject)
    if kind == "clock" and isinstance(node, Text):
        value = float(clock_s(word))
    elif kind == "day":
        value = float(weekday_number(word))
    elif word in STATE_WORDS:
        value = STATE_WORDS[word]
    elif isinstance(node, Word):
        return _word(word, uses)
    elif kind == "span":
        value = duration(word) / 1000
    else:
        raise ExpressionError(f'"{word}" cannot be compared with a number')
    return lambda sight: value


def _part(node: Node, other: Node, uses: Uses) -> Value:
    """A part of a sum: a text in it is a duration, if it stands beside a time."""
    if not isinstance(node, Text):
        return _compiled(node, uses)
    if _kind(other) not in ("clock", "span"):
        raise ExpressionError(f'"{node.value}" cannot be added to a number')
    seconds = duration(node.value) / 1000
    return lambda sight: seconds


def _calculated(apply: Callable[[float, float], float], left: Value, right: Value) -> Value:
    """Unknown where a part is, and where there is no such number: divided by zero, beyond all bounds."""

    def calculate(sight: Sight) -> float | None:
        a, b = left(sight), right(sight)
        if a is None or b is None:
            return None
        try:
            result = apply(a, b)
        except (ZeroDivisionError, OverflowError):
            return None
        return result if isfinite(result) else None

    return calculate


def _kind(node: Node) -> str:
    """What a part measures: number, clock (a time of day), span (a duration), day (of the week), or text."""
    match node:
        case Word("time" | "sunrise" | "sunset"):
            return "clock"
        case Word("weekday"):
            return "day"
        case Call("age" | "session"):
            return "span"
        case Text():
            return "text"
        case Sum(sign, left, right):
            kinds = [_kind(left), _kind(right)]
            if "clock" in kinds:
                if kinds == ["clock", "clock"] and sign == "-":
                    return "span"
                other = kinds[1] if kinds[0] == "clock" else kinds[0]
                if sign not in ("+", "-") or other not in ("text", "span"):
                    raise ExpressionError('to a time of day a duration is added, as in sunset + "30m"')
                return "clock"
            return "span" if "span" in kinds else "number"
        case _:
            return "number"


def _is_literal(node: Node) -> bool:
    """Whether it is a word or a text whose meaning depends on what it is compared with."""
    known = ("mode", "time", "weekday", "occupied", "sunrise", "sunset")
    return isinstance(node, Text) or (isinstance(node, Word) and node.value not in known)
