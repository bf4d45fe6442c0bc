"""A raw value, as devices write it, becomes a float in the metric's canonical unit.

NaN stands for unknown. Values outside the metric's physical range are refused, never clipped.
"""

import math
import re
from functools import lru_cache
from typing import Any

from homestream.errors import PeerError
from homestream.reading import METRICS, STATES

#: Metrics we have no range for: beyond this a double no longer counts single units.
ANY_RANGE = (-1e15, 1e15)
RANGES = {metric: (low, high) for metric, (_, low, high) in METRICS.items()}

_ON = ("on", "true", "yes", "open", "opened", "opening", "detected", "motion", "occupied", "wet", "active")
_OFF = ("off", "false", "no", "closed", "close", "clear", "cleared", "idle", "free", "dry", "inactive")
_UNKNOWN = ("unknown", "unavailable", "none", "null", "nan", "undefined")
WORDS = {**dict.fromkeys(_ON, 1.0), **dict.fromkeys(_OFF, 0.0), **dict.fromkeys(_UNKNOWN, math.nan)}

#: What people call a metric -> what it is. `METRICS` names themselves need no entry.
ALIASES = {
    "temp": "temperature", "hum": "humidity", "rh": "humidity", "relative_humidity": "humidity",
    "lux": "illuminance", "light": "illuminance", "light_level": "illuminance", "illumination": "illuminance",
    "co2": "carbon_dioxide", "pm2_5": "pm25", "pm02_5": "pm25", "voc": "volatile_organic_compounds",
    "tvoc": "volatile_organic_compounds", "barometer": "pressure", "atmospheric_pressure": "pressure",
    "active_power": "power", "watts": "power", "watt": "power", "consumption": "energy",
    "energy_import": "energy", "produced_energy": "energy_export", "exported_energy": "energy_export",
    "battery_level": "battery", "battery_percentage": "battery", "rssi": "signal_strength",
    "linkquality": "link_quality", "lqi": "link_quality", "relay": "switch", "state": "switch",
    "on_off": "switch", "onoff": "switch", "pir": "motion", "door": "contact", "window": "contact",
    "opening": "contact", "garage_door": "contact", "open": "contact", "leak": "moisture",
    "water_leak": "moisture", "dimmer": "brightness", "target_temperature": "setpoint",
    "occupancy_state": "occupancy", "rain": "precipitation", "windspeed": "wind_speed", "volts": "voltage",
    "amps": "current", "amperage": "current",
}  # fmt: skip

#: metric -> unit, in lower case -> factor: canonical = raw * factor.
_POWER = {"w": 1.0, "kw": 1e3, "mw": 1e-3, "va": 1.0, "kva": 1e3, "var": 1.0, "kvar": 1e3}
_ENERGY = {"wh": 1.0, "kwh": 1e3, "mwh": 1e6, "j": 1 / 3600, "kj": 1 / 3.6, "ws": 1 / 3600, "wmin": 1 / 60}
_RATIO = {"%": 1.0, "percent": 1.0, "%rh": 1.0, "%el": 1.0, "/": 100.0}
_DENSITY = {"µg/m³": 1.0, "μg/m³": 1.0, "ug/m3": 1.0, "µg/m3": 1.0, "mg/m³": 1e3, "mg/m3": 1e3}
_VOLUME = {"m³": 1.0, "m3": 1.0, "l": 1e-3, "liter": 1e-3, "gal": 0.003785411784, "ft³": 0.028316846592}
FACTORS: dict[str, dict[str, float]] = {
    "power": _POWER, "apparent_power": _POWER, "reactive_power": _POWER,
    "energy": _ENERGY, "energy_export": _ENERGY,
    "humidity": _RATIO, "battery": _RATIO, "brightness": _RATIO, "position": _RATIO,
    "pressure": {"hpa": 1.0, "mbar": 1.0, "pa": 0.01, "kpa": 10.0, "bar": 1e3, "mmhg": 1.333223874,
                 "inhg": 33.86388640, "psi": 68.94757293},
    "illuminance": {"lx": 1.0, "lux": 1.0, "klx": 1e3},
    "carbon_dioxide": {"ppm": 1.0}, "pm25": _DENSITY, "volatile_organic_compounds": _DENSITY,
    "power_factor": {"": 1.0, "%": 0.01}, "signal_strength": {"dbm": 1.0, "dbw": 1.0},
    "voltage": {"v": 1.0, "mv": 1e-3, "kv": 1e3}, "current": {"a": 1.0, "ma": 1e-3},
    "frequency": {"hz": 1.0, "khz": 1e3, "mhz": 1e6},
    "wind_speed": {"m/s": 1.0, "km/h": 1 / 3.6, "mph": 0.44704, "kn": 0.514444, "kt": 0.514444},
    "precipitation": {"mm": 1.0, "cm": 10.0, "m": 1e3, "in": 25.4},
    "gas": _VOLUME, "water": _VOLUME,
}  # fmt: skip
_DEGREES = {
    "°c": (1.0, 0.0), "c": (1.0, 0.0), "cel": (1.0, 0.0), "degc": (1.0, 0.0), "celsius": (1.0, 0.0),
    "°f": (5 / 9, -160 / 9), "f": (5 / 9, -160 / 9), "degf": (5 / 9, -160 / 9),
    "fahrenheit": (5 / 9, -160 / 9), "k": (1.0, -273.15), "kelvin": (1.0, -273.15),
}  # fmt: skip
#: A unit that says by itself what is measured.
OF_UNIT: dict[str, str] = {
    **dict.fromkeys(_DEGREES, "temperature"), "%rh": "humidity",
    "w": "power", "kw": "power", "wh": "energy", "kwh": "energy", "j": "energy", "lx": "illuminance",
    "hpa": "pressure", "pa": "pressure", "mbar": "pressure", "v": "voltage", "mv": "voltage", "a": "current",
    "ma": "current", "hz": "frequency", "ppm": "carbon_dioxide", "µg/m³": "pm25", "dbm": "signal_strength",
    "dbw": "signal_strength", "%el": "battery", "va": "apparent_power", "var": "reactive_power",
    "m/s": "wind_speed", "km/h": "wind_speed", "mm": "precipitation",
}  # fmt: skip

#: The rest of a longer metric name or unit is not looked at.
MAX_NAME = 60
_NOT_SLUG = re.compile(r"[^a-z0-9]+")


def metric_of(name: str) -> str:
    """A metric's name in our words: known names and their aliases, else the name as a slug ("" if none)."""
    return _slug(name[:MAX_NAME])


@lru_cache(maxsize=4096)
def _slug(name: str) -> str:
    slug = _NOT_SLUG.sub("_", name.lower()).strip("_")
    return ALIASES.get(slug, slug)


@lru_cache(maxsize=1024)
def scale(metric: str, unit: str) -> tuple[float, float]:
    """(factor, offset) from `unit` to the metric's own; `PeerError` where the metric has no such unit."""
    text = unit.strip().lower()
    if metric in ("temperature", "setpoint"):
        if text in _DEGREES:
            return _DEGREES[text]
    elif metric not in FACTORS:
        return 1.0, 0.0
    elif unit.strip() == "MW":  # case tells mega from milli
        return 1e6, 0.0
    elif text in FACTORS[metric]:
        return FACTORS[metric][text], 0.0
    raise PeerError(f"{metric}: unit {unit[:20]!r} is not known")


def number_of(raw: Any) -> float:
    """A number, bool or word -> float, NaN for unknown; `PeerError` for all else."""
    if isinstance(raw, str):
        word = WORDS.get(raw.strip().lower())
        if word is not None:
            return word
        if "_" in raw:
            raise PeerError(f"{raw[:20]!r} is no number")
    elif raw is None:
        return math.nan
    elif not isinstance(raw, (int, float)):
        raise PeerError(f"{type(raw).__name__} is no number")
    try:
        return float(raw)
    except (ValueError, OverflowError):
        raise PeerError(f"{str(raw)[:20]!r} is no number") from None


def value_of(metric: str, raw: Any, unit: str = "") -> float:
    """A raw value of `metric` -> float in its canonical unit, in range; `PeerError` says what is wrong."""
    if type(raw) is float and not unit and metric not in STATES:  # by far the most
        low, high = RANGES.get(metric, ANY_RANGE)
        if low <= raw <= high:
            return raw
    number = number_of(raw)
    if math.isnan(number):  # unknown, whatever the metric
        return number
    if metric in RANGES and metric not in STATES and isinstance(raw, (bool, str)) and is_word(raw):
        raise PeerError(f"{metric}: {str(raw)[:20]} is no number")
    if unit:
        factor, offset = scale(metric, unit[:MAX_NAME])
        number = converted(number, factor, offset)
    return checked(metric, number)


def is_word(raw: bool | str) -> bool:
    """Whether it says on, off and the like instead of a number."""
    return isinstance(raw, bool) or raw.strip().lower() in WORDS


def converted(number: float, factor: float, offset: float = 0.0) -> float:
    """`number * factor + offset`, without the dust that binary fractions leave in the last digits."""
    return round(number * factor + offset, 6)


def checked(metric: str, number: float) -> float:
    """The number itself when the metric can have it; `PeerError` when it is impossible."""
    low, high = RANGES.get(metric, ANY_RANGE)
    if not low <= number <= high:
        raise PeerError(f"{metric} {number:g} is impossible: {low:g} to {high:g}")
    if metric in STATES and number not in (0.0, 1.0):
        raise PeerError(f"{metric} {number:g} is neither 0 nor 1")
    return number
