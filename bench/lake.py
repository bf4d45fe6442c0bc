"""The lake: flush rate, bytes a reading at rest, the page's questions: python bench/lake.py [DAYS]."""

import random
import resource
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path
from time import perf_counter, process_time
from typing import Any

from homestream.engine.fact import Window
from homestream.home import HomeConfig
from homestream.lake import queries
from homestream.lake.compact import compact
from homestream.lake.connect import Queries
from homestream.lake.writer import Lake, LakeBatch
from homestream.reading import Entry, Kind, Reading

START = 1_772_323_200_000
MINUTE, HOUR, DAY = 60_000, 3_600_000, 86_400_000

#: A home of 60 devices, 94 series, each read every 5 s with up to 30 ms of jitter.
SERIES = [
    *((f"room{n % 8}/climate{n}", metric) for n in range(20) for metric in ("temperature", "humidity")),
    *((f"room{n % 8}/motion{n}", "motion") for n in range(12)),
    *((f"room{n % 8}/door{n}", "contact") for n in range(8)),
    *((f"room{n % 8}/light{n}", "illuminance") for n in range(6)),
    *((f"room{n % 8}/plug{n}", metric) for n in range(14) for metric in ("switch", "power")),
]
EVERY = 5_000
FLUSH = 10 * MINUTE


def readings(
    since: int, until: int, chance: random.Random, now: dict[tuple[str, str], float]
) -> Iterator[Reading]:
    """Values that wander, switch and rest, as sensors report them: rounded."""
    for at in range(since, until, EVERY):
        for device, metric in SERIES:
            value = now.get((device, metric), 20.0 if metric in ("temperature", "humidity") else 0.0)
            if metric in ("temperature", "humidity"):
                value += chance.gauss(0, 0.02)
            elif chance.random() < 0.002:
                value = 0.0 if value else 1.0
            now[device, metric] = value
            shown = round(value * chance.gauss(100, 1), 1) if metric == "power" else round(value, 1)
            yield Reading("home", device, metric, at + chance.randrange(30), shown)


def batch(made: list[Reading], seq: int) -> LakeBatch:
    entries, stored = [], []
    for n, reading in enumerate(made, seq):
        topic = f"home/{reading.device}/{reading.metric}"
        entries.append(
            Entry(n, Kind.MESSAGE, "home", "mqtt:bridge", topic, b"%g" % reading.value, reading.time)
        )
        stored.append((n, reading, False, False))
    return LakeBatch(entries, stored)


def windows(start: int, chance: random.Random) -> LakeBatch:
    """The day's hours of all series."""
    facts: list[Any] = []
    for hour in range(start, start + DAY, HOUR):
        for device, metric in SERIES:
            mean = chance.uniform(0, 100)
            energy = mean if metric == "power" else None
            window = Window(
                home="home", time=hour, device=device, metric=metric, size="1h", start=hour, count=720,
                min=mean, max=mean, sum=mean * 720, mean=mean, twmean=mean, last=mean, known=HOUR,
                energy=energy,
            )  # fmt: skip
            facts.append((0, window))
    return LakeBatch(facts=facts)


def told(name: str, figures: str) -> None:
    print(f"{name:<36} {figures}")


def timed(name: str, call: Callable[[], object]) -> None:
    call()
    wall, cpu = perf_counter(), process_time()
    call()
    told(name, f"{(perf_counter() - wall) * 1e3:.1f} ms, {(process_time() - cpu) * 1e3:.1f} ms of CPU")


def main(days: int) -> None:
    chance, now, seq = random.Random(1), dict[tuple[str, str], float](), 1
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        lake = Lake(folder)
        wall = cpu = 0.0
        for start in range(START, START + days * DAY, FLUSH):
            made = batch(list(readings(start, start + FLUSH, chance, now)), seq)
            seq += len(made.entries)
            if (start + FLUSH - START) % DAY == 0:
                made.facts = [(seq - 1, fact) for _, fact in windows(start + FLUSH - DAY, chance).facts]
            before = perf_counter(), process_time()
            lake.write(made, seq - 1)
            wall, cpu = wall + perf_counter() - before[0], cpu + process_time() - before[1]
        rows = seq - 1
        told(
            "flush, a message and its reading",
            f"{rows / cpu:,.0f} rows per CPU-s, {rows / wall:,.0f} a second",
        )
        small = lake.size_bytes()
        before = perf_counter(), process_time()
        compact(folder)
        cpu = process_time() - before[1]
        lake = Lake(folder)
        files = sum(lake.files().values())
        told("compaction", f"{2 * rows / cpu:,.0f} rows per CPU-s; {files} files left")
        sizes = {t: sum(p.size for p in held.parts.values()) / rows for t, held in lake._tables.items()}
        told("at rest, silver", f"{sizes['silver']:.2f} bytes a reading")
        told("at rest, bronze", f"{sizes['bronze']:.2f} bytes a message")
        told(
            "all tables",
            f"{small / rows:.2f} bytes a reading before compaction, {lake.size_bytes() / rows:.2f} after",
        )
        questions = Queries(folder)
        end = START + days * DAY
        config = HomeConfig()
        tail = [batch(list(readings(end, end + MINUTE, chance, now)), seq)]

        def ask(function: Callable[..., Any], *args: Any) -> Callable[[], object]:
            return lambda: questions.ask(function, *args, tail=tail)

        print(f"{rows:,} readings of {days} days, a minute of tail:")
        timed("a device's day", ask(queries.series, "home", "room1/plug1", "power", end - DAY, end, 600))
        timed(
            "hogs of a week",
            ask(queries.energy_by_device, "home", end - 7 * DAY, end, "Europe/Berlin", config),
        )
        timed(
            "consumption of a week",
            ask(queries.consumption, "home", end - 7 * DAY, end, "Europe/Berlin", "day", config),
        )
        timed(
            "climate of a week",
            ask(queries.climate, "home", end - 7 * DAY, end, "Europe/Berlin", "temperature"),
        )
        timed("first and last reading", ask(queries.span, "home"))
        questions.con.close()
        told("memory, peak", f"{resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024} MB")


main(int(sys.argv[1]) if len(sys.argv) > 1 else 2)
