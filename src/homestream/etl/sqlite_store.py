"""The tables of `into_sql` in a SQLite file."""

import sqlite3
from collections.abc import Iterable, Iterator, Sequence
from itertools import islice
from pathlib import Path
from typing import Any

from homestream.errors import HomestreamError
from homestream.etl.into_sql import ROWS, TABLES, SqlTable

KINDS = {"text": "TEXT", "real": "REAL", "whole": "INTEGER", "time": "INTEGER"}


class SqliteStore:
    """`url` is sqlite:///FILE; sqlite:////FILE from the root."""

    def __init__(self, url: str) -> None:
        path = Path(url.partition(":///")[2])
        if not path.name:
            raise HomestreamError(f"{url} names no file; write sqlite:///FILE")
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._db = sqlite3.connect(path)
            for table in TABLES:
                self._db.execute(_create(table))
        except (OSError, sqlite3.Error) as error:
            raise HomestreamError(f"{path}: {error}; choose another --into") from None

    def get(self, table: SqlTable, low: int, high: int) -> Iterator[Sequence[tuple[Any, ...]]]:
        """As the port says."""
        names = ", ".join(f'"{name}"' for name in table.names)
        query = f'SELECT {names} FROM {table.name} WHERE "{table.names[3]}" BETWEEN ? AND ?'
        found = self._db.execute(query, (low, high))
        while rows := found.fetchmany(ROWS):
            yield rows

    def put(self, table: SqlTable, rows: Iterable[tuple[Any, ...]]) -> None:
        """As the port says."""
        marks = ", ".join("?" for _ in table.columns)
        rest = iter(rows)
        try:
            while some := list(islice(rest, ROWS)):
                self._db.executemany(f"INSERT OR REPLACE INTO {table.name} VALUES ({marks})", some)
        except sqlite3.Error as error:
            raise HomestreamError(f"{table.name} cannot be written: {error}; is the disk full?") from None

    def commit(self) -> None:
        """As the port says."""
        self._db.commit()

    def close(self) -> None:
        """As the port says."""
        self._db.close()


def _create(table: SqlTable) -> str:
    columns = ", ".join(f'"{name}" {KINDS[kind]}' for name, kind in table.columns)
    key = ", ".join(f'"{name}"' for name in table.names[: table.keys])
    return f"CREATE TABLE IF NOT EXISTS {table.name} ({columns}, PRIMARY KEY ({key})) WITHOUT ROWID"
