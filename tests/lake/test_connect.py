"""The views: files and live tail as one, at any moment, from any process."""

import subprocess
import sys
import threading
from pathlib import Path
from typing import Any

import pytest
from deltalake import DeltaTable

from homestream.engine.fold import Engine
from homestream.lake.bronze import FOLDER
from homestream.lake.commit import log_folder
from homestream.lake.connect import Queries, connect
from homestream.lake.schema import TABLES
from homestream.lake.writer import Lake, LakeBatch
from homestream.log.sqlite import SqliteLog
from homestream.replay import LOG_FILE, save_snapshot

from .house import MINUTE, START, batch, day, placed, reading, rows

ENTRIES = day(hours=3)

VIEWS = [table.view for table in TABLES]


def all_rows(con: Any) -> dict[str, list[Any]]:
    return {view: con.execute(f"SELECT * FROM {view} ORDER BY ALL").fetchall() for view in VIEWS}


def test_without_a_lake_the_views_are_empty_and_typed(tmp_path: Path) -> None:
    con = connect(tmp_path)
    assert all_rows(con) == {view: [] for view in VIEWS}
    described = con.execute("DESCRIBE readings").fetchall()
    assert [(name, kind) for name, kind, *_ in described] == [
        ("seq", "BIGINT"),
        ("home", "VARCHAR"),
        ("device", "VARCHAR"),
        ("metric", "VARCHAR"),
        ("time", "TIMESTAMP WITH TIME ZONE"),
        ("value", "DOUBLE"),
        ("late", "BOOLEAN"),
        ("day", "DATE"),
    ]
    con.close()


@pytest.mark.parametrize("flushed", [0, 100, 200, len(ENTRIES)])
def test_files_and_tail_are_one(tmp_path: Path, flushed: int) -> None:
    """However much of it is in files, the views show the same; a tail may overlap the files."""
    whole = connect(tmp_path / "none", [batch(Engine(), ENTRIES)])
    lake, engine = Lake(tmp_path), Engine()
    first = batch(engine, ENTRIES[:flushed])
    if flushed:
        lake.write(first, flushed)
    con = connect(tmp_path, [first, batch(engine, ENTRIES[flushed:])])
    assert all_rows(con) == all_rows(whole)
    con.close()
    whole.close()


def test_another_process_decodes_the_tail_from_the_log(tmp_path: Path) -> None:
    """As `up` leaves a folder: lake up to 200, snapshot at 150, log trimmed below it."""
    lake, log, engine = Lake(tmp_path), SqliteLog(tmp_path / LOG_FILE), Engine()
    for at in range(0, len(ENTRIES), 50):
        log.append(ENTRIES[at : at + 50])
    lake.write(batch(engine, ENTRIES[:150]), 150)
    save_snapshot(tmp_path, engine.snapshot())
    lake.write(batch(engine, ENTRIES[150:200]), 200)
    log.trim(151)
    whole = connect(tmp_path / "none", [batch(Engine(), ENTRIES)])
    con = connect(tmp_path)
    assert all_rows(con) == all_rows(whole)
    script = f"""
from pathlib import Path
from homestream.lake.connect import connect
con = connect(Path({str(tmp_path)!r}))
print(con.execute("SELECT count(*), max(seq) FROM readings").fetchone())
"""
    run = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert run.stdout.strip() == str(con.execute("SELECT count(*), max(seq) FROM readings").fetchone())
    con.close()
    whole.close()
    log.close()


def test_a_reader_beside_the_writer_never_sees_half_a_batch(tmp_path: Path) -> None:
    lake, engine, done = Lake(tmp_path), Engine(), threading.Event()
    pairs = placed(
        [
            rows(START + n * 1000, *(reading(f"den/{d}", "power", n, START + n * 1000) for d in range(3)))
            for n in range(120)
        ]
    )

    def write() -> None:
        for at in range(0, len(pairs), 5):
            part = pairs[at : at + 5]
            lake.write(batch(engine, part), part[-1].seq)
            if at % 50 == 0:
                lake.compact()
        done.set()

    writer = threading.Thread(target=write)
    writer.start()
    queries, seen = Queries(tmp_path), [0]
    while not done.is_set() or seen[-1] < 360:
        counts = queries.ask(
            lambda con: con.execute("SELECT count(*) FROM readings GROUP BY device").fetchall(), tail=[]
        )
        assert len(set(counts)) <= 1
        seen.append(sum(count for (count,) in counts))
    writer.join()
    queries.con.close()
    assert seen == sorted(seen)
    assert seen[-1] == 360


def test_kept_queries_follow_the_lake_and_the_tail(tmp_path: Path) -> None:
    lake, engine, queries = Lake(tmp_path), Engine(), Queries(tmp_path)

    def newest(con: Any) -> int | None:
        (seq,) = con.execute("SELECT max(seq) FROM readings").fetchone()
        return seq

    first, second = batch(engine, ENTRIES[:100]), batch(engine, ENTRIES[100:200])
    assert queries.ask(newest, tail=[]) is None
    assert queries.ask(newest, tail=[first]) == first.readings[-1][0]
    lake.write(first, 100)
    assert queries.ask(newest, tail=[]) == first.readings[-1][0]
    assert queries.ask(newest, tail=[LakeBatch(), second]) == second.readings[-1][0]
    queries.con.close()


def test_kept_queries_follow_after_days_in_which_nobody_asked(tmp_path: Path) -> None:
    """By then the commits that came after the last question may have been summed up and deleted."""
    lake, engine, queries = Lake(tmp_path), Engine(), Queries(tmp_path)

    def newest(con: Any) -> int:
        (seq,) = con.execute("SELECT max(seq) FROM messages").fetchone()
        return int(seq)

    lake.write(batch(engine, ENTRIES[:100]), 100)
    assert queries.ask(newest, tail=[]) == 100
    lake.write(batch(engine, ENTRIES[100:200]), 200)
    lake.write(batch(engine, ENTRIES[200:201]), 201)
    for table in TABLES:
        root = tmp_path / FOLDER / table.name
        delta = DeltaTable(root)
        delta.create_checkpoint()
        for commit in sorted(log_folder(root).glob("*.json"))[:-1]:
            commit.unlink()
    assert queries.ask(newest, tail=[]) == 201
    queries.con.close()


def test_a_correction_shows_wherever_it_is(tmp_path: Path) -> None:
    """In the tail or in the files, the newer value is shown and the older one is not."""
    told = placed(
        [
            rows(START, reading("den/air", "temperature", 20, START)),
            rows(START + MINUTE, reading("den/air", "temperature", 21, START)),
            rows(START + 2 * MINUTE, reading("den/air", "temperature", 22, START)),
        ]
    )
    for flushed in range(4):
        folder = tmp_path / str(flushed)
        lake, engine = Lake(folder), Engine()
        for entry in told[:flushed]:
            lake.write(batch(engine, [entry]), entry.seq)
        con = connect(folder, [batch(engine, told[flushed:])])
        assert con.execute("SELECT seq, value FROM readings").fetchall() == [(3, 22.0)]
        con.close()


def test_a_folder_with_a_quote_in_its_name(tmp_path: Path) -> None:
    folder = tmp_path / "o'brien's"
    lake, engine = Lake(folder), Engine()
    lake.write(batch(engine, ENTRIES), len(ENTRIES))
    con = connect(folder)
    assert con.execute("SELECT count(*) FROM messages").fetchone() == (len(ENTRIES),)
    con.close()


def test_times_are_shown_in_the_zone_asked_for(tmp_path: Path) -> None:
    con = connect(tmp_path, [batch(Engine(), ENTRIES)], zone="Asia/Tokyo")
    hours = con.execute("SELECT DISTINCT date_trunc('day', start)::VARCHAR FROM rollup_1h").fetchall()
    assert hours == [("2026-03-01 00:00:00+09",)]
    con.close()
