"""What a column of a wide table measures: by well-known names, else by metric, unit and room in its name."""

import re
from dataclasses import dataclass

from homestream.dialects.units import OF_UNIT, metric_of, scale
from homestream.errors import PeerError
from homestream.home import MAINS
from homestream.reading import METRICS


@dataclass(frozen=True, slots=True)
class Column:
    """`value = number * factor + offset`, of `device`'s `metric`; `per_interval`: Wh a row, to become W."""

    device: str
    metric: str
    factor: float = 1.0
    offset: float = 0.0
    per_interval: bool = False


#: column names of public data sets (UCI 235: household power, UCI 374: appliances energy, UCI 357: occupancy)
KNOWN: dict[str, Column] = {
    "global_active_power": Column(MAINS, "power", 1000.0),
    "global_reactive_power": Column(MAINS, "reactive_power", 1000.0),
    "global_intensity": Column(MAINS, "current"),
    "voltage": Column(MAINS, "voltage"),
    "sub_metering_1": Column("kitchen/appliances", "power", per_interval=True),
    "sub_metering_2": Column("laundry/appliances", "power", per_interval=True),
    "sub_metering_3": Column("utility/water_heater", "power", per_interval=True),
    "appliances": Column("house/appliances", "power", per_interval=True),
    "lights": Column("house/lights", "power", per_interval=True),
    "t_out": Column("outside/weather", "temperature"),
    "rh_out": Column("outside/weather", "humidity"),
    "press_mm_hg": Column("outside/weather", "pressure", 1.333223874),
    "windspeed": Column("outside/weather", "wind_speed"),
}
_ROOMS_UCI = ("kitchen", "living_room", "laundry", "office", "bathroom", "outside", "ironing_room",
              "kids_room", "parents_room")  # fmt: skip
for _number, _room in enumerate(_ROOMS_UCI, 1):
    KNOWN[f"t{_number}"] = Column(f"{_room}/climate", "temperature")
    KNOWN[f"rh_{_number}"] = Column(f"{_room}/climate", "humidity")

#: qualifiers that say which of a room's sensors, not what it measures
_QUANTITIES = {
    "thermostattemperature": ("thermostat", "temperature"),
    "setpointhistory": ("thermostat", "setpoint"),
    "outdoortemperature": ("outdoor", "temperature"),
    "brightness": ("light", "illuminance"),
    "temperature": ("climate", "temperature"),
    "humidity": ("climate", "humidity"),
}

_UNIT = re.compile(r"\s*[\[(]([^\])]*)[\])]\s*$")
_SLUG = re.compile(r"[^a-z0-9]+")


def slug(text: str) -> str:
    """Lower case letters, digits and underscores."""
    return _SLUG.sub("_", text.lower()).strip("_")


def column(name: str, file: str) -> Column | None:
    """What a column called `name` of the table in `file` (its stem) measures; None where nobody knows.

    `laundry/iron.power`, `kitchen_temperature`, `Living room temperature [°F]`, `power (kW)`.
    """
    known = KNOWN.get(slug(name))
    if known is not None:
        return known
    unit = ""
    if found := _UNIT.search(name):
        unit, name = found[1], name[: found.start()]
    device, dot, metric_name = name.rpartition(".")
    if dot and "/" in device:
        return _scaled(device.strip(), metric_of(metric_name), unit)
    words = slug(name).split("_")
    for first in range(len(words)):
        metric = metric_of("_".join(words[first:]))
        if metric in METRICS:
            return _scaled(_device(words[:first], file), metric, unit)
    metric = OF_UNIT.get(unit.lower(), "")
    return _scaled(_device(words, file), metric, unit) if metric else None


def quantity(stem: str) -> Column | None:
    """What a file of two columns measures, from its name: `Kitchen_Temperature`, `Room3_left_Humidity`."""
    words = [word for word in stem.split("_") if word and word.lower() != "virtual"]
    sensor, metric = _QUANTITIES.get(words[-1].lower(), ("", "")) if words else ("", "")
    if len(words) > 1 and metric:
        return Column("/".join((slug(words[0]), "_".join(slug(w) for w in [*words[1:-1], sensor]))), metric)
    return column(stem, stem) if len(words) > 1 else None


def _device(words: list[str], file: str) -> str:
    return f"{'_'.join(words)}/sensor" if words else f"{slug(file) or 'file'}/sensor"


def _scaled(device: str, metric: str, unit: str) -> Column | None:
    try:
        factor, offset = scale(metric, unit) if unit else (1.0, 0.0)
    except PeerError:
        return None
    return Column(device, metric, factor, offset)
