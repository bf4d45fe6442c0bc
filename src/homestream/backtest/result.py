"""What came of rules over a history: their alerts, what they would have sent, how two rule files differ."""

from dataclasses import asdict, dataclass, field
from datetime import datetime
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from homestream.backtest.band import Band
from homestream.engine.fact import Alert, AnyFact, Command, Mode, Notify, Webhook
from homestream.engine.wording import span

#: Alerts shown of each rule; all of them are in the JSON.
SHOWN = 20

#: How facts say that a rule caused them.
RULE = "rule "


@dataclass(slots=True)
class Raised:
    """One alert as it would have been. Times in ms; `ended` None: still open at the end."""

    home: str
    rule: str
    key: str
    text: str
    severity: str
    opened: int
    late: bool
    evidence: list[dict[str, Any]]
    ended: int | None = None
    #: what it would have sent: `notify phone`, `switch of laundry/iron to 0`; suppressed ones say so
    effects: list[str] = field(default_factory=list)


class Raising:
    """Alerts of the rules named, from the facts of a run; those opened before `since` (ms) are left out."""

    def __init__(self, rules: list[str], since: int) -> None:
        self.rules: dict[str, list[Raised]] = {name: [] for name in rules}
        self._since = since
        self._open: dict[str, Raised] = {}

    def hear(self, fact: AnyFact) -> None:
        """Take note of a fact that concerns an alert."""
        if isinstance(fact, Alert) and fact.rule in self.rules:
            if fact.state == "cleared" and (alert := self._open.pop(fact.id, None)) is not None:
                alert.ended = fact.time
            elif fact.state == "opened" and fact.opened >= self._since:
                evidence = [msgspec.to_builtins(reading) for reading in fact.evidence]
                alert = Raised(
                    fact.home,
                    fact.rule,
                    fact.key,
                    fact.text,
                    fact.severity,
                    fact.opened,
                    fact.late,
                    evidence,
                )
                self._open[fact.id] = alert
                self.rules[fact.rule].append(alert)
        elif isinstance(fact, Notify) and (told := self._open.get(fact.id.partition(":")[0])) is not None:
            told.effects.append(
                f"notify {fact.target}" + _when_sent(suppressed=fact.suppressed, after=fact.after)
            )
        elif isinstance(fact, Webhook) and (posted := self._open.get(fact.alert)) is not None:
            posted.effects.append(f"webhook {fact.hook}" + _when_sent(suppressed=fact.suppressed))
        elif (
            isinstance(fact, Command)
            and fact.state in ("pending", "expired")
            and fact.requested == fact.time
            and (ruled := self._open.get(fact.id.rpartition("-")[0])) is not None
        ):
            when = _when_sent(suppressed=fact.state == "expired")
            ruled.effects.append(f"{fact.metric} of {fact.device} to {fact.value:g}{when}")
        elif isinstance(fact, Mode) and fact.by.startswith(RULE):
            those = [a for a in self._open.values() if a.rule == fact.by.removeprefix(RULE)]
            for entered in those[-1:]:
                entered.effects.append(f"mode {fact.mode}")


def _when_sent(*, suppressed: bool, after: int = 0) -> str:
    return ", suppressed" if suppressed else ", after the quiet hours" if after else ""


@dataclass(slots=True)
class Advice:
    """How many alerts a rule would have raised, were it written otherwise; None where that is no question."""

    without_hysteresis: int | None = None
    without_hold: int | None = None
    without_cooldown: int | None = None
    #: of those it would have raised if unknown counted as true, those that opened on something unknown
    while_unavailable: int = 0
    band: Band | None = None

    def words(self) -> str:
        """As "; 41 without hysteresis; 2 while unavailable"."""
        said = [
            (self.without_hysteresis, "without hysteresis"),
            (self.without_hold, "without its hold"),
            (self.without_cooldown, "without its cool-down"),
            (self.while_unavailable or None, "while unavailable"),
        ]
        return "".join(f"; {count} {how}" for count, how in said if count is not None)


@dataclass(slots=True)
class Difference:
    """Alerts of a rule by two files: pairs about the same device that overlap, and what only one has."""

    both: list[tuple[Raised, Raised]]
    here: list[Raised]
    there: list[Raised]


@dataclass(slots=True)
class Backtest:
    """What came of the rules; `since` and `until` (ms) bound the history that was looked at."""

    timezone: str
    since: int | None
    until: int | None
    rules: dict[str, list[Raised]]
    advice: dict[str, Advice] = field(default_factory=dict)
    #: of another rule file, where one was run against these
    against: dict[str, list[Raised]] | None = None

    def differences(self) -> dict[str, Difference]:
        """By rule, of the rules of both files."""
        there = self.against or {}
        return {
            name: compare(self.rules.get(name, []), there.get(name, []))
            for name in dict.fromkeys([*self.rules, *there])
        }

    def says(self, rule: str) -> list[str]:
        """Line by line: how many alerts, with what another writing would have made of them; a band."""
        advice, count = self.advice.get(rule), len(self.rules[rule])
        first = f"{count} alert{'' if count == 1 else 's'}{advice.words() if advice else ''}"
        return [first, advice.band.words()] if advice and advice.band else [first]

    def as_json(self) -> dict[str, Any]:
        """{timezone, since, until, rules: [{rule, count, says, alerts, advice}], against}; in ms and s."""
        body: dict[str, Any] = {
            "timezone": self.timezone,
            "since": self.since,
            "until": self.until,
            "rules": [
                {
                    "rule": name,
                    "count": len(found),
                    "says": self.says(name),
                    "alerts": [_row(alert) for alert in found],
                    "advice": asdict(self.advice[name]) if name in self.advice else None,
                }
                for name, found in self.rules.items()
            ],
        }
        if self.against is not None:
            body["against"] = [
                {
                    "rule": name,
                    "both": [[_row(a), _row(b)] for a, b in found.both],
                    "only_rules": [_row(alert) for alert in found.here],
                    "only_against": [_row(alert) for alert in found.there],
                }
                for name, found in self.differences().items()
            ]
        return body

    def print(self, console: Console) -> None:
        """The alerts of each rule, the last `SHOWN` of them, and what another writing would have changed."""
        zone = ZoneInfo(self.timezone)
        for name, found in self.rules.items():
            first, *more = self.says(name)
            console.print(f"[bold]{escape(name)}[/]: {first}")
            for line in more:
                console.print(f"  {escape(line)}")
            if found:
                console.print(_table(found, zone))
        if self.against is not None:
            for name, difference in self.differences().items():
                _print_difference(console, name, difference, zone)


def compare(here: list[Raised], there: list[Raised]) -> Difference:
    """Pair each alert with the first of the other file that is about the same device and overlaps it."""
    rest, both, only = list(there), list[tuple[Raised, Raised]](), list[Raised]()
    for alert in here:
        other = next((one for one in rest if _overlap(alert, one)), None)
        if other is None:
            only.append(alert)
        else:
            rest.remove(other)
            both.append((alert, other))
    return Difference(both, only, rest)


def _overlap(one: Raised, other: Raised) -> bool:
    return (
        (one.home, one.key) == (other.home, other.key)
        and (other.ended is None or one.opened <= other.ended)
        and (one.ended is None or other.opened <= one.ended)
    )


def _when(ms: int, zone: ZoneInfo) -> str:
    return datetime.fromtimestamp(ms / 1000, zone).strftime("%Y-%m-%d %H:%M:%S")


def _lasted(alert: Raised) -> str:
    return "still open" if alert.ended is None else span(alert.ended - alert.opened)


def _table(found: list[Raised], zone: ZoneInfo) -> Table:
    table = Table("opened", "lasted", "alert", "would have")
    for alert in found[-SHOWN:]:
        late = " (learned late)" if alert.late else ""
        effects = ", ".join(alert.effects) or "-"
        table.add_row(_when(alert.opened, zone), _lasted(alert), escape(alert.text + late), escape(effects))
    return table


def _print_difference(console: Console, name: str, found: Difference, zone: ZoneInfo) -> None:
    console.print(
        f"[bold]{escape(name)}[/]: {len(found.both)} in both, {len(found.here)} only in --rules, "
        f"{len(found.there)} only in --against"
    )
    table = Table("", "--rules", "lasted", "--against", "lasted")
    rows = [
        *(("both", one, other) for one, other in found.both),
        *(("only --rules", one, None) for one in found.here),
        *(("only --against", None, other) for other in found.there),
    ]
    for what, one, other in rows[-SHOWN:]:
        cells = [
            cell for a in (one, other) for cell in ((_when(a.opened, zone), _lasted(a)) if a else ("", ""))
        ]
        table.add_row(what, *cells)
    if rows:
        console.print(table)


def _row(alert: Raised) -> dict[str, Any]:
    seconds = None if alert.ended is None else (alert.ended - alert.opened) / 1000
    return {**asdict(alert), "seconds": seconds}
