"""Anomalies against labels: the simulator's faults, which its truth names, and drifts added here.

Two homes for five weeks, their climate sensors and meter every two minutes, through the engine with all its
operators. The simulator spikes and freezes sensors by itself; drift begins when three weeks are learned: a
sensor is off by 3 °C for eight hours. A fault is found where the engine states its kind of anomaly for its
series from its beginning until a while after its end; an anomaly is right where any fault of its series
explains it (a sensor that comes back from a drift leaps).
"""

import json
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from random import Random
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from quality.figure import Figure
from quality.score import share

from homestream.engine.fact import Anomaly
from homestream.engine.fold import Engine
from homestream.reading import Entry, Kind
from homestream.simulate.faults import Report
from homestream.simulate.house import House

START = 1_767_571_200_000
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000
EVERY = 2 * MINUTE
DAYS, LEARNED = 35, 22
KINDS = frozenset({"climate", "probe", "weather", "thermostat", "air", "mains"})
#: Kind -> how long after a fault's end it may be found: the engine looks each 10 min, and judges whole hours.
SLACK = {"spike": 2 * EVERY, "stuck": 15 * MINUTE, "drift": 2 * HOUR}
DRIFT_C, DRIFT_MS = 3.0, 8 * HOUR


class Fault(NamedTuple):
    """What was wrong with a series, and when."""

    kind: str
    home: str
    device: str
    metric: str
    start: int
    end: int


def figures(data: Path) -> list[Figure]:
    """Recall and precision by kind; needs no data but the simulator's."""
    faults: list[Fault] = []
    found: list[Anomaly] = []
    for home in ("a", "b"):
        ours, said = _lived(home)
        faults += ours
        found += said
    made = []
    for kind in ("spike", "stuck", "drift"):
        true = [fault for fault in faults if fault.kind == kind]
        told = [anomaly for anomaly in found if anomaly.kind == kind]
        hit = sum(any(_explains(fault, one, kind) for one in told) for fault in true)
        right = sum(any(_explains(fault, one, kind) for fault in faults) for one in told)
        note = (
            f"{len(true)} faults, {len(told)} anomalies; 2 simulated homes, {DAYS} days, a reading each 2 min"
        )
        made += [
            Figure(f"{kind}: recall", share(hit, len(true)), "", note),
            Figure(f"{kind}: precision", share(right, len(told)), "", note),
        ]
    return made


def _lived(home: str) -> tuple[list[Fault], list[Anomaly]]:
    """A home's five weeks: its faults and its anomalies."""
    house, chance, engine = House(home, 7, ZoneInfo("UTC"), START, EVERY), Random(home), Engine()
    drifts = list(_drifts(home, chance))
    found: list[Anomaly] = []
    for seq in range(1, DAYS * DAY // EVERY + 1):
        rows = [
            row for report in house.step() if report.device.kind in KINDS for row in _rows(report, drifts)
        ]
        at = house.clock
        payload = json.dumps(rows).encode()
        entries = [
            Entry(2 * seq - 1, Kind.MESSAGE, home, "http:x", "api/readings", payload, at, len(rows)),
            Entry(2 * seq, Kind.TICK, home, "clock", "", b"", at),
        ]
        found += [fact for _, fact in engine.apply(entries).facts if isinstance(fact, Anomaly)]
    told = [_fault(home, line) for line in house.truth if line["truth"] == "fault"]
    return [*told, *drifts], found


def _drifts(home: str, chance: Random) -> Iterator[Fault]:
    """One a day in a room that has a climate sensor, at any hour."""
    for day in range(LEARNED, DAYS - 1):
        device = chance.choice(["bathroom/climate", "bedroom/climate", "garage/climate", "office/climate"])
        start = START + day * DAY + chance.randrange(0, 16 * HOUR)
        yield Fault("drift", home, device, "temperature", start, start + DRIFT_MS)


def _rows(report: Report, drifts: list[Fault]) -> Iterator[dict[str, Any]]:
    device, time, values = report
    off = any(d.device == device.id and d.start <= time < d.end for d in drifts)
    for metric, value in zip(device.metrics, values, strict=True):
        shown = round(value + DRIFT_C, 2) if off and metric == "temperature" else value
        yield {"device": device.id, "metric": metric, "value": shown, "time": time}


def _fault(home: str, line: dict[str, Any]) -> Fault:
    start, end = (int(datetime.fromisoformat(line[name]).timestamp() * 1000) for name in ("start", "end"))
    return Fault(line["kind"], home, line["device"], line["metric"], start, end)


def _explains(fault: Fault, found: Anomaly, kind: str) -> bool:
    same = (fault.home, fault.device) == (found.home, found.device) and fault.metric in ("", found.metric)
    return same and fault.start - EVERY <= found.time <= fault.end + SLACK[kind]
