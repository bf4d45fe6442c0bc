"""What an appliance draws: watts by the seconds since it was switched on."""

from collections.abc import Callable


def _kettle(into: float, length: float) -> float:
    return 2150.0


def _oven(into: float, length: float) -> float:
    """Heats up for 9 min, then its thermostat cycles."""
    return 2450.0 if into < 540 or into % 100 < 38 else 28.0


def _hob(into: float, length: float) -> float:
    return 1900.0 if into < 300 else 950.0


def _dishwasher(into: float, length: float) -> float:
    """Heats for the wash and for the last rinse."""
    minute = into / 60
    return 1980.0 if 8 < minute < 24 or 78 < minute < 93 else 58.0


def _washing_machine(into: float, length: float) -> float:
    """Heats the water, turns the drum now and then, spins at the end."""
    minute = into / 60
    if 4 < minute < 19:
        return 2050.0
    if length - into < 540:
        return 420.0
    return 165.0 if into % 24 < 15 else 35.0


def _dryer(into: float, length: float) -> float:
    """A heat-pump dryer with drum pauses."""
    return 720.0 if into % 300 < 285 else 45.0


def _tv(into: float, length: float) -> float:
    return 112.0


def _desk(into: float, length: float) -> float:
    return DESK_W


def _iron(into: float, length: float) -> float:
    """A steam station: it never falls below its boiler's hold."""
    return 2250.0 if into < 90 or into % 75 < 20 else 1150.0


def _wallbox(into: float, length: float) -> float:
    return 7360.0 if length - into > 900 else 2800.0


#: device -> its profile (seconds since start, seconds it will run) -> W
PROFILES: dict[str, Callable[[float, float], float]] = {
    "kitchen/kettle": _kettle,
    "oven": _oven,
    "hob": _hob,
    "dishwasher": _dishwasher,
    "washing_machine": _washing_machine,
    "dryer": _dryer,
    "tv": _tv,
    "desk": _desk,
    "laundry/iron": _iron,
    "garage/wallbox": _wallbox,
}

#: what it draws while off but plugged in, W
STANDBY: dict[str, float] = {
    "tv": 1.4,
    "oven": 1.1,
    "dishwasher": 0.6,
    "washing_machine": 0.7,
    "dryer": 0.8,
    "desk": 3.2,
    "garage/wallbox": 4.5,
}

#: what a lamp draws at full brightness, W; lamps have no meter of their own
LAMP_W = {"floor_lamp": 14.0, "ceiling_light": 22.0, "light": 16.0}

ROUTER_W = 9.4
DESK_W = 88.0
#: everything without a plug of its own: clocks, chargers, ventilation, doorbell
BASE_W = 68.0


class Cooler:
    """A fridge or a freezer: its compressor cycles between two temperatures; °C and W."""

    def __init__(self, low: float, high: float, watts: float, warm_rate: float, cool_rate: float) -> None:
        """`warm_rate` and `cool_rate` are °C a minute, idle and cooling."""
        self.low, self.high, self.watts = low, high, watts
        self.warm_rate, self.cool_rate = warm_rate, cool_rate
        self.temperature, self.cooling = (low + high) / 2, False

    def step(self, minutes: float, powered: bool, leak: float) -> float:
        """Advance; `leak` is extra warming in °C a minute (a door open). Returns W."""
        if not powered:
            self.cooling = False
        elif self.temperature >= self.high:
            self.cooling = True
        elif self.temperature <= self.low:
            self.cooling = False
        rate = (-self.cool_rate if self.cooling else self.warm_rate) + leak
        self.temperature = min(self.temperature + rate * minutes, 21.0)
        return self.watts if self.cooling else (1.2 if powered else 0.0)
