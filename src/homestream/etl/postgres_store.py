"""The tables of `into_sql` in a PostgreSQL database: COPY into a temporary table, then one INSERT."""

from collections.abc import Iterable, Iterator, Sequence
from typing import Any

import psycopg

from homestream.errors import HomestreamError
from homestream.etl.into_sql import ROWS, TABLES, SqlTable

KINDS = {"text": "TEXT", "real": "DOUBLE PRECISION", "whole": "BIGINT", "time": "TIMESTAMPTZ"}
RAW = KINDS | {"time": "BIGINT"}


class PostgresStore:
    """`url` is postgresql://[user[:password]@]host[:port]/database."""

    def __init__(self, url: str) -> None:
        try:
            self._db = psycopg.connect(url, connect_timeout=10)
            for table in TABLES:
                key = ", ".join(f'"{name}"' for name in table.names[: table.keys])
                columns = _columns(table, KINDS)
                self._run(f"CREATE TABLE IF NOT EXISTS {table.name} ({columns}, PRIMARY KEY ({key}))")
            self._db.commit()
        except psycopg.Error as error:
            raise HomestreamError(
                f"PostgreSQL: {str(error).splitlines()[0]}; check the address of --into"
            ) from None

    def get(self, table: SqlTable, low: int, high: int) -> Iterator[Sequence[tuple[Any, ...]]]:
        """As the port says."""
        names = ", ".join(
            f'(extract(epoch FROM "{name}") * 1000)::BIGINT' if kind == "time" else f'"{name}"'
            for name, kind in table.columns
        )
        when = f'"{table.names[3]}"'
        query = f"SELECT {names} FROM {table.name} WHERE {when} BETWEEN {_time(low)} AND {_time(high)}"
        with self._db.cursor(f"get_{table.name}") as cursor:
            cursor.execute(query.encode())
            while rows := cursor.fetchmany(ROWS):
                yield rows

    def put(self, table: SqlTable, rows: Iterable[tuple[Any, ...]]) -> None:
        """As the port says."""
        try:
            self._run(f"CREATE TEMP TABLE adding ({_columns(table, RAW)}) ON COMMIT DROP")
            with self._db.cursor() as cursor, cursor.copy("COPY adding FROM STDIN") as copy:
                for row in rows:
                    copy.write_row(row)
            values = ", ".join(_time(f'"{n}"') if kind == "time" else f'"{n}"' for n, kind in table.columns)
            key = ", ".join(f'"{name}"' for name in table.names[: table.keys])
            change = ", ".join(f'"{name}" = excluded."{name}"' for name in table.names[table.keys :])
            self._run(
                f"INSERT INTO {table.name} SELECT {values} FROM adding "
                f"ON CONFLICT ({key}) DO UPDATE SET {change}"
            )
            self._run("DROP TABLE adding")
        except psycopg.Error as error:
            raise HomestreamError(f"PostgreSQL: {table.name}: {str(error).splitlines()[0]}") from None

    def commit(self) -> None:
        """As the port says."""
        self._db.commit()

    def close(self) -> None:
        """As the port says."""
        self._db.close()

    def _run(self, query: str) -> None:
        self._db.execute(query.encode())


def _columns(table: SqlTable, kinds: dict[str, str]) -> str:
    return ", ".join(f'"{name}" {kinds[kind]}' for name, kind in table.columns)


def _time(ms: int | str) -> str:
    return f"(TIMESTAMPTZ 'epoch' + {ms} * INTERVAL '1 millisecond')"
