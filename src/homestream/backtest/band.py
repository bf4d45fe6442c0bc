"""A band for a threshold: where a rule should clear so that one episode is one alert.

A value that trembles around the level opens and clears an alert at each crossing. With a clear level further
off it opens once. Each time the rule holds lies within an alert whatever the band; a wider band only joins
them. So the band is widened, from the series' usual step on, until doubling it would join hardly any more:
then it is wider than the tremble, and not yet as wide as what the rule is there to tell apart.
"""

import re
from dataclasses import dataclass
from math import inf
from typing import NamedTuple

import duckdb

from homestream.engine.rules.expression import Compare, Number, Ref, parse
from homestream.home import RuleConfig, duration_ms

#: Doubling the band may join one alert in ten.
SETTLED = 0.9

#: Times the band is doubled at most: from a hundredth of a degree to ten.
DOUBLINGS = 12

ORDERS = (">", ">=", "<", "<=")


@dataclass(slots=True)
class Band:
    """`until` is the condition to clear at; with it the rule raises `alerts`, without any `bare`."""

    until: str
    alerts: int
    bare: int

    def words(self) -> str:
        """One line."""
        return f'until = "{self.until}" would raise {self.alerts} instead of {self.bare} without hysteresis'


class Run(NamedTuple):
    """Readings in a row for which the rule's condition is the same: true, false or None (unknown).

    From `start` to `end` (ms), where the next run begins; `extreme` is the value furthest from the level.
    """

    truth: bool | None
    start: int
    end: int
    extreme: float


def threshold(rule: RuleConfig) -> tuple[Ref, str, float] | None:
    """(series, sign, level) of a rule that compares one series with one number; None for any other."""
    node = parse(rule.when)
    match node:
        case Compare(sign, Ref(device, _) as ref, Number(level)) if sign in ORDERS:
            return None if "*" in device or device == "person" else (ref, sign, level)
        case _:
            return None


_RUNS = """
WITH judged AS (
    SELECT time, value, value {sign} $level AS truth,
           (value {sign} $level) IS DISTINCT FROM lag(value {sign} $level) OVER w AS turns
    FROM readings
    WHERE device = $device AND metric = $metric AND time >= make_timestamptz($since * 1000)
    WINDOW w AS (ORDER BY time)
), numbered AS (SELECT *, sum(turns::INT) OVER (ORDER BY time) AS run FROM judged),
runs AS (
    SELECT run, any_value(truth) AS truth, epoch_ms(min(time)) AS start, epoch_ms(max(time)) AS last,
           {furthest}(value) AS extreme
    FROM numbered GROUP BY run
)
SELECT truth, start, coalesce(lead(start) OVER (ORDER BY run), last), coalesce(extreme, 0)
FROM runs ORDER BY run
"""

_STEP = """
SELECT median(step) FROM (
    SELECT abs(value - lag(value) OVER (ORDER BY time)) AS step FROM readings
    WHERE device = $device AND metric = $metric AND time >= make_timestamptz($since * 1000)
) WHERE step > 0
"""


def suggest(con: duckdb.DuckDBPyConnection, rule: RuleConfig, since: int) -> Band | None:
    """The band for a rule over the view `readings`; None where it needs none, or is no simple threshold."""
    simple = threshold(rule) if rule.when and not rule.at else None
    if simple is None:
        return None
    (device, metric), sign, level = simple
    where = {"device": device, "metric": metric, "since": since}
    falls = sign in (">", ">=")
    furthest = "min" if falls else "max"
    rows = con.execute(_RUNS.format(sign=sign, furthest=furthest), {**where, "level": level}).fetchall()
    [(step,)] = con.execute(_STEP, where).fetchall()
    runs = [Run(*row) for row in rows]
    bare = count(runs, rule, inf if falls else -inf, falls=falls)
    if step is None or bare < 2:
        return None
    width = float(f"{step:.1g}")
    clears = [level - width * 2**n * (1 if falls else -1) for n in range(DOUBLINGS)]
    counts = [count(runs, rule, clear, falls=falls) for clear in clears]
    for clear, alerts, doubled in zip(clears, counts, counts[1:], strict=False):
        if doubled >= SETTLED * alerts:
            until = f"{_named(device)}.{metric} {'<' if falls else '>'} {clear:g}"
            return Band(until, alerts, bare) if alerts < bare else None
    return None


def _named(device: str) -> str:
    """A device's id as conditions write it."""
    return device if re.fullmatch(r"\w[\w/:-]*", device) else f'"{device}"'


def count(runs: list[Run], rule: RuleConfig, clear: float, *, falls: bool) -> int:
    """Alerts of a rule that clears beyond `clear`, as the engine would raise them on these runs."""
    hold, cooldown = duration_ms(rule.hold), duration_ms(rule.cooldown)
    alerts, is_open, cool = 0, False, 0
    for truth, start, end, extreme in runs:
        if is_open:
            if truth is False and (extreme < clear if falls else extreme > clear):
                is_open, cool = False, start + cooldown
        elif truth and max(start + hold, cool) <= end:
            is_open = True
            alerts += 1
    return alerts
