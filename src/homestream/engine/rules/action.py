"""What a rule does when it fires: notify, turn on or off, set, mode, webhook."""

import re
from collections.abc import Iterable, Sequence
from typing import NamedTuple

from homestream.engine.rules.condition import MODES
from homestream.engine.rules.expression import ExpressionError
from homestream.engine.rules.names import device_id, nearest
from homestream.home import HomeConfig

#: words for the two values of a state
ON_OFF = {"on": 1.0, "off": 0.0, "open": 1.0, "closed": 0.0}

_NOTIFY = re.compile(r"notify\s+(\S.*)")
_TURN = re.compile(r"turn\s+(on|off)\s+(\S.*)")
_SET = re.compile(r"set\s+(\S.*)\.(\w+)\s+to\s+(\S+)")
_MODE = re.compile(r"mode\s+(\S+)")
_WEBHOOK = re.compile(r"webhook\s+(\S.*)")


class Tell(NamedTuple):
    """Send the alert to a target of `[notify]`."""

    target: str


class Order(NamedTuple):
    """Command a device, or each of a `[group]`; `value` in the metric's canonical unit."""

    device: str
    metric: str
    value: float


class Enter(NamedTuple):
    """Set the home's mode."""

    mode: str


class Post(NamedTuple):
    """Post the alert to a URL of `[webhook]`."""

    hook: str


Action = Tell | Order | Enter | Post


def parse_action(text: str) -> Action:
    """Raises `ExpressionError` for what is none of them."""
    text = text.strip()
    if found := _NOTIFY.fullmatch(text):
        return Tell(found[1])
    if found := _TURN.fullmatch(text):
        return Order(found[2], "switch", ON_OFF[found[1]])
    if found := _SET.fullmatch(text):
        return Order(found[1], found[2], _value(found[3]))
    if found := _MODE.fullmatch(text):
        if found[1] not in MODES:
            raise ExpressionError(f"mode is one of {', '.join(MODES)}{nearest(found[1], MODES)}")
        return Enter(found[1])
    if found := _WEBHOOK.fullmatch(text):
        return Post(found[1])
    raise ExpressionError(
        f"{text!r} is nothing to do; write notify TARGET, turn on|off DEVICE, set DEVICE.METRIC to VALUE, "
        "mode MODE or webhook NAME"
    )


def actions(texts: Iterable[str], config: HomeConfig) -> tuple[Action, ...]:
    """What the home's names make of it; `ExpressionError` for a target, hook or group that is none."""
    return tuple(_known(parse_action(text), config) for text in texts)


def devices(order: Order, config: HomeConfig) -> Sequence[str]:
    """Whom an order goes to."""
    return list(dict.fromkeys(config.group.get(order.device, (order.device,))))


def _known(action: Action, config: HomeConfig) -> Action:
    match action:
        case Tell(target):
            _must_be(target, config.notify, "target", "[notify]")
        case Post(hook):
            _must_be(hook, config.webhook, "webhook", "[webhook]")
        case Order(name, metric, value) if name not in config.group:
            device = device_id(config, name)
            if config.named(device) is None and (near := nearest(name, config.group, 0.8)):
                raise ExpressionError(f"no group {name!r} in [group]{near}")
            return Order(device, metric, value)
    return action


def _must_be(name: str, known: Iterable[str], what: str, table: str) -> None:
    if name not in known:
        raise ExpressionError(f"no {what} {name!r} in {table}{nearest(name, known)}")


def _value(text: str) -> float:
    if text.lower() in ON_OFF:
        return ON_OFF[text.lower()]
    if not re.fullmatch(r"-?\d{1,9}(\.\d+)?", text):
        raise ExpressionError(f"{text!r} is no value to set; write a number, on or off")
    return float(text)
