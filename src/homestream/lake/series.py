"""Measured values over time: one series thinned, rooms by hour of the day."""

from statistics import median

import duckdb

from homestream.engine.windows import HOLD_MAX
from homestream.lake.ask import Rows, ask, period, within
from homestream.lake.devices import LATEST, ROOM
from homestream.lake.hours import hours

HOUR_MS = 3_600_000

#: So many times its usual silence is a gap also in a series whose readings are further apart than its hold.
UNUSUAL = 3

#: Of the hours closed, and of the readings since for a home of less than an hour.
MEASURES_HUMIDITY = f"""
SELECT device FROM rollup_1h WHERE home = $home AND metric = 'humidity' AND {within("start")}
UNION SELECT device FROM readings WHERE home = $home AND metric = 'humidity' AND {within("time")}
"""


def series(
    con: duckdb.DuckDBPyConnection,
    home: str,
    device: str,
    metric: str,
    since: int,
    until: int,
    points: int,
    hold: int = HOLD_MAX,
) -> Rows:
    """One series over [since, until) in at most `points` rows: dicts of time (ms), min, max and mean.

    `time` is the first reading's of the row; values are None where the series was unknown all along. Where
    a row spans an hour or more it is made of whole hours. A silence longer than `hold` ms, and than is usual
    of the series, has a row of Nones more, from when its last value held no longer.
    """
    width = max(1, -(-(until - since) // points))
    asked = {"home": home, "device": device, "metric": metric, "from": since, "width": width}
    if width >= HOUR_MS:
        sql = f"""
        SELECT epoch_ms(min(start)) AS time, min("min") AS "min", max("max") AS "max",
            coalesce(sum(twmean * known_ms) / nullif(sum(known_ms), 0), avg("mean")) AS mean,
            epoch_ms(max(start)) + {HOUR_MS} AS latest
        FROM rollup_1h WHERE home = $home AND device = $device AND metric = $metric AND {within("start")}
        GROUP BY (epoch_ms(start) - $from) // $width ORDER BY 1
        """
    else:
        sql = f"""
        SELECT epoch_ms(min(time)) AS time, min(value) AS "min", max(value) AS "max", avg(value) AS mean,
            epoch_ms(max(time)) AS latest
        FROM readings WHERE home = $home AND device = $device AND metric = $metric AND {within("time")}
        GROUP BY (epoch_ms(time) - $from) // $width ORDER BY 1
        """
    return _with_gaps(ask(con, sql, **asked, **period(since, until)), hold)


def _with_gaps(rows: Rows, hold: int) -> Rows:
    ends = [row.pop("latest") for row in rows]
    silences = [row["time"] - end for row, end in zip(rows[1:], ends, strict=False)]
    longest = max(hold, UNUSUAL * median(silences)) if silences else hold
    drawn = rows[:1]
    for row, end, silence in zip(rows[1:], ends, silences, strict=False):
        if silence > longest:
            drawn.append({"time": end + hold, "min": None, "max": None, "mean": None})
        drawn.append(row)
    return drawn


def climate(
    con: duckdb.DuckDBPyConnection, home: str, since: int, until: int, zone: str, metric: str
) -> Rows:
    """Each room's time-weighted mean of `metric` by hour of the local day: dicts of room, hour (0-23), value.

    A device without a room stands for itself, by its name. A lone thermometer may be in a freezer or a
    boiler: in a room where some device also measures humidity only those that do are counted.
    """
    sql = f"""
    WITH {hours((_word(metric),))}, known AS ({LATEST}), placed AS (
        SELECT {ROOM} AS room, device IN ({MEASURES_HUMIDITY}) AS is_air, start, twmean, known_ms
        FROM hours LEFT JOIN known USING (device) WHERE twmean IS NOT NULL
    ), counted AS (
        SELECT * FROM placed QUALIFY is_air = bool_or(is_air) OVER (PARTITION BY room)
    )
    SELECT room, datepart('hour', timezone($zone, start)) AS hour,
        coalesce(sum(twmean * known_ms) / nullif(sum(known_ms), 0), avg(twmean)) AS value
    FROM counted GROUP BY 1, 2 ORDER BY 1, 2
    """
    return ask(con, sql, home=home, zone=zone, **period(since, until))


def _word(metric: str) -> str:
    """A metric's name, which goes into SQL as it is."""
    if not metric.replace("_", "").isalnum():
        raise ValueError(f"{metric!r} is no metric")
    return metric
