"""What was used, by whom and when. Energy in kWh, power in W; a device's counter goes before its power."""

import duckdb

from homestream.home import MAINS, HomeConfig
from homestream.lake.ask import Rows, ask, period, within
from homestream.lake.devices import devices, label
from homestream.lake.hours import HELD_MS, hours

#: The level that a device does not go below: this share of its hours had a lower minimum.
STANDBY_QUANTILE = 0.05

#: Less than this, kWh, in the period before is no base for a change in percent.
BASE_KWH = 0.001

STEPS_MS = {"hour": 3_600_000, "day": 86_400_000}

#: Minutes of a point of the mean day.
DAY_STEP = 5

#: Which of its two figures a device is counted by: one for the whole period, or hours would count twice.
CHOSEN = """
, chosen AS (
    SELECT device, CASE WHEN bool_or(metric = 'energy' AND energy_wh IS NOT NULL)
        THEN 'energy' ELSE 'power' END AS metric
    FROM hours GROUP BY device
)"""


def energy_by_device(
    con: duckdb.DuckDBPyConnection, home: str, since: int, until: int, zone: str, config: HomeConfig
) -> Rows:
    """Devices by what they used in [since, until), most first.

    Each a dict: device, room, name, mains (it is the home's meter), kwh, cost (by the tariff), change_pct
    (against the period before, as long; None where nothing is known of it), standby (share, 0 to 1, of its
    energy that it would have taken at its own lowest level all the time; None without a power reading) and
    known_h (hours of which the energy is known).
    """
    now = _used(con, home, since, until)
    before = {row["device"]: row["kwh"] for row in _used(con, home, 2 * since - until, since)}
    known = devices(con, home)
    return [
        {
            "device": row["device"],
            **label(row["device"], known, config),
            "mains": row["device"] in config.mains,
            "kwh": row["kwh"],
            "cost": row["kwh"] * config.tariff.per_kwh,
            "change_pct": change(row["kwh"], before.get(row["device"])),
            "standby": row["standby"],
            "known_h": row["known_h"],
        }
        for row in now
    ]


def consumption(
    con: duckdb.DuckDBPyConnection,
    home: str,
    since: int,
    until: int,
    zone: str,
    step: str,
    config: HomeConfig,
) -> Rows:
    """The home's kWh by `step` (hour or day, of `zone`), in order of time: of the mains, else of all devices.

    Each a dict: start (ms), kwh and known (share of the step, 0 to 1, for which the meters are known). A
    step of which nothing is known is left out.
    """
    sql = f"""
    WITH {hours(("power", "energy"))} {CHOSEN}, counted AS (
        SELECT timezone($zone, date_trunc('day', timezone($zone, start))) AS slot, hours.*
        FROM hours JOIN chosen USING (device, metric)
        WHERE energy_wh IS NOT NULL AND {_counted(con, home, config)}
    )
    SELECT epoch_ms({"start" if step == "hour" else "slot"}) AS start, sum(energy_wh) / 1000 AS kwh,
        least(1.0, sum(known_ms) / (count(DISTINCT device) * {STEPS_MS[step]})) AS known
    FROM counted GROUP BY 1 ORDER BY 1
    """
    return ask(
        con, sql, home=home, zone=zone, listed=list(_listed(con, home, config)), **period(since, until)
    )


def power_mean_day(
    con: duckdb.DuckDBPyConnection, home: str, since: int, until: int, zone: str, config: HomeConfig
) -> Rows:
    """The mean local day of the home's power, in steps of `DAY_STEP` minutes: dicts of minute and watts.

    Of the mains, else the sum of all devices; a step that nothing was measured in is left out.
    """
    sql = f"""
    WITH held AS (
        SELECT device, time, value, {HELD_MS} AS ms
        FROM readings WHERE home = $home AND metric = 'power' AND {within("time")}
            AND {_counted(con, home, config)}
        WINDOW series AS (PARTITION BY device ORDER BY time, seq)
    ), steps AS (
        SELECT device, sum(value * ms) / sum(ms) AS watts,
            datepart('hour', timezone($zone, time)) * 60
                + datepart('minute', timezone($zone, time)) // {DAY_STEP} * {DAY_STEP} AS minute
        FROM held WHERE value IS NOT NULL AND ms > 0 GROUP BY device, minute
    )
    SELECT minute, sum(watts) AS watts FROM steps GROUP BY minute ORDER BY minute
    """
    return ask(
        con, sql, home=home, zone=zone, listed=list(_listed(con, home, config)), **period(since, until)
    )


def peak_power(
    con: duckdb.DuckDBPyConnection, home: str, since: int, until: int, config: HomeConfig
) -> tuple[float, int] | None:
    """The highest power of the meter, or without one of any device, and when first: (W, ms), or None."""
    sql = f"""
    SELECT value AS watts, epoch_ms(time) AS at
    FROM readings WHERE home = $home AND metric = 'power' AND {within("time")}
        AND {_counted(con, home, config)} AND value IS NOT NULL
    ORDER BY value DESC, time LIMIT 1
    """
    rows = ask(con, sql, home=home, listed=list(_listed(con, home, config)), **period(since, until))
    return (rows[0]["watts"], rows[0]["at"]) if rows else None


def meters(con: duckdb.DuckDBPyConnection, home: str, config: HomeConfig) -> tuple[str, ...]:
    """The devices that measure the whole home: those of `home.toml`, else `MAINS` where it was heard of."""
    if any(device.mains for device in config.device):
        return config.mains
    sql = """
    SELECT 1 AS heard FROM rollup_1h WHERE home = $home AND device = $mains
    UNION ALL SELECT 1 FROM events WHERE home = $home AND device = $mains AND kind = 'device' LIMIT 1
    """
    return config.mains if ask(con, sql, home=home, mains=MAINS) else ()


def change(now: float, before: float | None) -> float | None:
    """By how many percent `now` is above `before`; None where there is nothing to compare with."""
    return None if before is None or before < BASE_KWH else (now / before - 1) * 100


def _used(con: duckdb.DuckDBPyConnection, home: str, since: int, until: int) -> Rows:
    sql = f"""
    WITH {hours(("power", "energy"))} {CHOSEN}, floor AS (
        SELECT device, greatest(quantile_cont(low, {STANDBY_QUANTILE}), 0) AS watts,
            sum(known_ms) / 3.6e6 AS h
        FROM hours WHERE metric = 'power' GROUP BY device
    )
    SELECT device, sum(energy_wh) / 1000 AS kwh, sum(known_ms) / 3.6e6 AS known_h,
        least(1.0, any_value(floor.watts * floor.h) / nullif(sum(energy_wh), 0)) AS standby
    FROM hours JOIN chosen USING (device, metric) LEFT JOIN floor USING (device)
    GROUP BY device HAVING sum(energy_wh) IS NOT NULL ORDER BY kwh DESC, device
    """
    return ask(con, sql, home=home, **period(since, until))


def _listed(con: duckdb.DuckDBPyConnection, home: str, config: HomeConfig) -> tuple[str, ...]:
    """The devices that `_counted` speaks of: those to count, else those that another one counts already."""
    return meters(con, home, config) or tuple(device.id for device in config.device if device.parent)


def _counted(con: duckdb.DuckDBPyConnection, home: str, config: HomeConfig) -> str:
    return f"{'' if meters(con, home, config) else 'NOT '}list_contains($listed, device)"
