"""DuckDB over the lake and the live tail: views messages, readings, rollup_1h, rollup_1d, events, system.

A view is the table's files at the newest version, joined with the rows that are not in them yet, less what
a correction or a newer revision supersedes. Nothing is locked: the lake may be written meanwhile, also by
another process. No extension is downloaded. Times are TIMESTAMPTZ; an unknown value is NULL.
"""

import threading
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from homestream.lake.bronze import FOLDER
from homestream.lake.commit import APP, commit_file
from homestream.lake.merge import newest, quoted
from homestream.lake.part import Part
from homestream.lake.rows import LakeBatch, tables
from homestream.lake.schema import BRONZE, TABLES, Table
from homestream.lake.table import list_parts, open_delta
from homestream.replay import live_tail

#: Queries sort and group beyond this on disk; a page asks for far less.
MEMORY = "512MB"

CONFIG: dict[str, str | bool | int | float | list[str]] = {
    "memory_limit": MEMORY,
    "autoinstall_known_extensions": False,
    "autoload_known_extensions": False,
}

Answer = TypeVar("Answer")


def connect(
    folder: Path, tail: Sequence[LakeBatch] | None = None, zone: str = "UTC"
) -> duckdb.DuckDBPyConnection:
    """A connection with the views of the home in `folder`, as of now; times are shown in `zone`.

    Without `tail` the log is read and decoded from the engine's last snapshot on, so that a query of another
    process sees what was acknowledged a moment ago.
    """
    queries = Queries(folder, zone)
    queries.refresh(live_tail(folder) if tail is None else tail)
    return queries.con


class Queries:
    """A connection that is kept and follows the lake; for the process that holds the tail itself."""

    def __init__(self, folder: Path, zone: str = "UTC") -> None:
        """Opens nothing before it is asked; `folder` is the home's."""
        self.con = duckdb.connect(config=CONFIG)
        self.con.execute("SET TimeZone = $zone", {"zone": zone})
        self.con.execute("SET parquet_metadata_cache = true")
        self._lock = threading.Lock()
        # bronze is looked at first: what its commit says to be in all tables is then seen in them
        order = sorted(TABLES, key=lambda table: table is not BRONZE)
        self._followed = [_Followed(folder / FOLDER / table.name, table) for table in order]

    def ask(self, function: Callable[..., Answer], *args: Any, tail: Sequence[LakeBatch]) -> Answer:
        """`function(con, *args)`, over the lake and `tail`, batches it does not hold yet; one at a time."""
        with self._lock:
            self.refresh(tail)
            try:
                return function(self.con, *args)
            finally:
                self.con.abort()  # an answer not read to its end would block the next question

    def refresh(self, tail: Sequence[LakeBatch]) -> None:
        """Make the views show the newest files and these batches; a batch may overlap what the lake holds."""
        held: dict[str, int] = {}
        for followed in self._followed:
            followed.look()
            held[followed.table.name] = max(followed.durable, held.get(BRONZE.name, 0))
        made = [tables(batch, lambda table: held[table.name]) for batch in tail]
        for followed in self._followed:
            followed.show(self.con, [rows[followed.table.name] for rows in made])


class _Followed:
    """One table as last seen."""

    def __init__(self, root: Path, table: Table) -> None:
        self.root, self.table = root, table
        self.durable = 0
        self._version = -1
        self._parts: list[Part] = []
        self._shown: tuple[int, bool] | None = None

    def look(self) -> None:
        """Read the table's newest version, where there is a newer one.

        Where the version last seen is gone, so may be the one after it: old commits are deleted.
        """
        seen, after = commit_file(self.root, self._version), commit_file(self.root, self._version + 1)
        if after.exists() or (self._version >= 0 and not seen.exists()):
            delta = open_delta(self.root)
            self._version, self.durable = delta.version(), delta.transaction_version(APP) or 0
            self._parts = list_parts(delta)

    def show(self, con: duckdb.DuckDBPyConnection, tail: list[pa.Table]) -> None:
        """Make the view, where it changed; the tail is read where it lies, in Arrow's memory."""
        rows = pa.concat_tables([self.table.schema.empty_table(), *tail])
        con.register(f"tail_{self.table.name}", rows)
        marks = any(part.marked for part in self._parts) or _marked(self.table, rows)
        if self._shown != (self._version, marks):
            con.execute(self._view(marks))
            self._shown = self._version, marks

    def _view(self, marks: bool) -> str:
        table = self.table
        tail = f"SELECT *, CAST(timezone('UTC', {quoted(table.dated)}) AS DATE) AS day FROM tail_{table.name}"
        everything = f"{_files(self.root, self._parts)} UNION ALL BY NAME {tail}" if self._parts else tail
        columns = ", ".join(quoted(name) for name in (*table.columns, "day") if name != "corrects")
        query = f"SELECT {columns} FROM ({everything}) AS rows"
        if marks:
            marked = [part for part in self._parts if part.marked]
            newer = f"{_files(self.root, marked)} UNION ALL BY NAME {tail}" if marked else tail
            query += f" WHERE {newest(table, 'rows', f'({newer})')}"
        return f"CREATE OR REPLACE VIEW {table.view} AS {query}"


def _files(root: Path, parts: list[Part]) -> str:
    names = ", ".join("'" + str(root / part.path).replace("'", "''") + "'" for part in parts)
    return f"SELECT * FROM read_parquet([{names}], hive_partitioning=true, hive_types={{'day': DATE}})"


def _marked(table: Table, rows: pa.Table) -> bool:
    return bool(table.mark and pc.any(rows[table.mark].cast(pa.bool_())).as_py())
