"""The one data type: a reading, and the log entry it came in.

A *reading* is one measured value of one series. An *entry* is what the log holds: a message that came
through the door, a tick ("it is now t"), an action (a person or an API), or a refusal made at the door.
All times are integer milliseconds since 1970 UTC.
"""

from enum import IntEnum, unique
from typing import NamedTuple


class Reading(NamedTuple):
    """One measured value. `value` is in the metric's canonical unit; NaN means *unknown from then on*."""

    home: str
    device: str
    metric: str
    time: int
    value: float


class Series(NamedTuple):
    """What a run of readings belongs to."""

    home: str
    device: str
    metric: str


@unique
class Kind(IntEnum):
    """What a log entry is."""

    MESSAGE = 0
    TICK = 1
    ACTION = 2
    REFUSED = 3
    #: what the MQTT door must remember of its clients' sessions, see wire/journal.py; no reading
    SESSION = 4
    #: a message that a broker had kept and gave a bridge which subscribed, see engine/retained.py
    RETAINED = 5
    #: what the HTTP door answered to a request with a key, see door/answers.py; no reading
    ANSWER = 6


class Entry(NamedTuple):
    """One durable entry of the log.

    `seq` is its position (0 until the log has placed it). `home` is stamped by the door from the
    credentials, never from the payload; "" on a tick means every home of this log. `source` is
    `protocol:principal`, as `mqtt:zigbee2mqtt`, `http:admin`, `page:admin`, `clock`. `topic` is the MQTT
    topic, `api/readings`, `api/write/ns`, `api/senml` for what came by HTTP or CoAP, the action's name for
    an action, the reason for a refusal. `items` is how many things the door took it for: 1, or the rows of
    a batch; received = stored + duplicate + rejected counts these.
    """

    seq: int
    kind: Kind
    home: str
    source: str
    topic: str
    payload: bytes
    arrived: int
    items: int = 1


#: metric -> (unit, lowest, highest physically possible value). Names follow Home Assistant's device classes.
METRICS: dict[str, tuple[str, float, float]] = {
    "temperature": ("°C", -60.0, 125.0),
    "humidity": ("%", 0.0, 100.0),
    "pressure": ("hPa", 300.0, 1100.0),
    "illuminance": ("lx", 0.0, 200_000.0),
    "carbon_dioxide": ("ppm", 0.0, 40_000.0),
    "pm25": ("µg/m³", 0.0, 10_000.0),
    "volatile_organic_compounds": ("µg/m³", 0.0, 1_000_000.0),
    "power": ("W", -100_000.0, 100_000.0),
    "energy": ("Wh", 0.0, 1e12),
    "energy_export": ("Wh", 0.0, 1e12),
    "apparent_power": ("VA", 0.0, 100_000.0),
    "reactive_power": ("var", -100_000.0, 100_000.0),
    "power_factor": ("", -1.0, 1.0),
    "voltage": ("V", 0.0, 1_000.0),
    "current": ("A", -1_000.0, 1_000.0),
    "frequency": ("Hz", 0.0, 1_000.0),
    "battery": ("%", 0.0, 100.0),
    "signal_strength": ("dBm", -150.0, 20.0),
    "link_quality": ("", 0.0, 255.0),
    "switch": ("", 0.0, 1.0),
    "brightness": ("%", 0.0, 100.0),
    "motion": ("", 0.0, 1.0),
    "occupancy": ("", 0.0, 1.0),
    "contact": ("", 0.0, 1.0),
    "tamper": ("", 0.0, 1.0),
    "smoke": ("", 0.0, 1.0),
    "moisture": ("", 0.0, 1.0),
    "presence": ("", 0.0, 1.0),
    "setpoint": ("°C", -60.0, 125.0),
    "position": ("%", 0.0, 100.0),
    "gas": ("m³", 0.0, 1e9),
    "water": ("m³", 0.0, 1e9),
    "wind_speed": ("m/s", 0.0, 150.0),
    "precipitation": ("mm", 0.0, 100_000.0),
}

#: Metrics whose value is 0 or 1: a state, not a quantity.
STATES = frozenset({"switch", "motion", "occupancy", "contact", "tamper", "smoke", "moisture", "presence"})

#: Counters: they only grow, but for resets, dips and glitches.
COUNTERS = frozenset({"energy", "energy_export", "gas", "water"})
