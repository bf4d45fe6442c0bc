"""The outbox: which effects are owed and what became of them, durable in a SQLite file of its own.

An effect enters once, under the id of its fact, so that facts made again by a replay add nothing. It
leaves the state `owed` once, for `sent`, `failed`, `suppressed` (its turn came too late) or `expired`
(tried, but its time ran out). A crash between the sending and the record of it sends again: an alarm
twice is better than none.
"""

import sqlite3
import threading
from collections.abc import Sequence
from pathlib import Path
from typing import NamedTuple

from homestream.engine.fact import AnyFact, Command, Notify, Webhook, decode, encode
from homestream.errors import HomestreamError

OWED, SENT, FAILED, SUPPRESSED, EXPIRED = "owed", "sent", "failed", "suppressed", "expired"

#: What a command's life in the engine (its final state) means for the effect that carried it.
COMMAND_ENDS = {"confirmed": SENT, "failed": FAILED, "expired": EXPIRED}

#: A settled effect is kept this long. A replay older than that makes it again, but only to suppress it.
KEEP_MS = 30 * 86_400_000

_SCHEMA = """
CREATE TABLE IF NOT EXISTS effect (
  kind TEXT NOT NULL, home TEXT NOT NULL, id TEXT NOT NULL,
  seq INTEGER NOT NULL, made INTEGER NOT NULL, until INTEGER NOT NULL, due INTEGER NOT NULL,
  tries INTEGER NOT NULL DEFAULT 0, state TEXT NOT NULL, reason TEXT NOT NULL DEFAULT '',
  settled INTEGER, fact BLOB NOT NULL,
  PRIMARY KEY (kind, home, id)
) STRICT;
CREATE INDEX IF NOT EXISTS effect_owed ON effect (due) WHERE state = 'owed';
CREATE INDEX IF NOT EXISTS effect_made ON effect (made);
"""


class Effect(NamedTuple):
    """One effect. Times in ms; `until` its last useful moment; `due` its next try; `tries` those made."""

    kind: str
    home: str
    id: str
    seq: int
    made: int
    until: int
    due: int
    tries: int
    state: str
    reason: str
    settled: int | None
    fact: Notify | Command | Webhook


_COLUMNS = ", ".join(Effect._fields)


class Outbox:
    """The file `path`, made where missing. Any thread may call; every write is on disk when it returns."""

    def __init__(self, path: Path) -> None:
        """`HomestreamError` where the file cannot be opened, or is none of ours."""
        self._lock = threading.Lock()
        self._db = sqlite3.connect(path, isolation_level=None, check_same_thread=False)
        try:
            self._db.execute("PRAGMA journal_mode=WAL")
            self._db.execute("PRAGMA synchronous=FULL")
            self._db.executescript(_SCHEMA)
        except sqlite3.Error as error:
            self._db.close()
            raise HomestreamError(
                f"{path}: {error}; check the disk's room, or move the file away: what it owed is never sent"
            ) from None

    def add(self, facts: Sequence[tuple[int, AnyFact]]) -> int:
        """Take the effects among (seq, fact), in one transaction; returns how many were new.

        Must return before a snapshot beyond those seqs is kept: the log makes them again until then.
        """
        owed = [(seq, fact) for seq, fact in facts if isinstance(fact, (Notify, Command, Webhook))]
        if not owed:
            return 0
        with self._lock, self._db:
            self._db.execute("BEGIN IMMEDIATE")
            return sum(self._take(seq, fact) for seq, fact in owed)

    def _take(self, seq: int, fact: Notify | Command | Webhook) -> int:
        if isinstance(fact, Command) and fact.state in COMMAND_ENDS:
            self._db.execute(
                "UPDATE effect SET state = ?, reason = ?, settled = ?"
                " WHERE kind = 'command' AND home = ? AND id = ? AND state = 'owed'",
                (COMMAND_ENDS[fact.state], fact.state, fact.time, fact.home, fact.id),
            )
            return 0
        state, reason, settled = OWED, "", None
        if isinstance(fact, Command):
            kind, made, due, until = "command", fact.requested, fact.requested, fact.expires
        else:
            kind, made, due = "webhook", fact.time, fact.time
            if isinstance(fact, Notify):  # quiet hours take nothing from the time to act
                kind, due = "notify", max(made, fact.after)
            until = due + fact.act_within
            if fact.suppressed:
                state, reason, settled = SUPPRESSED, "learned too late", fact.time
        row = (kind, fact.home, fact.id, seq, made, until, due, 0, state, reason, settled, encode(fact))
        marks = ", ".join("?" * len(row))
        return self._db.execute(f"INSERT OR IGNORE INTO effect ({_COLUMNS}) VALUES ({marks})", row).rowcount

    def due(self, now: int, limit: int) -> list[Effect]:
        """Owed effects whose next try is due: commands first, then the longest waiting."""
        return self._select("WHERE state = 'owed' AND due <= ? ORDER BY kind, due, seq LIMIT ?", now, limit)

    def next_due(self) -> int | None:
        """When the next owed effect is due, None where none is owed."""
        with self._lock:
            due: int | None = self._db.execute("SELECT min(due) FROM effect WHERE state = 'owed'").fetchone()[
                0
            ]
        return due

    def retry(self, effect: Effect, due: int, reason: str) -> None:
        """Count a try and set the next; a command confirmed meanwhile stays as it is."""
        self._change("tries = tries + 1, due = ?, reason = ?", effect, due, reason)

    def postpone(self, effect: Effect, due: int) -> None:
        """Set the next try; none was made."""
        self._change("due = ?", effect, due)

    def settle(self, effect: Effect, state: str, reason: str, now: int, tried: bool = True) -> None:
        """Record how it ended; the first end counts."""
        self._change(
            "tries = tries + ?, state = ?, reason = ?, settled = ?", effect, int(tried), state, reason, now
        )

    def counts(self) -> dict[str, int]:
        """How many effects are held in each state; states that nothing is in are 0."""
        with self._lock:
            rows = self._db.execute("SELECT state, count(*) FROM effect GROUP BY state").fetchall()
        return {OWED: 0, SENT: 0, FAILED: 0, SUPPRESSED: 0, EXPIRED: 0} | dict(rows)

    def recent(self, limit: int = 100, home: str | None = None) -> list[Effect]:
        """The latest effects, newest first; of one home, or of all."""
        return self._select(
            "WHERE ? IS NULL OR home = ? ORDER BY made DESC, seq DESC LIMIT ?", home, home, limit
        )

    def forget(self, now: int) -> int:
        """Drop what was settled, and of no use, more than `KEEP_MS` ago; returns how many."""
        with self._lock:
            before = now - KEEP_MS
            return self._db.execute(
                "DELETE FROM effect WHERE state <> 'owed' AND settled < ? AND until < ?", (before, before)
            ).rowcount

    def close(self) -> None:
        """Release the file."""
        with self._lock:
            self._db.close()

    def _select(self, clause: str, *values: object) -> list[Effect]:
        with self._lock:
            rows = self._db.execute(f"SELECT {_COLUMNS} FROM effect {clause}", values).fetchall()
        return [Effect._make((*row[:-1], decode(row[-1]))) for row in rows]

    def _change(self, assignments: str, effect: Effect, *values: object) -> None:
        with self._lock:
            self._db.execute(
                f"UPDATE effect SET {assignments} WHERE kind = ? AND home = ? AND id = ? AND state = 'owed'",
                (*values, effect.kind, effect.home, effect.id),
            )
