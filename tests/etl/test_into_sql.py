"""SQL tables in real databases: what is in them is what plain SQL makes of the readings."""

import os
import pwd
import shutil
import socket
import sqlite3
import subprocess
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import psycopg
import pytest

from homestream.errors import HomestreamError
from homestream.etl import etl

Write = Callable[[str, str], str]

MINUTES = 200
START = 1767607200
LINES = "device,metric,time,value\n" + "".join(
    f"box,temperature,{START + 60 * n},{-200 if n == 7 else 20 + n % 5}\n"
    f"plug,power,{START + 60 * n},{n * 10}\n"
    for n in range(MINUTES)
)


def test_sqlite_holds_what_its_own_sql_makes_of_the_readings(tmp_path: Path, write: Write) -> None:
    source = write("a.csv", LINES + "plug,power,1767607200\nplug,power,1767607200,full\n")
    into = f"sqlite:///{tmp_path}/deep/out.db"
    first, again = etl([source], into), etl([source], into)
    counts = [(r["read"], r["stored"], r["duplicate"], r["rejected"], r["anomalies"]) for r in (first, again)]
    assert counts == [(402, 400, 0, 2, 1), (402, 0, 400, 2, 0)]
    with sqlite3.connect(tmp_path / "deep" / "out.db") as db:
        own = db.execute(
            "SELECT device, time / 3600000 * 3600000 AS hour, count(*), min(value), max(value), avg(value) "
            "FROM readings GROUP BY 1, 2 ORDER BY 1, 2"
        ).fetchall()
        ours = db.execute(
            "SELECT device, start, count, min, max, mean FROM rollup_1h ORDER BY device, start"
        ).fetchall()
        assert ours == [(*row[:5], pytest.approx(row[5])) for row in own]
        assert len(ours) == 8
        wh = db.execute("SELECT sum(value) / 60 FROM readings WHERE metric = 'power'").fetchone()[0]
        assert db.execute("SELECT sum(energy_wh) FROM rollup_1d").fetchone()[0] == pytest.approx(wh)
        assert db.execute("SELECT count(*) FROM readings").fetchone() == (2 * MINUTES - 1,)
        assert db.execute("SELECT device, kind, value, low, high FROM anomalies").fetchall() == [
            ("box", "range", -200.0, -60.0, 125.0)
        ]
        assert db.execute("SELECT file, line, reason FROM rejected ORDER BY line").fetchall() == [
            (source, 402, "3 fields, expected 4"),
            (source, 403, 'value "full" is no number'),
        ]
        assert db.execute("SELECT max(revision) FROM rollup_1h").fetchone() == (0,)


def test_a_correction_replaces_the_row_and_revises_its_windows(tmp_path: Path, write: Write) -> None:
    into = f"sqlite:///{tmp_path}/out.db"
    etl([write("a.csv", LINES)], into)
    etl([write("b.csv", f"device,metric,time,value\nplug,power,{START + 60},1000\n")], into)
    with sqlite3.connect(tmp_path / "out.db") as db:
        found = db.execute(
            "SELECT value FROM readings WHERE device = 'plug' AND time = ?", [(START + 60) * 1000]
        )
        assert found.fetchall() == [(1000.0,)]
        assert db.execute("SELECT start, max FROM rollup_1h WHERE revision = 1").fetchall() == [
            (START * 1000, 1000.0)
        ]


def test_a_file_that_is_no_database_is_one_line(tmp_path: Path, write: Write) -> None:
    source = write("a.csv", LINES)
    with pytest.raises(HomestreamError, match="choose another --into"):
        etl([source], f"sqlite:///{source}")
    with pytest.raises(HomestreamError, match="names no file"):
        etl([source], "sqlite://")


@pytest.fixture(scope="module")
def postgres(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """A real server of our own, on a free port of loopback; its URL."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin"))
    bin_folder = found[-1] if found else Path(shutil.which("pg_ctl") or "/missing").parent
    if not (bin_folder / "initdb").exists():
        pytest.skip("PostgreSQL's initdb is not installed: the PostgreSQL target is not tested here")
    folder = tmp_path_factory.mktemp("pg")
    user: dict[str, int] = {}
    if os.geteuid() == 0:  # the server refuses to run as root
        nobody = pwd.getpwnam("nobody")
        user = {"user": nobody.pw_uid, "group": nobody.pw_gid}
        folder.parent.parent.chmod(0o755)
        folder.parent.chmod(0o755)
        os.chown(folder, nobody.pw_uid, nobody.pw_gid)
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    data = folder / "data"

    def run(*command: str) -> None:
        subprocess.run(command, check=True, capture_output=True, timeout=60, cwd=folder, **user)

    run(str(bin_folder / "initdb"), "-D", str(data), "-U", "home", "-A", "trust", "--no-sync")
    options = f"-p {port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' -c fsync=off"
    run(str(bin_folder / "pg_ctl"), "-D", str(data), "-o", options, "-w", "-l", str(folder / "log"), "start")
    yield f"postgresql://home@127.0.0.1:{port}/postgres"
    run(str(bin_folder / "pg_ctl"), "-D", str(data), "-m", "immediate", "stop")


def test_postgresql_holds_the_same_and_twice_is_once(postgres: str, write: Write) -> None:
    source = write("a.csv", LINES + "plug,power,1767607200,full\n")
    first, again = etl([source], postgres), etl([source], postgres)
    assert [(r["read"], r["stored"], r["duplicate"], r["rejected"]) for r in (first, again)] == [
        (401, 400, 0, 1),
        (401, 0, 400, 1),
    ]
    with psycopg.connect(postgres) as db:
        own = db.execute(
            "SELECT device, date_trunc('hour', time), count(*), min(value), max(value), avg(value) "
            "FROM readings GROUP BY 1, 2 ORDER BY 1, 2"
        ).fetchall()
        ours = db.execute(
            "SELECT device, start, count, min, max, mean FROM rollup_1h ORDER BY 1, 2"
        ).fetchall()
        assert ours == [(*row[:5], pytest.approx(row[5])) for row in own]
        assert db.execute("SELECT min(time) FROM readings").fetchall() == [
            (datetime.fromtimestamp(START, UTC),)
        ]
        assert db.execute("SELECT count(*) FROM anomalies").fetchall() == [(1,)]
        assert db.execute("SELECT line, reason FROM rejected").fetchall() == [
            (402, 'value "full" is no number')
        ]
    etl([write("b.csv", f"device,metric,time,value\nplug,power,{START + 60},1000\n")], postgres)
    with psycopg.connect(postgres) as db:
        fixed = datetime.fromtimestamp(START + 60, UTC)
        query = "SELECT value FROM readings WHERE device = 'plug' AND time = %s"
        assert db.execute(query, [fixed]).fetchall() == [(1000.0,)]


def test_a_server_that_is_not_there_is_one_line(write: Write) -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    with pytest.raises(HomestreamError, match="check the address") as error:
        etl([write("a.csv", LINES)], f"postgresql://home@127.0.0.1:{port}/home")
    assert "\n" not in str(error.value)
