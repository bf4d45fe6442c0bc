"""The home's devices, as the registry last told of them, and how long there is data of it."""

import json
from typing import Any

import duckdb

from homestream.home import HomeConfig
from homestream.lake.ask import ask

LATEST = """
SELECT device, arg_max(room, seq) AS room, arg_max(text, seq) AS name, arg_max(data, seq) AS data
FROM events WHERE home = $home AND kind = 'device' GROUP BY device
"""


def devices(con: duckdb.DuckDBPyConnection, home: str) -> dict[str, dict[str, Any]]:
    """By id, each a dict: room, name, dialect, metrics, commands."""
    found = {}
    for row in ask(con, f"{LATEST} ORDER BY device", home=home):
        fact = json.loads(row["data"])
        told = {key: fact[key] for key in ("dialect", "metrics", "commands")}
        found[row["device"]] = {"room": row["room"], "name": row["name"] or row["device"], **told}
    return found


#: The room of a device that the registry told nothing of (the ETL brought it): the first part of its id.
ROOM = (
    "coalesce(nullif(known.room, ''), nullif(regexp_extract(device, '^(.+?)/', 1), ''), known.name, device)"
)


def label(device: str, known: dict[str, dict[str, Any]], config: HomeConfig) -> dict[str, str]:
    """A device's room and name: as `home.toml` says, else as the registry told, else from its id."""
    said, told = config.named(device), known.get(device, {})
    first, slash, _ = device.partition("/")
    last = device.rpartition("/")[2].replace("_", " ")
    return {
        "room": (said and said.room) or told.get("room") or (first if slash else ""),
        "name": (said and said.name) or told.get("name") or last[:1].upper() + last[1:],
    }


def span(con: duckdb.DuckDBPyConnection, home: str) -> tuple[int | None, int | None]:
    """Times of the first and the last reading, ms; Nones where there is none."""
    (days,) = ask(
        con, "SELECT min(day) AS first, max(day) AS last FROM readings WHERE home = $home", home=home
    )
    sql = """
    SELECT epoch_ms(min(time)) AS first, epoch_ms(max(time)) AS last FROM readings
    WHERE home = $home AND day IN ($first, $last)
    """
    (row,) = ask(con, sql, home=home, **days)
    return row["first"], row["last"]
