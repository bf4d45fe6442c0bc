"""The meter tree over a period, and the load that is always on."""

from collections import defaultdict
from typing import Any

import duckdb

from homestream.engine.energy.tree import HOME, tree
from homestream.home import HomeConfig
from homestream.lake.ask import Rows, ask, period
from homestream.lake.devices import devices, label
from homestream.lake.energy import counted, meters
from homestream.lake.hours import CHOSEN, hours
from homestream.lake.tariff import ENERGY

#: Local hours in which nobody is up.
NIGHT = (0, 6)

#: An hour tells what is always on when it is known for at least this share.
KNOWN = 0.9


def meter_tree(
    con: duckdb.DuckDBPyConnection, home: str, since: int, until: int, zone: str, config: HomeConfig
) -> Rows:
    """What went through every meter in [since, until), net, parents before what hangs under them.

    Each a dict: device ("" is the whole home, first), parent ("" for what hangs under the home), room, name,
    kwh (below 0 for what gives) and untracked, kwh less those of all that hangs directly under it; None for
    what has nothing under it, and for a home without mains. In whole mWh, so that children + untracked =
    parent to the last digit. Below 0 where meters disagree. Where the mains are several phases, the home's
    untracked is what no device took, whichever phase feeds it. No rows where nothing is known.
    """
    flows = _flows(con, home, since, until, config)
    if not flows:
        return []
    found = tree(config, flows)
    mains = [device for device in meters(con, home, config) if device in flows]
    flows[HOME] = sum(flows[device] for device in mains or found[HOME])
    known = devices(con, home)
    rows: list[dict[str, Any]] = []

    def add(device: str, parent: str) -> None:
        children = found.get(device, ())
        rest = flows[device] - sum(flows[child] for child in children)
        measured = bool(mains if device == HOME else children)
        rows.append(
            {
                "device": device,
                "parent": parent,
                **(label(device, known, config) if device else {"room": "", "name": config.name}),
                "kwh": flows[device] / 1_000_000,
                "untracked": rest / 1_000_000 if measured else None,
            }
        )
        for child in sorted(children, key=lambda child: -flows[child]):
            if device != HOME or len(mains) < 2 or not set(mains) & set(_above(config, child)):
                add(child, device)
        if device == HOME and len(mains) > 1:
            for phase in mains:
                add(phase, HOME)

    add(HOME, HOME)
    return rows


def always_on(
    con: duckdb.DuckDBPyConnection, home: str, since: int, until: int, zone: str, config: HomeConfig
) -> dict[str, Any] | None:
    """The load that never goes away: watts, error (half the spread between nights), nights, kwh, share.

    Each night's lowest hour (`NIGHT`, of the mains, else of all devices together), the median of the nights;
    `kwh` is what that takes in the period's known hours, `share` that of all. None without a known night.
    """
    ours, listed = counted(con, home, config)
    sql = f"""
    WITH {hours(ENERGY)} {CHOSEN}, whole AS (
        SELECT start, sum(energy_wh) AS wh, min(known_ms) AS known, count(*) AS n
        FROM hours JOIN chosen USING (device, metric)
        WHERE energy_wh IS NOT NULL AND spread_wh = 0 AND {ours}
        GROUP BY start
    ), nights AS (
        SELECT date_trunc('day', timezone($zone, start)) AS night, min(wh) AS watts FROM whole
        WHERE hour(timezone($zone, start)) >= {NIGHT[0]} AND hour(timezone($zone, start)) < {NIGHT[1]}
            AND known >= {KNOWN * 3_600_000} AND n >= (SELECT max(n) FROM whole)
        GROUP BY night
    )
    SELECT median(watts) AS watts, count(*) AS nights,
        (quantile_cont(watts, 0.75) - quantile_cont(watts, 0.25)) / 2 AS error,
        (SELECT count(*) FROM whole) AS hours, (SELECT sum(wh) FROM whole) AS wh
    FROM nights
    """
    (row,) = ask(con, sql, home=home, zone=zone, listed=listed, **period(since, until))
    if not row["nights"]:
        return None
    kwh = row["watts"] * row["hours"] / 1000
    share = min(1.0, kwh * 1000 / row["wh"]) if row["wh"] else None
    return {"watts": row["watts"], "error": row["error"], "nights": row["nights"], "kwh": kwh, "share": share}


def _flows(
    con: duckdb.DuckDBPyConnection, home: str, since: int, until: int, config: HomeConfig
) -> dict[str, int]:
    """Device -> mWh that went into it, less those that came out."""
    sql = f"""
    WITH {hours(ENERGY)} {CHOSEN}
    SELECT h.device, sum(CASE h.metric WHEN 'energy_export' THEN -energy_wh ELSE energy_wh END) AS wh
    FROM hours AS h JOIN chosen AS c USING (device)
    WHERE energy_wh IS NOT NULL
        AND (h.metric = c.metric OR (c.metric = 'energy' AND h.metric = 'energy_export'))
    GROUP BY h.device ORDER BY h.device
    """
    gives = {device.id for device in config.device if device.produces}
    flows: dict[str, int] = defaultdict(int)
    for row in ask(con, sql, home=home, **period(since, until)):
        flows[row["device"]] = round(row["wh"] * 1000) * (-1 if row["device"] in gives else 1)
    return flows


def _above(config: HomeConfig, device: str) -> tuple[str, ...]:
    """The meters a device hangs under, nearest first."""
    above = {known.id: known.parent for known in config.device}
    way: list[str] = []
    while device := above.get(device, ""):
        way.append(device)
    return tuple(way)
