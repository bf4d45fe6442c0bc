"""The log in one SQLite file: write-ahead journal, an fsync each commit, one batch of entries a row.

An append is one transaction, so a process or machine that dies mid-way leaves a log that opens as it was
after the last append that returned. Readers, also in other processes, see committed batches only.
"""

import sqlite3
import threading
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path

from homestream.errors import HomestreamError
from homestream.log.codec import decode, encode
from homestream.reading import Entry

#: Of the layout below and of the codec; a file of another version is refused, never guessed at.
VERSION = 1

SCHEMA = f"""
PRAGMA journal_mode = WAL;
BEGIN IMMEDIATE;
CREATE TABLE IF NOT EXISTS batch (first INTEGER PRIMARY KEY, count INTEGER NOT NULL, entries BLOB NOT NULL);
CREATE TABLE IF NOT EXISTS trimmed (below INTEGER NOT NULL);
INSERT INTO trimmed SELECT {{first}} WHERE NOT EXISTS (SELECT * FROM trimmed);
PRAGMA user_version = {VERSION};
COMMIT;
"""

#: `trimmed.below` outlives the batches, so that a seq is not used again after all were trimmed.
LAST = "SELECT first + count FROM batch ORDER BY first DESC LIMIT 1"
END = f"SELECT coalesce(({LAST}), (SELECT below FROM trimmed))"

#: Batches from the one that holds the first seq on, up to the second.
FROM = """
SELECT first, entries FROM batch
WHERE first >= coalesce((SELECT max(first) FROM batch WHERE first <= ?), 0) AND first < ? ORDER BY first
"""

BELOW = "SELECT first, count FROM batch WHERE first < ?1 AND first + count <= ?1 ORDER BY first LIMIT ?2"

#: Rows a trim deletes in one transaction: an append that comes meanwhile waits for no more than this.
TRIM_ROWS = 500

#: A reader of another process may hold the file for a moment while it recovers the journal.
BUSY_SECONDS = 10.0

#: The journal is cut back to this after a burst; SQLite would keep it at its largest for ever.
JOURNAL_BYTES = 64 << 20


class LogError(HomestreamError):
    """The log cannot be written or read: a full or failing disk, wrong permissions, a foreign file."""


class SqliteLog:
    """`log.port.Log` in the file `path`, made where missing. Safe to call from any thread."""

    def __init__(self, path: Path, first: int = 1) -> None:
        """`first` is the seq that a new file begins with: the one after all that a lake beside it holds."""
        self._path = path
        self._lock = threading.Lock()
        with self._errors():
            self._db = self._connect()
            try:
                self._prepare(first)
            except BaseException:
                self._db.close()
                raise

    def append(self, entries: Sequence[Entry]) -> int:
        """See `Log.append`. One transaction, one fsync."""
        if not entries:
            return self.end()
        with self._lock, self._errors():
            blob = encode(entries)
            with self._transaction():
                (first,) = self._db.execute(END).fetchone()
                self._db.execute("INSERT INTO batch VALUES (?, ?, ?)", (first, len(entries), blob))
        return int(first)

    def read(self, seq: int) -> Iterator[list[Entry]]:
        """See `Log.read`. Has its own view of the file: appends and trims meanwhile do not touch it."""
        return self._read(seq, self.end())

    def end(self) -> int:
        """See `Log.end`."""
        return self._number(END)

    def start(self) -> int:
        """See `Log.start`."""
        return self._number("SELECT below FROM trimmed")

    def trim(self, before: int) -> None:
        """See `Log.trim`. The file does not shrink: the room is used again."""
        while True:
            with self._lock, self._errors(), self._transaction():
                rows = self._db.execute(BELOW, (before, TRIM_ROWS)).fetchall()
                if not rows:
                    return
                first, count = rows[-1]
                self._db.execute("DELETE FROM batch WHERE first <= ?", (first,))
                self._db.execute("UPDATE trimmed SET below = ?", (first + count,))

    def close(self) -> None:
        """See `Log.close`."""
        with self._lock:
            self._db.close()

    def _connect(self) -> sqlite3.Connection:
        return sqlite3.connect(self._path, BUSY_SECONDS, isolation_level=None, check_same_thread=False)

    def _prepare(self, first: int) -> None:
        version = self._db.execute("PRAGMA user_version").fetchone()[0]
        tables = self._db.execute("SELECT count(*) FROM sqlite_schema").fetchone()[0]
        if version == 0 and tables == 0:
            self._db.executescript(SCHEMA.format(first=first))
        elif version != VERSION:
            raise LogError(f"{self._path} is no log of this version of Homestream; move it away or update")
        self._db.execute("PRAGMA synchronous = FULL")
        self._db.execute(f"PRAGMA journal_size_limit = {JOURNAL_BYTES}")

    def _number(self, query: str) -> int:
        with self._lock, self._errors():
            return int(self._db.execute(query).fetchone()[0])

    def _read(self, seq: int, end: int) -> Iterator[list[Entry]]:
        if seq >= end:
            return
        with self._errors(), closing(self._connect()) as db:
            for first, blob in db.execute(FROM, (seq, end)):
                entries = decode(blob, first)
                yield entries[seq - first :] if first < seq else entries

    @contextmanager
    def _transaction(self) -> Iterator[None]:
        self._db.execute("BEGIN IMMEDIATE")
        try:
            yield
            self._db.execute("COMMIT")
        except BaseException:
            if self._db.in_transaction:
                self._db.execute("ROLLBACK")
            raise

    @contextmanager
    def _errors(self) -> Iterator[None]:
        try:
            yield
        except (sqlite3.Error, ValueError, OverflowError) as error:
            raise LogError(
                f"{self._path}: {error}; check the disk's room and the file's permissions"
            ) from error
