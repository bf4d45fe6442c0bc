"""What comes days late stands in hours and days after the night as if it had come in time."""

import json
from pathlib import Path
from random import Random
from typing import Any

import pytest

from homestream.engine.fold import Engine
from homestream.errors import HomestreamError
from homestream.etl.nightly import RIPE, STATE, restate, restate_apart
from homestream.homefile import load
from homestream.lake.ask import ask
from homestream.lake.connect import connect
from homestream.lake.rows import LakeBatch
from homestream.lake.writer import Lake
from homestream.reading import Entry, Kind

DAY, HOUR, MINUTE = 86_400_000, 3_600_000, 60_000
#: 2026-03-28 00:00 in Berlin: the days of the test hold the one of 23 hours
START = 1_774_652_400_000
LENGTH = 3 * DAY
END = START + LENGTH + RIPE + 2 * DAY

#: nobody is silent before the late readings, and so unknown where they say something
HOME = """
id = "home"
timezone = "Europe/Berlin"
device = [
    { id = "den/tv", max_gap = "10m", expect_every = "30d" },
    { id = "den/air", expect_every = "30d" },
    { id = "cellar/meter", expect_every = "30d" },
]
"""

Told = tuple[int, str, str, float]


def life(seed: int) -> list[Told]:
    """Power on change, a counter with hours of silence, and a temperature; (time, device, metric, value)."""
    chance, wh, made = Random(seed), 1_000.0, []
    for now in range(START, START + LENGTH, 11 * MINUTE):
        wh += chance.uniform(0, 100)
        made.append((now, "den/air", "temperature", round(chance.gauss(20, 1), 1)))
        if chance.random() < 0.5:
            made.append((now, "den/tv", "power", round(chance.uniform(0, 200), 1)))
        if (now - START) // (4 * HOUR) % 3:
            made.append((now, "cellar/meter", "energy", round(wh, 1)))
    return made


def lived(folder: Path, told: list[Told], late: list[Told]) -> Lake:
    """A lake of a home that heard `told` in time, and `late` two days after all."""
    (folder / "home.toml").write_text(HOME)
    lake, engine, entries = Lake(folder), Engine(), [_configure(folder)]
    for time, device, metric, value in told:
        entries.append(_row(time, time, device, metric, value))
    after = START + LENGTH + 2 * DAY
    entries += [_tick(now) for now in range(told[-1][0], after, HOUR)]
    entries += [_row(after, *row) for row in late]
    entries += [_tick(now) for now in range(after, END, HOUR)]
    entries = [entry._replace(seq=seq) for seq, entry in enumerate(entries, 1)]
    output = engine.apply(entries)
    assert not output.rejected
    lake.write(LakeBatch(entries, output.readings, output.facts, output.rejected), entries[-1].seq)
    return lake


def _configure(folder: Path) -> Entry:
    body = load(folder).model_dump_json(by_alias=True, exclude={"door", "notify"}).encode()
    return Entry(0, Kind.ACTION, "home", "run", "configure", body, START)


def _row(arrived: int, time: int, device: str, metric: str, value: float) -> Entry:
    payload = json.dumps({"device": device, "metric": metric, "value": value, "time": time}).encode()
    return Entry(0, Kind.MESSAGE, "home", "http:x", "api/readings", payload, arrived)


def _tick(now: int) -> Entry:
    return Entry(0, Kind.TICK, "", "clock", "", b"", now)


def windows(folder: Path, view: str) -> dict[tuple[Any, ...], tuple[Any, ...]]:
    con = connect(folder)
    rows = ask(
        con,
        'SELECT device, metric, epoch_ms(start) AS start, count, "min", "max", round("sum", 6) AS "sum", '
        'round(twmean, 6) AS twmean, "last", known_ms, round(coalesce(energy_wh, -1), 6) AS energy '
        f"FROM {view} WHERE start < make_timestamptz({(START + LENGTH) * 1000}) ORDER BY ALL",
    )
    con.close()
    return {
        tuple(row.values())[:3]: tuple(row.values())[3:] for row in rows if row["count"] or row["known_ms"]
    }


def unplaced(folder: Path) -> dict[Any, Any]:
    con = connect(folder)
    sql = "SELECT data ->> '$.end' AS until, (data ->> '$.energy')::DOUBLE AS wh FROM events "
    rows = ask(con, sql + "WHERE kind = 'unplaced' ORDER BY (data ->> '$.revision')::INTEGER")
    con.close()
    last = {row["until"]: round(row["wh"], 6) for row in rows}
    return {until: wh for until, wh in last.items() if wh}


def test_after_the_night_it_is_as_if_all_had_come_in_time(tmp_path: Path) -> None:
    told, chance = life(1), Random(1)
    late = [row for row in told[1:-9] if chance.random() < 0.02]
    one, other = tmp_path / "in_time", tmp_path / "grandma's"
    one.mkdir()
    other.mkdir()
    lived(one, told, [])
    lived(other, [row for row in told if row not in late], late)
    for view in ("rollup_1h", "rollup_1d"):
        assert windows(other, view) != windows(one, view)
    stated = restate(other, END)
    assert stated > 0
    for view in ("rollup_1h", "rollup_1d"):
        assert windows(other, view) == windows(one, view)
    assert unplaced(other) == unplaced(one)
    assert restate(other, END) == 0


def test_days_that_the_engine_may_still_state_wait_for_another_night(tmp_path: Path) -> None:
    told = life(4)
    lived(tmp_path, told, [(START + LENGTH - HOUR + 1, "den/air", "temperature", 99.0)])
    assert restate(tmp_path, START + LENGTH + 2 * DAY) == 0
    assert restate(tmp_path, END) > 0


def test_it_runs_in_a_process_of_its_own(tmp_path: Path) -> None:
    lived(tmp_path, life(6)[:200], [])
    restate_apart(tmp_path)
    assert json.loads((tmp_path / STATE).read_text())["seq"] > 0
    with pytest.raises(HomestreamError, match="late readings did not amend the lake"):
        restate_apart(tmp_path / "nowhere")


def test_a_night_without_late_readings_states_nothing(tmp_path: Path) -> None:
    lived(tmp_path, life(5), [])
    assert restate(tmp_path, END) == 0
    assert restate(tmp_path, END + DAY) == 0
