"""What follows a commit: entries -> engine -> live hub, outbox, and the rows that wait for the lake.

It also keeps the books of durability. Order that keeps the promise: the lake is flushed up to seq N, then the
engine's snapshot taken at N is saved, then the log is trimmed to N. A crash anywhere leaves a snapshot and a
log that goes on after it.
"""

import logging
import sqlite3
import time
from pathlib import Path
from typing import Any

from homestream.effects.worker import Effects
from homestream.engine.fact import AnyFact
from homestream.engine.fold import Engine, Frozen
from homestream.lake.writer import Lake, LakeBatch
from homestream.log.port import Log
from homestream.reading import Entry
from homestream.replay import save_snapshot
from homestream.system import System
from homestream.web.hub import Hub

#: Rows that may wait for the lake before a flush is asked for early, or are left to the log: some 100 MB.
FLUSH_ROWS = 500_000

_log = logging.getLogger(__name__)


class Pipeline:
    """The one consumer of the log. All methods run on the event loop; `flush` does its work in a thread."""

    def __init__(self, engine: Engine, lake: Lake, log: Log, system: System) -> None:
        """Nothing waits; `hub` and `effects` are set before the first entry."""
        self.engine, self.lake, self.log, self.system = engine, lake, log, system
        self.hub: Hub | None = None
        self.effects: Effects | None = None
        self.waiting = LakeBatch()
        #: rows that a flush is writing, or could not write; still young to queries
        self.writing = LakeBatch()
        #: the seq up to which rows were left to the log, as the lake did not take them; 0 for none
        self.left = 0
        #: why the lake cannot be written, and since when (ms since 1970); None while all is well
        self.failing: tuple[int, str] | None = None
        #: facts the outbox has not taken yet
        self.owed: list[tuple[int, AnyFact]] = []

    def committed(self, entries: list[Entry]) -> None:
        """Take what is on disk, in order."""
        output = self.engine.apply(entries)
        self.waiting.entries += entries
        self.waiting.readings += output.readings
        self.waiting.facts += output.facts
        self.waiting.rejected += output.rejected
        self._owe(output.facts)
        if self.hub is not None:
            self.hub.publish(output.readings, output.facts)

    def recalled(self, entries: list[Entry]) -> None:
        """As `committed`, at start: what the snapshot had not seen. Only what the lake lacks waits for it.

        After a lake that failed for days that is more than memory has room for: then it is left to the log.
        """
        self.committed(entries)
        if self.engine.last_seq <= self.lake.durable():
            self.waiting = LakeBatch()
        elif self.full:
            self.take([])
            self.spill()

    def _owe(self, facts: list[tuple[int, AnyFact]]) -> None:
        """Effects go to the outbox before anything is shown; where its disk fails they wait, in order."""
        self.owed += facts
        if self.effects is not None and self.owed:
            try:
                self.effects.add(self.owed)
            except sqlite3.Error as error:
                _log.warning("the outbox cannot be written, its effects wait: %s", error)
            else:
                self.owed = []

    def arrived(self, entries: list[Entry]) -> None:
        """As `committed`, and measured: the oldest of a batch speaks for all of it."""
        self.committed(entries)
        self.system.measured(max(time.time() * 1000 - entries[0].arrived, 0.0), len(entries))

    @property
    def full(self) -> bool:
        """A flush is due whatever the clock says."""
        return _rows(self.waiting) > FLUSH_ROWS

    def tail(self) -> list[LakeBatch]:
        """What no query of the lake can see yet, oldest first."""
        return [self.writing, self.waiting]

    def take(self, rows: list[dict[str, Any]]) -> tuple[LakeBatch, int]:
        """The rows a flush is to write, with `rows` of the system's own measures, and up to which seq."""
        more, self.waiting = self.waiting, LakeBatch()
        self.writing.entries += more.entries
        self.writing.readings += more.readings
        self.writing.facts += more.facts
        self.writing.rejected += more.rejected
        self.writing.system += rows
        return self.writing, self.engine.last_seq

    def flushed(self) -> None:
        """They are in the lake, durably."""
        self.writing, self.failing = LakeBatch(), None

    def failed(self, error: Exception, now: int) -> None:
        """They are not, and wait; too many are forgotten, for the log has what they are made of."""
        self.failing = (self.failing[0] if self.failing else now), str(error)
        self.spill()

    def spill(self) -> None:
        """Forget the oldest rows that wait, if they are too many; `replay.rebuild` makes them anew."""
        if _rows(self.writing) > FLUSH_ROWS:
            self.left = self.writing.entries[-1].seq
            self.writing = LakeBatch(system=self.writing.system)

    def keep(self, folder: Path, state: Frozen, upto: int) -> None:
        """Save the state frozen at `upto`, which the lake has reached; trim the log to it; blocking."""
        save_snapshot(folder, state.encode())
        self.log.trim(upto + 1)


def _rows(batch: LakeBatch) -> int:
    return len(batch.entries) + len(batch.readings)
