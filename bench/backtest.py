"""Rules over a home's history: readings per CPU-second, seconds for a year, the most memory.

    python bench/backtest.py [DAYS]

A home of 20 series, each read every 5 s by a message of its own, with the hub's ticks and somebody who arms
and disarms each day: first its lake is made, columns at a time, then the rules below are tried over it, in a
process of its own on one core. 365 days are 126 million readings.
"""

import json
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import duckdb
import pyarrow as pa
from rich.progress import track

from homestream.home import HomeConfig
from homestream.lake.bronze import FOLDER
from homestream.lake.schema import BRONZE, SILVER
from homestream.lake.table import DeltaFolder

START = 1_767_225_600_000
STEPS = 17_280  # a day, every 5 s

SERIES = [
    *((f"room{n}/climate", metric) for n in range(4) for metric in ("temperature", "humidity")),
    *((f"{name}", "power") for name in ("laundry/iron", "kitchen/fridge", "kitchen/oven", "den/screen")),
    *((f"room{n}/motion", "motion") for n in range(3)),
    *((f"{name}", "contact") for name in ("hall/door", "room0/window", "room1/window")),
    ("room0/light", "illuminance"),
    ("garage/freezer", "temperature"),
]

RULES = """
[[rule]]
name = "Iron left on"
when = "laundry/iron.power > 1000"
until = "laundry/iron.power < 50"
for = "10m"
cooldown = "1h"

[[rule]]
name = "Too warm"
when = "*/climate.temperature > 24.2"
until = "*/climate.temperature < 23.5"

[[rule]]
name = "The fridge works hard"
when = 'mean(kitchen/fridge.power, "10m") > 150'
for = "5m"

[[rule]]
name = "Opened while away"
when = "*.contact == open and mode == away"
severity = "critical"

[[rule]]
name = "Freezer silent"
silent = "garage/freezer.temperature"
for = "1h"
"""

#: Each step of 5 s has a tick, a message of each series, and a place for an action. `r` is noise, 0 to 1.
_DAY = """
CREATE OR REPLACE TEMP TABLE made AS
SELECT s * 22 + k + 3 AS seq, device, metric, $start + s * 5000 + k * 10 AS ms, CASE metric
    WHEN 'temperature' THEN round(21 + k % 3 + sin(day) + 0.3 * r, 1)
    WHEN 'humidity' THEN round(50 + 10 * sin(day) + r, 1)
    WHEN 'power' THEN round(CASE WHEN hash(s // 120, k) % 100 < 5 THEN 1500 ELSE 3 END + r, 1)
    WHEN 'illuminance' THEN round(greatest(0, 500 * sin(day)) + r, 0)
    ELSE (hash(s // 24, k) % 1000 < CASE metric WHEN 'motion' THEN 100 ELSE 4 END)::INT END::DOUBLE AS value
FROM (SELECT s, k, device, metric, s % 17280 / 17280 * 2 * pi() AS day, hash(s, k) % 1000 / 1000 AS r
      FROM range($first::BIGINT, $first::BIGINT + 17280) steps(s), series)
"""
_SILVER = """
SELECT seq, 'home' AS home, device, metric, make_timestamptz(ms * 1000) AS time, value,
       false AS late, false AS corrects
FROM made ORDER BY device, metric, ms
"""
_BRONZE = """
SELECT seq, 'message' AS kind, 'home' AS home, 'mqtt:bench' AS source,
       'home/' || device || '/' || metric AS topic, value::TEXT::BLOB AS payload, ms, 1 AS items FROM made
UNION ALL
SELECT s * 22 + 2, 'tick', '', 'clock', '', ''::BLOB, $start + s * 5000, 1
FROM range($first::BIGINT, $first::BIGINT + 17280) steps(s)
UNION ALL
SELECT $first::BIGINT * 22 + 1 + seq, 'action', 'home', 'page:ann', topic, payload::BLOB,
       $start + $first::BIGINT * 5000 + ms, 1
FROM (VALUES (0, 'configure', $config, 0), (22 * 5760, 'mode', '{"mode": "away"}', 28800000),
             (22 * 12240, 'mode', '{"mode": "disarmed"}', 61200000)) AS actions(seq, topic, payload, ms)
WHERE seq > 0 OR $first::BIGINT = 0
"""


def days(count: int) -> Iterator[tuple[pa.Table, pa.Table]]:
    """Each day's bronze and silver."""
    con = duckdb.connect(config={"threads": 1})
    con.execute("SET TimeZone = 'UTC'")
    con.execute("CREATE TABLE series(k INTEGER, device TEXT, metric TEXT)")
    con.executemany("INSERT INTO series VALUES (?, ?, ?)", [(k, *series) for k, series in enumerate(SERIES)])
    config = HomeConfig().model_dump_json(by_alias=True)
    for day in range(count):
        when = {"first": day * STEPS, "start": START}
        con.execute(_DAY, when)
        silver = con.sql(_SILVER).to_arrow_table()
        arrived = f"SELECT * REPLACE (make_timestamptz(ms * 1000) AS ms) FROM ({_BRONZE}) ORDER BY seq"
        bronze = con.sql(arrived, params={**when, "config": config}).to_arrow_table()
        yield silver.cast(SILVER.schema), bronze.rename_columns(list(BRONZE.columns)).cast(BRONZE.schema)


def make(folder: Path, count: int) -> int:
    """Fill the lake of the home in `folder`; bytes of it."""
    tables = [DeltaFolder(folder / FOLDER / table.name, table) for table in (SILVER, BRONZE)]
    for day in track(days(count), "making the lake", total=count):
        for table, rows in zip(tables, day, strict=True):
            table.append(rows, day[1]["seq"][-1].as_py())
    return sum(table.size_bytes() for table in tables)


_RUN = """
import json, resource, sys
from pathlib import Path
from time import perf_counter, process_time
from homestream.backtest import backtest
from homestream.homefile import load_rules
folder = Path(sys.argv[1])
rules = load_rules(folder / "rules.toml")
def show(done, total):
    print(f"\\rtrying the rules {done / total:4.0%}", end="", file=sys.stderr, flush=True)
cpu, wall = process_time(), perf_counter()
result = backtest(folder, rules, progress=show)
print(json.dumps({"cpu": process_time() - cpu, "wall": perf_counter() - wall,
    "mb": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
    "says": {rule: result.says(rule) for rule in result.rules}}))
"""


def main(count: int) -> None:
    """Make, try, tell."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        size = make(folder, count)
        (folder / "rules.toml").write_text(RULES, encoding="utf-8")
        command = [sys.executable, "-c", _RUN, name]
        answer = json.loads(subprocess.run(command, check=True, stdout=subprocess.PIPE).stdout)
    readings = count * STEPS * len(SERIES)
    print(f"\n{readings:,} readings of {count} days, {size / readings:.2f} bytes each with their messages")
    for rule, says in answer["says"].items():
        print(f"  {rule}: {'; '.join(says)}")
    cpu = answer["cpu"]
    print(f"{cpu:.1f} s of CPU, {answer['wall']:.1f} s, {answer['mb']:.0f} MB at most")
    print(
        f"{readings / cpu:,.0f} readings per CPU-s; at this rate a year takes {cpu * 365 / count:.0f} CPU-s"
    )


if __name__ == "__main__":
    main(int(sys.argv[1]) if len(sys.argv) > 1 else 10)
