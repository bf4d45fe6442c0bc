"""The job on a real Flink, in the environment that `make flink-test` makes; one of its tasks is killed."""

import subprocess
import time
from collections import defaultdict
from pathlib import Path

import msgspec
import psutil
import pytest

from homestream.engine import fact
from homestream.engine.fold import Engine
from homestream.log.sqlite import SqliteLog
from homestream.reading import Entry
from homestream.replay import LOG_FILE
from runners.streams import long_log

PYTHON = Path(__file__).parents[2] / ".venv-flink" / "bin" / "python"

#: A Java machine, two Python workers and a restart of it all, on a busy machine.
PATIENCE_S = 240


@pytest.fixture
def flink() -> str:
    """The Python that has PyFlink."""
    if not (PYTHON.parent.parent / ".ready").exists():
        pytest.skip(".venv-flink is not there, so nothing of Flink is tested: make flink-test")
    return str(PYTHON)


def marks(folder: Path) -> list[tuple[str, int, int, str]]:
    """What is final so far: home, seq, entries, digest."""
    parts = (folder / "flink" / "marks").glob("part-*")
    return [msgspec.json.decode(line) for part in parts for line in part.read_bytes().splitlines()]


def kill_a_worker(job: psutil.Process, folder: Path) -> int:
    """SIGKILL one Python worker once some of its work is final; how many entries were."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end and job.is_running() and job.status() != psutil.STATUS_ZOMBIE:
        if done := sum(entries for _, _, entries, _ in marks(folder)):
            family = job.children(recursive=True)
            workers = [child for child in family if "pyflink.fn_execution.beam.beam_boot" in child.cmdline()]
            max(workers, key=lambda worker: sum(worker.cpu_times()[:2])).kill()
            return done
        time.sleep(0.02)
    raise AssertionError("the job came to its end, or never to a checkpoint")


def facts_of(folder: Path) -> dict[str, list[bytes]]:
    """The encoded facts of each home, in order of seq."""
    placed: dict[str, list[tuple[int, bytes]]] = defaultdict(list)
    for part in (folder / "flink" / "facts").glob("part-*"):
        for line in part.read_bytes().splitlines():
            seq, raw = msgspec.json.decode(line, type=tuple[int, msgspec.Raw])
            placed[fact.decode(raw).home].append((seq, bytes(raw)))
    return {home: [raw for _, raw in sorted(rows, key=lambda row: row[0])] for home, rows in placed.items()}


def write_log(folder: Path, log: list[Entry]) -> None:
    out = SqliteLog(folder / LOG_FILE)
    for at in range(0, len(log), 1_000):
        out.append(log[at : at + 1_000])
    out.close()


@pytest.mark.flink
def test_a_job_with_a_killed_task_agrees_with_the_engine(flink: str, tmp_path: Path) -> None:
    log = long_log(homes=12, minutes=240)
    write_log(tmp_path, log)
    command = [flink, "-m", "homestream.runners.flink", "--home", str(tmp_path), "--checkpoint", "0.5"]
    with subprocess.Popen([*command, "--parallelism", "2"], stdout=subprocess.PIPE, text=True) as job:
        final = kill_a_worker(psutil.Process(job.pid), tmp_path)
        digest, _ = job.communicate(timeout=PATIENCE_S)
    assert job.returncode == 0
    engine = Engine()
    expected: dict[str, list[bytes]] = defaultdict(list)
    for _, each in engine.apply(log).facts:
        expected[each.home].append(fact.encode(each))
    assert digest.strip() == engine.digest()
    assert facts_of(tmp_path) == expected
    said = (tmp_path / "flink" / "log").glob("*.log")
    assert any("from RUNNING to FAILED" in file.read_text() for file in said), "the kill was not noticed"
    assert 0 < final < sum(entries for _, _, entries, _ in marks(tmp_path))


@pytest.mark.flink
def test_a_home_without_history_is_one_line_that_says_so(flink: str, tmp_path: Path) -> None:
    command = [flink, "-m", "homestream.runners.flink", "--home", str(tmp_path)]
    done = subprocess.run(command, check=False, stderr=subprocess.PIPE, text=True, timeout=PATIENCE_S)
    assert done.returncode == 1
    assert done.stderr.strip().startswith(f"homestream: {tmp_path} has no history yet")
