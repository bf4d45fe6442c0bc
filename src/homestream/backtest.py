"""Rules over a home's own history: which alerts would they have raised, and what would they have done.

The engine that runs live is fed the home's entries again, from the first, with the rules in the place of
the home's own; so holds, cool-downs, unknowns and late readings count as they would have. What `etl`
brought has readings and no entries: those are made of the readings, in order of time, and come first.
"""

from collections.abc import Callable, Iterator
from dataclasses import asdict, dataclass, field
from datetime import datetime
from itertools import groupby
from operator import itemgetter
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import msgspec
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from homestream.engine.anomaly import Anomalies
from homestream.engine.fact import Alert, AnyFact, Command, Notify
from homestream.engine.fold import Engine
from homestream.engine.operator import Operator
from homestream.engine.operators import operators
from homestream.engine.rules.ruleset import compile_rules
from homestream.engine.wording import span
from homestream.errors import HomestreamError
from homestream.home import HomeConfig, RuleConfig
from homestream.homefile import FILE, load
from homestream.lake.bronze import Bronze
from homestream.lake.connect import connect
from homestream.log.sqlite import SqliteLog
from homestream.reading import Entry, Kind
from homestream.replay import LOG_FILE, history

Progress = Callable[[int, int], None]

#: Alerts shown of each rule; all of them are in the JSON.
SHOWN = 20

DAY_MS = 86_400_000

_OF_A_DAY = """
SELECT home, device, metric, epoch_ms(time), value FROM readings
WHERE time >= make_timestamptz($1) AND time < make_timestamptz($2) AND (seq = 0 OR $3)
ORDER BY time, seq, device, metric
"""

#: Readings taken from the lake at a time.
ROWS = 10_000


@dataclass(slots=True)
class Raised:
    """One alert as it would have been. Times in ms; `ended` None: still open at the end."""

    home: str
    key: str
    text: str
    severity: str
    opened: int
    late: bool
    evidence: list[dict[str, Any]]
    ended: int | None = None
    #: what it would have sent: `notify phone`, `switch of laundry/iron to 0`; suppressed ones say so
    effects: list[str] = field(default_factory=list)


@dataclass(slots=True)
class Backtest:
    """What came of the rules; `since` and `until` (ms) bound the history that was looked at."""

    timezone: str
    since: int | None
    until: int | None
    rules: dict[str, list[Raised]]

    def as_json(self) -> dict[str, Any]:
        """{timezone, since, until, rules: [{rule, count, alerts: [...]}]}; times in ms, durations in s."""
        return {
            "timezone": self.timezone,
            "since": self.since,
            "until": self.until,
            "rules": [
                {"rule": name, "count": len(found), "alerts": [_row(alert) for alert in found]}
                for name, found in self.rules.items()
            ],
        }

    def print(self, console: Console) -> None:
        """A table of the alerts of each rule, the last `SHOWN` of them."""
        zone = ZoneInfo(self.timezone)
        for name, found in self.rules.items():
            console.print(f"[bold]{escape(name)}[/]: {len(found)} alert{'' if len(found) == 1 else 's'}")
            if not found:
                continue
            table = Table("opened", "lasted", "alert", "would have")
            for alert in found[-SHOWN:]:
                lasted = "still open" if alert.ended is None else span(alert.ended - alert.opened)
                late = " (learned late)" if alert.late else ""
                opened = datetime.fromtimestamp(alert.opened / 1000, zone).strftime("%Y-%m-%d %H:%M:%S")
                effects = ", ".join(alert.effects) or "-"
                table.add_row(opened, lasted, escape(alert.text + late), escape(effects))
            console.print(table)


def backtest(
    folder: Path,
    rules: tuple[RuleConfig, ...] | None = None,
    since: int | None = None,
    progress: Progress = lambda done, total: None,
) -> Backtest:
    """Run `rules` (None: those of `home.toml`) over the history of the home in `folder`.

    All history is run, so that the state at `since` (ms) is right; alerts opened before it are left out.
    ConfigError for a wrong rule, HomestreamError where there is no history; `progress` hears (done, total).
    """
    config = load(folder) if rules is None or (folder / FILE).exists() else HomeConfig()
    config = config.model_copy(update={"rule": config.rule if rules is None else rules})
    compile_rules(config)
    result = Backtest(config.timezone, since, None, {rule.name: [] for rule in config.rule})
    engine, open_alerts = Engine(_judges), dict[str, Raised]()
    for entries in _history(folder, config, progress):
        for _, fact in engine.apply(entries).facts:
            _note(result, open_alerts, fact)
        result.until = max(result.until or 0, entries[-1].arrived)
    if result.until is None:
        raise HomestreamError(f"{folder} has no history yet; start it with: homestream up --home {folder}")
    return result


def _judges() -> list[Operator]:
    """All operators but those that no rule can ask."""
    return [operator for operator in operators() if not isinstance(operator, Anomalies)]


def _note(result: Backtest, open_alerts: dict[str, Raised], fact: AnyFact) -> None:
    if isinstance(fact, Alert) and fact.rule in result.rules:
        if fact.state == "cleared" and (alert := open_alerts.pop(fact.id, None)) is not None:
            alert.ended = fact.time
        elif fact.state == "opened" and fact.opened >= (result.since or 0):
            evidence = [msgspec.to_builtins(reading) for reading in fact.evidence]
            alert = Raised(fact.home, fact.key, fact.text, fact.severity, fact.opened, fact.late, evidence)
            open_alerts[fact.id] = alert
            result.rules[fact.rule].append(alert)
    elif isinstance(fact, Notify) and (told := open_alerts.get(fact.id.partition(":")[0])) is not None:
        told.effects.append(f"notify {fact.target}" + (", suppressed" if fact.suppressed else ""))
    elif (
        isinstance(fact, Command)
        and fact.state in ("pending", "expired")
        and fact.requested == fact.time
        and (ruled := open_alerts.get(fact.id.rpartition("-")[0])) is not None
    ):
        late = ", suppressed" if fact.state == "expired" else ""
        ruled.effects.append(f"{fact.metric} of {fact.device} to {fact.value:g}{late}")


def _history(folder: Path, config: HomeConfig, progress: Progress) -> Iterator[list[Entry]]:
    """The home's entries, numbered anew, its configurations with the rules of `config` in them."""
    seq, homes = 0, set[str]()
    for entries, done, total in _entries(folder):
        numbered = []
        for entry in entries:
            if entry.home and entry.home not in homes:
                homes.add(entry.home)
                seq += 1
                first = Entry(seq, Kind.ACTION, entry.home, "backtest", "configure", b"", entry.arrived)
                numbered.append(first._replace(payload=_configuration(config, entry.home)))
            seq += 1
            numbered.append(_with_rules(Entry(seq, *entry[1:]), config))
        yield numbered
        progress(done, total)


def _with_rules(entry: Entry, config: HomeConfig) -> Entry:
    """A configuration of the past keeps its rooms, people and devices; all else is as it was."""
    if entry.kind != Kind.ACTION or entry.topic != "configure":
        return entry
    try:
        past = HomeConfig.model_validate_json(entry.payload)
    except ValueError:
        return entry  # it was refused then, and is again
    return entry._replace(payload=_configuration(config, entry.home, past))


def _configuration(config: HomeConfig, home: str, past: HomeConfig | None = None) -> bytes:
    targets = dict.fromkeys([*(past or config).notify, *config.notify], "")
    like = {"id": home, "rule": config.rule, "notify": targets}
    return (past or config).model_copy(update=like).model_dump_json(by_alias=True).encode()


def _entries(folder: Path) -> Iterator[tuple[list[Entry], int, int]]:
    """(entries, how far, of how much): made of imported readings of before the first entry, then stored."""
    stored = _stored(folder)
    first = next(stored, None)
    yield from _made(folder, None if first is None else first[0][0].arrived)
    if first is not None:
        yield first
        yield from stored


def _stored(folder: Path) -> Iterator[tuple[list[Entry], int, int]]:
    """The entries of lake and log."""
    bronze = Bronze(folder)
    if (folder / LOG_FILE).exists():
        log = SqliteLog(folder / LOG_FILE)
        try:
            for entries in history(bronze, log, 1):
                yield entries, entries[-1].seq, log.end() - 1
        finally:
            log.close()
    else:
        end = bronze.durable()
        for entries in bronze.entries(1):
            yield entries, entries[-1].seq, end


def _made(folder: Path, before: int | None) -> Iterator[tuple[list[Entry], int, int]]:
    """Entries of readings alone: one for what a home measured at one time, day by day.

    `before` (ms): only what was imported, and is older; None: all there is.
    """
    with connect(folder) as con:
        bounds = con.execute(
            "SELECT epoch_ms(min(time)), epoch_ms(max(time)), count(*) FROM readings "
            "WHERE $1 IS NULL OR (seq = 0 AND epoch_ms(time) < $1)",
            [before],
        ).fetchone()
        if bounds is None or bounds[0] is None:
            return
        first, last, total = bounds
        end = last + 1 if before is None else before
        done = 0
        for day in range(first - first % DAY_MS, last + 1, DAY_MS):
            to = min(day + DAY_MS, end)
            rows = con.execute(_OF_A_DAY, [day * 1000, to * 1000, before is None])
            while part := rows.fetchmany(ROWS):
                done += len(part)
                runs = groupby(part, itemgetter(0, 3))
                yield [_entry(home, time, list(run)) for (home, time), run in runs], done, total


def _entry(home: str, time: int, rows: list[tuple[str, str, str, int, float | None]]) -> Entry:
    readings = [
        {"device": device, "metric": metric, "value": "unknown" if value is None else value}
        for _, device, metric, _, value in rows
    ]
    payload = msgspec.json.encode(readings)
    return Entry(0, Kind.MESSAGE, home, "backtest", "api/readings", payload, time, len(rows))


def _row(alert: Raised) -> dict[str, Any]:
    seconds = None if alert.ended is None else (alert.ended - alert.opened) / 1000
    return {**asdict(alert), "seconds": seconds}
