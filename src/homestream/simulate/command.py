"""`homestream simulate`: one or more houses, paced by the clock or as fast as files take them.

Into files, the house starts at `START` and its clock is the readings' time: same seed, same bytes. Over the
network the readings are stamped with real time, and sent when it is reached. At `speed` X each device reports
X times as often and the house lives X times as fast (an hour of family life in 60/X minutes); stamps stay
real and counters grow with the stamps, so power and energy agree.
"""

import asyncio
import contextlib
import json
import signal
import time
from collections.abc import Sequence
from pathlib import Path
from typing import IO
from zoneinfo import ZoneInfo

from homestream.errors import HomestreamError
from homestream.init import local_timezone
from homestream.simulate.devices import DEVICES, Device
from homestream.simulate.faults import Report
from homestream.simulate.house import House
from homestream.simulate.sink import Run, Sink, make

#: a Monday, 00:00 UTC: where files begin
START = 1_767_571_200_000
DAY_MS = 86_400_000
#: steps handed to files at once; any number gives the same bytes
BATCH = 64
#: reports due within this many ms go out together
GATHER_MS = 20


def simulate(
    targets: Sequence[str],
    *,
    homes: int = 1,
    every_ms: int = 5000,
    days: float | None = None,
    speed: float = 1.0,
    seed: int = 1,
    truth: Path | None = None,
    zone: ZoneInfo | None = None,
    showcase: bool = False,
) -> int:
    """Run to the end (`days`; default 1 for files) or, over the network, until SIGINT or SIGTERM.

    Returns the readings sent. HomestreamError says what to do.
    """

    async def until_stopped() -> int:
        stop = asyncio.Event()
        for number in (signal.SIGINT, signal.SIGTERM):
            asyncio.get_running_loop().add_signal_handler(number, stop.set)
        return await run(
            targets,
            homes=homes,
            every_ms=every_ms,
            days=days,
            speed=speed,
            seed=seed,
            truth=truth,
            zone=zone,
            showcase=showcase,
            stop=stop,
        )

    return asyncio.run(until_stopped())


async def run(
    targets: Sequence[str],
    *,
    homes: int = 1,
    every_ms: int = 5000,
    days: float | None = None,
    speed: float = 1.0,
    seed: int = 1,
    truth: Path | None = None,
    zone: ZoneInfo | None = None,
    start: int | None = None,
    showcase: bool = False,
    stop: asyncio.Event | None = None,
) -> int:
    """As `simulate`, inside a running loop; when `stop` is set, it delivers what is under way and returns.

    `zone` is the family's (default UTC for files, else this machine's), `start` the house's first moment (UTC
    ms; default `START` for files, else now); `showcase` lays out one fault of each kind in the first hour.
    """
    spacing = max(1, round(every_ms / speed))
    sinks = [make(target) for target in targets]
    if not sinks:
        raise HomestreamError("where to? give --to mqtt://…, http://…, coap://…, FILE.csv, FILE.jsonl or -")
    live = any(sink.live for sink in sinks)
    if live and not all(sink.live for sink in sinks):
        raise HomestreamError("--to names a file and a server; run simulate twice, with the same --seed")
    zone = zone or ZoneInfo(local_timezone() if live else "UTC")
    first = start if start is not None else (time.time_ns() // 1_000_000 if live else START)
    names = ["home"] if homes == 1 else [f"home-{n + 1}" for n in range(homes)]
    houses = {name: House(name, seed, zone, first, every_ms, showcase) for name in names}
    steps = None if live and days is None else round((days or 1) * DAY_MS / every_ms)
    opened: list[Sink] = []
    with _Truth(truth) as told:
        try:
            for sink in sinks:
                await sink.open(
                    Run(names, _share(sinks, sink), spacing, zone, lambda *wish: _obey(houses, *wish))
                )
                opened.append(sink)
            if live:
                return await _paced(houses, sinks, told, steps, spacing, stop or asyncio.Event())
            return await _unpaced(houses, sinks, told, steps or 0, stop or asyncio.Event())
        finally:
            for sink in opened:
                await sink.close()


def _share(sinks: Sequence[Sink], sink: Sink) -> list[Device]:
    """The devices that speak to `sink`: its own families, and to the first also those of absent sinks."""
    if not sink.live:
        return list(DEVICES)
    spoken = frozenset().union(*(other.families for other in sinks))
    return [d for d in DEVICES if d.family in sink.families or (sink is sinks[0] and d.family not in spoken)]


def _obey(houses: dict[str, House], home: str, device: Device, metric: str, value: float) -> Report | None:
    return houses[home].command(device, metric, value, time.time_ns() // 1_000_000)


async def _unpaced(
    houses: dict[str, House], sinks: Sequence[Sink], told: "_Truth", steps: int, stop: asyncio.Event
) -> int:
    """As fast as the files take it, home by home within a batch of steps."""
    count = 0
    for done in range(0, steps, BATCH):
        if stop.is_set():
            break
        for home, house in houses.items():
            reports = [report for _ in range(min(BATCH, steps - done)) for report in house.step()]
            count += sum(len(report.values) for report in reports)
            for sink in sinks:
                await sink.send(home, reports)
            told.write(house)
        await asyncio.sleep(0)
    return count


async def _paced(
    houses: dict[str, House],
    sinks: Sequence[Sink],
    told: "_Truth",
    steps: int | None,
    spacing: int,
    stop: asyncio.Event,
) -> int:
    """Each report at the moment it is stamped with; a slow server delays, but loses nothing."""
    takers = {device.id: sink for sink in sinks for device in _share(sinks, sink)}
    stamp, done, count = time.time_ns() // 1_000_000, 0, 0
    while not stop.is_set() and (steps is None or done < steps):
        due = [(report.time, home, report) for home, h in houses.items() for report in h.step(stamp, spacing)]
        for house in houses.values():
            told.write(house)
        due.sort(key=lambda one: one[0])
        while due and not stop.is_set():
            now = time.time_ns() // 1_000_000
            ready = [one for one in due if one[0] <= now + GATHER_MS]
            if not ready:
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(stop.wait(), (due[0][0] - now) / 1000)
                continue
            due = due[len(ready) :]
            groups: dict[tuple[str, Sink], list[Report]] = {}
            for _, home, report in ready:
                groups.setdefault((home, takers[report.device.id]), []).append(report)
            await asyncio.gather(*(sink.send(home, some) for (home, sink), some in groups.items()))
            count += sum(len(report.values) for _, _, report in ready)
        stamp, done = stamp + spacing, done + 1
    return count


class _Truth:
    """What was true, one JSON object a line, in order of time; nowhere without a path."""

    def __init__(self, path: Path | None) -> None:
        self._path = path
        self._file: IO[str] | None = None

    def __enter__(self) -> "_Truth":
        if self._path is not None:
            try:
                self._path.parent.mkdir(parents=True, exist_ok=True)
                self._file = self._path.open("w", encoding="utf-8")
            except OSError as error:
                raise HomestreamError(f"{self._path}: {error.strerror}; choose another --truth") from None
        return self

    def __exit__(self, *_: object) -> None:
        if self._file is not None:
            self._file.close()

    def write(self, house: House) -> None:
        """Write what `house` has to tell, and make it forget it."""
        if self._file is not None:
            self._file.writelines(json.dumps(line) + "\n" for line in house.truth)
        house.truth.clear()
