"""What a point of line protocol is about: its series and field keys -> device, metric, unit and room.

device   the tag `device`, else `room`/`name` (or `room`/`sensor`), else `entity_id`, `name`, `sensor`,
         `host`, else the measurement. Other tags do not tell devices apart.
metric   a field named as a metric or its alias (`temp`) is that metric; `value` is what the measurement, or
         the tag `metric`, names. Any other numeric field is kept as MEASUREMENT_FIELD, or as FIELD where the
         measurement is the device. Text is read where it is a state's word, else ignored.
unit     the tag `unit`, for `value` only; other fields are taken to be in our units.
room     the tag `room`.

Home Assistant's export names the measurement after the unit (`°C`) or the entity, tags `domain` and
`entity_id`, and puts the class in the field `device_class_str`. `living_room_temperature` there is metric
`temperature` of device `living_room`.
"""

from functools import lru_cache
from math import inf
from typing import NamedTuple

from homestream.dialects.influx import Value, is_series, series_of
from homestream.dialects.units import ANY_RANGE, OF_UNIT, RANGES, metric_of
from homestream.reading import METRICS, STATES

#: What a Home Assistant entity without a class measures, by its domain.
DOMAINS = {"switch": "switch", "light": "switch", "input_boolean": "switch", "fan": "switch"}


class About(NamedTuple):
    """What measurement and tags say: the device, its room, and what its `value` is ("" = see the class)."""

    device: str
    room: str
    value: str
    unit: str
    prefix: str
    home_assistant: bool


class Target(NamedTuple):
    """Where the plain numbers of one series and field key go; `single` where they need more than a range:
    a state, a unit, an entity of Home Assistant.
    """

    device: str
    metric: str
    room: str
    single: bool


@lru_cache(maxsize=4096)
def about_of(series: str) -> About:
    """Measurement and tags as written -> what they say."""
    measurement, tags = series_of(series)
    room = tags.get("room", "")
    within = tags.get("name") or tags.get("sensor") or ""
    device = tags.get("device") or (f"{room}/{within}" if room and within else "")
    entity = tags.get("entity_id", "")
    device = device or entity or within or room or tags.get("host") or measurement
    value, unit, home_assistant = metric_of(tags.get("metric", measurement)), tags.get("unit", ""), False
    if entity and "domain" in tags:
        home_assistant, unit = True, ""
        value = OF_UNIT.get(measurement.lower(), "")
        if value or measurement == "%":
            unit = measurement
        value = value or _ending(device)[1] or DOMAINS.get(tags["domain"], metric_of(measurement))
    prefix = "" if device == measurement or home_assistant else f"{metric_of(measurement)}_"
    return About(device, room, value or "value", unit, prefix, home_assistant)


def values_of(about: About, fields: list[tuple[str, Value]]) -> list[tuple[str, str, Value, str]]:
    """(device, metric, raw value, unit) of each field that measures something."""
    if about.home_assistant:
        return _home_assistant(about, dict(fields))
    values = []
    for key, raw in fields:
        metric, unit = metric_of(key), ""
        if key == "value":
            metric, unit = about.value, about.unit
        elif metric not in METRICS:
            metric = metric_of(about.prefix + key)
        if metric and (metric in STATES or not isinstance(raw, str)):
            values.append((about.device, metric, raw, unit))
    return values


def _home_assistant(about: About, fields: dict[str, Value]) -> list[tuple[str, str, Value, str]]:
    """Only the entity's state counts; its attributes are left aside."""
    said = fields.get("device_class_str")
    metric = metric_of(said) if isinstance(said, str) else ""
    if metric not in METRICS:
        metric = about.value
    raw = fields.get("value", fields.get("state"))
    if raw is None or (isinstance(raw, str) and metric not in STATES):
        return []
    stem, ending = _ending(about.device)
    return [(stem if ending == metric else about.device, metric, raw, about.unit)]


def _ending(entity: str) -> tuple[str, str]:
    """`living_room_temperature` -> (`living_room`, `temperature`); metric "" where the ending is none."""
    for metric in METRICS:
        if entity.endswith(f"_{metric}"):
            return entity[: -len(metric) - 1], metric
    stem, _, last = entity.rpartition("_")
    metric = metric_of(last)
    return (stem, metric) if stem and metric in METRICS else (entity, "")


@lru_cache(maxsize=8192)
def target_of(series: str, key: str) -> Target:
    """Series and field key as written -> where each plain number of theirs goes."""
    about = about_of(series) if is_series(series) else None
    found = [] if about is None or about.home_assistant else values_of(about, [(key, 0.0)])
    if about is None or len(found) != 1:
        return Target("", "", "", single=True)
    device, metric, _, unit = found[0]
    return Target(device, metric, about.room, single=bool(unit) or metric in STATES)


def range_of(series: str, key: str) -> tuple[float, float]:
    """The range of such a number; empty where each has to be read singly."""
    target = target_of(series, key)
    return (inf, -inf) if target.single else RANGES.get(target.metric, ANY_RANGE)
