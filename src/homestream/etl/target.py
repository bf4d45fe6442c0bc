"""The port behind which cleaned readings go, and the one row they share."""

from typing import Protocol

import duckdb
import pyarrow as pa


class Target(Protocol):
    """Where to. `load` once, then `save` once, then `close`; blocking; errors are HomestreamError.

    `load(con, low, high)` makes the tables `old` (sid, time, value, rank), `old_flags` (sid, time),
    `old_apart` (sid, time, since, wh, revision: energy of a counter's silence that ended at `time`) and
    `old_1h`, `old_1d` (sid, start, count, min, max, sum, twmean, known, last, energy, revision) of the series
    in `series`, between the two times (ms). `save(con)` adds `fresh`, `flags`, `new_apart`, `new_1h`,
    `new_1d` and `rejected`; run again over the same, it adds nothing.
    """

    #: whose the rows are that name no home, and its zone
    home: str
    timezone: str

    def load(self, con: duckdb.DuckDBPyConnection, low: int, high: int) -> None:
        """What is there already."""

    def save(self, con: duckdb.DuckDBPyConnection, files: list[str]) -> None:
        """Add what is new; `files` are the names behind the file numbers."""

    def close(self) -> None:
        """Release what is held."""


OLD = """
CREATE TABLE old(sid INTEGER, time BIGINT, value DOUBLE, rank BIGINT);
CREATE TABLE old_flags(sid INTEGER, time BIGINT);
CREATE TABLE old_apart(sid INTEGER, time BIGINT, since BIGINT, wh DOUBLE, revision INTEGER);
CREATE TABLE old_1h(sid INTEGER, start BIGINT, count BIGINT, min DOUBLE, max DOUBLE, sum DOUBLE,
                    twmean DOUBLE, known BIGINT, last DOUBLE, energy DOUBLE, revision INTEGER);
CREATE TABLE old_1d AS FROM old_1h;
"""

#: readings to add: all that is fresh, but for what cannot be
READINGS = """
SELECT home, device, metric, time, value, rank FROM fresh JOIN series USING (sid)
WHERE NOT EXISTS (SELECT * FROM flags f WHERE f.sid = fresh.sid AND f.time = fresh.time AND f.kind = 'range')
"""
FLAGS = "SELECT home, device, metric, time, kind, value, low, high FROM flags JOIN series USING (sid)"
APART = "SELECT home, device, metric, time, since, wh, revision FROM new_apart JOIN series USING (sid)"
WINDOWS = """
SELECT home, device, metric, start, count, min, max, sum, mean, twmean, last, known, energy, revision
FROM new_{size} JOIN series USING (sid)
"""


def describe(metric: str, kind: str, value: float, low: float, high: float) -> str:
    """An anomaly in words and numbers."""
    if kind == "range":
        return f"{metric} {value:g} cannot be: {low:g} to {high:g}"
    return f"{metric} {value:g} for a moment, {low:g} to {high:g} before and after"


def batches(con: duckdb.DuckDBPyConnection, query: str, rows: int = 1 << 19) -> pa.RecordBatchReader:
    """A query's rows as Arrow batches."""
    return con.sql(query).to_arrow_reader(rows)
