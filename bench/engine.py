"""The engine alone, on one core: readings per CPU-second, memory and snapshots.

    python bench/engine.py [HOMES] [SERIES] [MINUTES]

First one home with a day of data. Then HOMES at once, with 5 s data of temperature, humidity, power, energy,
motion, contact, switch and illuminance, as the plain dialect's MQTT messages, one reading each, a home's all
together: through `Engine.apply` (decoding and all operators), and decoded through `HomeFold.step` alone, also
all of a home's in one message. Timed are MINUTES after the first WARM, in which devices are met for the first
time and no window closes yet.
"""

import multiprocessing
import random
import resource
import sys
from collections.abc import Iterator
from time import perf_counter, process_time

from homestream.dialects import decode
from homestream.engine.fold import Engine
from homestream.engine.home import HomeFold
from homestream.engine.operators import operators
from homestream.engine.output import Account, Output
from homestream.home import HomeConfig
from homestream.reading import Entry, Kind, Reading
from homestream.system import spare_collector

START = 1_767_225_600_000
METRICS = ("temperature", "humidity", "power", "energy", "illuminance", "motion", "contact", "switch")
STATES = {"motion": 0.05, "contact": 0.01, "switch": 0.01}
BATCH = 500
WARM = 2
STEPS_A_MINUTE = 12


def stream(homes: int, series: int, minutes: int) -> Iterator[tuple[bool, list[Entry]]]:
    """Every 5 s a tick for all and every series of every home; and whether it is past WARM."""
    chance = random.Random(1)
    topics = [(f"home/room{n % 7}/device{n // 8}/{METRICS[n % 8]}", METRICS[n % 8]) for n in range(series)]
    names = [f"h{h}" for h in range(homes)]
    level = [[20.0] * series for _ in names]
    seq = 0
    for step in range((WARM + minutes) * STEPS_A_MINUTE):
        now = START + step * 5_000
        seq += 1
        entries = [Entry(seq, Kind.TICK, "", "clock", "", b"", now)]
        for name, levels in zip(names, level, strict=True):
            for n, (topic, metric) in enumerate(topics):
                before = levels[n]
                if metric in STATES:
                    value = 1.0 - before if chance.random() < STATES[metric] else float(before > 0.5)
                elif metric == "energy":
                    value = before + round(chance.random(), 2)
                else:
                    value = round(before + chance.gauss(0, 0.1), 2)
                levels[n] = value
                seq += 1
                entries.append(Entry(seq, Kind.MESSAGE, name, "mqtt:x", topic, b"%g" % value, now + n))
        yield step >= WARM * STEPS_A_MINUTE, entries


def whole(homes: int, series: int, minutes: int) -> None:
    """Decoding and all operators; then what the homes weigh."""
    before = peak_mb()
    engine = Engine()
    readings, took = 0, 0.0
    for timed, entries in stream(homes, series, minutes):
        begin = process_time()
        found = sum(
            len(engine.apply(entries[start : start + BATCH]).readings)
            for start in range(0, len(entries), BATCH)
        )
        if timed:
            took += process_time() - begin
            readings += found
    tell("Engine.apply, decoding and all operators", readings, took)
    weigh(engine, f"{homes} homes of {series} series after {WARM + minutes} min", peak_mb() - before)


class Alone:
    """`HomeFold.step` alone; `together` messages that follow each other are one message with so many rows."""

    def __init__(self, with_operators: bool, together: int) -> None:
        self.name = f"{'all' if with_operators else 'no'} operators, {together} a message"
        self.with_operators, self.together = with_operators, together
        self.homes: dict[str, HomeFold] = {}
        self.account, self.readings, self.took = Account(), 0, 0.0

    def take(self, timed: bool, entries: list[Entry]) -> None:
        """One step of the stream."""
        for entry in entries:
            if entry.home and entry.home not in self.homes:
                made = operators() if self.with_operators else []
                self.homes[entry.home] = HomeFold(entry.home, HomeConfig(), made)
        homes, size = self.homes, self.together
        rows = [(e, decode(homes[e.home].registry, homes[e.home].config, e)) for e in entries if e.home]
        rows = [
            (rows[at][0], [row for _, one in rows[at : at + size] for row in one])
            for at in range(0, len(rows), size)
        ]
        readings = 0
        begin = process_time()
        for start in range(0, len(rows), BATCH):
            out = Output()
            for entry, row in rows[start : start + BATCH]:
                homes[entry.home].step(entry, row, self.account, out)
            readings += len(out.readings)
        if timed:
            self.took += process_time() - begin
            self.readings += readings
        for home in homes.values():
            home.stage.facts.clear()


def tell(name: str, readings: int, took: float) -> None:
    print(f"{name:47}: {readings / took:7,.0f} readings per CPU-s", flush=True)


def weigh(engine: Engine, name: str, grown: float) -> None:
    """Memory, and what a snapshot costs."""
    begin = perf_counter()
    frozen = engine.freeze()
    stood = perf_counter()
    data = frozen.encode()
    saved = perf_counter()
    again = Engine.restore(data)
    done = perf_counter()
    homes = len(engine.homes)
    each = f", {grown / homes * 1e3:.0f} kB a home" if homes > 1 else ""
    print(
        f"{name}: {grown:.0f} MB of memory{each}; snapshot {len(data) / 1e6:.2f} MB, "
        f"frozen in {(stood - begin) * 1e3:.0f} ms, taken in {saved - begin:.2f} s, "
        f"restored in {done - saved:.2f} s",
        flush=True,
    )
    assert again.snapshot() == data


def peak_mb() -> float:
    """The most memory this process has had, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def a_day(series: int) -> None:
    """A home with a day of 5 s data in it."""
    before = peak_mb()
    fold = HomeFold("h", HomeConfig(), operators())
    chance, account = random.Random(2), Account()
    names = [(f"room{n % 7}/device{n // 8}", METRICS[n % 8]) for n in range(series)]
    level = [20.0] * series
    for step in range(24 * 60 * STEPS_A_MINUTE):
        now = START + step * 5_000
        row = []
        for n, (device, metric) in enumerate(names):
            level[n] = round(level[n] + (chance.random() if metric == "energy" else chance.gauss(0, 0.1)), 2)
            row.append(Reading("h", device, metric, now, level[n]))
        fold.step(Entry(step + 1, Kind.MESSAGE, "h", "x", "x", b"", now), [row], account, Output())
        fold.stage.facts.clear()
    engine = Engine()
    engine.homes["h"] = fold
    weigh(engine, f"a home with a day of {series} series every 5 s", peak_mb() - before)


def main() -> None:
    homes, series, minutes = (int(arg) for arg in (sys.argv[1:] + ["1000", "20", "1"][len(sys.argv) - 1 :]))
    spare_collector()
    # in a process of its own, since memory is told by its peak
    day = multiprocessing.get_context("fork").Process(target=a_day, args=(series,))
    day.start()
    day.join()
    assert not day.exitcode
    whole(homes, series, minutes)
    alone = [Alone(True, 1), Alone(False, 1), Alone(True, series)]
    for timed, entries in stream(homes, series, minutes):
        for one in alone:
            one.take(timed, entries)
    for one in alone:
        tell(f"HomeFold.step alone, {one.name}", one.readings, one.took)


if __name__ == "__main__":
    main()
