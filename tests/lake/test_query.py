"""`homestream query`."""

import csv
import io
import json
from pathlib import Path

import pytest

from homestream.errors import HomestreamError
from homestream.lake.query import query
from homestream.lake.writer import Lake, LakeBatch
from homestream.reading import Entry, Kind

from .house import START

SQL = "SELECT seq, topic, payload, arrived FROM messages ORDER BY seq"


@pytest.fixture
def home(tmp_path: Path) -> Path:
    (tmp_path / "home.toml").write_text('timezone = "Europe/Berlin"\n')
    lake = Lake(tmp_path)
    payloads = [b"21.5", b"\xff", 'ü, "x"'.encode()]
    entries = [Entry(n, Kind.MESSAGE, "home", "s", "t", p, START) for n, p in enumerate(payloads, 1)]
    lake.write(LakeBatch(entries), 3)
    return tmp_path


def test_json(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    query(home, SQL, "json")
    rows = json.loads(capsys.readouterr().out)
    assert rows[0] == {"seq": 1, "topic": "t", "payload": "21.5", "arrived": "2026-03-01T01:00:00+01:00"}
    assert rows[1]["payload"] == "\ufffd"


def test_csv(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    query(home, SQL, "csv")
    rows = list(csv.reader(io.StringIO(capsys.readouterr().out)))
    assert rows[0] == ["seq", "topic", "payload", "arrived"]
    assert rows[3] == ["3", "t", 'ü, "x"', "2026-03-01T01:00:00+01:00"]


def test_table(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    query(home, "SELECT seq, NULL AS nothing, [1, 2] AS list FROM messages", "table")
    out = capsys.readouterr().out
    assert "nothing" in out
    assert "[1, 2]" in out


def test_a_narrow_table_cuts_nothing_short(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    query(home, f"SELECT repeat('x', 300) AS {'a' * 20}, 'living_room/ceiling_light' AS device", "table")
    out = capsys.readouterr().out
    assert "…" not in out
    assert out.count("x") == 300


def test_numbers_that_json_has_no_word_for(home: Path, capsys: pytest.CaptureFixture[str]) -> None:
    query(
        home,
        "SELECT 'nan'::DOUBLE AS a, 'inf'::DOUBLE AS b, {'x': 'nan'::DOUBLE} AS c, INTERVAL 1 DAY AS d",
        "json",
    )
    (row,) = json.loads(capsys.readouterr().out)
    assert (row["a"], row["b"], row["c"]) == (None, None, {"x": None})


@pytest.mark.parametrize("sql", ["SELEC 1", "SELECT * FROM nothing", "SELECT 1/'x'"])
def test_wrong_sql_is_one_line(home: Path, sql: str) -> None:
    with pytest.raises(HomestreamError, match="query: ") as caught:
        query(home, sql, "json")
    assert "\n" not in str(caught.value)


def test_no_home_says_how_to_make_one(tmp_path: Path) -> None:
    with pytest.raises(HomestreamError, match="homestream init"):
        query(tmp_path, "SELECT 1", "json")


@pytest.mark.parametrize("sql", ["", "-- nothing", "SET threads = 1"])
def test_a_statement_without_an_answer_prints_no_row(
    home: Path, sql: str, capsys: pytest.CaptureFixture[str]
) -> None:
    query(home, sql, "json")
    assert json.loads(capsys.readouterr().out) == []
