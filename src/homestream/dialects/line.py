"""Influx line protocol (`api/write/PRECISION`), the meaning: a point becomes readings of a device.

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
from typing import NamedTuple

from homestream.dialects.influx import Point, Value, points, series_of
from homestream.dialects.moment import trusted
from homestream.dialects.port import Decoder, Refusal, Row
from homestream.dialects.registry import Registry
from homestream.dialects.units import OF_UNIT, metric_of, value_of
from homestream.errors import PeerError
from homestream.reading import METRICS, STATES, Entry, Reading

NAME = "line"
PREFIX = "api/write/"
#: precision of a request -> (multiply, divide) to ms
PRECISIONS = {"ns": (1, 1_000_000), "us": (1, 1_000), "ms": (1, 1), "s": (1_000, 1)}
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


def bind(registry: Registry, topic: str) -> Decoder | None:
    """`api/write/ns`, `us`, `ms` and `s`; None for all else."""
    if not topic.startswith(PREFIX) or topic.removeprefix(PREFIX) not in PRECISIONS:
        return None
    multiply, divide = PRECISIONS[topic.removeprefix(PREFIX)]

    def decode(entry: Entry) -> list[Row]:
        rows: list[Row] = []
        for point in points(entry.payload):
            if isinstance(point, Refusal):
                rows.append(point)
                continue
            at = None if point.time is None else point.time * multiply // divide
            try:
                rows.append(_readings(registry, entry, point, at))
            except PeerError as error:
                rows.append(Refusal(str(error)))
        return rows

    return decode


def _readings(registry: Registry, entry: Entry, point: Point, at: int | None) -> list[Reading]:
    about = about_of(point.series)
    believed = entry.arrived if at is None else trusted(at, entry.arrived)
    time = entry.arrived if believed is None else believed
    readings: list[Reading] = []
    wrong = ""
    for device_id, metric, raw, unit in _values(about, point.fields):
        try:
            value = value_of(metric, raw, unit)
        except PeerError as error:
            wrong = wrong or str(error)
            continue
        device = registry.note(device_id, NAME, metric)
        if about.room and device.said_room != about.room:
            registry.describe(device, room=about.room)
        if believed is None:
            registry.clock_is_wrong(device_id)
        readings.append(Reading(entry.home, device_id, metric, time, value))
    if wrong and not readings:
        raise PeerError(wrong)
    return readings


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


def _values(about: About, fields: list[tuple[str, Value]]) -> list[tuple[str, str, Value, str]]:
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
