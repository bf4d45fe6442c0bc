"""Files of real houses: every row is in the books, and the sums are the files' own."""

import csv
import json
import math
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from homestream.etl import etl

pytestmark = pytest.mark.real_data

Real = Callable[[str], Path]
Look = Callable[[str], list[tuple[Any, ...]]]


def run(source: Path, tmp_path: Path) -> dict[str, Any]:
    """Import, and again: the second time nothing is new."""
    first = etl([str(source)], str(tmp_path / "home"))
    again = etl([str(source)], str(tmp_path / "home"))
    for result in (first, again):
        for one in (result, *result["files"]):
            assert one["read"] == one["stored"] + one["duplicate"] + one["rejected"]
    assert (again["readings"], again["stored"], again["rejected"]) == (0, 0, first["rejected"])
    return first


def test_household_power(tmp_path: Path, real: Real, look: Look) -> None:
    """Two rows of `?`, a last line cut in the middle; energy is the sum of the file's own minutes."""
    folder = real("uci_household_power")
    result = run(folder, tmp_path)
    assert (result["read"], result["stored"], result["duplicate"], result["rejected"]) == (20244, 20243, 0, 1)
    (kept,) = (tmp_path / "home" / "rejected").iterdir()
    assert [json.loads(line)["reason"] for line in kept.read_text().splitlines()] == ["5 fields, expected 9"]
    assert look(
        "SELECT count(*) FROM silver WHERE metric = 'power' AND device = 'house/mains' AND value IS NULL"
    ) == [(2,)]
    minutes = sorted(t for f in folder.glob("hpc_*") for t in _minutes(f))
    wh = 0.0
    for (at, watts, *_), (after, *_) in zip(minutes, [*minutes[1:], (minutes[-1][0] + 60, 0.0)], strict=True):
        # a reading holds until the next, at most for 5 min
        wh += 0.0 if math.isnan(watts) else watts * min(after - at, 300) / 3600
    found = look("SELECT sum(energy_wh) FROM rollup_1d WHERE device = 'house/mains' AND metric = 'power'")
    assert found == [(pytest.approx(wh, abs=0.01),)]
    plain = sum(watts for _, watts in minutes if not math.isnan(watts)) / 60
    assert 0 < wh - plain < 400, "what the ends of the two earlier files hold is all the difference"


def _minutes(file: Path) -> list[tuple[int, float]]:
    """(epoch s, W) of each whole row."""
    found = []
    with file.open(newline="") as text:
        rows = csv.reader(text, delimiter=";" if "original" in file.name else ",")
        next(rows)
        for row in rows:
            if len(row) == 9:
                moment = datetime.strptime(" ".join(row[:2]), "%d/%m/%Y %H:%M:%S").replace(tzinfo=UTC)
                watts = row[2]
            elif len(row) == 8:
                moment, watts = datetime.fromisoformat(row[0]), row[1]
            else:
                continue
            found.append((int(moment.timestamp()), math.nan if watts == "?" else float(watts) * 1000))
    return found


def test_six_rooms_of_a_real_flat(tmp_path: Path, real: Real, look: Look) -> None:
    folder = real("opensmarthome")
    lines = {f: len(f.read_bytes().splitlines()) for f in folder.glob("*.csv")}
    result = run(folder, tmp_path)
    assert len(result["files"]) == len(lines)
    for one in result["files"]:
        assert one["read"] == lines[Path(one["file"])]
    assert result["read"] == sum(lines.values())
    assert result["rejected"] == 0
    assert look("SELECT count(*) FROM silver") == [(result["stored"],)]
    rooms = look(
        "SELECT DISTINCT split_part(device, '/', 1) FROM silver WHERE metric = 'temperature' ORDER BY 1"
    )
    assert [room for (room,) in rooms] == ["bathroom", "kitchen", "room1", "room2", "room3", "toilet"]
    ((warm, damp),) = look(
        "SELECT avg(twmean) FILTER (metric = 'temperature' AND device = 'kitchen/climate'), "
        "avg(twmean) FILTER (metric = 'humidity' AND device = 'kitchen/climate') FROM rollup_1d"
    )
    assert 17 < warm < 23
    assert 35 < damp < 60


def test_occupancy(tmp_path: Path, real: Real, look: Look) -> None:
    folder = real("uci_occupancy")
    rows = sum(len(f.read_bytes().splitlines()) - 1 for f in folder.glob("data*.txt"))
    result = run(folder, tmp_path)
    assert (result["read"], result["rejected"]) == (rows, 0)
    assert look("SELECT DISTINCT metric FROM silver ORDER BY 1") == [
        (metric,) for metric in ("carbon_dioxide", "humidity", "illuminance", "occupancy", "temperature")
    ]
    assert look("SELECT DISTINCT value FROM silver WHERE metric = 'occupancy' ORDER BY 1") == [(0.0,), (1.0,)]


def test_appliances_energy(tmp_path: Path, real: Real, look: Look) -> None:
    """Quoted numbers with blanks and exponents; Wh in 10 min become W."""
    file = real("uci_appliances_energy") / "testing.csv"
    with file.open(newline="") as text:
        rows = list(csv.DictReader(text))
    result = run(file, tmp_path)
    assert (result["read"], result["rejected"]) == (len(rows), 0)
    assert look("SELECT sum(value), count(*) FROM silver WHERE device = 'house/appliances'") == [
        (pytest.approx(6 * sum(float(row["Appliances"]) for row in rows)), len({row["date"] for row in rows}))
    ]
    assert look(
        "SELECT avg(value) FROM silver WHERE device = 'kitchen/climate' AND metric = 'temperature'"
    ) == [(pytest.approx(sum(float(row["T1"]) for row in rows) / len(rows)),)]
