"""The hours and days that the stream closed equal the same windows computed by SQL over the readings."""

import json
from pathlib import Path

import pytest

from homestream.engine.fold import Engine
from homestream.engine.windows import HOLD_MAX, MAX_GAP
from homestream.lake.ask import ask
from homestream.lake.connect import connect
from homestream.lake.writer import Lake
from homestream.reading import Entry, Kind

from .house import DAY, HOME, HOUR, MINUTE, batch, day, placed

#: Count, min, max, sum of the readings in a window, and the mean of the values held in it, left-hold.
BY_SQL = f"""
WITH spans AS (
    SELECT home, device, metric, value, epoch_ms(time) AS since, least(
        coalesce(lead(epoch_ms(time)) OVER (PARTITION BY home, device, metric ORDER BY time), {1 << 60}),
        epoch_ms(time) + CASE metric WHEN 'power' THEN {MAX_GAP} ELSE {HOLD_MAX} END) AS until
    FROM readings
), windows AS (
    SELECT home, device, metric, epoch_ms(start) AS start, epoch_ms(start) + $size AS "end" FROM $view
)
SELECT home, device, metric, start,
    count(value) FILTER (since >= start) AS count,
    min(value) FILTER (since >= start) AS "min", max(value) FILTER (since >= start) AS "max",
    coalesce(sum(value) FILTER (since >= start), 0) AS "sum",
    sum(least(until, "end") - greatest(since, start)) AS known_ms,
    sum(value * (least(until, "end") - greatest(since, start))) AS integral
FROM windows JOIN spans USING (home, device, metric)
WHERE value IS NOT NULL AND until > start AND since < "end"
GROUP BY home, device, metric, start ORDER BY home, device, metric, start
"""

BY_STREAM = """
SELECT home, device, metric, epoch_ms(start) AS start, count, "min", "max", "sum", known_ms, twmean, energy_wh
FROM $view ORDER BY home, device, metric, start
"""


@pytest.mark.parametrize(("view", "size", "least"), [("rollup_1h", HOUR, 75), ("rollup_1d", DAY, 3)])
@pytest.mark.parametrize("seed", [1, 2])
def test_windows_of_the_stream_equal_the_query_over_silver(
    tmp_path: Path, view: str, size: int, least: int, seed: int
) -> None:
    lake, engine, entries = Lake(tmp_path), Engine(), day(seed)
    for at in range(0, len(entries), 500):
        cut = entries[at : at + 500]
        lake.write(batch(engine, cut), cut[-1].seq)
    con = connect(tmp_path)
    stream = ask(con, BY_STREAM.replace("$view", view))
    silver = ask(con, BY_SQL.replace("$view", view).replace("$size", str(size)))
    con.close()
    assert len(stream) >= least
    assert [_key(row) for row in stream] == [_key(row) for row in silver]
    for window, same in zip(stream, silver, strict=True):
        for figure in ("count", "min", "max", "known_ms"):
            assert window[figure] == same[figure], (figure, window, same)
        assert window["sum"] == pytest.approx(same["sum"])
        assert window["twmean"] == pytest.approx(same["integral"] / same["known_ms"])
        if window["metric"] == "power":
            assert window["energy_wh"] == pytest.approx(same["integral"] / HOUR)


def test_hours_sum_to_the_day(tmp_path: Path) -> None:
    lake, engine, entries = Lake(tmp_path), Engine(), day()
    lake.write(batch(engine, entries), entries[-1].seq)
    con = connect(tmp_path)
    sums = ask(
        con,
        """
        SELECT d.energy_wh AS day, sum(h.energy_wh) AS hours, any_value(d.count) AS n, sum(h.count) AS m
        FROM rollup_1d AS d JOIN rollup_1h AS h USING (home, device, metric)
        WHERE h.start >= d.start AND h.start < d.start + INTERVAL 1 DAY
        GROUP BY device, metric, d.start, d.energy_wh
        """,
    )
    con.close()
    assert len(sums) >= 3
    for row in sums:
        assert row["n"] == row["m"]
        assert (row["day"] is None) == (row["hours"] is None)
        assert row["day"] is None or row["day"] == pytest.approx(row["hours"])


def _key(row: dict[str, object]) -> tuple[object, ...]:
    return tuple(row[name] for name in ("home", "device", "metric", "start"))


#: Midnight in Berlin of the days on which the clocks change, their hours.
CHANGES = [(1_774_738_800_000, 23), (1_792_879_200_000, 25)]

BY_SQL_OF_DAYS = """
WITH rises AS (
    SELECT device, epoch_ms(time) AS time, value - lag(value) OVER (PARTITION BY device ORDER BY time) AS rise
    FROM readings WHERE metric = 'energy'
), days AS (
    SELECT *, epoch_ms(start) AS a, epoch_ms(timezone($zone, timezone($zone, start) + INTERVAL 1 DAY)) AS b
    FROM rollup_1d WHERE metric = 'energy'
)
SELECT any_value(energy_wh) AS energy, sum(rise) FILTER (time > a AND time <= b) AS rises,
    (any_value(b) - any_value(a)) / 3.6e6 AS hours, any_value(a) AS start
FROM days JOIN rises USING (device) GROUP BY days.start ORDER BY days.start
"""


@pytest.mark.parametrize(("midnight", "hours"), CHANGES)
def test_a_day_on_which_the_clock_is_changed_is_as_long_as_it_is(
    tmp_path: Path, midnight: int, hours: int
) -> None:
    """The stream's local day equals the query over silver, and its hours, of which there are 23 or 25."""
    zone = "Europe/Berlin"
    said = json.dumps({"id": HOME, "timezone": zone}).encode()
    entries = [
        Entry(0, Kind.ACTION, HOME, "run", "configure", said, midnight - 2 * HOUR),
        *day(3, hours + 5, 2 * MINUTE, midnight - 2 * HOUR),
    ]
    lake, engine = Lake(tmp_path), Engine()
    lake.write(batch(engine, placed(entries)), len(entries))
    con = connect(tmp_path)
    days = ask(con, BY_SQL_OF_DAYS, zone=zone)
    ((parts, least, mean),) = con.execute(
        """
        SELECT count(*), min(r.count), sum(r.energy_wh) FROM rollup_1h AS r
        WHERE metric = 'energy' AND epoch_ms(start) >= ? AND epoch_ms(start) < ?
        """,
        [midnight, midnight + hours * HOUR],
    ).fetchall()
    con.close()
    (found,) = (row for row in days if row["start"] == midnight)
    assert (found["hours"], parts, least) == (hours, hours, 30)
    assert found["energy"] == pytest.approx(found["rises"]) == pytest.approx(mean)
