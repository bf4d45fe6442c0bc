"""What a rule does when it fires: `notify TARGET`, `turn on|off DEVICE`, `set DEVICE.METRIC to VALUE`."""

import re
from typing import NamedTuple

from homestream.engine.rules.expression import ExpressionError

#: words for the two values of a state
ON_OFF = {"on": 1.0, "off": 0.0, "open": 1.0, "closed": 0.0}

_NOTIFY = re.compile(r"notify\s+(\S.*)")
_TURN = re.compile(r"turn\s+(on|off)\s+(\S.*)")
_SET = re.compile(r"set\s+(\S.*)\.(\w+)\s+to\s+(\S+)")


class Tell(NamedTuple):
    """Send the alert to a target of `[notify]`."""

    target: str


class Order(NamedTuple):
    """Command a device; `value` in the metric's canonical unit."""

    device: str
    metric: str
    value: float


def parse_action(text: str) -> Tell | Order:
    """Raises `ExpressionError` for what is none of the three."""
    text = text.strip()
    if found := _NOTIFY.fullmatch(text):
        return Tell(found[1])
    if found := _TURN.fullmatch(text):
        return Order(found[2], "switch", ON_OFF[found[1]])
    if found := _SET.fullmatch(text):
        return Order(found[1], found[2], _value(found[3]))
    raise ExpressionError(
        f"{text!r} is nothing to do; write notify TARGET, turn on|off DEVICE or set DEVICE.METRIC to VALUE"
    )


def _value(text: str) -> float:
    if text.lower() in ON_OFF:
        return ON_OFF[text.lower()]
    if not re.fullmatch(r"-?\d{1,9}(\.\d+)?", text):
        raise ExpressionError(f"{text!r} is no value to set; write a number, on or off")
    return float(text)
