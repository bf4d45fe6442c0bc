"""The security log from outside: is it whole, and what does it say. For `homestream security`."""

from collections.abc import Iterator
from datetime import datetime
from itertools import groupby
from pathlib import Path
from typing import Any, NamedTuple

from homestream.engine.fact import Security, decode
from homestream.engine.fold import Engine
from homestream.engine.safety import seal
from homestream.engine.safety.security import SecurityLog
from homestream.errors import HomestreamError
from homestream.home import HomeConfig
from homestream.homefile import load
from homestream.lake.connect import connect
from homestream.replay import history_of, restore

_ENTRIES = "SELECT seq, data FROM events WHERE home = $home AND kind = 'security' ORDER BY seq"


class Verdict(NamedTuple):
    """Whether the log is whole, and that in one line."""

    whole: bool
    text: str


def verify(folder: Path) -> Verdict:
    """Check each entry's hash, that it follows the one before, and that the last is the newest known."""
    config = load(folder)
    entries = list(read(folder, config))
    broken = seal.verify(entries)
    if broken is not None:
        where = f"entry {broken + 1} of {len(entries)}, {_words(entries[broken], config)}"
        return Verdict(False, f"BROKEN at {where}: it was altered, or the one before it taken out")
    head = _head(folder, config.id)
    if head != (entries[-1].hash if entries else ""):
        return Verdict(False, f"BROKEN after entry {len(entries)}: newer entries are known, but not there")
    if not entries:
        return Verdict(True, "OK: the security log has no entries yet")
    first, last = (_time(entry, config) for entry in (entries[0], entries[-1]))
    return Verdict(True, f"OK: {len(entries):,} entries from {first} to {last}, each follows the one before")


def read(folder: Path, config: HomeConfig) -> Iterator[Security]:
    """All entries of the lake and of the log's tail, in the order written."""
    con = connect(folder, zone=config.timezone)
    try:
        rows: list[tuple[int, str]] = con.execute(_ENTRIES, {"home": config.id}).fetchall()
    finally:
        con.close()
    for _, together in groupby(rows, key=lambda row: row[0]):
        yield from _chained([_entry(data) for _, data in together])


def lines(folder: Path, limit: int) -> list[tuple[str, str, str]]:
    """(time, severity, text) of the newest entries, oldest first; times in the home's zone."""
    config = load(folder)
    return [(_time(e, config), e.severity, _said(e)) for e in list(read(folder, config))[-limit:]]


def _entry(data: str) -> Security:
    try:
        entry = decode(data)
    except ValueError:
        entry = None
    if not isinstance(entry, Security):
        raise HomestreamError(f"the security log holds what is no entry of it: {data[:80]!r}")
    return entry


def _chained(entries: list[Security]) -> Iterator[Security]:
    """Entries of one moment, which the lake keeps in any order, each after the one it names."""
    following = {entry.previous: entry for entry in entries}
    hashes = {entry.hash for entry in entries}
    start = next((entry.previous for entry in entries if entry.previous not in hashes), None)
    done: list[Security] = []
    while start in following:
        done.append(following.pop(start))
        start = done[-1].hash
    yield from done
    yield from (entry for entry in entries if entry not in done)


def _head(folder: Path, home: str) -> str:
    """The hash of the newest entry, as the engine knows it from its own state and the log."""
    engine: Engine = restore(folder)
    for entries, _ in history_of(folder, engine.last_seq + 1):
        engine.apply(entries)
    operators: list[Any] = engine.homes[home].stage.operators if home in engine.homes else []
    return next((one.head for one in operators if isinstance(one, SecurityLog)), "")


def _time(entry: Security, config: HomeConfig) -> str:
    return f"{datetime.fromtimestamp(entry.time / 1000, config.zone):%Y-%m-%d %H:%M:%S}"


def _words(entry: Security, config: HomeConfig) -> str:
    return f"{_time(entry, config)} {entry.text!r}"


def _said(entry: Security) -> str:
    return entry.text + (f", by {entry.by}" if entry.by else "") + (", learned late" if entry.late else "")
