"""Many files of one day as one sorted stream, what is superseded left out. Memory stays bounded."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path

import duckdb
import pyarrow as pa

from homestream.lake.part import ROW_GROUP
from homestream.lake.schema import Table

#: A sort beyond this goes to disk, in the table's folder.
MEMORY = "128MB"


@contextmanager
def merged(
    root: Path, table: Table, paths: Sequence[str], whole: bool, kept: str = "true"
) -> Iterator[Iterable[pa.RecordBatch]]:
    """Batches in the table's order, of the rows for which the SQL `kept` holds.

    `whole`: these are all files of the day, so marks are spent.
    """
    with duckdb.connect(config={"memory_limit": MEMORY, "threads": 1, "temp_directory": str(root)}) as con:
        files = [str(root / path) for path in paths]
        columns = ", ".join(_column(table, name, whole) for name in table.columns)
        con.read_parquet(files, hive_partitioning=False).create_view("source")
        order = ", ".join(map(quoted, table.order))
        rows = con.view("source").filter(newest(table, "source", "source")).filter(kept)
        answer = rows.order(order).project(columns)
        yield (batch.cast(table.schema) for batch in answer.to_arrow_reader(ROW_GROUP))


def newest(table: Table, rows: str, marked: str) -> str:
    """SQL that holds for the rows of `rows` that no marked row of `marked` supersedes."""
    if not table.key:
        return "true"
    same = " AND ".join(f"{rows}.{quoted(name)} = newer.{quoted(name)}" for name in table.key)
    mark, rank = quoted(table.mark), quoted(table.rank)
    return (
        f"NOT EXISTS (SELECT * FROM {marked} AS newer WHERE newer.{mark}::INTEGER > 0 "
        f"AND {same} AND newer.{rank} > {rows}.{rank})"
    )


def quoted(name: str) -> str:
    """A column's name in SQL; `min`, `last` and others are words of the language too."""
    return f'"{name}"'


def _column(table: Table, name: str, whole: bool) -> str:
    return f"false AS {quoted(name)}" if whole and name == table.mark == "corrects" else quoted(name)
