"""The engine alone, on one core: readings per CPU-second, memory and snapshot of a home.

    python bench/engine.py [HOMES] [SERIES] [MINUTES]

Homes with 5 s data of temperature, humidity, power, energy, motion, contact, switch and illuminance, as the
plain dialect's MQTT messages, one reading each: first through `Engine.apply` (decoding and all operators),
then the same readings through `HomeFold.step` alone, also all of a home's in one message.
"""

import gc
import random
import resource
import sys
from time import perf_counter, process_time

from homestream.dialects import decode
from homestream.engine.fold import Engine
from homestream.engine.home import HomeFold
from homestream.engine.operators import operators
from homestream.engine.output import Account, Output
from homestream.home import HomeConfig
from homestream.reading import Entry, Kind, Reading

START = 1_767_225_600_000
METRICS = ("temperature", "humidity", "power", "energy", "illuminance", "motion", "contact", "switch")
STATES = {"motion": 0.05, "contact": 0.01, "switch": 0.01}
BATCH = 500


def stream(homes: int, series: int, minutes: int) -> list[Entry]:
    """Every series of every home every 5 s, with a tick for all."""
    chance = random.Random(1)
    topics = [(f"home/room{n % 7}/device{n // 8}/{METRICS[n % 8]}", METRICS[n % 8]) for n in range(series)]
    level = dict.fromkeys(((h, n) for h in range(homes) for n in range(series)), 20.0)
    entries: list[Entry] = []
    for step in range(minutes * 12):
        now = START + step * 5_000
        entries.append(Entry(len(entries) + 1, Kind.TICK, "", "clock", "", b"", now))
        for h in range(homes):
            for n, (topic, metric) in enumerate(topics):
                before = level[h, n]
                if metric in STATES:
                    value = 1.0 - before if chance.random() < STATES[metric] else float(before > 0.5)
                elif metric == "energy":
                    value = before + round(chance.random(), 2)
                else:
                    value = round(before + chance.gauss(0, 0.1), 2)
                level[h, n] = value
                payload = b"%g" % value
                entries.append(
                    Entry(len(entries) + 1, Kind.MESSAGE, f"h{h}", "mqtt:x", topic, payload, now + n)
                )
    return entries


def put_aside() -> None:
    """Let the collector pass over what is there by now, as `up` does: the stream is no part of the engine."""
    gc.collect()
    gc.freeze()


def whole(entries: list[Entry]) -> Engine:
    engine = Engine()
    readings = 0
    put_aside()
    begin = process_time()
    for start in range(0, len(entries), BATCH):
        readings += len(engine.apply(entries[start : start + BATCH]).readings)
    took = process_time() - begin
    print(f"Engine.apply, decoding and all operators       : {readings / took:7,.0f} readings per CPU-s")
    return engine


def step_alone(entries: list[Entry], with_operators: bool, together: int = 1) -> None:
    """`together` messages that follow each other are one message with so many rows."""
    homes = {
        e.home: HomeFold(e.home, HomeConfig(), operators() if with_operators else [])
        for e in entries
        if e.home
    }
    rows = [(e, decode(homes[e.home].registry, homes[e.home].config, e)) for e in entries if e.home]
    rows = [
        (rows[at][0], [row for _, one in rows[at : at + together] for row in one])
        for at in range(0, len(rows), together)
    ]
    account, readings = Account(), 0
    put_aside()
    begin = process_time()
    for start in range(0, len(rows), BATCH):
        out = Output()
        for entry, row in rows[start : start + BATCH]:
            homes[entry.home].step(entry, row, account, out)
        readings += len(out.readings)
    took = process_time() - begin
    name = f"{'all' if with_operators else 'no'} operators, {together} a message"
    print(f"HomeFold.step alone, {name:26}: {readings / took:7,.0f} readings per CPU-s")


def peak_mb() -> float:
    """The most memory this process has had, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


def a_day(series: int) -> None:
    """Memory and snapshot of a home with a day of 5 s data in it."""
    before = peak_mb()
    fold = HomeFold("h", HomeConfig(), operators())
    chance, account = random.Random(2), Account()
    names = [(f"room{n % 7}/device{n // 8}", METRICS[n % 8]) for n in range(series)]
    level = [20.0] * series
    for step in range(24 * 720):
        now = START + step * 5_000
        row = []
        for n, (device, metric) in enumerate(names):
            level[n] = round(level[n] + (chance.random() if metric == "energy" else chance.gauss(0, 0.1)), 2)
            row.append(Reading("h", device, metric, now, level[n]))
        fold.step(Entry(step + 1, Kind.MESSAGE, "h", "x", "x", b"", now), [row], account, Output())
        fold.stage.facts.clear()
    held = peak_mb() - before
    engine = Engine()
    engine.homes["h"] = fold
    begin = perf_counter()
    frozen = engine.freeze()
    stood = perf_counter() - begin
    data = frozen.encode()
    saved = perf_counter()
    again = Engine.restore(data)
    print(
        f"a home with a day of {series} series every 5 s: {held:.0f} MB of memory; "
        f"snapshot {len(data) / 1e6:.2f} MB, frozen in {stood * 1e3:.0f} ms, taken in {saved - begin:.2f} s, "
        f"restored in {perf_counter() - saved:.2f} s"
    )
    assert again.snapshot() == data


def main() -> None:
    homes, series, minutes = (int(arg) for arg in (sys.argv[1:] + ["5", "20", "30"][len(sys.argv) - 1 :]))
    a_day(series)  # first: it reads the peak of memory
    entries = stream(homes, series, minutes)
    whole(entries)
    step_alone(entries, with_operators=True)
    step_alone(entries, with_operators=False)
    step_alone(entries, with_operators=True, together=series)


if __name__ == "__main__":
    main()
