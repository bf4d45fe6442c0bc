"""The lake: bronze, silver and gold in one home folder's `lake/`, each row exactly once."""

import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path

from homestream.errors import HomestreamError
from homestream.lake.bronze import FOLDER, Bronze
from homestream.lake.rows import LakeBatch, tables
from homestream.lake.schema import BRONZE, SYSTEM, TABLES, Table
from homestream.lake.table import DeltaFolder
from homestream.reading import Entry

__all__ = ["Lake", "LakeBatch"]


class Lake:
    """The writer of a home's lake. One a home; every call may block."""

    def __init__(self, folder: Path) -> None:
        """Open, or make, the tables in `folder/lake`; `folder` is the home's."""
        self._folder = folder
        self._lock = threading.Lock()
        self._tables = {table.name: DeltaFolder(folder / FOLDER / table.name, table) for table in TABLES}

    def write(self, batch: LakeBatch, upto: int) -> None:
        """Add a batch that holds all up to seq `upto`; on return it is on disk.

        Each table commits once, bronze last. After a crash between tables the same entries come again, cut
        into batches in any way: rows that a table has already are left out, so each is in once.
        """
        with self._lock:
            rows = tables(batch, self._held)
            for name, table in self._tables.items():
                if name == SYSTEM.name and table.durable >= upto:
                    continue
                if rows[name].num_rows or (name == BRONZE.name and upto > table.durable):
                    table.append(rows[name], max(upto, table.durable))

    def durable(self) -> int:
        """All up to this seq is on disk in every table: a log need not hold it any longer."""
        return self._tables[BRONZE.name].durable

    def compact(self) -> int:
        """Merge small files, drop what is superseded, delete files unused for an hour; by how many fewer.

        Done in a process of its own, beside which `write` goes on: the memory it takes is given back, and
        the interpreter it keeps busy is not the door's. Nothing is started where nothing is to do.
        """
        before = sum(self.files().values())
        if any(table.crowded() for table in self._tables.values()):
            command = [sys.executable, "-m", "homestream.lake.compact", str(self._folder)]
            done = subprocess.run(command, capture_output=True, text=True, check=False)
            if done.returncode:
                said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
                raise HomestreamError(f"the lake could not be compacted: {said[-1]}; check the disk's room")
            with self._lock:
                for table in self._tables.values():
                    table.load()
        return before - sum(self.files().values())

    def entries(self, seq: int = 1) -> Iterator[list[Entry]]:
        """Entries of bronze from `seq` on, in order, in lists."""
        return Bronze(self._folder).entries(seq)

    def size_bytes(self) -> int:
        """Bytes of all files that are part of a table."""
        return sum(table.size_bytes() for table in self._tables.values())

    def files(self) -> dict[str, int]:
        """Number of files by table."""
        return {name: len(table.parts) for name, table in self._tables.items()}

    def _held(self, table: Table) -> int:
        """The seq up to which the table needs nothing more: what it has, or what all have."""
        return max(self._tables[table.name].durable, self.durable())
