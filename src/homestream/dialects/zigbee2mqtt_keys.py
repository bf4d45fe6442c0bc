"""What the keys of a Zigbee2MQTT message measure, and their values in our units.

Units as its documentation gives them: energy in kWh, brightness 0 to 254, voltage in mV on battery devices
and in V on plugs, a contact true when closed.
"""

import re
from functools import lru_cache
from typing import Any, NamedTuple

from homestream.dialects.units import RANGES, checked, converted, number_of, value_of
from homestream.reading import STATES

#: key -> (metric, factor to our unit)
QUANTITIES = {
    "temperature": ("temperature", 1.0), "local_temperature": ("temperature", 1.0),
    "humidity": ("humidity", 1.0), "pressure": ("pressure", 1.0), "illuminance": ("illuminance", 1.0),
    "illuminance_lux": ("illuminance", 1.0), "co2": ("carbon_dioxide", 1.0), "pm25": ("pm25", 1.0),
    "voc": ("volatile_organic_compounds", 1.0), "power": ("power", 1.0), "energy": ("energy", 1000.0),
    "produced_energy": ("energy_export", 1000.0), "voltage": ("voltage", 1.0), "current": ("current", 1.0),
    "power_factor": ("power_factor", 1.0), "power_apparent": ("apparent_power", 1.0),
    "power_reactive": ("reactive_power", 1.0), "ac_frequency": ("frequency", 1.0),
    "battery": ("battery", 1.0), "linkquality": ("link_quality", 1.0), "position": ("position", 1.0),
    "brightness": ("brightness", 100 / 254), "current_heating_setpoint": ("setpoint", 1.0),
    "occupied_heating_setpoint": ("setpoint", 1.0),
}  # fmt: skip
#: key -> metric; a contact is true when closed, ours is 1 when open.
FLAGS = {
    "state": "switch", "occupancy": "motion", "contact": "contact", "presence": "presence",
    "tamper": "tamper", "smoke": "smoke", "water_leak": "moisture",
}  # fmt: skip
ENDPOINT = re.compile(r"l\d\d?|\d\d?|[abc]|left|right|center|top|bottom|up|down|wall|cct|rgb|white|main")
#: A voltage above this is in millivolts: no mains has so many volts, no live battery so few millivolts.
MOST_VOLTS = 1000.0
ON_OFF: dict[str | bool, float] = {"ON": 1.0, "OFF": 0.0, True: 1.0, False: 0.0}
#: Where a message holds both, the first is an older or rawer form of the second.
REPLACED = {"illuminance": "illuminance_lux", "local_temperature": "temperature"}


class Meaning(NamedTuple):
    """What a key measures, on which endpoint ("" = the device itself).

    A number from `low` to `high` is the value as it stands; all else goes through `value_in`. The range is
    empty where that is never so.
    """

    metric: str
    factor: float
    endpoint: str
    low: float
    high: float


@lru_cache(maxsize=4096)
def meaning_of(key: str) -> Meaning | None:
    """None for a key that measures nothing."""
    name, _, endpoint = key.rpartition("_")
    if key in QUANTITIES or key in FLAGS:
        name, endpoint = key, ""
    elif not ENDPOINT.fullmatch(endpoint):
        return None
    metric, factor = QUANTITIES.get(name) or (FLAGS.get(name), 1.0)
    if metric is None:
        return None
    as_it_stands = factor == 1.0 and not endpoint and name in QUANTITIES and name not in REPLACED
    low, high = RANGES[metric] if as_it_stands else (1.0, -1.0)
    return Meaning(metric, factor, endpoint, low, high)


def value_in(metric: str, factor: float, raw: Any) -> float | None:
    """A raw value -> canonical; None where the key means something else here; `PeerError` if impossible."""
    if metric == "switch":  # covers and locks have states of other words, some converters whole objects
        return ON_OFF.get(raw) if isinstance(raw, (str, bool)) else None
    if metric in STATES:
        value = value_of(metric, raw)
        return 1.0 - value if metric == "contact" else value
    if isinstance(raw, bool) or not isinstance(raw, (int, float)):
        return value_of(metric, raw)
    number = number_of(raw)
    if metric == "brightness" and 0 < number <= 255:
        # whole percents, so that the one asked for is the one that comes back; never 0 for a lamp that shines
        return float(max(1, round(min(number, 254.0) * factor)))
    if metric == "voltage" and number > MOST_VOLTS:
        factor = 0.001
    return checked(metric, number if factor == 1.0 else converted(number, factor))
