"""A small house as log entries, and what the real engine makes of them."""

import json
from collections.abc import Sequence
from random import Random

from homestream.engine.fold import Engine
from homestream.lake.writer import LakeBatch
from homestream.reading import Entry, Kind

HOME = "home"

#: 2026-03-01 00:00 UTC, a Sunday.
START = 1_772_323_200_000

MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000


def rows(arrived: int, *readings: dict[str, object], home: str = HOME) -> Entry:
    """One message with readings as JSON rows, not yet placed in the log."""
    payload = json.dumps(readings).encode()
    return Entry(0, Kind.MESSAGE, home, "http:test", "api/readings", payload, arrived, len(readings))


def reading(device: str, metric: str, value: object, time: int) -> dict[str, object]:
    return {"device": device, "metric": metric, "value": value, "time": time}


def tick(arrived: int) -> Entry:
    return Entry(0, Kind.TICK, "", "clock", "", b"", arrived)


def placed(entries: Sequence[Entry], first: int = 1) -> list[Entry]:
    return [entry._replace(seq=seq) for seq, entry in enumerate(entries, first)]


def day(seed: int = 1, hours: int = 26, every: int = MINUTE, start: int = START) -> list[Entry]:
    """Power, a counter and a temperature, with late readings, corrections, duplicates and refusals."""
    chance, wh = Random(seed), 0.0
    entries: list[Entry] = []
    for now in range(start, start + hours * HOUR, every):
        watts = round(chance.uniform(0, 2000), 1)
        wh += watts / 60
        made = [
            reading("kitchen/oven", "power", watts, now),
            reading("cellar/meter", "energy", round(wh, 2), now),
            reading("den/air", "temperature", round(chance.gauss(20, 1), 1), now - chance.randrange(30_000)),
        ]
        if chance.random() < 0.05:
            made.append(reading("den/air", "temperature", 18.5, now - chance.randrange(6 * HOUR)))
        if chance.random() < 0.05:
            made += [
                reading("kitchen/oven", "power", 700.25, now),
                reading("kitchen/oven", "power", "?", now),
            ]
        if chance.random() < 0.03:
            made.append(reading("den/air", "temperature", "unavailable", now))
        entries += [rows(now, *made), tick(now + 5_000)]
    return placed(entries)


def batch(engine: Engine, entries: Sequence[Entry]) -> LakeBatch:
    """What goes to the lake when the engine has taken `entries`."""
    output = engine.apply(entries)
    return LakeBatch(list(entries), output.readings, output.facts, output.rejected)
