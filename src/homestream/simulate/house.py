"""The house itself: one step of its clock, and what its devices report in it.

`step` is deterministic: seed, start and step length decide every value, whoever reads them and in whatever
batches. Commands change what lamps, plugs and thermostats do, and use up no luck.
"""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from random import Random
from typing import Any
from zoneinfo import ZoneInfo

from homestream.simulate import appliances, climate, faults
from homestream.simulate.devices import DEVICES, Device
from homestream.simulate.faults import Fault, Report
from homestream.simulate.plan import AWAY, MINUTE_MS, MINUTES, PEOPLE, Day, Run, plan
from homestream.simulate.weather import Weather

#: share of the outdoor light that a room's windows let in
WINDOWS = {"living_room": 0.009, "kitchen": 0.006, "hall": 0.002, "bathroom": 0.003, "office": 0.007}
DARK_LX = 110.0
#: how long a motion sensor stays on after it last saw somebody
MOTION_MS = 45_000
#: plugs switched by hand where the appliance itself has no switch: on means it runs
HAND_SWITCHED = {"kitchen/kettle": 3, "laundry/iron": 20, "tv": 120, "desk": 240}
FAULTS_OF_THE_HOUSE = frozenset({"door_left_open", "iron_left_on", "intrusion", "freezer_open", "deaf"})


class House:
    """One simulated home. `clock` is its own time, UTC ms; every `step` moves it by `every` ms."""

    def __init__(
        self, home: str, seed: int, zone: ZoneInfo, start: int, every: int, showcase: bool = False
    ) -> None:
        """`showcase` lays out one fault of each kind soon after the start, instead of a day's usual few."""
        self.home, self.zone, self.clock, self.every = home, zone, start, every
        self.seed = f"{seed}/{home}"
        #: what was true and no device tells, drained by the caller
        self.truth: list[dict[str, Any]] = []
        self._showcase = start if showcase else 0
        self._rng = Random(f"{self.seed}/house")
        self._noise = [self._rng.gauss(0, 1) for _ in range(1021)]
        self._beat = 0
        self._weather = Weather(self.seed)
        self._wire = faults.Wire()
        self._due_runs: list[Run] = []
        self._due_openings: list[Run] = []
        self._due_faults: list[Fault] = []
        self._running: dict[str, Run] = {}
        self._open: dict[str, int] = {}
        self._faults: list[Fault] = []
        self._minute = -1
        self._day_end = 0
        self._seen: dict[str, tuple[str, bool]] = {}
        self._steam: list[Run] = []
        self.day: Day
        for back in (1, 0):
            self._load(start - back * 86_400_000)
        self.outdoor = self._weather.at(start, 0.5)
        self.air = {room: climate.Air(walls, self.outdoor[0]) for room, walls in climate.ROOMS.items()}
        self.fridge = appliances.Cooler(3.2, 6.0, 78.0, 0.055, 0.14)
        self.freezer = appliances.Cooler(-20.5, -17.5, 96.0, 0.05, 0.11)
        self.energy = {d.id: self._rng.uniform(2e4, 9e5) for d in DEVICES if "energy" in d.metrics}
        self.energy["house/mains"] = 1.2e7
        self._offset = {d.id: n * every // len(DEVICES) for n, d in enumerate(DEVICES)}
        self._battery = {d.id: self._rng.uniform(55, 100) for d in DEVICES}
        self._motion: dict[str, int] = {}
        #: what somebody set by hand or by command, until the room is left
        self._lamp: dict[str, float] = {}
        self._off: set[str] = set()
        self.power: dict[str, float] = {}
        self.untracked = 0.0
        self._active: dict[str, int] = {}
        self._people: dict[str, int] = {}
        self._readers: dict[str, Callable[[Device], tuple[float, ...]]] = {
            "lamp": self._read_lamp,
            "plug": self._read_plug,
            "meter": lambda d: (self.power[d.id], round(self.energy[d.id], 1)),
            "mains": self._read_mains,
            "climate": self._read_climate,
            "probe": lambda d: (round(self.freezer.temperature + self._jitter() * 0.05, 2),),
            "motion": self._read_motion,
            "contact": lambda d: (float(d.id in self._open), self._charge(d)),
            "moisture": lambda d: (0.0, self._charge(d)),
            "smoke": lambda d: (0.0, self._charge(d)),
            "thermostat": self._read_thermostat,
            "air": lambda d: (round(self.air[d.room].co2 + self._jitter() * 4),),
            "weather": self._read_weather,
            "phone": lambda d: (float(self._seen[d.id.removeprefix("people/")][0] != AWAY),),
        }

    # ---- the clock ----

    def step(self, stamp: int | None = None, spacing: int | None = None) -> list[Report]:
        """Live `every` ms and report. Stamps lie in [`stamp`, `stamp` + `spacing`); default: the own clock.

        Counters grow with the stamps, so that energy and power agree for whoever reads the stamps.
        """
        first = self.clock if stamp is None else stamp
        width = self.every if spacing is None else spacing
        self._live(width / 3_600_000)
        reports = [
            Report(d, first + self._offset[d.id] * width // self.every, self._readers[d.kind](d))
            for d in DEVICES
        ]
        self.clock += self.every
        return self._wire.send(reports)

    def _live(self, hours: float) -> None:
        now = self.clock
        if now >= self._day_end:
            self._load(now)
        minute = min((now - self.day.midnight) // MINUTE_MS, MINUTES - 1)
        if minute != self._minute:
            self._minute = minute
            self._look(now, minute)
        self._switch(now)
        self._breathe(now, self.every / MINUTE_MS)
        self._draw(now)
        for device, watts in self.power.items():
            self.energy[device] += watts * hours

    def _load(self, time: int) -> None:
        """The plan and the faults of the local day that holds `time`."""
        local = datetime.fromtimestamp(time / 1000, self.zone)
        midnight = local.replace(hour=0, minute=0, second=0, microsecond=0, fold=0)
        following = (midnight + timedelta(days=1)).replace(fold=0)
        start = int(midnight.timestamp() * 1000)
        self._day_end = int(following.timestamp() * 1000)
        self.day = plan(self.seed, local.date(), start)
        if self._showcase:
            found = faults.showcase(self.day, self._showcase) if start <= self._showcase else []
        else:
            found = faults.draw(self.seed, self.day)
        self._due_faults = sorted([*self._due_faults, *found], key=lambda f: f.start)
        self._due_runs = sorted([*self._due_runs, *self.day.runs])
        self._due_openings = sorted([*self._due_openings, *self.day.openings])
        self._steam = self.day.showers

    def _look(self, now: int, minute: int) -> None:
        """Once a minute: where everybody is, the weather, the set points."""
        self.outdoor = self._weather.at(now, min((now - self.day.midnight) / 86_400_000, 1.0))
        was, self._active, self._people = self._active, {}, {}
        for person in PEOPLE:
            seen = self.day.where[person][minute], self.day.asleep[person][minute]
            if self._seen.get(person) != seen:
                self._seen[person] = seen
                self._tell("person", now, person=person, where=seen[0], asleep=seen[1])
            self._people[seen[0]] = self._people.get(seen[0], 0) + 1
            if not seen[1]:
                self._active[seen[0]] = self._active.get(seen[0], 0) + 1
        stranger = self.day.intruder.get(minute)
        if stranger:
            self._active[stranger] = self._active.get(stranger, 0) + 1
        for device in [
            d for d in self._lamp if d.split("/")[0] in was and not self._active.get(d.split("/")[0])
        ]:
            del self._lamp[device]
        if minute in (330, 1320):
            for air in self.air.values():
                air.setpoint = air.walls.day if minute == 330 else air.walls.night

    def _switch(self, now: int) -> None:
        """Begin and end runs, openings and faults."""
        while self._due_runs and self._due_runs[0].start <= now:
            run = self._due_runs.pop(0)
            if run.end > now and run.end > self._running.get(run.device, run).end - 1:
                self._running[run.device] = run
                self._off.discard(run.device)
                if run.device != "hob":
                    self._tell("appliance", now, device=run.device, start=run.start, end=run.end)
        for device in [d for d, run in self._running.items() if run.end <= now]:
            del self._running[device]
        # a door that opens and shuts within one step is still seen open once
        for device in [d for d, end in self._open.items() if end <= now]:
            del self._open[device]
        while self._due_openings and self._due_openings[0].start < now + self.every:
            opening = self._due_openings.pop(0)
            if opening.end > now:
                self._open[opening.device] = max(opening.end, self._open.get(opening.device, 0))
                self._tell("opening", now, device=opening.device, start=opening.start, end=opening.end)
        while self._due_faults and self._due_faults[0].start < now + self.every:
            fault = self._due_faults.pop(0)
            if fault.end > now:
                self._faults.append(fault)
                self._tell("fault", now, **fault._asdict())
                if fault.kind not in FAULTS_OF_THE_HOUSE:
                    self._wire.active.setdefault(fault.device, []).append(fault)
        for fault in [f for f in self._faults if f.end <= now]:
            self._faults.remove(fault)
            self._wire.end(fault)

    def _tell(self, what: str, now: int, **more: Any) -> None:
        times = {key: _iso(value) for key, value in more.items() if key in ("start", "end")}
        self.truth.append({"time": _iso(now), "home": self.home, "truth": what, **more, **times})

    # ---- physics ----

    def _breathe(self, now: int, minutes: float) -> None:
        showering = any(run.start <= now < run.end for run in self._steam)
        cooking = ("hob" in self._running) + ("oven" in self._running)
        for room, air in self.air.items():
            gain = self.outdoor[2] * WINDOWS.get(room, 0.001) * 4e-6
            steam = 0.0
            if room == "kitchen":
                gain, steam = gain + 0.02 * cooking, 0.5 * cooking
            elif room == "bathroom" and showering:
                gain, steam = gain + 0.03, 6.0
            opened = f"{room}/window" in self._open or f"{room}/door" in self._open
            people = self._people.get(room, 0)
            air.step(minutes, self.outdoor[0], self.outdoor[1], people, gain, steam, opened)

    def _draw(self, now: int) -> None:
        """Watts of everything, and their sum at the mains."""
        power = self.power
        for device in self.energy:
            run = self._running.get(device)
            if device in self._off:
                power[device] = 0.0
            elif run is not None:
                length = (run.end - run.start) / 1000
                watts = appliances.PROFILES[device]((now - run.start) / 1000, length)
                power[device] = round(watts * (1 + 0.01 * self._jitter()), 1)
            else:
                power[device] = appliances.STANDBY.get(device, 0.0)
        minutes = self.every / MINUTE_MS
        meal = 0.05 if self._active.get("kitchen") else 0.0
        ajar = 0.35 if any(f.kind == "freezer_open" for f in self._faults) else 0.0
        power["fridge"] = round(self.fridge.step(minutes, "fridge" not in self._off, meal), 1)
        power["kitchen/freezer"] = round(
            self.freezer.step(minutes, "kitchen/freezer" not in self._off, ajar), 1
        )
        if "router" not in self._off:
            power["router"] = round(appliances.ROUTER_W + 0.3 * self._jitter(), 1)
        if self._active.get("office") and "desk" not in self._off:
            power["desk"] = round(appliances.DESK_W + 6 * self._jitter(), 1)
        heating = sum(air.valve * air.walls.heating for air in self.air.values())
        power["laundry/heat_pump"] = round(420 + 14_500 * heating, 1) if heating > 0.004 else 12.0
        hob = self._running.get("hob")
        self.untracked = appliances.BASE_W + 4 * self._jitter()
        self.untracked += sum(
            appliances.LAMP_W[d.id.split("/")[1]] * self._brightness(d) for d in DEVICES if d.kind == "lamp"
        )
        if hob is not None:
            self.untracked += appliances.PROFILES["hob"]((now - hob.start) / 1000, 0.0)
        power["house/mains"] = 0.0
        power["house/mains"] = round(sum(power.values()) + self.untracked, 1)

    def _brightness(self, lamp: Device) -> float:
        """0..1; by hand or command, else on while somebody is up in a dark room."""
        if lamp.id in self._lamp:
            return self._lamp[lamp.id]
        if not self._active.get(lamp.room) or self.outdoor[2] * WINDOWS.get(lamp.room, 0.004) > DARK_LX:
            return 0.0
        if lamp.id == "living_room/floor_lamp":
            return 0.6 if "tv" in self._running else 0.0
        return 0.8

    # ---- what devices report ----

    def _jitter(self) -> float:
        self._beat = (self._beat + 1) % 1021
        return self._noise[self._beat]

    def _charge(self, device: Device) -> float:
        return round(self._battery[device.id])

    def _read_lamp(self, device: Device) -> tuple[float, ...]:
        level = self._brightness(device)
        return float(level > 0), round(level * 100)

    def _read_plug(self, device: Device) -> tuple[float, ...]:
        if device.id in HAND_SWITCHED:
            on = device.id in self._running or self.power[device.id] > 20
        else:
            on = device.id not in self._off
        return float(on), self.power[device.id], round(self.energy[device.id], 1)

    def _read_mains(self, device: Device) -> tuple[float, ...]:
        watts = self.power[device.id]
        volts = 231.5 - watts * 0.0003 + self._jitter() * 0.4
        return watts, round(self.energy[device.id], 1), round(volts, 1), round(watts / volts, 2)

    def _read_climate(self, device: Device) -> tuple[float, ...]:
        air = self.air[device.room]
        return (
            round(air.temperature + self._jitter() * 0.03, 2),
            round(air.humidity + self._jitter() * 0.2, 1),
            self._charge(device),
        )

    def _read_motion(self, device: Device) -> tuple[float, ...]:
        if self._active.get(device.room) and self._rng.random() < 0.5:
            self._motion[device.id] = self.clock + MOTION_MS
        lamps = sum(self._brightness(d) for d in DEVICES if d.kind == "lamp" and d.room == device.room)
        light = self.outdoor[2] * WINDOWS.get(device.room, 0.004) + 170 * lamps
        seen = self._motion.get(device.id, 0) > self.clock
        return float(seen), round(light * (1 + 0.01 * self._jitter()), 1), self._charge(device)

    def _read_thermostat(self, device: Device) -> tuple[float, ...]:
        air = self.air[device.room]
        return round(air.temperature + 0.4 * air.valve, 1), air.setpoint, round(air.valve * 100)

    def _read_weather(self, device: Device) -> tuple[float, ...]:
        warm, damp, light, pressure = self.outdoor
        return (
            round(warm + self._jitter() * 0.05, 2),
            round(damp + self._jitter() * 0.3, 1),
            round(light),
            round(pressure, 1),
        )

    # ---- commands ----

    def command(self, device: Device, metric: str, value: float, stamp: int) -> Report | None:
        """Obey, and report the new state at `stamp`; None where the device is deaf or has no such switch."""
        if metric not in device.commands or any(f[:2] == ("deaf", device.id) for f in self._faults):
            return None
        if device.kind == "lamp":
            self._lamp[device.id] = value / 100 if metric == "brightness" else float(value > 0) * 0.8
        elif device.kind == "thermostat":
            self.air[device.room].setpoint = value
        elif value > 0:
            self._off.discard(device.id)
            self.power[device.id] = appliances.STANDBY.get(device.id, 0.0)
            if device.id in HAND_SWITCHED:
                end = self.clock + HAND_SWITCHED[device.id] * MINUTE_MS
                self._running[device.id] = Run(self.clock, end, device.id)
                self.power[device.id] = appliances.PROFILES[device.id](0, (end - self.clock) / 1000)
                self._tell("appliance", self.clock, device=device.id, start=self.clock, end=end)
        else:
            self._off.add(device.id)
            self._running.pop(device.id, None)
            self.power[device.id] = 0.0
        return Report(device, stamp, self._readers[device.kind](device))


def _iso(time: int) -> str:
    return datetime.fromtimestamp(time / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
