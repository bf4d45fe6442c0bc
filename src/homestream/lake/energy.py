"""What was used, by whom and when. Energy in kWh, power in W; a device's counter goes before its power."""

from typing import Any

import duckdb

from homestream.home import MAINS, HomeConfig
from homestream.lake.ask import Rows, ask, period, within
from homestream.lake.hours import CHOSEN, HELD_MS, hours
from homestream.lake.tariff import price_series, priced, priced_metrics

STEPS_MS = {"hour": 3_600_000, "day": 86_400_000}

#: Minutes of a point of the mean day.
DAY_STEP = 5

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
    ours, listed = counted(con, home, config)
    who: dict[str, Any] = {"home": home, "listed": listed, **period(since, until)}
    # where a meter had both signs in one hour, the hour's sum hides what was fed in
    signed = f"""
    SELECT 1 FROM rollup_1h WHERE home = $home AND metric = 'power' AND {within("start")} AND "min" < 0
        AND {ours} LIMIT 1
    """
    fed_in = FED_IN if ask(con, signed, **who) else NOT_FED_IN
    start = "timezone($zone, date_trunc('day', timezone($zone, m.start)))"
    sql = f"""
    WITH {hours(priced_metrics(config))} {CHOSEN} {priced(config)} {fed_in}
    , mine AS (
        SELECT * FROM priced WHERE energy_wh IS NOT NULL AND {ours}
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
    return ask(con, sql, zone=zone, price_device=price_device, **who)


def power_mean_day(
    con: duckdb.DuckDBPyConnection, home: str, since: int, until: int, zone: str, config: HomeConfig
) -> Rows:
    """The mean local day of the home's power, in steps of `DAY_STEP` minutes: dicts of minute and watts.

    Of the mains, else the sum of all devices; a step that nothing was measured in is left out.
    """
    ours, listed = counted(con, home, config)
    sql = f"""
    WITH held AS (
        SELECT device, time, value, {HELD_MS} AS ms
        FROM readings WHERE home = $home AND metric = 'power' AND {within("time")} AND {ours}
        WINDOW series AS (PARTITION BY device ORDER BY time, seq)
    ), steps AS (
        SELECT device, sum(value * ms) / sum(ms) AS watts,
            datepart('hour', timezone($zone, time)) * 60
                + datepart('minute', timezone($zone, time)) // {DAY_STEP} * {DAY_STEP} AS minute
        FROM held WHERE value IS NOT NULL AND ms > 0 GROUP BY device, minute
    )
    SELECT minute, sum(watts) AS watts FROM steps GROUP BY minute ORDER BY minute
    """
    return ask(con, sql, home=home, zone=zone, listed=listed, **period(since, until))


def peak_power(
    con: duckdb.DuckDBPyConnection, home: str, since: int, until: int, config: HomeConfig
) -> tuple[float, int] | None:
    """The highest power of the meter, or without one of any device, and when first: (W, ms), or None."""
    ours, listed = counted(con, home, config)
    sql = f"""
    SELECT value AS watts, epoch_ms(time) AS at
    FROM readings WHERE home = $home AND metric = 'power' AND {within("time")} AND {ours}
        AND value IS NOT NULL
    ORDER BY value DESC, time LIMIT 1
    """
    rows = ask(con, sql, home=home, listed=listed, **period(since, until))
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


def counted(con: duckdb.DuckDBPyConnection, home: str, config: HomeConfig) -> tuple[str, list[str]]:
    """The condition that a row's device counts for the whole home, and its parameter $listed.

    These are the home's meters; without one, all devices that take energy and that no other one counts.
    """
    if mains := meters(con, home, config):
        return "list_contains($listed, device)", list(mains)
    return "NOT list_contains($listed, device)", sorted(config.apart)
