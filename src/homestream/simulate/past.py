"""A past for a home that was never lived in: the simulated family's own, through the ETL into the lake.

It is made by the same house and seed as what follows, and reported as real devices do, on change and after a
while at the latest. It is history, not log: nothing of it enters the engine or its digest.
"""

import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from homestream.etl import etl
from homestream.homefile import load
from homestream.simulate.house import House

DAY_MS = 86_400_000
STEP_MS = 60_000
#: metric -> a change worth a report, and the longest silence in minutes (power: less than `MAX_GAP`)
CHANGES: dict[str, tuple[float, int]] = {
    "power": (3.0, 4),
    "energy": (1e9, 15),
    "temperature": (0.15, 60),
    "humidity": (1.5, 60),
    "illuminance": (60.0, 60),
    "carbon_dioxide": (40.0, 60),
    "pressure": (0.5, 60),
    "voltage": (3.0, 60),
    "current": (2.0, 60),
    "position": (10.0, 120),
    "battery": (1.0, 720),
}
#: states and all else: each change, and every second hour
OTHERS = (0.0, 120)


def backfill(
    folder: Path,
    days: int,
    seed: int,
    until: int,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """Fill the lake of the home in `folder` with the `days` before `until` (UTC ms); the ETL's books.

    `progress(minutes done, minutes in all)`.
    """
    config = load(folder)
    end = until // STEP_MS * STEP_MS
    house = House(config.id, seed, config.zone, end - days * DAY_MS, STEP_MS)
    with tempfile.TemporaryDirectory(prefix="homestream-past-") as scratch:
        file = Path(scratch) / "past.csv"
        with file.open("w", encoding="utf-8") as out:
            out.write("home,device,metric,time,value\n")
            out.writelines(_lines(house, days * DAY_MS // STEP_MS, progress))
        return etl([str(file)], str(folder))


def _lines(house: House, steps: int, progress: Callable[[int, int], None]) -> Iterator[str]:
    told: dict[str, list[tuple[float, int]]] = {}
    for step in range(steps):
        for device, time, values in house.step():
            metrics = device.metrics
            last = told.get(device.id)
            if last is None:
                last = told[device.id] = [(float("inf"), 0)] * len(metrics)
            for place, value in enumerate(values):
                before, since = last[place]
                change, silence = CHANGES.get(metrics[place], OTHERS)
                if abs(value - before) > change or step - since >= silence:
                    last[place] = (value, step)
                    yield f"{house.home},{device.id},{metrics[place]},{time},{float(value)!r}\n"
        house.truth.clear()
        if not step % 1440:
            progress(step, steps)
    progress(steps, steps)
