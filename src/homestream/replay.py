"""The log as history: all entries ever, what the engine made of them, and where to go on.

Bronze in the lake holds the entries up to the last flush, the log those since (and some of bronze's last).
A crash at any point is put right by the order in which `up` works: flush the lake up to N, save the
snapshot taken at N, trim the log to N. Then the log holds all that the lake does not, and what comes after
the snapshot is in the log; where it is not (no snapshot, one of another version), bronze has it.
"""

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Protocol

from homestream.engine.fold import Engine
from homestream.engine.upgrade import SnapshotError
from homestream.errors import HomestreamError
from homestream.lake.bronze import Bronze
from homestream.lake.disk import make_folder, replace
from homestream.lake.rows import LakeBatch
from homestream.log.port import Log
from homestream.log.sqlite import SqliteLog
from homestream.reading import Entry

#: Rows of one write while the lake is made whole: a flush has as many on a busy day.
REBUILD_ROWS = 100_000

#: Below a home's folder.
LOG_FILE, SNAPSHOT_FILE = "log.db", "state/snapshot.bin"


class Whole(Protocol):
    """A `Lake`: what `Past` has, and it can be written."""

    def durable(self) -> int:
        """The seq up to which it holds all."""

    def entries(self, seq: int) -> Iterator[list[Entry]]:
        """Entries from `seq` on, in order."""

    def write(self, batch: LakeBatch, upto: int) -> None:
        """Add rows, but those it has; blocking."""


class Past(Protocol):
    """The older half of history: a `Lake`, or the `Bronze` of one."""

    def durable(self) -> int:
        """The seq up to which it holds all."""

    def entries(self, seq: int) -> Iterator[list[Entry]]:
        """Entries from `seq` on, in order."""


def history(past: Past, log: Log, seq: int) -> Iterator[list[Entry]]:
    """All entries from `seq` on, in order, each once. HomestreamError where some are in neither.

    The lake may grow and the log be trimmed meanwhile, by the process that writes them.
    """
    held = past.durable()
    if log.end() <= held:
        raise HomestreamError(
            f"the log ends at {log.end() - 1}, but the lake holds entries up to {held}: {LOG_FILE} is an "
            "older one; move it away, and a new one goes on after the lake"
        )
    while True:
        before = seq
        if seq < log.start():
            for entries in past.entries(seq):
                yield entries
                seq = entries[-1].seq + 1
        for entries in log.read(seq):
            if entries[0].seq > seq:
                break  # trimmed since; then the lake has it by now
            yield entries
            seq = entries[-1].seq + 1
        if seq >= log.start():
            return
        if seq == before:
            raise HomestreamError(
                f"entries {seq} to {log.start() - 1} are neither in the lake nor in the log; "
                "restore the home's folder from a copy that has both"
            )


def restore(folder: Path) -> Engine:
    """The engine as last saved in a home's folder; a new one where there is none that can be read."""
    try:
        return Engine.restore((folder / SNAPSHOT_FILE).read_bytes())
    except (FileNotFoundError, SnapshotError):
        return Engine()


def save_snapshot(folder: Path, snapshot: bytes) -> None:
    """Keep an engine's snapshot, durably. Call it once the lake holds all up to the snapshot's `last_seq`."""
    path = folder / SNAPSHOT_FILE
    make_folder(path.parent)
    replace(path, snapshot)


def replay(folder: Path, progress: Callable[[int, int], None] = lambda done, total: None) -> Engine:
    """A new engine that has seen all of a home's history; `progress` hears (seq, last seq) now and then."""
    engine = Engine()
    for entries, end in history_of(folder):
        engine.apply(entries)
        progress(engine.last_seq, end - 1)
    return engine


def rebuild(folder: Path, lake: Whole, log: Log, upto: int) -> None:
    """Write to the lake what it lacks up to `upto`, made anew from the log, a part at a time; blocking."""
    engine = restore(folder)
    batch = LakeBatch()
    for entries in history(lake, log, engine.last_seq + 1):
        some = [entry for entry in entries if entry.seq <= upto]
        output = engine.apply(some)
        batch.entries += some
        batch.readings += output.readings
        batch.facts += output.facts
        batch.rejected += output.rejected
        if len(batch.entries) + len(batch.readings) > REBUILD_ROWS or engine.last_seq >= upto:
            lake.write(batch, engine.last_seq)
            batch = LakeBatch()
        if engine.last_seq >= upto:
            return


def live_tail(folder: Path) -> list[LakeBatch]:
    """What the lake does not hold yet, decoded from the log: for queries of another process."""
    bronze = Bronze(folder)
    held = bronze.durable()
    engine = restore(folder)
    tail = LakeBatch()
    for entries, _ in history_of(folder, engine.last_seq + 1):
        output = engine.apply(entries)
        tail.entries += [entry for entry in entries if entry.seq > held]
        tail.readings += [stored for stored in output.readings if stored[0] > held]
        tail.facts += [placed for placed in output.facts if placed[0] > held]
        tail.rejected += [refused for refused in output.rejected if refused.seq > held]
    return [tail]


def history_of(folder: Path, seq: int = 1) -> Iterator[tuple[list[Entry], int]]:
    """The history of a home's folder from `seq` on, in lists, each with the seq after the last of all."""
    bronze = Bronze(folder)
    if not (folder / LOG_FILE).exists():
        end = bronze.durable() + 1
        for entries in bronze.entries(seq):
            yield entries, end
        return
    log = SqliteLog(folder / LOG_FILE)
    try:
        end = log.end()
        for entries in history(bronze, log, seq):
            yield entries, end
    finally:
        log.close()
