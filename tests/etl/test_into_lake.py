"""A lake that the live run writes too: what came through the log stays as it was, and days are never cut."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from homestream.etl import etl, into_lake
from homestream.lake.connect import connect
from homestream.lake.writer import Lake, LakeBatch
from homestream.reading import Entry, Kind, Reading

Write = Callable[[str, str], str]

START = 1_767_607_200_000
HEAD = "device,metric,time,value\n"


def test_beside_the_live_run_the_log_keeps_its_place_and_its_readings(tmp_path: Path, write: Write) -> None:
    live = Lake(tmp_path / "home")
    entries = [Entry(7, Kind.MESSAGE, "home", "mqtt:x", "home/a/b/power", b"5", START)]
    live.write(LakeBatch(entries, [(7, Reading("home", "a/b", "power", START, 5.0), False, False)]), 7)
    lines = f"a/b,power,{START},5\na/b,power,{START + 60_000},6\n"
    result = etl([write("a.csv", HEAD + lines)], str(tmp_path / "home"))
    assert (result["stored"], result["duplicate"]) == (1, 1)
    assert Lake(tmp_path / "home").durable() == 7
    more = Entry(8, Kind.MESSAGE, "home", "mqtt:x", "home/a/b/power", b"9", START + 120_000)
    live.write(
        LakeBatch([more], [(8, Reading("home", "a/b", "power", START + 120_000, 9.0), False, False)]), 8
    )
    assert live.durable() == 8
    with connect(tmp_path / "home", tail=None) as con:
        assert con.execute("SELECT seq, value FROM readings ORDER BY time").fetchall() == [
            (7, 5),
            (0, 6),
            (8, 9),
        ]


def test_a_lake_by_itself_is_a_target_too(tmp_path: Path, write: Write) -> None:
    source = write("a.csv", HEAD + f"a/b,power,{START},5\n")
    etl([source], str(tmp_path / "home" / "lake"))
    assert not (tmp_path / "home" / "home.toml").exists()
    assert etl([source], str(tmp_path / "home"))["duplicate"] == 1


def test_commits_hold_whole_days_and_a_bounded_number_of_rows(monkeypatch: Any) -> None:
    monkeypatch.setattr(into_lake, "ROWS", 100)
    days = [(1, 60), (2, 40), (3, 1), (5, 500), (6, 20)]
    assert list(into_lake._commits(days)) == [(1, 2), (3, 3), (5, 5), (6, 6)]
    assert list(into_lake._commits([])) == []
    many = [(day, 0) for day in range(70)]
    assert list(into_lake._commits(many)) == [(0, 31), (32, 63), (64, 69)]
