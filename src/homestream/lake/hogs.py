"""Energy hogs: who used most, what it cost, and how sure that is. Energy in kWh."""

from typing import Any

import duckdb

from homestream.home import HomeConfig
from homestream.lake.ask import Rows, ask, period, within
from homestream.lake.devices import devices, label
from homestream.lake.energy import gives
from homestream.lake.hours import CHOSEN, hours
from homestream.lake.tariff import price_series, priced, priced_metrics

#: The level that a device does not go below: this share of its hours had a lower minimum.
STANDBY_QUANTILE = 0.05

#: Less than this, kWh, in the period before is no base for a change in percent.
BASE_KWH = 0.001

HOUR_MS = 3_600_000

#: Two periods compare when the one less known is known for at least this share of the other's hours.
COMPARABLE = 0.9


def energy_by_device(
    con: duckdb.DuckDBPyConnection, home: str, since: int, until: int, zone: str, config: HomeConfig
) -> Rows:
    """Devices by what they used in [since, until), most first; what gives energy is not among them.

    Each a dict: device, room, name, mains (it is the home's meter), kwh, cost (by the tariff, hour by hour),
    change_pct (of the hours that are over, against the same hours of the period before; None where it is
    known for much less of the one than of the other), standby (share, 0 to 1, of its energy that it would
    have taken at its own lowest level all the time; None without a power reading), known_h (hours of which
    it is known), source (`counter` or `power`), and how sure the figure is: error_kwh, what may be missing
    (its mean power in the hours unknown) or too much (of a silence of its counter that reaches beyond the
    period), and estimated_kwh, what is known in all but not when.
    """
    now = _used(con, home, since, until, zone, config)
    over = _over(con, home, since, until)
    compared = now if over == until else _used(con, home, since, over, zone, config)
    earlier = _used(con, home, 2 * since - until, since - until + over, zone, config)
    before = {row["device"]: row for row in earlier}
    changes = {row["device"]: _change(row, before.get(row["device"])) for row in compared}
    known = devices(con, home)
    producers = gives(config)
    return [
        {
            "device": row["device"],
            **label(row["device"], known, config),
            "mains": row["device"] in config.mains,
            "kwh": row["kwh"],
            "cost": row["cost"],
            "change_pct": changes.get(row["device"]),
            "standby": row["standby"],
            "known_h": row["known_h"],
            "source": row["source"],
            "error_kwh": row["error_kwh"],
            "estimated_kwh": row["estimated_kwh"],
        }
        for row in now
        if row["device"] not in producers
    ]


def change(now: float, before: float | None) -> float | None:
    """By how many percent `now` is above `before`; None where there is nothing to compare with."""
    return None if before is None or before < BASE_KWH else (now / before - 1) * 100


def _change(now: dict[str, Any], before: dict[str, Any] | None) -> float | None:
    if before is None:
        return None
    least, most = sorted((now["known_h"], before["known_h"]))
    return change(now["kwh"], before["kwh"]) if least >= COMPARABLE * most else None


def _over(con: duckdb.DuckDBPyConnection, home: str, since: int, until: int) -> int:
    """The end of the last hour of [since, until) that is closed, ms; `since` where none is."""
    sql = f"SELECT epoch_ms(max(start)) AS newest FROM rollup_1h WHERE home = $home AND {within('start')}"
    (row,) = ask(con, sql, home=home, **period(since, until))
    return since if row["newest"] is None else min(row["newest"] + HOUR_MS, until)


def _used(
    con: duckdb.DuckDBPyConnection, home: str, since: int, until: int, zone: str, config: HomeConfig
) -> Rows:
    sql = f"""
    WITH {hours(priced_metrics(config))} {CHOSEN} {priced(config)}, floor AS (
        SELECT device, greatest(quantile_cont(low, {STANDBY_QUANTILE}), 0) AS watts,
            sum(known_ms) / 3.6e6 AS h
        FROM hours WHERE metric = 'power' GROUP BY device
    ), ends AS (
        SELECT least(max(start) + INTERVAL 1 HOUR, $until) AS last FROM hours
    ), summed AS (
        SELECT device, any_value(metric) AS metric, sum(energy_wh) / 1000 AS kwh,
            sum(known_ms) / 3.6e6 AS known_h,
            sum(energy_wh * price) / 1000 AS cost, sum(spread_wh) / 1000 AS estimated_kwh,
            sum(edge_wh) / 1000 AS edge_kwh,
            (epoch_ms(any_value(last)) - epoch_ms(min(start))) / 3.6e6 AS span_h
        FROM priced JOIN chosen USING (device, metric), ends GROUP BY device
    )
    SELECT device, kwh, known_h, cost, estimated_kwh,
        least(1.0, floor.watts * floor.h / 1000 / nullif(kwh, 0)) AS standby,
        CASE metric WHEN 'energy' THEN 'counter' ELSE 'power' END AS source,
        CASE metric WHEN 'energy' THEN edge_kwh
            ELSE coalesce(abs(kwh) / nullif(known_h, 0) * greatest(span_h - known_h, 0), 0) END AS error_kwh
    FROM summed LEFT JOIN floor USING (device)
    WHERE kwh IS NOT NULL ORDER BY kwh DESC, device
    """
    price_device, _ = price_series(config.tariff)
    return ask(con, sql, home=home, zone=zone, price_device=price_device, **period(since, until))
