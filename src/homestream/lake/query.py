"""`homestream query`: SQL over the views, printed as a table, CSV or JSON."""

import csv
import json
import math
import sys
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
from rich.console import Console
from rich.table import Table

from homestream.errors import HomestreamError
from homestream.homefile import load
from homestream.lake.connect import connect
from homestream.lake.schema import TABLES


def query(folder: Path, sql: str, style: str) -> None:
    """Print the answer to `sql` as `table`, `csv` or `json` (an array of objects); times in the home's zone.

    HomestreamError, in one line, where the SQL is wrong.
    """
    con = connect(folder, zone=load(folder).timezone)
    try:
        con.execute(sql)
        names = [column[0] for column in con.description or ()]
        rows = con.fetchall() if names else []
    except duckdb.Error as error:
        said = " ".join(str(error).split())
        raise HomestreamError(f"query: {said}; ask of {', '.join(table.view for table in TABLES)}") from None
    finally:
        con.close()
    PRINTERS[style](names, rows)


def _table(names: list[str], rows: list[tuple[Any, ...]]) -> None:
    table = Table()
    for name in names:
        table.add_column(name, overflow="fold")  # an id cut short is no answer
    for row in rows:
        table.add_row(*("" if value is None else str(_plain(value)) for value in row))
    Console().print(table)


def _csv(names: list[str], rows: list[tuple[Any, ...]]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(names)
    writer.writerows([_plain(value) for value in row] for row in rows)


def _json(names: list[str], rows: list[tuple[Any, ...]]) -> None:
    objects = [dict(zip(names, map(_plain, row), strict=True)) for row in rows]
    print(json.dumps(objects, ensure_ascii=False, default=str))


def _plain(value: Any) -> Any:
    """Payloads as text, times in ISO 8601, and no NaN or infinity, which JSON has no word for."""
    if isinstance(value, bytes):
        return value.decode(errors="replace")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, dict):
        return {str(name): _plain(part) for name, part in value.items()}
    if isinstance(value, list):
        return [_plain(part) for part in value]
    return None if isinstance(value, float) and not math.isfinite(value) else value


PRINTERS = {"table": _table, "csv": _csv, "json": _json}
