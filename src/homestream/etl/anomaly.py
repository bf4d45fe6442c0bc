"""Values that cannot be, and single values that leap away and back: flagged, and out of the averages.

What lies outside a metric's physical range is kept as an anomaly only. A spike is kept as a reading too. It
is one that differs from both its neighbours, the same way, by more than `12` times the series' usual step
(a median, so that spikes do not hide themselves) and by more than the metric's own floor, while the
neighbours agree. Power has no spikes: kettles are real.
"""

import duckdb

from homestream.reading import METRICS

#: metric -> what a leap within minutes must exceed; slow quantities only
FLOORS = {
    "temperature": 4.0,
    "humidity": 15.0,
    "pressure": 8.0,
    "carbon_dioxide": 600.0,
    "voltage": 40.0,
}
#: times the usual step
USUAL = 12
#: neighbours further away than this say nothing of a value, ms
NEAR = 1_800_000

_RANGE = """
CREATE TABLE flags AS
    SELECT fresh.sid, time, 'range' AS kind, value, low, high
    FROM fresh JOIN series USING (sid) JOIN bounds USING (metric) WHERE value NOT BETWEEN low AND high;
CREATE TABLE whole AS
    SELECT sid, time, value FROM fresh WHERE (sid, time) NOT IN (SELECT (sid, time) FROM flags)
    UNION ALL
    SELECT sid, time, value FROM held
    WHERE NOT EXISTS (SELECT * FROM fresh WHERE fresh.sid = held.sid AND fresh.time = held.time)
      AND NOT EXISTS (SELECT * FROM old_flags f WHERE f.sid = held.sid AND f.time = held.time);
"""

_SPIKES = f"""
INSERT INTO flags
WITH near AS (
    SELECT sid, time, value, floor, lag(time) OVER s AS t0, lag(value) OVER s AS v0,
           lead(time) OVER s AS t2, lead(value) OVER s AS v2
    FROM whole JOIN series USING (sid) JOIN floors USING (metric) WHERE value IS NOT NULL
    WINDOW s AS (PARTITION BY sid ORDER BY time)
), usual AS (SELECT sid, median(abs(value - v0)) AS step FROM near GROUP BY sid),
limits AS (SELECT *, greatest(floor, {USUAL} * step) AS far FROM near JOIN usual USING (sid))
SELECT sid, time, 'spike', value, least(v0, v2), greatest(v0, v2) FROM limits
WHERE abs(value - v0) > far AND abs(value - v2) > far AND (value > v0) = (value > v2)
  AND abs(v0 - v2) < far / 2 AND time - t0 <= {NEAR} AND t2 - time <= {NEAR};
"""


def flag(con: duckdb.DuckDBPyConnection) -> None:
    """`fresh`, `held`, `old_flags` -> `flags` (sid, time, kind, value, low, high), `whole` (the rest)."""
    bounds = ", ".join(f"('{metric}', {low!r}, {high!r})" for metric, (_, low, high) in METRICS.items())
    con.execute(
        f"CREATE TABLE bounds AS SELECT metric, low::DOUBLE AS low, high::DOUBLE AS high "
        f"FROM (VALUES {bounds}) AS t(metric, low, high)"
    )
    floors = ", ".join(f"('{metric}', {floor!r})" for metric, floor in FLOORS.items())
    con.execute(
        f"CREATE TABLE floors AS SELECT metric, floor::DOUBLE AS floor "
        f"FROM (VALUES {floors}) AS t(metric, floor)"
    )
    con.execute(_RANGE)
    con.execute(_SPIKES)
    con.execute("DELETE FROM whole USING flags WHERE whole.sid = flags.sid AND whole.time = flags.time")
