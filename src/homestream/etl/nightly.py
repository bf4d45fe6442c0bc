"""`python -m homestream.etl.nightly HOME`: what came days late amends the hours and days in the lake.

The engine amends windows for a day; a reading that comes later is stored, and this states its hours and days
again from silver, as a higher revision. Days that the engine may still state are left alone until it cannot.
Run again, it finds nothing new. Each night it looks only at files that came since the night before.
"""

import json
import os
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb

from homestream.engine.clock import DAY
from homestream.engine.series import KEEP_HOURS
from homestream.engine.windows import HOLD_MAX, power_hold
from homestream.errors import HomestreamError
from homestream.etl import rollup
from homestream.etl.into_lake import LakeTarget
from homestream.home import HomeConfig
from homestream.homefile import load
from homestream.lake.bronze import FOLDER
from homestream.lake.disk import replace
from homestream.lake.retention import trim_security
from homestream.lake.schema import EVENTS, SILVER
from homestream.lake.table import DeltaFolder

#: A reading reaches a day's hold forward, and the day that ends in; the engine is done with that day by then.
RIPE = KEEP_HOURS + HOLD_MAX + DAY

STATE = Path("state") / "nightly.json"

#: Whatever else the machine does goes first.
NICE = 10
MEMORY = "512MB"

_SERIES = "CREATE TABLE series AS SELECT row_number() OVER () AS sid, * FROM (SELECT DISTINCT {} FROM late)"

#: What the stream knew: silver, and where a silent device became unknown.
_WHOLE = """
CREATE TABLE fresh AS SELECT sid, time FROM late JOIN series USING (home, device, metric);
CREATE TABLE flags(sid INTEGER, time BIGINT, kind TEXT, value DOUBLE, low DOUBLE, high DOUBLE);
CREATE TABLE whole AS SELECT sid, time, arg_max_null(value, rank) AS value FROM (
    SELECT sid, time, value, rank + 1 AS rank FROM old UNION ALL SELECT sid, time, NULL, 0 FROM silent
) WHERE (sid, time) NOT IN (SELECT (sid, time) FROM old_flags) GROUP BY sid, time;
"""


def restate(folder: Path, now: int) -> int:
    """Amend the hours and days of the home in `folder` at `now`, ms; how many windows were stated again."""
    config = load(folder)
    silver = DeltaFolder(folder / FOLDER / SILVER.name, SILVER)
    seen = _seen(folder)
    files = [str(silver.root / part.path) for part in silver.parts.values() if part.last > seen]
    upto = max((part.last for part in silver.parts.values()), default=0)
    stated = 0
    if files:
        with duckdb.connect(config={"memory_limit": MEMORY, "threads": 1}) as con:
            con.execute("SET TimeZone = 'UTC'")
            con.execute(
                "CREATE TABLE late AS SELECT home, device, metric, epoch_ms(time) AS time, seq "
                "FROM read_parquet(?, hive_partitioning = false) WHERE late AND seq > ?",
                [files, seen],
            )
            unripe = con.execute("SELECT min(seq) FROM late WHERE time >= ?", [now - RIPE]).fetchall()[0][0]
            if unripe is not None:  # looked at again another night, with all that came after it
                upto = unripe - 1
            con.execute("DELETE FROM late WHERE time >= ? OR home <> ?", [now - RIPE, config.id])
            stated = _state(con, folder, config)
    path = folder / STATE
    path.parent.mkdir(exist_ok=True)
    replace(path, json.dumps({"seq": max(upto, seen)}).encode())
    return stated


def _state(con: duckdb.DuckDBPyConnection, folder: Path, config: HomeConfig) -> int:
    low, high = con.execute("SELECT min(time), max(time) FROM late").fetchall()[0]
    if low is None:
        return 0
    con.execute(_SERIES.format("home, device, metric"))
    target = LakeTarget(folder, None)
    target.load(con, low - rollup.REACH, high + rollup.REACH)
    _silences(con, folder, low, high)
    con.execute(_WHOLE)
    names = con.execute("SELECT sid, device, metric FROM series").fetchall()
    holds = {sid: power_hold(config.named(d)) if m == "power" else HOLD_MAX for sid, d, m in names}
    rollup.roll_up(con, ZoneInfo(config.timezone), holds)
    target.restate(con)
    return int(
        con.execute("SELECT (SELECT count(*) FROM new_1h) + (SELECT count(*) FROM new_1d)").fetchall()[0][0]
    )


def _silences(con: duckdb.DuckDBPyConnection, folder: Path, low: int, high: int) -> None:
    """`silent` (sid, time): when the engine took a silent device's series as unknown."""
    con.execute("CREATE TABLE silent(sid INTEGER, time BIGINT)")
    events = DeltaFolder(folder / FOLDER / EVENTS.name, EVENTS)
    files = [str(events.root / part.path) for part in events.parts.values()]
    if files:
        con.execute(
            """
            INSERT INTO silent SELECT sid, epoch_ms(e.time)
            FROM read_parquet(?, hive_partitioning = false) AS e
            JOIN series s ON e.home = s.home AND e.device = s.device AND (e.data ->> '$.metric') = s.metric
            WHERE kind = 'blind' AND (data ->> '$.why') = 'silent' AND (data ->> '$.end') IS NULL
                AND epoch_ms(e.time) BETWEEN ? AND ?
            """,
            [files, low - rollup.REACH, high + rollup.REACH],
        )


def _seen(folder: Path) -> int:
    """Up to which seq late readings have been dealt with."""
    try:
        return int(json.loads((folder / STATE).read_text())["seq"])
    except (OSError, ValueError, KeyError, TypeError):
        return 0


def restate_apart(folder: Path) -> None:
    """`restate` as of now, in a process of its own: the memory it takes is given back."""
    command = [sys.executable, "-m", __name__, str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        said = done.stderr.strip().splitlines() or [f"exit code {done.returncode}"]
        raise HomestreamError(f"late readings did not amend the lake: {said[-1]}; tried again tomorrow")


def main(arguments: Sequence[str]) -> None:
    """Amend the home in the folder named, and let go of what its security log keeps no longer."""
    os.nice(NICE)
    folder, now = Path(arguments[0]), time.time_ns() // 1_000_000
    restate(folder, now)
    trim_security(folder, load(folder), now)


if __name__ == "__main__":
    main(sys.argv[1:])
