"""A rule written otherwise: without its hysteresis, hold or cool-down, and with unknown counting as true.

Variants run beside the rules in the same pass and do nothing, so they change nothing for anybody.
"""

from collections.abc import Iterator
from typing import Any

from homestream.backtest.result import Advice, Raised
from homestream.engine.rules.expression import Ref, parse
from homestream.home import RuleConfig, duration_ms

#: Between a rule's name and what its variant leaves out; no key on a keyboard types it.
MARK = "\x1f"

HYSTERESIS, HOLD, COOLDOWN, UNKNOWN = "until", "hold", "cooldown", "unknown"


def variants(rule: RuleConfig) -> Iterator[RuleConfig]:
    """What is worth asking of a rule that begins with `when`; nothing of any other."""
    if not rule.when or rule.at:
        return
    if rule.until:
        yield _but(rule, HYSTERESIS, until="")
    if duration_ms(rule.hold):
        yield _but(rule, HOLD, hold="0s")
    if duration_ms(rule.cooldown):
        yield _but(rule, COOLDOWN, cooldown="0s")
    refs = dict.fromkeys(_refs(parse(rule.when)))
    if refs:
        unknown = " or ".join(f'unknown("{ref.device}".{ref.metric})' for ref in refs)
        yield _but(rule, UNKNOWN, when=f"({rule.when}) or {unknown}", until="")


def advice(rule: RuleConfig, found: dict[str, list[Raised]]) -> Advice:
    """What the variants of a rule raised."""
    counts = {
        what: len(found[rule.name + MARK + what])
        for what in (HYSTERESIS, HOLD, COOLDOWN)
        if rule.name + MARK + what in found
    }
    unknown = found.get(rule.name + MARK + UNKNOWN, [])
    return Advice(
        without_hysteresis=counts.get(HYSTERESIS),
        without_hold=counts.get(HOLD),
        without_cooldown=counts.get(COOLDOWN),
        while_unavailable=sum(any(e["value"] is None for e in alert.evidence) for alert in unknown),
    )


def _but(rule: RuleConfig, what: str, **changes: Any) -> RuleConfig:
    return rule.model_copy(update={"name": rule.name + MARK + what, "do": (), **changes})


def _refs(node: Any) -> Iterator[Ref]:
    if isinstance(node, Ref):
        yield node
    elif isinstance(node, tuple):
        for part in node:
            yield from _refs(part)
