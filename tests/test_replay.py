"""History from lake and log, and a real process that is killed again and again."""

import random
import subprocess
import sys
import time
from pathlib import Path

import pytest

from homestream import pipeline as limits
from homestream.engine.fold import Engine
from homestream.errors import HomestreamError
from homestream.lake.bronze import Bronze
from homestream.lake.connect import connect
from homestream.lake.rows import LakeBatch
from homestream.lake.writer import Lake
from homestream.log.sqlite import SqliteLog
from homestream.pipeline import Pipeline
from homestream.reading import Entry, Kind
from homestream.replay import LOG_FILE, SNAPSHOT_FILE, history, rebuild, replay, restore, save_snapshot
from homestream.system import System

START = 1_772_323_200_000


def entry(n: int) -> Entry:
    """The n-th message: a temperature every ten seconds."""
    at = START + n * 10_000
    return Entry(n, Kind.MESSAGE, "home", "mqtt:t", "home/den/air/temperature", b"%d" % (n % 30), at)


ENTRIES = [entry(n) for n in range(1, 1001)]


def write(lake: Lake, engine: Engine, entries: list[Entry]) -> None:
    output = engine.apply(entries)
    lake.write(LakeBatch(entries, output.readings, output.facts, output.rejected), entries[-1].seq)


def folder_with(folder: Path, flushed: int, trimmed: int) -> Engine:
    """A home whose lake holds up to `flushed`, whose log begins above `trimmed` and ends at 1000."""
    lake, log, engine = Lake(folder), SqliteLog(folder / LOG_FILE), Engine()
    for at in range(0, 1000, 100):
        log.append(ENTRIES[at : at + 100])
    if flushed:
        write(lake, engine, ENTRIES[:flushed])
    log.trim(trimmed + 1)
    log.close()
    engine.apply(ENTRIES[flushed:])
    return engine


@pytest.mark.parametrize(("flushed", "trimmed"), [(0, 0), (500, 0), (500, 400), (500, 500), (1000, 1000)])
def test_history_is_whole_wherever_it_lies(tmp_path: Path, flushed: int, trimmed: int) -> None:
    folder_with(tmp_path, flushed, trimmed)
    log = SqliteLog(tmp_path / LOG_FILE)
    for seq in (1, 450, 501, 1000, 1001):
        assert [e for part in history(Bronze(tmp_path), log, seq) for e in part] == ENTRIES[seq - 1 :]
    log.close()


@pytest.mark.parametrize("snapshot", [False, True])
def test_rows_the_lake_did_not_take_are_bounded_and_made_anew_from_the_log(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, snapshot: bool
) -> None:
    monkeypatch.setattr(limits, "FLUSH_ROWS", 100)
    monkeypatch.setattr("homestream.replay.REBUILD_ROWS", 150)
    folder_with(tmp_path, flushed=0, trimmed=0)
    lake, log = Lake(tmp_path), SqliteLog(tmp_path / LOG_FILE)
    flow = Pipeline(Engine(), lake, log, System(started=0))
    flow.committed(ENTRIES[:200])
    lake.write(*flow.take([{"time": START}]))
    flow.flushed()
    if snapshot:
        save_snapshot(tmp_path, flow.engine.snapshot())
    most = 0
    for at in range(200, 960, 40):
        flow.committed(ENTRIES[at : at + 40])
        if flow.full:
            flow.take([])
            flow.failed(OSError("no room"), now=at)
        most = max(most, *(len(batch.entries) for batch in flow.tail()))
    flow.committed(ENTRIES[960:])
    assert flow.failing == (240, "no room")
    assert flow.left == 920
    assert most < 200
    rebuild(tmp_path, lake, log, flow.left)
    lake.write(*flow.take([]))
    flow.flushed()
    assert flow.failing is None
    count, last = connect(tmp_path).execute("SELECT count(*), max(seq) FROM messages").fetchone() or ()
    assert (count, last) == (1000, 1000)
    live = Engine()
    stored = live.apply(ENTRIES).readings
    readings = connect(tmp_path).execute("SELECT seq, value FROM readings ORDER BY seq").fetchall()
    assert readings == [(seq, reading.value) for seq, reading, _, _ in stored]
    log.close()


def test_a_start_holds_no_more_than_a_flush_writes(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """After a lake that failed for long, and with no snapshot that can be read."""
    monkeypatch.setattr(limits, "FLUSH_ROWS", 100)
    folder_with(tmp_path, flushed=300, trimmed=200)
    lake, log = Lake(tmp_path), SqliteLog(tmp_path / LOG_FILE)
    flow = Pipeline(Engine(), lake, log, System(started=0))
    most, waits = 0, []
    for entries in history(lake, log, 1):
        flow.recalled(entries)
        waits.append(len(flow.waiting.entries))
        most = max(most, *(len(batch.entries) for batch in flow.tail()))
    assert flow.engine.last_seq == 1000
    assert waits[0] == 0, "the lake has it"
    assert most <= 100
    rebuild(tmp_path, lake, log, flow.left)
    lake.write(*flow.take([]))
    seqs = connect(tmp_path).execute("SELECT seq FROM messages ORDER BY seq").fetchall()
    assert seqs == [(n,) for n in range(1, 1001)]
    log.close()


def test_a_log_trimmed_under_a_reader_is_no_gap(tmp_path: Path) -> None:
    folder_with(tmp_path, 300, 0)
    log, lake, engine = SqliteLog(tmp_path / LOG_FILE), Lake(tmp_path), Engine()
    engine.apply(ENTRIES[:300])
    seen: list[Entry] = []
    entries = history(Bronze(tmp_path), log, 1)
    while len(seen) < 1000:
        seen += next(entries)
        if len(seen) == 100:
            write(lake, engine, ENTRIES[300:900])
            log.trim(901)
    assert seen == ENTRIES
    log.close()


def test_entries_that_are_nowhere_are_an_error_not_silence(tmp_path: Path) -> None:
    folder_with(tmp_path, 300, 400)
    log = SqliteLog(tmp_path / LOG_FILE)
    with pytest.raises(HomestreamError, match="entries 301 to 400 are neither"):
        list(history(Bronze(tmp_path), log, 1))
    log.close()


def test_a_log_older_than_the_lake_is_an_error_not_a_loss(tmp_path: Path) -> None:
    """New entries would get a seq that the lake has, and be left out of it."""
    write(Lake(tmp_path), Engine(), ENTRIES[:500])
    log = SqliteLog(tmp_path / LOG_FILE)
    log.append(ENTRIES[:10])
    with pytest.raises(HomestreamError, match="ends at 10, but the lake holds entries up to 500"):
        list(history(Lake(tmp_path), log, 1))
    log.close()


def test_a_new_log_beside_a_lake_goes_on_after_it(tmp_path: Path) -> None:
    write(Lake(tmp_path), Engine(), ENTRIES[:500])
    log = SqliteLog(tmp_path / LOG_FILE, first=Lake(tmp_path).durable() + 1)
    assert log.append(ENTRIES[500:]) == 501
    assert [e for part in history(Bronze(tmp_path), log, 1) for e in part] == ENTRIES
    log.close()


@pytest.mark.parametrize(("flushed", "trimmed"), [(0, 0), (500, 500), (1000, 1000)])
def test_replay_agrees_with_the_run(tmp_path: Path, flushed: int, trimmed: int) -> None:
    live = folder_with(tmp_path, flushed, trimmed)
    heard: list[tuple[int, int]] = []
    again = replay(tmp_path, lambda done, total: heard.append((done, total)))
    assert (again.digest(), again.last_seq) == (live.digest(), 1000)
    assert again.accounts() == live.accounts()
    assert heard[-1] == (1000, 1000)


def test_replay_of_a_lake_without_a_log(tmp_path: Path) -> None:
    engine = Engine()
    write(Lake(tmp_path), engine, ENTRIES)
    assert replay(tmp_path).digest() == engine.digest()


def test_replay_of_nothing(tmp_path: Path) -> None:
    assert replay(tmp_path).last_seq == 0
    assert list(tmp_path.iterdir()) == []


def test_a_snapshot_comes_back_and_a_damaged_one_is_a_fresh_start(tmp_path: Path) -> None:
    engine = Engine()
    engine.apply(ENTRIES[:100])
    save_snapshot(tmp_path, engine.snapshot())
    assert restore(tmp_path).digest() == engine.digest()
    (tmp_path / SNAPSHOT_FILE).write_bytes(b"torn")
    assert restore(tmp_path).last_seq == 0


HOME = """
import sys
sys.path.insert(0, sys.argv[2])
from pathlib import Path
from test_replay import entry
from homestream.lake.rows import LakeBatch
from homestream.lake.writer import Lake
from homestream.log.sqlite import SqliteLog
from homestream.replay import LOG_FILE, history, restore, save_snapshot

folder = Path(sys.argv[1])
lake = Lake(folder)
log = SqliteLog(folder / LOG_FILE, first=lake.durable() + 1)
engine = restore(folder)
waiting = LakeBatch()

def take(entries):
    output = engine.apply(entries)
    waiting.entries += entries
    waiting.readings += output.readings
    waiting.facts += output.facts

for entries in history(lake, log, engine.last_seq + 1):
    take(entries)
print("ready", flush=True)
while log.end() <= 1000:
    first = log.end()
    entries = [entry(n) for n in range(first, min(first + 5, 1001))]
    log.append(entries)
    print(entries[-1].seq, flush=True)
    take(entries)
    if first % 25 == 1:
        lake.write(waiting, engine.last_seq)
        waiting = LakeBatch()
        if first % 50 == 1:
            save_snapshot(folder, engine.snapshot())
            log.trim(engine.last_seq + 1)
lake.write(waiting, engine.last_seq)
"""


@pytest.mark.crash
def test_a_home_killed_again_and_again_has_all_once(tmp_path: Path) -> None:
    run = [sys.executable, "-c", HOME, str(tmp_path), str(Path(__file__).parent)]
    chance = random.Random(5)
    for _ in range(5):
        process = subprocess.Popen(run, stdout=subprocess.PIPE, text=True)
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(chance.uniform(0.02, 0.3))
        process.kill()
        acknowledged = [int(line) for line in process.stdout.read().split("\n")[:-1]]
        process.stdout.close()
        process.wait()
        assert replay(tmp_path).last_seq >= max(acknowledged, default=0)
    subprocess.run(run, check=True, capture_output=True)
    engine = Engine()
    output = engine.apply(ENTRIES)
    assert replay(tmp_path).digest() == engine.digest()
    assert restore(tmp_path).last_seq <= Lake(tmp_path).durable() == 1000
    resumed = connect(tmp_path)
    direct = connect(tmp_path / "none", [LakeBatch(ENTRIES, output.readings, output.facts, output.rejected)])
    for view in ("messages", "readings", "rollup_1h", "rollup_1d", "events"):
        query = f"SELECT * FROM {view} ORDER BY ALL"
        assert resumed.execute(query).fetchall() == direct.execute(query).fetchall()
    resumed.close()
    direct.close()
