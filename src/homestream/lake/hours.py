"""Hours of a home: those closed, from the roll-up, and those not closed yet, worked out from readings.

The hours since the newest closed one are an estimate for the page: a value holds until the next reading, at
most as long as the engine holds it, and a counter adds what it rose by. The engine's own figures, which also
know what came before the hour, replace them when it closes.
"""

from collections.abc import Sequence

from homestream.engine.windows import HOLD_MAX, MAX_GAP
from homestream.lake.ask import listed, within

#: How long a value holds without a new reading.
HOLD = f"INTERVAL (CASE metric WHEN 'power' THEN {MAX_GAP} ELSE {HOLD_MAX} END) MILLISECOND"

#: ms that a reading of `series`, a window of one series in order of time, holds; none for the newest.
HELD_MS = f"epoch_ms(least(coalesce(lead(time) OVER series, time), time + {HOLD})) - epoch_ms(time)"


def hours(metrics: Sequence[str]) -> str:
    """CTEs (after WITH) that end in `hours`: device, metric, start, twmean, low, high, known_ms, energy_wh.

    Parameters: $home and those of `ask.period`.
    """
    wanted = f"home = $home AND metric IN {listed(metrics)}"
    return f"""
closed AS (
    SELECT device, metric, start, twmean, "min" AS low, "max" AS high, known_ms, energy_wh
    FROM rollup_1h WHERE {wanted} AND {within("start")}
), open AS (
    SELECT device, metric, time, value, seq FROM readings
    WHERE {wanted} AND {within("time")}
        AND time >= coalesce((SELECT max(start) + INTERVAL 1 HOUR FROM closed), $since)
), held AS (
    SELECT device, metric, time_bucket(INTERVAL 1 HOUR, time) AS start, value,
        {HELD_MS} AS ms,
        greatest(value - lag(value) OVER series, 0) AS rise
    FROM open WINDOW series AS (PARTITION BY device, metric ORDER BY time, seq)
), hours AS (
    SELECT * FROM closed UNION ALL
    SELECT device, metric, start, coalesce(sum(value * ms) / nullif(sum(ms), 0), avg(value)),
        min(value), max(value), sum(ms),
        CASE metric WHEN 'power' THEN sum(value * ms) / 3.6e6 WHEN 'energy' THEN sum(rise) END
    FROM held WHERE value IS NOT NULL GROUP BY device, metric, start
)"""
