"""The engine that runs live, fed the home's history again from the first, with other rules.

Holds, cool-downs, unknowns and late readings count as they would have. What `etl` brought has readings and
no entries; it comes first, in order of time.
"""

from collections.abc import Callable
from functools import partial
from pathlib import Path

from homestream.backtest.band import suggest
from homestream.backtest.drive import Drive
from homestream.backtest.history import SOURCE, History, homes_of
from homestream.backtest.interest import Interest
from homestream.backtest.result import Backtest, Raising
from homestream.backtest.variants import advice, variants
from homestream.engine.fold import Engine
from homestream.engine.operator import Operator
from homestream.engine.operators import operators
from homestream.engine.rules.ruleset import compile_rules
from homestream.errors import HomestreamError
from homestream.home import HomeConfig, RuleConfig
from homestream.homefile import FILE, load
from homestream.lake.bronze import Bronze
from homestream.lake.connect import connect
from homestream.reading import Entry, Kind
from homestream.replay import history_of

#: Hears how much is done, of how much.
Progress = Callable[[int, int], None]

Rules = tuple[RuleConfig, ...]

#: Operators by name: rules depend on these, those that ask who is home also on those.
RULES, PEOPLE = {"rules", "outage"}, {"presence", "security", "commands"}


def backtest(
    folder: Path,
    rules: Rules | None = None,
    since: int | None = None,
    progress: Progress = lambda done, total: None,
    against: Rules | None = None,
) -> Backtest:
    """Run `rules` (None: those of `home.toml`) over the history of the home in `folder`, and `against` too.

    All history is run, so that the state at `since` (ms) is right; alerts opened before it are left out.
    ConfigError for a wrong rule, HomestreamError where there is no history.
    """
    home = load(folder) if rules is None or (folder / FILE).exists() else HomeConfig()
    config = _with_rules(home, home.rule if rules is None else rules)
    asked = [config] if against is None else [config, _with_rules(home, against)]
    for one in asked:
        compile_rules(one)
    more = [variant for rule in config.rule for variant in variants(rule)]
    run = [_with_rules(config, (*config.rule, *more)), *asked[1:]]
    found = [Raising([rule.name for rule in one.rule], since or 0) for one in run]
    until = _run(folder, run, found, progress)
    if until is None:
        raise HomestreamError(f"{folder} has no history yet; start it with: homestream up --home {folder}")
    raised = found[0].rules
    result = Backtest(config.timezone, since, until, {rule.name: raised[rule.name] for rule in config.rule})
    result.advice = {rule.name: advice(rule, raised) for rule in config.rule}
    with connect(folder, []) as con:
        for rule in config.rule:
            result.advice[rule.name].band = suggest(con, rule, since or 0)
    if against is not None:
        result.against = found[1].rules
    return result


def _run(folder: Path, configs: list[HomeConfig], found: list[Raising], progress: Progress) -> int | None:
    """One pass over the history with an engine for each of `configs`; when it ended, None for no history."""
    bronze = Bronze(folder)
    begins, durable = _first_arrival(folder), bronze.durable()
    interest, drives, until = Interest(configs), dict[str, list[Drive]](), 0
    for home in homes_of(folder):
        history = History(folder, home, interest)
        for stretch, done, total in history.imported(begins):
            for drive in _drives(drives, home, configs, found, interest, stretch.clocks[0]):
                drive.run(stretch)
            until = max(until, stretch.clocks[-1])
            progress(done, total)
        for drive in drives.get(home, ()):
            drive.begin()
        for stretch, seq in history.lived(durable):
            for drive in _drives(drives, home, configs, found, interest, stretch.entry(0).arrived):
                drive.run(stretch)
            until = max(until, stretch.clocks[-1])
            progress(seq, durable)
    for entries, end in history_of(folder, durable + 1):
        for home in {entry.home: None for entry in entries if entry.home}:
            _drives(drives, home, configs, found, interest, entries[0].arrived)
        for home, those in drives.items():
            for drive in those:
                drive.apply([entry for entry in entries if entry.home in ("", home)])
        until = max(until, entries[-1].arrived)
        progress(entries[-1].seq, end - 1)
    return until or None


def _drives(
    drives: dict[str, list[Drive]],
    home: str,
    configs: list[HomeConfig],
    found: list[Raising],
    interest: Interest,
    time: int,
) -> list[Drive]:
    """The engines of a home; new ones are told at `time` what the home is."""
    if home not in drives:
        drives[home] = []
        for config, raising in zip(configs, found, strict=True):
            engine = Engine(lambda: _judges(interest), windows=interest.whole)
            drive = Drive(engine, home, raising.hear, partial(_lived_with, config))
            first = Entry(1, Kind.ACTION, home, SOURCE, "configure", b"", time)
            drive.apply([first._replace(payload=_configuration(config, home))])
            drive.begin()
            drives[home].append(drive)
    return drives[home]


def _judges(interest: Interest) -> list[Operator]:
    """The operators that the rules depend on."""
    names = RULES if not interest.of_home else RULES | PEOPLE
    return [operator for operator in operators() if interest.whole or operator.name in names]


def _first_arrival(folder: Path) -> int | None:
    first = next(history_of(folder), None)
    return None if first is None else first[0][0].arrived


def _with_rules(config: HomeConfig, rules: Rules) -> HomeConfig:
    return config.model_copy(update={"rule": rules})


def _lived_with(config: HomeConfig, entry: Entry) -> Entry:
    """A configuration of the past keeps its rooms, people and devices; its rules are those of `config`."""
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
