"""How a question is put: SQL with named parameters, answered as a list of dicts; times are ms."""

from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Any

import duckdb

Rows = list[dict[str, Any]]

EPOCH = datetime(1970, 1, 1, tzinfo=UTC)

#: Beyond these years a time is as good as none, and no calendar holds it.
EARLIEST, LATEST = 0, 7_258_118_400_000


def ask(con: duckdb.DuckDBPyConnection, sql: str, **parameters: Any) -> Rows:
    """The answer's rows as dicts; only those of `parameters` that stand in `sql`, as $name, are passed on."""
    answer = con.execute(sql, {name: value for name, value in parameters.items() if f"${name}" in sql})
    names = [column[0] for column in answer.description]
    return [dict(zip(names, row, strict=True)) for row in answer.fetchall()]


def period(since: int, until: int) -> dict[str, Any]:
    """Parameters $since, $until (times) and $first, $last (UTC dates): files of other days are not opened."""
    start, end = moment(since), moment(until)
    return {"since": start, "until": end, "first": start.date(), "last": end.date()}


def moment(ms: int) -> datetime:
    """Ms -> a time that DuckDB takes as TIMESTAMPTZ."""
    return EPOCH + timedelta(milliseconds=min(max(ms, EARLIEST), LATEST))


def within(column: str) -> str:
    """The condition that a row lies in the `period`."""
    return f"{column} >= $since AND {column} < $until AND day BETWEEN $first AND $last"


def listed(names: Sequence[str]) -> str:
    """Our own names as a list in SQL."""
    return "(" + ", ".join(f"'{name}'" for name in names) + ")"
