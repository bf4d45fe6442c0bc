"""What goes wrong, on purpose: drawn for a day by the seed, or laid out for a demonstration.

Half of the faults happen in the house (a door or an iron is forgotten, a stranger walks in, the freezer is
left ajar) and are written into the day's plan. The other half happen on the way (a sensor silent, stuck or
spiking, a counter reset, a message sent twice or late) and are put on the reports by `Wire`.
"""

from collections.abc import Sequence
from random import Random
from typing import NamedTuple

from homestream.simulate.devices import DEVICES, Device
from homestream.simulate.plan import AWAY, MINUTE_MS, MINUTES, PEOPLE, Day, Run

#: a late message is held back this long on its own clock; past the engine's 60 s of lateness
LATE_MS = 150_000


class Fault(NamedTuple):
    """One fault, as it stands in the truth; `start` and `end` on the house's clock, UTC ms."""

    kind: str
    device: str
    metric: str
    start: int
    end: int


class Report(NamedTuple):
    """What a device reports at once; `values` in the order of `device.metrics`."""

    device: Device
    time: int
    values: tuple[float, ...]


def draw(seed: str, day: Day) -> list[Fault]:
    """The faults of one day, in order of their start; those of the house are written into `day`."""
    rng = Random(f"{seed}/faults/{day.midnight}")
    faults = []

    def some(kind: str, chance: float, kinds: tuple[str, ...], metric: str, low: float, high: float) -> None:
        if rng.random() < chance:
            device = rng.choice([d for d in DEVICES if d.kind in kinds])
            start = day.ms(rng.uniform(0, MINUTES - 1))
            faults.append(Fault(kind, device.id, metric, start, start + int(rng.uniform(low, high) * 1000)))

    some("silent", 0.8, ("climate", "motion", "air", "plug"), "", 1200, 7200)
    some("stuck", 0.3, ("climate",), "temperature", 5400, 14400)
    some("counter_reset", 0.2, ("plug",), "energy", 5, 5)
    for _ in range(2):
        some("spike", 0.7, ("climate", "weather"), "temperature", 5, 5)
    for _ in range(4):
        some("duplicate", 0.9, ("climate", "motion", "plug", "contact"), "", 5, 5)
        some("late", 0.6, ("climate", "contact", "plug"), "", 5, 20)
    if rng.random() < 0.25:
        faults.append(_forgotten_door(day, day.ms(rng.uniform(960, 1260)), rng.uniform(15, 40)))
    if rng.random() < 0.25:
        at = day.ms(rng.uniform(560, 1300))
        faults.append(_forgotten_iron(day, at, rng.uniform(35, 90)))
    if rng.random() < 0.12:
        at = day.ms(rng.uniform(300, 1200))
        faults.append(Fault("freezer_open", "kitchen/freezer_probe", "temperature", at, at + 45 * MINUTE_MS))
    empty = [(a, b) for a, b in day.empty() if b - a > 60]
    if empty and rng.random() < 0.2:
        first, last = rng.choice(empty)
        faults.append(_intrusion(day, day.ms(rng.randint(first + 25, last - 15)), 8 * MINUTE_MS))
    return sorted(faults, key=lambda fault: fault.start)


def showcase(day: Day, start: int) -> list[Fault]:
    """One of each soon after `start`, for a demonstration: within half an hour of the house's clock."""

    def at(minutes: float) -> int:
        return start + int(minutes * MINUTE_MS)

    for minute in range(MINUTES):
        if at(9) <= day.ms(minute) < at(20):
            for person in PEOPLE:
                day.where[person][minute], day.asleep[person][minute] = AWAY, False
    day.openings += [Run(at(9) - 10_000, at(9) + 10_000, "hall/front_door")]
    return [
        Fault("deaf", "living_room/floor_lamp", "switch", start, at(MINUTES)),
        Fault("spike", "bathroom/climate", "temperature", at(0.5), at(0.5) + 5000),
        Fault("duplicate", "kitchen/climate", "", at(1), at(1) + 15_000),
        _forgotten_iron(day, at(1.5), 25),
        Fault("silent", "office/climate", "", at(3), at(15)),
        Fault("late", "garage/climate", "", at(4), at(4) + 15_000),
        _forgotten_door(day, at(5), 14),
        Fault("counter_reset", "desk", "energy", at(6), at(6) + 5000),
        _intrusion(day, at(12), 4 * MINUTE_MS),
        Fault("freezer_open", "kitchen/freezer_probe", "temperature", at(16), at(50)),
        Fault("stuck", "laundry/climate", "temperature", at(20), at(120)),
    ]


def _forgotten_door(day: Day, at: int, minutes: float) -> Fault:
    fault = Fault("door_left_open", "garage/door", "contact", at, at + int(minutes * MINUTE_MS))
    day.openings.append(Run(fault.start, fault.end, fault.device))
    return fault


def _forgotten_iron(day: Day, at: int, minutes: float) -> Fault:
    fault = Fault("iron_left_on", "laundry/iron", "power", at, at + int(minutes * MINUTE_MS))
    day.runs.append(Run(fault.start, fault.end, fault.device))
    return fault


def _intrusion(day: Day, at: int, length: int) -> Fault:
    """A stranger comes in by the front door and walks through hall, living room and office."""
    day.openings.append(Run(at - 5000, at + 25_000, "hall/front_door"))
    first = (at - day.midnight) // MINUTE_MS
    way = ("hall", "living_room", "living_room", "office")
    for minute in range(first, min(first + length // MINUTE_MS, MINUTES)):
        day.intruder[minute] = way[(minute - first) % len(way)]
    return Fault("intrusion", "hall/front_door", "contact", at, at + length)


class Wire:
    """Puts the faults of the way on the reports; knows nothing of the house."""

    def __init__(self) -> None:
        self.active: dict[str, list[Fault]] = {}
        self._held: list[tuple[int, Report]] = []
        self._stuck: dict[tuple[str, str], float] = {}
        #: device -> where its counter was when it was reset
        self._zero: dict[str, float] = {}

    def send(self, reports: list[Report]) -> list[Report]:
        """What really goes out, in order of sending."""
        if not (self.active or self._held or self._zero):
            return reports
        sent: list[Report] = []
        for report in reports:
            faults = self.active.get(report.device.id, ())
            sent += self._faulty(self._since_reset(report), faults)
        if self._held and reports:
            now = reports[-1].time
            sent += [report for due, report in self._held if due <= now]
            self._held = [(due, report) for due, report in self._held if due > now]
        return sent

    def _since_reset(self, report: Report) -> Report:
        zero = self._zero.get(report.device.id)
        return report if zero is None else self._change(report, "energy", -zero)

    def _faulty(self, report: Report, faults: Sequence[Fault]) -> list[Report]:
        copies = 1
        for fault in faults:
            match fault.kind:
                case "silent":
                    return []
                case "late":
                    self._held.append((report.time + LATE_MS, report))
                    return []
                case "duplicate":
                    copies = 2
                case "spike":
                    report = self._change(report, fault.metric, 38.5)
                case "stuck":
                    now = report.values[report.device.metrics.index(fault.metric)]
                    held = self._stuck.setdefault((fault.device, fault.metric), now)
                    report = self._change(report, fault.metric, held - now)
                case "counter_reset" if report.device.id not in self._zero:
                    self._zero[report.device.id] = report.values[report.device.metrics.index("energy")]
                    report = self._since_reset(report)
        return [report] * copies

    def end(self, fault: Fault) -> None:
        """`fault` is over."""
        faults = self.active.get(fault.device, [])
        if fault in faults:
            faults.remove(fault)
            self._stuck.pop((fault.device, fault.metric), None)
            if not faults:
                del self.active[fault.device]

    @staticmethod
    def _change(report: Report, metric: str, by: float) -> Report:
        place = report.device.metrics.index(metric)
        values = list(report.values)
        values[place] = round(values[place] + by, 2)
        return report._replace(values=tuple(values))
