"""Presence against people counted by camera: a room's carbon dioxide, as presence reads it, on a real office.

The office (UCI "Occupancy Detection", Candanedo and Feldheim 2016) has neither door nor motion sensors, so it
measures one sense of presence only: whether somebody breathes. Baselines: to say always that somebody is
there, and a light threshold fitted to the first file, which an office without daylight makes hard to beat and
a home with sun and forgotten lamps does not have.
"""

import csv
from datetime import UTC, datetime
from pathlib import Path
from typing import NamedTuple

from quality.figure import Figure
from quality.score import f1

from homestream.engine.safety.breath import Breath

FILES = ("datatraining.txt", "datatest.txt", "datatest2.txt")
HIGHEST_LX = 1000


class Row(NamedTuple):
    """A minute of the office."""

    time: int
    light: float
    co2: float
    occupied: bool


def figures(data: Path) -> list[Figure]:
    """F1 of "somebody is there", minute by minute, for each of the three files."""
    made = []
    threshold = 0
    for name in FILES:
        rows = read(data / "uci_occupancy" / name)
        if not threshold:
            threshold = max(range(0, HIGHEST_LX, 5), key=lambda lx: _by_light(rows, lx))
        air, pairs = Breath(), []
        for row in rows:
            air.see(row.time, row.co2)
            pairs.append((air.somebody(row.time), row.occupied))
        note = f"uci_occupancy/{name}, {len(rows)} minutes"
        always = f1((True, row.occupied) for row in rows)
        made += [
            Figure("presence by air: F1", f1(pairs), "", note),
            Figure("presence, always yes: F1", always, "", f"baseline; {note}"),
            Figure(
                f"presence, light over {threshold} lx: F1",
                _by_light(rows, threshold),
                "",
                f"baseline; {note}",
            ),
        ]
    return made


def read(file: Path) -> list[Row]:
    """The rows of one file; its rows have a number before the columns that its header names."""
    with file.open(newline="", encoding="utf-8") as lines:
        return [
            Row(
                int(datetime.fromisoformat(row[1]).replace(tzinfo=UTC).timestamp() * 1000),
                float(row[4]),
                float(row[5]),
                row[7] == "1",
            )
            for row in list(csv.reader(lines))[1:]
        ]


def _by_light(rows: list[Row], threshold: float) -> float:
    return f1((row.light > threshold, row.occupied) for row in rows)
