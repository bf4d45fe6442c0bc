"""Hours and days are those that the engine states, and do not depend on how the input was cut."""

import math
import sqlite3
from array import array
from itertools import pairwise
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from homestream.engine import windows
from homestream.engine.clock import MINUTE, day_end, day_start, hour_end, hour_start
from homestream.engine.energy import counter
from homestream.engine.windows import HOLD_MAX, MAX_GAP, Tally
from homestream.etl import etl

HEAD = "device,metric,time,value\n"
#: two days before the clocks change in Berlin, so that windows of 23 h and of the hour lost are in it
FRIDAY = 1_774_566_000_000
Row = tuple[str, int, float]

steps = st.lists(
    st.tuples(
        st.sampled_from(["temperature", "power", "energy", "switch"]),
        st.sampled_from([5_000, 60_000, 170_000, 900_000, 7_200_000, 40_000_000]),
        st.floats(0, 3000, width=32),
        st.integers(0, 30),
    ),
    min_size=1,
    max_size=60,
)


def series_of(found: list[tuple[str, int, float, int]]) -> list[Row]:
    """Readings in order of time; a counter grows, some values are unknown (NaN)."""
    rows, at, counter = [], FRIDAY, 1000.0
    for metric, step, value, luck in found:
        at += step
        if metric == "switch":
            number = float(value > 1500)
        elif metric == "energy":
            counter = counter + value if luck else 5.0
            number = counter
        else:
            number = value / 50 if metric == "temperature" else value
        rows.append((metric, at, math.nan if luck == 1 else number))
    return rows


def text(rows: list[Row]) -> str:
    return HEAD + "".join(f"box,{m},{t},{'?' if math.isnan(v) else repr(v)}\n" for m, t, v in rows)


def loaded(parts: list[str], zone: str, folder: str) -> sqlite3.Connection:
    for part in parts:
        path = Path(folder) / "part.csv"
        path.write_text(part)
        etl([str(path)], f"sqlite:///{folder}/out.db", timezone=zone)
    return sqlite3.connect(Path(folder) / "out.db")


def expected(rows: list[Row], metric: str, zone: ZoneInfo) -> dict[str, dict[int, Tally]]:
    """Hours and days by the engine's own arithmetic, minute by minute."""
    times, values = array("q"), array("d")
    for name, time, value in rows:
        if name == metric:
            times.append(time)
            values.append(value)
    gaps = sorted(b - a for a, b in pairwise(times))
    middle = (gaps[(len(gaps) - 1) // 2] + gaps[len(gaps) // 2]) / 2 if gaps else 0
    hold = max(MAX_GAP, min(int(1.5 * middle + 0.5), 3_600_000)) if metric == "power" else HOLD_MAX
    end = times[-1] // MINUTE * MINUTE + MINUTE
    hours: dict[int, Tally] = {}
    start, meter = hour_start(zone, times[0]), None
    while start < end:
        stop = hour_end(zone, start)
        minutes = range(start, min(stop, end), MINUTE)
        tally = windows.merge(windows.measure(times, values, m, m + MINUTE, hold) for m in minutes)
        if metric == "power":
            tally.energy = tally.integral / 3_600_000 if tally.known else None
        elif metric == "energy":
            inside = [(t, v) for t, v in zip(times, values, strict=True) if start < t <= stop]
            if start == hour_start(zone, times[0]) and times[0] == start:
                inside.insert(0, (times[0], values[0]))
            meter, used, *_ = counter.fold(meter, inside)
            tally.energy = math.fsum(used)
        if tally.known or tally.count:
            hours[start] = tally
        start = stop
    days: dict[int, list[Tally]] = {}
    for start, tally in hours.items():
        days.setdefault(day_start(zone, start), []).append(tally)
    return {"rollup_1h": hours, "rollup_1d": {day: windows.merge(some) for day, some in days.items()}}


def check(db: sqlite3.Connection, rows: list[Row], zone: str) -> None:
    for metric in {row[0] for row in rows}:
        for table, tallies in expected(rows, metric, ZoneInfo(zone)).items():
            found = db.execute(
                "SELECT start, count, min, max, sum, known_ms, twmean, last, energy_wh "
                f"FROM {table} WHERE metric = ?",
                [metric],
            ).fetchall()
            assert {row[0] for row in found} == set(tallies), (table, metric)
            for start, *figures in found:
                t = tallies[start]
                twmean = t.integral / t.known if t.known else None
                want = [t.count, t.min, t.max, t.sum, t.known, twmean, t.last, t.energy]
                assert figures == [v if v is None else pytest.approx(v, abs=1e-6) for v in want], (
                    table,
                    metric,
                )


@given(found=steps, zone=st.sampled_from(["Europe/Berlin", "UTC", "Asia/Kolkata"]))
@settings(max_examples=12, deadline=None, suppress_health_check=list(HealthCheck))
def test_windows_are_the_engines(found: list[tuple[str, int, float, int]], zone: str) -> None:
    rows = series_of(found)
    with TemporaryDirectory() as folder:
        db = loaded([text(rows)], zone, folder)
        check(db, rows, zone)
        db.close()


@given(
    values=st.lists(st.integers(0, 1000), min_size=3, max_size=80),
    cuts=st.lists(st.integers(0, 80), max_size=3),
    turned=st.booleans(),
)
@settings(max_examples=8, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_cut_of_the_input_gives_the_same(values: list[int], cuts: list[int], turned: bool) -> None:
    rows: list[Row] = []
    for n, value in enumerate(values):
        at = FRIDAY + n * 120_000 + (n // 20) * 7_000_000
        rows += [("power", at, float(value)), ("energy", at, 10.0 * n), ("switch", at, float(value % 2))]
    places = sorted({min(cut, len(values)) * 3 for cut in cuts} | {0, len(rows)})
    parts = [text(rows[a:b]) for a, b in pairwise(places)]
    with TemporaryDirectory() as whole, TemporaryDirectory() as cut:
        one = loaded([text(rows)], "Europe/Berlin", whole)
        many = loaded(parts[::-1] if turned else parts, "Europe/Berlin", cut)
        assert dump(many) == dump(one)
        one.close()
        many.close()


def dump(db: sqlite3.Connection) -> list[Any]:
    """All tables but revisions, figures rounded."""
    columns = "metric, start, count, min, max, sum, mean, twmean, last, known_ms, energy_wh"
    queries = ["SELECT metric, time, value, flag FROM readings ORDER BY 1, 2"]
    queries += [f"SELECT {columns} FROM {table} ORDER BY 1, 2" for table in ("rollup_1h", "rollup_1d")]
    return [
        [tuple(round(c, 6) if isinstance(c, float) else c for c in row) for row in db.execute(query)]
        for query in queries
    ]


def test_hours_make_the_day_of_23_hours() -> None:
    sunday = day_start(ZoneInfo("Europe/Berlin"), FRIDAY + 2 * 86_400_000 + 3_600_000)
    rows = [("power", sunday + n * 60_000, 600.0) for n in range(24 * 60)]
    with TemporaryDirectory() as folder:
        db = loaded([text(rows)], "Europe/Berlin", folder)
        days = db.execute("SELECT start, known_ms, energy_wh FROM rollup_1d ORDER BY 1").fetchall()
        db.close()
    assert day_end(ZoneInfo("Europe/Berlin"), sunday) - sunday == 23 * 3_600_000
    assert days == [(sunday, 23 * 3_600_000, 23 * 600.0), (sunday + 23 * 3_600_000, 3_600_000, 600.0)]
