import os
import random
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homestream.log.codec import decode, encode
from homestream.log.sqlite import TRIM_ROWS, LogError, SqliteLog
from homestream.reading import Entry, Kind

from .conformance import Open, every_log, message, messages, placed, read


@every_log
def test_conformance(check: Callable[[Open], None], tmp_path: Path) -> None:
    check(lambda: SqliteLog(tmp_path / "log.db"))


texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
entries = st.builds(
    Entry,
    st.just(0),
    st.sampled_from(Kind),
    texts,
    texts,
    texts,
    st.binary(max_size=200),
    st.integers(-(2**63), 2**63 - 1),
    st.integers(0, 2**31 - 1),
)


@settings(deadline=None)
@given(st.lists(entries, min_size=1, max_size=30), st.integers(1, 2**60))
def test_any_entries_survive_the_codec(batch: list[Entry], first: int) -> None:
    assert decode(encode(batch), first) == placed(batch, first)


@settings(max_examples=30, deadline=None)
@given(st.lists(st.tuples(st.integers(1, 5), st.integers(0, 40)), max_size=12))
def test_any_appends_and_trims_keep_the_log_whole(
    tmp_path_factory: pytest.TempPathFactory, steps: list[tuple[int, int]]
) -> None:
    log = SqliteLog(tmp_path_factory.mktemp("log") / "log.db")
    written: list[Entry] = []
    highest = 1
    for count, before in steps:
        first = log.append(messages(count, len(written)))
        assert first == len(written) + 1
        written += placed(messages(count, len(written)), first)
        log.trim(before)
        assert log.end() == len(written) + 1
        assert read(log) == written[log.start() - 1 :]
        highest = max(highest, before)
        assert log.start() <= highest
    log.close()


def test_a_long_log_is_trimmed_in_several_transactions(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log.db")
    for n in range(TRIM_ROWS + 10):
        log.append([message(b"%d" % n)])
    log.trim(TRIM_ROWS + 5)
    assert [entry.seq for entry in read(log)] == list(range(TRIM_ROWS + 5, TRIM_ROWS + 11))
    log.close()


def test_a_reader_under_way_is_not_touched_by_a_trim(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log.db")
    for n in range(5):
        log.append([message(b"%d" % n)])
    batches = log.read(1)
    assert next(batches)[0].seq == 1
    log.trim(log.end())
    assert [batch[0].seq for batch in batches] == [2, 3, 4, 5]
    log.close()


def test_threads_append_without_mixing(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log.db")
    firsts: list[int] = []

    def work() -> None:
        firsts.extend(log.append(messages(3)) for _ in range(20))

    threads = [threading.Thread(target=work) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert sorted(firsts) == list(range(1, 241, 3))
    assert [entry.seq for entry in read(log)] == list(range(1, 241))
    log.close()


WRITER = """
import sys
from pathlib import Path
from homestream.log.sqlite import SqliteLog
from homestream.reading import Entry, Kind

log = SqliteLog(Path(sys.argv[1]))
print("ready", flush=True)
n = log.end()
while True:
    count = 1 + n % 7
    entries = [Entry(0, Kind.MESSAGE, "h", "s", "t", b"%d" % (n + i), 0) for i in range(count)]
    assert log.append(entries) == n
    n += count
    print(n, flush=True)
"""


@pytest.mark.crash
def test_kill_9_loses_nothing_acknowledged_and_doubles_nothing(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    chance = random.Random(7)
    for _ in range(5):
        process = subprocess.Popen(
            [sys.executable, "-c", WRITER, str(path)], stdout=subprocess.PIPE, text=True
        )
        assert process.stdout is not None
        assert process.stdout.readline() == "ready\n"
        time.sleep(chance.uniform(0.01, 0.15))
        process.kill()
        acknowledged = process.stdout.read().split("\n")[-2:-1]
        process.stdout.close()
        process.wait()
        log = SqliteLog(path)
        kept = read(log)
        assert [entry.seq for entry in kept] == list(range(1, log.end()))
        assert [entry.payload for entry in kept] == [b"%d" % entry.seq for entry in kept]
        assert log.end() >= max((int(n) for n in acknowledged), default=1)
        log.close()
    assert kept


FULL_DISK = """
import resource, signal, sys
from pathlib import Path
from homestream.log.sqlite import LogError, SqliteLog
from homestream.reading import Entry, Kind

def entry(payload):
    return Entry(0, Kind.MESSAGE, "h", "s", "t", payload, 0)

log = SqliteLog(Path(sys.argv[1]))
log.append([entry(b"before")])
signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
_, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
resource.setrlimit(resource.RLIMIT_FSIZE, (100_000, hard))
import os
try:
    log.append([entry(b"lost"), entry(os.urandom(1_000_000))])
except LogError as error:
    print(error)
resource.setrlimit(resource.RLIMIT_FSIZE, (hard, hard))
assert log.append([entry(b"after")]) == 2
print([e.payload for batch in log.read(1) for e in batch])
"""


def test_a_full_disk_keeps_nothing_and_recovers(tmp_path: Path) -> None:
    run = [sys.executable, "-c", FULL_DISK, str(tmp_path / "log.db")]
    done = subprocess.run(run, capture_output=True, text=True, check=True)
    error, payloads = done.stdout.splitlines()
    assert "check the disk" in error
    assert payloads == "[b'before', b'after']"


def test_a_foreign_file_is_refused_in_one_line(tmp_path: Path) -> None:
    (tmp_path / "text.db").write_text("no database at all " * 100)
    with sqlite3.connect(tmp_path / "other.db") as db:
        db.execute("CREATE TABLE t (x)")
    db.close()
    for name in ("text.db", "other.db"):
        with pytest.raises(LogError, match=name) as caught:
            SqliteLog(tmp_path / name)
        assert "\n" not in str(caught.value)


def test_a_damaged_row_is_an_error_not_silence(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log.db")
    log.append(messages(3))
    with sqlite3.connect(tmp_path / "log.db") as db:
        db.execute("UPDATE batch SET entries = substr(entries, 1, 20)")
    db.close()
    with pytest.raises(LogError, match="seq 1 on is damaged"):
        read(log)
    log.close()


def test_an_entry_that_cannot_be_encoded_is_refused(tmp_path: Path) -> None:
    log = SqliteLog(tmp_path / "log.db")
    for wrong in (message()._replace(topic="\ud800"), message()._replace(arrived=2**70)):
        with pytest.raises(LogError):
            log.append([message(), wrong])
    assert log.end() == 1
    log.close()


def test_a_log_left_by_a_killed_process_opens_read_by_another(tmp_path: Path) -> None:
    path = tmp_path / "log.db"
    code = WRITER.replace("while True", "while n < 50") + "import os; os._exit(9)"
    assert (
        subprocess.run([sys.executable, "-c", code, str(path)], capture_output=True, check=False).returncode
        == 9
    )
    assert os.path.exists(f"{path}-wal")
    log = SqliteLog(path)
    assert [int(entry.payload) for entry in read(log)] == list(range(1, log.end()))
    assert log.end() >= 50
    log.close()
