"""Silence of real sensors: the gaps of a real flat's files against the outages the engine states.

The flat (Open Smart Home Data, Fraunhofer IBP 2018) has sensors that report on change and about every ten
minutes, for three months, with hours of silence here and there and two stops of the whole logger. Each file
is a device. A gap is found where the engine says the device fell silent within it; an outage is right where
the file's gap is as long as said. Once with what each device is expected to say given in the configuration,
once with all of it learned.
"""

import json
from itertools import count, groupby, pairwise
from operator import itemgetter
from pathlib import Path
from typing import Any

from quality.figure import Figure
from quality.score import share

from homestream.engine.fact import Blind, Outage
from homestream.engine.fold import Engine
from homestream.home import HomeConfig
from homestream.reading import Entry, Kind

#: File's quantity -> metric; set points are changed by people and are silent by nature.
METRICS = {
    "Temperature": "temperature",
    "ThermostatTemperature": "temperature",
    "OutdoorTemperature": "temperature",
    "Humidity": "humidity",
    "Brightness": "illuminance",
}
EXPECTED_MS = 2 * 3_600_000
LONG_MS = 12 * 3_600_000
TICK_MS = 25_000


def figures(data: Path) -> list[Figure]:
    """Recall and precision of outages, and the blind intervals that come of them."""
    series = _series(data / "opensmarthome")
    expected = [{"id": device, "expect_every": "2h"} for device in series]
    made = []
    for how, config, least in (
        ("2 h expected", {"device": expected}, EXPECTED_MS),
        ("learned", {}, LONG_MS),
    ):
        outages, blind = _silences(series, config)
        gaps = {
            (device, a)
            for device, (_, times, _) in series.items()
            for a, b in pairwise(times)
            if b - a >= least
        }
        lengths = {(device, a): b - a for device, (_, times, _) in series.items() for a, b in pairwise(times)}
        right = sum(lengths.get(found, 0) >= EXPECTED_MS for found in outages)
        note = (
            f"opensmarthome, {len(series)} sensors, 89 d; {len(gaps)} gaps of {least // 3_600_000} h or more"
        )
        made += [
            Figure(f"silence, {how}: recall", share(len(gaps & outages), len(gaps)), "", note),
            Figure(
                f"silence, {how}: precision",
                share(right, len(outages)),
                "",
                f"{len(outages)} outages; {note}",
            ),
            Figure(f"silence, {how}: blind intervals closed", float(blind), "", note),
        ]
    return made


def _series(folder: Path) -> dict[str, tuple[str, list[int], list[float]]]:
    """Device -> (metric, times in ms, values), as the files have them."""
    found = {}
    for file in sorted(folder.glob("*.csv")):
        room, _, quantity = file.stem.partition("_")
        metric = METRICS.get(quantity.rpartition("_")[2])
        if metric is not None:
            rows = [line.split("\t") for line in file.read_text(encoding="utf-8").splitlines()]
            times, values = [int(row[0]) * 1000 for row in rows], [float(row[1]) for row in rows]
            found[f"{room}/{quantity}".lower()] = metric, times, values
    return found


def _silences(
    series: dict[str, tuple[str, list[int], list[float]]], config: dict[str, Any]
) -> tuple[set[tuple[str, int]], int]:
    """(device, since) of every outage, and how many blind intervals closed again."""
    engine = Engine()
    rows = sorted(
        (time, device, metric, value)
        for device, (metric, times, values) in series.items()
        for time, value in zip(times, values, strict=True)
    )
    now = rows[0][0]
    home = HomeConfig.model_validate(config).model_dump_json(by_alias=True).encode()
    seqs = count(1)
    entries = [Entry(next(seqs), Kind.ACTION, "home", "run", "configure", home, now)]
    outages: set[tuple[str, int]] = set()
    closed = 0
    for time, together in groupby(rows, key=itemgetter(0)):
        entries += [
            Entry(next(seqs), Kind.TICK, "", "clock", "", b"", at)
            for at in range(now + TICK_MS, time, TICK_MS)
        ]
        batch = [{"device": d, "metric": m, "value": v, "time": t} for t, d, m, v in together]
        payload = json.dumps(batch).encode()
        entries.append(
            Entry(next(seqs), Kind.MESSAGE, "home", "http:x", "api/readings", payload, time, len(batch))
        )
        now = time
    for _, fact in engine.apply(entries).facts:
        if isinstance(fact, Outage) and fact.state == "silent":
            outages.add((fact.device, fact.since))
        closed += isinstance(fact, Blind) and fact.end is not None
    return outages, closed
