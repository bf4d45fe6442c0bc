"""A room's air: temperature with thermal inertia, humidity that follows showers, cooking and windows."""

import math
from typing import NamedTuple

#: valve opening per °C below the set point
VALVE_GAIN = 0.8
#: air that a person breathes out, ppm a minute in a closed room
BREATH_PPM = 4.5
OUTDOOR_PPM = 420.0


class Walls(NamedTuple):
    """A room's build: min to lose 63 % of its warmth, °C/min at full heating, set points by day and night."""

    hold: float
    heating: float
    day: float
    night: float


ROOMS: dict[str, Walls] = {
    "living_room": Walls(2900, 0.030, 21.5, 19.0),
    "kitchen": Walls(2400, 0.024, 20.5, 18.5),
    "bedroom": Walls(2600, 0.024, 18.5, 17.5),
    "kids_room": Walls(2600, 0.026, 21.0, 18.5),
    "office": Walls(2500, 0.026, 20.5, 18.0),
    "bathroom": Walls(2200, 0.034, 22.5, 20.0),
    "hall": Walls(1800, 0.020, 18.5, 17.0),
    "laundry": Walls(1900, 0.016, 17.5, 16.0),
    "garage": Walls(1200, 0.0, 5.0, 5.0),
}


class Air:
    """The air of one room; °C, %, ppm, valve 0..1."""

    def __init__(self, walls: Walls, outdoor: float) -> None:
        self.walls = walls
        self.setpoint = walls.day
        self.temperature = max(walls.night, outdoor) if walls.heating else outdoor + 4
        self.humidity, self.co2, self.valve = 46.0, 650.0, 0.0

    def step(
        self,
        minutes: float,
        outdoor: float,
        damp: float,
        people: int,
        gain: float,
        steam: float,
        opened: bool,
    ) -> None:
        """Advance `minutes`; `gain` is °C a minute of sun and appliances, `steam` % a minute."""
        need = (self.setpoint - self.temperature + 0.3) * VALVE_GAIN
        self.valve = 0.0 if opened or need <= 0 else min(need, 1.0)
        hold = 55.0 if opened else self.walls.hold
        settle = 1 - math.exp(-minutes / hold)
        self.temperature += (outdoor - self.temperature) * settle
        self.temperature += (self.walls.heating * self.valve + gain + 0.002 * people) * minutes
        # outdoor air warmed to the room's temperature is drier; about 5 % of what it holds a degree
        dry = damp * math.exp(0.058 * (outdoor - self.temperature)) + 12
        self.humidity += (min(dry, 97.0) - self.humidity) * (1 - math.exp(-minutes / (9 if opened else 95)))
        self.humidity = min(max(self.humidity + (steam + 0.03 * people) * minutes, 15.0), 97.0)
        self.co2 += (OUTDOOR_PPM - self.co2) * (1 - math.exp(-minutes / (8 if opened else 130)))
        self.co2 += BREATH_PPM * people * minutes
