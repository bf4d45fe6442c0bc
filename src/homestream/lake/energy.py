"""What was used, by whom and when. Energy in kWh, power in W; a device's counter goes before its power."""

from typing import Any

import duckdb

from homestream.home import MAINS, HomeConfig
from homestream.lake.ask import Rows, ask, period, within
from homestream.lake.hours import CHOSEN, HELD_MS, hours
from homestream.lake.tariff import ENERGY, price_series, priced, priced_metrics

STEPS_MS = {"hour": 3_600_000, "day": 86_400_000}

#: Minutes of a point of the mean day.
DAY_STEP = 5

#: Whether a meter without counters had both signs in one hour: the hour's sum then hides what was fed in.
SIGNED = """
WITH {hours} SELECT 1 FROM hours JOIN (SELECT DISTINCT device FROM hours WHERE metric = 'power' AND low < 0)
    USING (device)
WHERE metric = 'power' AND {counted} AND NOT list_contains($gives, device) LIMIT 1
"""

#: Wh that a power below zero fed in, by device and hour, from the readings themselves.
FED_IN = f"""
, spans AS (
    SELECT device, value, epoch_ms(time) AS since, epoch_ms(time) + {HELD_MS} AS until
    FROM readings WHERE home = $home AND metric = 'power' AND {within("time")}
    WINDOW series AS (PARTITION BY device ORDER BY time, seq)
), fed AS (
    SELECT h.device, metric, start, sum(-value * (least(until, ends) - greatest(since, begins))) / 3.6e6 AS wh
    FROM (SELECT *, epoch_ms(start) AS begins, epoch_ms(start) + 3600000 AS ends FROM hours
        WHERE metric = 'power' AND low < 0) AS h
    JOIN spans ON h.device = spans.device AND until > begins AND since < ends
    WHERE value < 0 GROUP BY ALL
)"""
NOT_FED_IN = ", fed AS (SELECT device, metric, start, 0.0 AS wh FROM hours WHERE false)"


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

    Each a dict: start (ms), kwh (taken), export_kwh (given back), cost (of what was taken, hour by hour, and
    the standing charge, less what the grid pays) and known (share of the step, 0 to 1, for which the meters
    are known). A step of which nothing is known is left out.
    """
    ours = counted(con, home, config)
    who: dict[str, Any] = {"listed": list(listed_devices(con, home, config)), "gives": gives(config)}
    signed = ask(
        con, SIGNED.format(hours=hours(ENERGY), counted=ours), home=home, **who, **period(since, until)
    )
    start = "timezone($zone, date_trunc('day', timezone($zone, m.start)))"
    sql = f"""
    WITH {hours(priced_metrics(config))} {CHOSEN} {priced(config)} {FED_IN if signed else NOT_FED_IN}
    , mine AS (
        SELECT * FROM priced WHERE energy_wh IS NOT NULL AND {ours} AND NOT list_contains($gives, device)
    ), flows AS (
        SELECT {start} AS slot, m.start, m.device, m.metric, known_ms, price,
            CASE m.metric WHEN 'energy_export' THEN 0 ELSE energy_wh + coalesce(wh, 0) END AS taken,
            CASE m.metric WHEN 'energy_export' THEN energy_wh ELSE coalesce(wh, 0) END AS given
        FROM mine AS m JOIN chosen AS c USING (device)
        LEFT JOIN fed AS f ON m.device = f.device AND m.metric = f.metric AND m.start = f.start
        WHERE m.metric = c.metric OR (c.metric = 'energy' AND m.metric = 'energy_export')
    )
    SELECT epoch_ms({"start" if step == "hour" else "slot"}) AS start, sum(taken) / 1000 AS kwh,
        sum(given) / 1000 AS export_kwh,
        (sum(taken * price) - sum(given) * {config.tariff.export_per_kwh!r}::DOUBLE) / 1000
            + least(1, {STEPS_MS["hour"]} * count(DISTINCT start) / any_value(
                epoch_ms(timezone($zone, timezone($zone, slot) + INTERVAL 1 DAY)) - epoch_ms(slot)
            )) * {config.tariff.standing_per_day!r}::DOUBLE AS cost,
        least(1.0, sum(known_ms) FILTER (metric <> 'energy_export')
            / (count(DISTINCT device) * {STEPS_MS[step]})) AS known
    FROM flows GROUP BY 1 HAVING count(*) FILTER (metric <> 'energy_export') > 0 ORDER BY 1
    """
    price_device, _ = price_series(config.tariff)
    return ask(con, sql, home=home, zone=zone, price_device=price_device, **who, **period(since, until))


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
            AND {counted(con, home, config)}
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
        con, sql, home=home, zone=zone, listed=list(listed_devices(con, home, config)), **period(since, until)
    )


def peak_power(
    con: duckdb.DuckDBPyConnection, home: str, since: int, until: int, config: HomeConfig
) -> tuple[float, int] | None:
    """The highest power of the meter, or without one of any device, and when first: (W, ms), or None."""
    sql = f"""
    SELECT value AS watts, epoch_ms(time) AS at
    FROM readings WHERE home = $home AND metric = 'power' AND {within("time")}
        AND {counted(con, home, config)} AND value IS NOT NULL
    ORDER BY value DESC, time LIMIT 1
    """
    rows = ask(con, sql, home=home, listed=list(listed_devices(con, home, config)), **period(since, until))
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


def gives(config: HomeConfig) -> list[str]:
    """The devices that give energy and take none."""
    return [device.id for device in config.device if device.produces]


def listed_devices(con: duckdb.DuckDBPyConnection, home: str, config: HomeConfig) -> tuple[str, ...]:
    """The devices that `counted` speaks of: those to count, else those that another one counts already."""
    return meters(con, home, config) or tuple(device.id for device in config.device if device.parent)


def counted(con: duckdb.DuckDBPyConnection, home: str, config: HomeConfig) -> str:
    """The condition that a row's device, $listed being `listed_devices`, counts for the whole home."""
    return f"{'' if meters(con, home, config) else 'NOT '}list_contains($listed, device)"
