"""When an appliance ran, how long, and what each run took."""

from math import isnan

import duckdb

from homestream.engine.energy.appliance import runs
from homestream.engine.windows import power_hold
from homestream.home import HomeConfig
from homestream.lake.ask import Rows, ask, period, within

#: Levels are learned from so long before the period, ms.
LEARN_MS = 7 * 86_400_000


def appliance_runs(
    con: duckdb.DuckDBPyConnection, home: str, device: str, since: int, until: int, config: HomeConfig
) -> Rows:
    """The runs of a device that began in [since, until), in order of time.

    Each a dict: start, end (ms; None where it ran still), kwh (of its power, left-hold) and peak (W).
    """
    sql = f"""
    SELECT epoch_ms(time) AS time, coalesce(value, 'nan'::DOUBLE) AS watts FROM readings
    WHERE home = $home AND device = $device AND metric = 'power' AND {within("time")} ORDER BY time, seq
    """
    hold = power_hold(config.named(device))
    rows = ask(con, sql, home=home, device=device, **period(since - LEARN_MS, until))
    readings = [(row["time"], row["watts"]) for row in rows]
    ends = [*(time for time, _ in readings[1:]), until]
    held = [(t, min(end, t + hold), w) for (t, w), end in zip(readings, ends, strict=False) if not isnan(w)]
    found = []
    for start, end in runs(readings, hold):
        if start >= since:
            upto = until if end is None else end
            inside = [(max(a, start), min(b, upto), w) for a, b, w in held if a < upto and b > start]
            kwh = sum(w * (b - a) for a, b, w in inside) / 3.6e9
            peak = max(w for *_, w in inside)
            found.append({"start": start, "end": end, "kwh": kwh, "peak": peak})
    return found
