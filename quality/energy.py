"""Energy against real meters, and when appliances ran against their own traces and the simulator's truth.

UCI household power: a house minute by minute, its meter and three sub-meters, through import, hours and the
meter tree. tracebase: single appliances at about 1 Hz, no labels; whether one is on is judged in hindsight by
the two levels that part its whole trace best (Otsu 1979, over log W). The detector, which learns its levels
as it goes, is held against that reading by reading.
"""

import csv
import tempfile
from collections import defaultdict
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import pairwise
from math import fsum, isnan, log1p, nan
from pathlib import Path
from statistics import median
from zoneinfo import ZoneInfo

from quality.figure import Figure
from quality.score import f1, share

from homestream.engine.energy.appliance import PAUSE_MS, runs
from homestream.engine.windows import MAX_GAP
from homestream.etl import etl
from homestream.homefile import load
from homestream.lake import queries
from homestream.lake.ask import ask
from homestream.lake.connect import connect
from homestream.simulate.house import House

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000

#: Of UCI household power, the piece of eleven days and the last day; the pieces between overlap neither.
PIECES = ("hpc_2006-12-16_27_original_format.txt", "hpc_2010-11-25_26_original_format.txt")

#: The two levels of a trace must differ so much, W, for the appliance to have an on and an off.
LEVELS_W = 20.0

#: What people write by hand: on above 10 W.
BASELINE_W = 10.0

#: The simulator's appliances that its truth names, and how far off a run's ends may be.
SIMULATED_DAYS, SLACK = 14, 2 * MINUTE

Trace = list[tuple[int, float]]


def figures(data: Path) -> list[Figure]:
    """Household energy, and appliances on and off."""
    return [*_household(data / "uci_household_power"), *_tracebase(data / "tracebase"), *_simulated()]


def _household(folder: Path) -> Iterator[Figure]:
    parts = [folder / name for name in PIECES]
    measured = [_minutes(part) for part in parts]
    with tempfile.TemporaryDirectory() as name:
        etl([str(part) for part in parts], name)
        con, config = connect(Path(name)), load(Path(name))
        since, until = measured[0][0][0] // HOUR * HOUR, measured[-1][-1][0] + MINUTE
        period = (con, config.id, since, until, config.timezone)
        tree = queries.meter_tree(*period, config)
        hours = queries.consumption(*period, "hour", config)
        bad = ask(con, _NEGATIVE)[0]["n"]
        con.close()
    home, *devices = tree
    kwh = fsum(watts for part in measured for _, watts in part if not isnan(watts)) / 60_000
    note = (
        f"UCI household power, {sum(map(len, measured))} minutes, {kwh:.1f} kWh by the file's own minutes; "
    )
    note += "the last minute of each piece is held for 5 min"
    off = abs(fsum(row["kwh"] for row in hours) - kwh) / kwh * 100
    yield Figure("household energy: hours against the file's own total", off, "%", note)
    rest = round(home["kwh"] * 1e6) - sum(round(row["kwh"] * 1e6) for row in devices)
    told = f"{len(devices)} sub-meters, {home['untracked']:.1f} kWh of {home['kwh']:.1f} kWh untracked"
    yield Figure(
        "household energy: devices + untracked - mains",
        (rest - round(home["untracked"] * 1e6)) / 1e3,
        "Wh",
        told,
    )
    yield Figure("household energy: untracked", home["untracked"] / home["kwh"] * 100, "%", told)
    note = "hours in which the sub-meters, in whole Wh a minute, sum to more than 4 % + 20 Wh above the meter"
    yield Figure(f"household energy: hours of {len(hours)} in which meters disagree", bad, "", note)


_NEGATIVE = """
SELECT count(*) AS n FROM (
    SELECT start, sum(energy_wh) FILTER (device = 'house/mains') AS mains,
        sum(energy_wh) FILTER (device <> 'house/mains') AS parts
    FROM rollup_1h WHERE metric = 'power' GROUP BY start
) WHERE parts > mains * 1.04 + 20
"""


def _minutes(file: Path) -> Trace:
    """(ms, W) of each whole row of the original format; NaN for `?`."""
    with file.open(newline="") as text:
        rows = [row for row in csv.reader(text, delimiter=";") if len(row) == 9][1:]
    return [
        (_moment(" ".join(row[:2])), nan if row[2] == "?" else float(row[2]) * 1000) for row in rows if row[0]
    ]


def _moment(text: str) -> int:
    return int(datetime.strptime(text, "%d/%m/%Y %H:%M:%S").replace(tzinfo=UTC).timestamp() * 1000)


def _tracebase(folder: Path) -> Iterator[Figure]:
    ours, fixed, idle = [], [], []
    for file in sorted(folder.glob("*/*/*.csv")):
        trace = _trace(file)
        found = _on(trace, [(run.start, run.end or trace[-1][0] + 1) for run in runs(trace, MAX_GAP)])
        level = _threshold([watts for _, watts in trace])
        if level is None:
            idle.append(share(sum(found), len(found)))
            continue
        true = _on(trace, _bridged([(time, watts > level) for time, watts in trace]))
        ours.append(f1(zip(found, true, strict=True)))
        fixed.append(f1(zip((watts > BASELINE_W for _, watts in trace), true, strict=True)))
    note = f"tracebase, {len(ours)} appliances with two levels; truth in hindsight"
    yield Figure("appliance on/off: F1, mean", fsum(ours) / len(ours), "", note)
    yield Figure("appliance on/off: F1, worst", min(ours), "", note)
    yield Figure(
        "appliance on/off: F1, mean of the fixed 10 W", fsum(fixed) / len(fixed), "", f"{note}; baseline"
    )
    note = f"tracebase, {len(idle)} appliances whose power hardly changes"
    yield Figure("appliance on/off: share on where nothing happens", max(idle), "", note)


def _trace(file: Path) -> Trace:
    """(ms, W) in order of time, each second once; the later row wins."""
    rows: dict[int, float] = {}
    with file.open(newline="") as text:
        for row in csv.reader(text, delimiter=";"):
            if len(row) == 3 and row[1]:
                rows[_moment(row[0])] = float(row[1])
    return sorted(rows.items())


def _on(trace: Trace, spans: list[tuple[int, int]]) -> list[bool]:
    """For each reading, whether it lies in one of the spans, which follow each other."""
    found, at = [], 0
    for time, _ in trace:
        while at < len(spans) and spans[at][1] <= time:
            at += 1
        found.append(at < len(spans) and spans[at][0] <= time)
    return found


def _bridged(states: list[tuple[int, bool]]) -> list[tuple[int, int]]:
    """The spans in which it is on; a pause shorter than the detector's is part of one."""
    spans: list[tuple[int, int]] = []
    for (time, on), (after, _) in pairwise([*states, (states[-1][0] + 1, False)]):
        if on:
            end = min(after, time + MAX_GAP)
            if spans and time - spans[-1][1] < PAUSE_MS:
                spans[-1] = (spans[-1][0], end)
            else:
                spans.append((time, end))
    return spans


def _threshold(watts: list[float]) -> float | None:
    """The level that parts readings best into low and high (Otsu); None where there is no high."""
    count: dict[float, int] = defaultdict(int)
    for value in watts:
        count[max(value, 0.0)] += 1
    total, whole = len(watts), fsum(log1p(value) * n for value, n in count.items())
    best, level, below, sum_below = 0.0, None, 0, 0.0
    for value, after in pairwise(sorted(count)):
        below += count[value]
        sum_below += log1p(value) * count[value]
        low, high = sum_below / below, (whole - sum_below) / (total - below)
        between = below * (total - below) * (high - low) ** 2
        if between > best:
            best, level = between, (value + after) / 2
    if level is None:
        return None
    high_level = median(value for value in watts if value > level)
    return level if high_level - median(value for value in watts if value <= level) >= LEVELS_W else None


def _simulated() -> Iterator[Figure]:
    """Runs of the simulator's appliances, a reading a minute, against its truth."""
    start = 1_767_571_200_000
    house = House("h", 11, ZoneInfo("UTC"), start, MINUTE)
    power: dict[str, Trace] = defaultdict(list)
    for _ in range(SIMULATED_DAYS * DAY // MINUTE):
        for device, time, values in house.step():
            if "power" in device.metrics:
                power[device.id].append((time, values[device.metrics.index("power")]))
    true: dict[str, list[tuple[int, int]]] = defaultdict(list)
    for line in house.truth:
        if line["truth"] == "appliance" and line["device"] in power:
            span = [int(datetime.fromisoformat(line[edge]).timestamp() * 1000) for edge in ("start", "end")]
            true[line["device"]].append((span[0], span[1]))
    hit = told = all_true = 0
    for name, spans in true.items():
        trace = sorted(dict(power[name]).items())
        found = [(run.start, run.end or trace[-1][0]) for run in runs(trace, MAX_GAP)]
        hit += sum(any(a - SLACK < end and b + SLACK > begin for a, b in found) for begin, end in spans)
        told += sum(any(begin - SLACK < b and end + SLACK > a for begin, end in spans) for a, b in found)
        all_true += len(found)
    runs_true = sum(map(len, true.values()))
    note = f"simulated home, {SIMULATED_DAYS} days, {runs_true} runs of {len(true)} appliances, one a minute"
    yield Figure("appliance runs: recall", share(hit, runs_true), "", note)
    yield Figure("appliance runs: precision", share(told, all_true), "", note)
