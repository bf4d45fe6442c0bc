"""Hours and days of the series that changed, as the engine states them (`engine.windows`), by whole columns.

A value holds until the next reading, at most for its series' hold; NULL holds nothing. Hours follow the
home's local time, days are made of hours. Counters are folded by the engine's `counter.fold`, and what they
gained over a silence is in no window, but set apart as the engine does. Where the
batch knows more than the stream: a power series sampled more slowly than every 5 min holds for one and a
half of its usual steps, up to an hour, since its values are then means of those steps. And where it knows
less: after a series' last reading, nothing is held beyond that minute. With `holds`, of days long past, it is
the stream's own figures: each series' hold is given, and a last reading is held too.
"""

from collections.abc import Mapping, Sequence
from itertools import groupby
from math import fsum
from operator import itemgetter
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa

from homestream.engine.clock import HOUR, MINUTE
from homestream.engine.energy import counter
from homestream.engine.windows import HOLD_MAX, MAX_GAP
from homestream.etl import moment

#: how far around what changed the held readings must be known: a day's hold, and whole days
REACH = 3 * 24 * HOUR
#: the longest step whose mean a power reading is taken for
SLOWEST = HOUR


def roll_up(con: duckdb.DuckDBPyConnection, zone: ZoneInfo, holds: Mapping[int, int] | None = None) -> None:
    """`whole`, `fresh`, `flags`, `old_*` -> `new_1h`, `new_1d`, `new_apart`: what changed.

    `holds`: sid -> ms that a value holds.
    """
    first, last = con.execute("SELECT min(time), max(time) FROM whole").fetchall()[0]
    steps = moment.offsets(zone, (first or moment.EARLIEST) - REACH, (last or moment.LATEST) + REACH)
    con.execute(f"CREATE MACRO hour_of(t) AS {_floor('t', steps)}")
    con.execute(f"CREATE MACRO day_of(t) AS {_midnight('t', steps)}")
    con.execute(_CHANGED_SERIES)
    if holds is None:
        con.execute(_OWN_HOLDS)
    else:
        con.execute(_GIVEN_HOLDS)
        con.executemany("INSERT INTO holds VALUES (?, ?)", list(holds.items()))
    con.execute(_SEGMENTS)
    con.execute(_HOURS)
    _count_energy(con)
    con.execute(_DAYS)
    for size, windows in (("1h", "hours"), ("1d", "days")):
        con.execute(_CHANGED.format(size=size, windows=windows))


def _floor(time: str, steps: Sequence[tuple[int, int]]) -> str:
    shift = moment.offset_sql(steps, time)
    return f"(({time} + {shift}) // {HOUR} * {HOUR} - {shift})"


def _midnight(time: str, steps: Sequence[tuple[int, int]]) -> str:
    local = f"(({time} + {moment.offset_sql(steps, time)}) // {24 * HOUR} * {24 * HOUR})"
    return moment.to_utc_sql(steps, local)


_CHANGED_SERIES = """
CREATE TABLE changed AS
    SELECT sid, min(time) AS low, max(time) AS high
    FROM (SELECT sid, time FROM fresh UNION ALL SELECT sid, time FROM flags) GROUP BY sid;
"""

#: how long the series' values hold, and where the last one ends
_OWN_HOLDS = f"""
CREATE TABLE holds AS
    SELECT sid, CASE WHEN metric <> 'power' THEN {HOLD_MAX}
                     ELSE greatest({MAX_GAP}, least((1.5 * step)::BIGINT, {SLOWEST})) END AS hold
    FROM changed JOIN series USING (sid)
    LEFT JOIN (SELECT sid, median(step) AS step
               FROM (SELECT sid, time - lag(time) OVER (PARTITION BY sid ORDER BY time) AS step
                     FROM whole JOIN series USING (sid) WHERE metric = 'power') GROUP BY sid) USING (sid);
CREATE TABLE ends AS
    SELECT sid, max(time) // {MINUTE} * {MINUTE} + {MINUTE} AS ending FROM whole GROUP BY sid;
"""
_GIVEN_HOLDS = f"""
CREATE TABLE holds(sid INTEGER, hold BIGINT);
CREATE TABLE ends AS SELECT sid, {moment.LATEST}::BIGINT AS ending FROM series;
"""

#: `spans`: readings with the time they hold; `touched`: by series, the stretch whose windows may differ
_SEGMENTS = """
CREATE TABLE spans AS
    SELECT sid, time, value, least(COALESCE(lead(time) OVER s, ending), ending, time + hold) AS stop
    FROM whole JOIN holds USING (sid) JOIN ends USING (sid)
    WINDOW s AS (PARTITION BY sid ORDER BY time);
CREATE TABLE touched AS
    SELECT changed.sid, hour_of(COALESCE(max(time) FILTER (time < low AND time > low - hold), low)) AS first,
           COALESCE(max(stop) FILTER (time <= high), high + 1) AS final
    FROM changed JOIN holds USING (sid) LEFT JOIN spans USING (sid)
    GROUP BY changed.sid, low, high, hold;
"""

_HOURS = f"""
CREATE TABLE hours AS
    SELECT sid, start, count(value) FILTER (own) AS count, min(value) FILTER (own) AS min,
           max(value) FILTER (own) AS max, COALESCE(fsum(value) FILTER (own), 0.0) AS sum,
           COALESCE(fsum(value * span), 0.0) AS integral,
           COALESCE(sum(span) FILTER (value IS NOT NULL), 0)::BIGINT AS known,
           arg_max(value, time) AS last, NULL::DOUBLE AS energy
    FROM (SELECT sid, start, time, value, time >= start AS own,
                 greatest(least(stop, start + {HOUR}) - greatest(time, start), 0) AS span
          FROM (SELECT sid, time, value, stop,
                       unnest(range(hour_of(time), greatest(stop, time + 1), {HOUR})) AS start
                FROM spans JOIN touched USING (sid)
                WHERE stop >= first AND time < final + {HOUR}))
    JOIN touched USING (sid) WHERE start >= first AND start < final
    GROUP BY sid, start HAVING count > 0 OR known > 0;
UPDATE hours SET energy = integral / 3600000.0 FROM series
    WHERE hours.sid = series.sid AND metric = 'power' AND known > 0;
"""

_COUNTERS = "SELECT sid FROM touched JOIN series USING (sid) WHERE metric IN ('energy', 'energy_export')"


def _count_energy(con: duckdb.DuckDBPyConnection) -> None:
    """What counters counted, into the hour that holds the later reading, as the engine does."""
    con.execute("CREATE TABLE used(sid INTEGER, start BIGINT, wh DOUBLE)")
    con.execute("CREATE TABLE apart(sid INTEGER, time BIGINT, since BIGINT, wh DOUBLE)")
    for (sid,) in con.execute(_COUNTERS).fetchall():
        rows = con.sql(f"""
            SELECT hour_of((time - 1) // {MINUTE} * {MINUTE}), time, value FROM whole
            WHERE sid = {sid} AND value IS NOT NULL ORDER BY time
        """).to_arrow_table()
        meter: counter.Meter | None = None
        counted, apart = [], []
        for start, some in groupby(zip(*(c.to_pylist() for c in rows.columns), strict=True), itemgetter(0)):
            meter, used, draws, _ = counter.fold(meter, ((time, value) for _, time, value in some))
            counted.append((sid, start, fsum(used)))
            apart += [(sid, draw.time, draw.since, draw.wh) for draw in draws]
        _insert(con, "used", ("sid", "start", "wh"), counted)
        _insert(con, "apart", ("sid", "time", "since", "wh"), apart)
    con.execute(f"""
        UPDATE hours SET energy = COALESCE(
            (SELECT wh FROM used WHERE used.sid = hours.sid AND used.start = hours.start), 0.0)
        WHERE sid IN ({_COUNTERS})
    """)
    con.execute(_APART)


def _insert(con: duckdb.DuckDBPyConnection, table: str, names: Sequence[str], rows: list[Any]) -> None:
    if rows:
        con.register("found", pa.table(dict(zip(names, zip(*rows, strict=True), strict=True))))
        con.execute(f"INSERT INTO {table} FROM found")
        con.unregister("found")


#: draws over what changed that are not as they were; those that are no more are taken back
_APART = """
CREATE TABLE new_apart AS
    SELECT n.sid, n.time, n.since, n.wh, COALESCE(o.revision + 1, 0)::INTEGER AS revision
    FROM (SELECT COALESCE(a.sid, o.sid) AS sid, COALESCE(a.time, o.time) AS time,
                 COALESCE(a.since, o.since) AS since, COALESCE(a.wh, 0.0) AS wh
          FROM apart a FULL JOIN old_apart o ON a.sid = o.sid AND a.time = o.time) AS n
    JOIN changed c ON c.sid = n.sid AND n.time >= c.low AND n.since <= c.high
    LEFT JOIN old_apart o ON o.sid = n.sid AND o.time = n.time
    WHERE o.sid IS NULL OR o.since <> n.since OR abs(o.wh - n.wh) > 1e-6
"""


#: days of the touched hours, with those of their hours that were not touched
_DAYS = """
CREATE TABLE days AS
    SELECT sid, day AS start, sum(count)::BIGINT AS count, min(min) AS min, max(max) AS max, fsum(sum) AS sum,
           fsum(integral) AS integral, sum(known)::BIGINT AS known, arg_max(last, start) AS last,
           fsum(energy) AS energy
    FROM (SELECT *, day_of(start) AS day FROM hours
          UNION ALL
          SELECT sid, start, count, min, max, sum, COALESCE(twmean * known, 0.0), known, last, energy,
                 day_of(start)
          FROM old_1h o WHERE NOT EXISTS (SELECT * FROM hours h WHERE h.sid = o.sid AND h.start = o.start))
    WHERE (sid, day) IN (SELECT DISTINCT (sid, day_of(start)) FROM hours)
    GROUP BY sid, day;
"""

_SAME = " AND ".join(
    f"(o.{name} IS NOT DISTINCT FROM w.{name} "
    f"OR abs(o.{name} - w.{name}) <= 1e-9 * greatest(1, abs(w.{name})))"
    for name in ("count", "min", "max", "sum", "twmean", "known", "last", "energy")
)
_CHANGED = f"""
CREATE TABLE new_{{size}} AS
    SELECT w.*, COALESCE(o.revision + 1, 0)::INTEGER AS revision
    FROM (SELECT *, CASE WHEN known > 0 THEN integral / known END AS twmean,
                 CASE WHEN count > 0 THEN sum / count END AS mean FROM {{windows}}) AS w
    LEFT JOIN old_{{size}} AS o ON o.sid = w.sid AND o.start = w.start
    WHERE o.sid IS NULL OR NOT ({_SAME});
"""
