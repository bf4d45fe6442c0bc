"""Into SQL tables: readings, rollup_1h, rollup_1d, unplaced, anomalies, rejected, in SQLite or PostgreSQL.

Times are TIMESTAMPTZ in PostgreSQL, ms since 1970 UTC in SQLite (`datetime(time / 1000, 'unixepoch')`). A
correction replaces the value it corrects, a window that changed its row; `flag` is "" or `spike`. Unplaced
is the energy that a counter gained over a silence, from `since` to `time`: in no hour and no day.
"""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any, NamedTuple, Protocol

import duckdb
import pyarrow as pa

from homestream.etl import target


class SqlTable(NamedTuple):
    """Columns with their kind: text, real, whole, time (ms); the first `keys` are the primary key."""

    name: str
    columns: tuple[tuple[str, str], ...]
    keys: int

    @property
    def names(self) -> tuple[str, ...]:
        """Column names."""
        return tuple(name for name, _ in self.columns)


_SERIES = (("home", "text"), ("device", "text"), ("metric", "text"))
READINGS = SqlTable("readings", (*_SERIES, ("time", "time"), ("value", "real"), ("flag", "text")), 4)
ANOMALIES = SqlTable(
    "anomalies",
    (
        *_SERIES,
        ("time", "time"),
        ("kind", "text"),
        ("value", "real"),
        ("low", "real"),
        ("high", "real"),
        ("text", "text"),
    ),
    4,
)
_FIGURES = (
    *(
        ("count", "whole"),
        ("min", "real"),
        ("max", "real"),
        ("sum", "real"),
        ("mean", "real"),
        ("twmean", "real"),
    ),
    *(("last", "real"), ("known_ms", "whole"), ("energy_wh", "real"), ("revision", "whole")),
)
ROLLUP_1H = SqlTable("rollup_1h", (*_SERIES, ("start", "time"), *_FIGURES), 4)
ROLLUP_1D = SqlTable("rollup_1d", (*_SERIES, ("start", "time"), *_FIGURES), 4)
UNPLACED = SqlTable(
    "unplaced",
    (*_SERIES, ("time", "time"), ("since", "time"), ("energy_wh", "real"), ("revision", "whole")),
    4,
)
REJECTED = SqlTable(
    "rejected", (("file", "text"), ("line", "whole"), ("reason", "text"), ("text", "text")), 2
)
TABLES = (READINGS, ANOMALIES, ROLLUP_1H, ROLLUP_1D, UNPLACED, REJECTED)

#: rows read or written at once
ROWS = 50_000


class Store(Protocol):
    """A database with `TABLES`, made where missing. What was put is there after `commit`, all or nothing."""

    def get(self, table: SqlTable, low: int, high: int) -> Iterator[Sequence[tuple[Any, ...]]]:
        """Rows whose fourth column, a time, lies between; times as ms; some at a time."""

    def put(self, table: SqlTable, rows: Iterable[tuple[Any, ...]]) -> None:
        """Insert, or replace what has the same key."""

    def commit(self) -> None:
        """Make it last."""

    def close(self) -> None:
        """Close; what was not committed is forgotten."""


class SqlTarget:
    """The target behind any `Store`."""

    def __init__(self, store: Store, timezone: str | None) -> None:
        self.home, self.timezone = "home", timezone or "UTC"
        self._store = store

    def load(self, con: duckdb.DuckDBPyConnection, low: int, high: int) -> None:
        """Read the rows around what came, of all series, and keep ours."""
        con.execute(target.OLD)
        named = "FROM got r JOIN series s ON r.home = s.home AND r.device = s.device AND r.metric = s.metric"
        self._fetch(con, READINGS, low, high, f"INSERT INTO old SELECT sid, time, value, 0 {named}")
        flags = f"""
            INSERT INTO old_flags SELECT sid, time {named};
            INSERT INTO old SELECT sid, time, value, 0 {named} WHERE kind = 'range';
        """
        self._fetch(con, ANOMALIES, low, high, flags)
        draws = f"INSERT INTO old_apart SELECT sid, time, since, energy_wh, revision {named}"
        self._fetch(con, UNPLACED, low, high, draws)
        columns = "count, min, max, sum, twmean, known_ms, last, energy_wh, revision"
        for table, into in ((ROLLUP_1H, "old_1h"), (ROLLUP_1D, "old_1d")):
            self._fetch(con, table, low, high, f"INSERT INTO {into} SELECT sid, start, {columns} {named}")

    def save(self, con: duckdb.DuckDBPyConnection, files: list[str]) -> None:
        """All in one transaction."""
        flagged = f"""
            SELECT r.home, r.device, r.metric, r.time, r.value, COALESCE(f.kind, '')
            FROM ({target.READINGS}) r
            LEFT JOIN ({target.FLAGS}) f
            ON r.home = f.home AND r.device = f.device AND r.metric = f.metric AND r.time = f.time
        """
        self._store.put(READINGS, _rows(con, flagged))
        self._store.put(ANOMALIES, ((*r, target.describe(r[2], *r[4:8])) for r in _rows(con, target.FLAGS)))
        self._store.put(UNPLACED, _rows(con, target.APART))
        for size, table in (("1h", ROLLUP_1H), ("1d", ROLLUP_1D)):
            self._store.put(table, _rows(con, target.WINDOWS.format(size=size)))
        rejected = (
            "SELECT file, line, min(reason), min(text) FROM rejected GROUP BY file, line ORDER BY file, line"
        )
        self._store.put(REJECTED, ((files[file], *row) for file, *row in _rows(con, rejected)))
        self._store.commit()

    def close(self) -> None:
        """Close the database."""
        self._store.close()

    def _fetch(self, con: duckdb.DuckDBPyConnection, table: SqlTable, low: int, high: int, use: str) -> None:
        kinds = {"text": pa.string(), "real": pa.float64(), "whole": pa.int64(), "time": pa.int64()}
        schema = pa.schema([(name, kinds[kind]) for name, kind in table.columns])
        for rows in self._store.get(table, low, high):
            columns = [pa.array(c, f.type) for c, f in zip(zip(*rows, strict=True), schema, strict=True)]
            con.register("got", pa.table(columns, schema=schema))
            con.execute(use)
            con.unregister("got")


def _rows(con: duckdb.DuckDBPyConnection, query: str) -> Iterator[tuple[Any, ...]]:
    found = con.cursor().execute(query)
    while rows := found.fetchmany(ROWS):
        yield from rows
