"""Hours of a home: those closed, from the roll-up, and those not closed yet, worked out from readings.

The hours since the newest closed one are an estimate for the page: a value holds until the next reading, at
most as long as the engine holds it, and a counter adds what it rose by. The engine's own figures, which also
know what came before the hour, replace them when it closes.

What a counter gained over a silence is in no hour of the roll-up: nobody knows when it was used. Here it is
spread evenly over that silence, in rows of its own, with `spread_wh` to tell it from what was measured.
"""

from collections.abc import Sequence

from homestream.engine.energy.counter import BREAKER_W, COARSE_WH, PLACED_MS
from homestream.engine.series import ENERGY
from homestream.engine.windows import HOLD_MAX, MAX_GAP
from homestream.lake.ask import listed, within

#: How long a value holds without a new reading.
HOLD = f"INTERVAL (CASE metric WHEN 'power' THEN {MAX_GAP} ELSE {HOLD_MAX} END) MILLISECOND"

#: ms that a reading of `series`, a window of one series in order of time, holds; none for the newest.
HELD_MS = f"epoch_ms(least(coalesce(lead(time) OVER series, time), time + {HOLD})) - epoch_ms(time)"


#: The start of the hour that holds a time. The closed hours tell where hours begin: not everywhere in the
#: world at full hours of UTC.
HOUR_OF = "time_bucket(INTERVAL 1 HOUR, {}, coalesce((SELECT max(start) FROM closed), $since))"

#: Which of its two figures a device is counted by: one for the whole period, or hours would count twice.
CHOSEN = """
, chosen AS (
    SELECT device, CASE WHEN bool_or(metric = 'energy' AND energy_wh IS NOT NULL)
        THEN 'energy' ELSE 'power' END AS metric
    FROM hours GROUP BY device
)"""

#: A counter that returned later than this after the period ended does not tell of it any more, days.
LONGEST_SILENCE = 62

#: What a counter rose by, where that can be and is no return after a silence.
RISE = f"""CASE WHEN epoch_ms(time) - epoch_ms(lag(time) OVER series) <= {PLACED_MS}
            AND value - lag(value) OVER series <= {COARSE_WH}
                + {BREAKER_W} * (epoch_ms(time) - epoch_ms(lag(time) OVER series)) / 3.6e6
            THEN greatest(value - lag(value) OVER series, 0) ELSE 0 END"""


def hours(metrics: Sequence[str]) -> str:
    """CTEs (after WITH) that end in `hours`.

    Its columns: device, metric, start, twmean, low, high, known_ms, energy_wh, spread_wh (what of it is not
    known when), edge_wh (what of that may as well lie outside the period). Parameters: $home and those of
    `ask.period`.
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
    SELECT device, metric, {HOUR_OF.format("time")} AS start, value,
        {HELD_MS} AS ms,
        {RISE} AS rise
    FROM open WINDOW series AS (PARTITION BY device, metric ORDER BY time, seq)
{_spread(metrics)}), hours AS (
    SELECT *, 0.0 AS spread_wh, 0.0 AS edge_wh FROM closed UNION ALL
    SELECT device, metric, start, NULL, NULL, NULL, 0, wh, wh, CASE WHEN edge THEN wh ELSE 0 END FROM spread
    UNION ALL
    SELECT device, metric, start, coalesce(sum(value * ms) / nullif(sum(ms), 0), avg(value)),
        min(value), max(value), sum(ms),
        CASE metric WHEN 'power' THEN sum(value * ms) / 3.6e6
            WHEN 'energy' THEN sum(rise) WHEN 'energy_export' THEN sum(rise) END, 0, 0
    FROM held WHERE value IS NOT NULL GROUP BY device, metric, start
)"""


def _spread(metrics: Sequence[str]) -> str:
    """The CTE `spread`, of what counters gained over silences; of no rows where none is asked for."""
    if not ENERGY & set(metrics):
        nothing = "'' AS device, '' AS metric, $since AS start, false AS edge, 0.0 AS wh"
        return f"), spread AS (SELECT {nothing} WHERE false"
    return f"""), silences AS (
    SELECT device, data ->> '$.metric' AS metric,
        make_timestamptz((data ->> '$.start')::BIGINT * 1000) AS since,
        make_timestamptz((data ->> '$.end')::BIGINT * 1000) AS until, (data ->> '$.energy')::DOUBLE AS wh
    FROM events WHERE home = $home AND kind = 'unplaced'
        AND day BETWEEN $first AND $last + INTERVAL {LONGEST_SILENCE} DAY
    QUALIFY row_number() OVER (
        PARTITION BY device, metric, until ORDER BY (data ->> '$.revision')::INTEGER DESC, seq DESC) = 1
), within AS (
    SELECT *, greatest(since, $since) AS a, least(until, $until) AS b FROM silences
    WHERE metric IN {listed(metrics)} AND wh > 0 AND since < $until AND until > $since
), pieces AS (
    SELECT *, unnest(generate_series(
        {HOUR_OF.format("a")}, b - INTERVAL 1 MICROSECOND, INTERVAL 1 HOUR)) AS hour
    FROM within
), spread AS (
    SELECT device, metric, hour AS start, since < $since OR until > $until AS edge, wh
        * (epoch_ms(least(hour + INTERVAL 1 HOUR, b)) - epoch_ms(greatest(hour, a)))
        / (epoch_ms(until) - epoch_ms(since)) AS wh
    FROM pieces"""
