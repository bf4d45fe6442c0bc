"""The plain dialect: `home/ROOM/DEVICE/METRIC`, for what people build themselves.

    home/laundry/iron/power      1180
    home/hall/door/contact       open
    home/attic/box/temperature   {"value": 70.3, "unit": "°F", "time": "2026-01-05T10:00:00Z"}
    home/attic/box               {"temperature": 21.3, "humidity": 40, "time": 1767607200000}
    home/attic/box/available     offline          (also as the device's last will)
    home/kitchen/lamp/switch/set ON               (to the device; it confirms on home/kitchen/lamp/switch)
    home/people/ann/presence     not_home         (also home, away, a room of the home; another place is away)

The device id is all between `home/` and the metric, `laundry/iron`. Metrics we have no unit for are kept
under their slug. `switch`, `brightness`, `setpoint` and `position` are taken to be settable.
"""

from typing import Any

import msgspec

from homestream.dialects.moment import ms_of, trusted
from homestream.dialects.payload import json_of, text_of
from homestream.dialects.port import Decoder, Row
from homestream.dialects.registry import Device, Registry
from homestream.dialects.units import ANY_RANGE, RANGES, WORDS, metric_of, number_of, value_of
from homestream.errors import PeerError
from homestream.reading import STATES, Entry, Reading

NAME = "plain"
SETTABLE = ("switch", "brightness", "setpoint", "position")
#: Keys of a JSON message that are not metrics.
ENVELOPE = frozenset({"time", "timestamp", "unit", "device", "name", "room", "id"})

_number = msgspec.json.Decoder(float).decode
_STATES = {word.encode(): value for word, value in {**WORDS, "1": 1.0, "0": 0.0}.items()}
#: Makes a Reading without a Python frame.
_tuple = tuple.__new__


def bind(registry: Registry, topic: str) -> Decoder | None:
    """`home/ROOM/DEVICE[/METRIC]` and its `available` and `set`; None for all else."""
    parts = topic.split("/")
    if parts[0] != "home" or len(parts) < 3 or not all(parts):
        return None
    if parts[-1] == "set":
        return lambda entry: [[]]
    if len(parts) == 3:
        return _object(registry, "/".join(parts[1:]))
    device_id, last = "/".join(parts[1:-1]), parts[-1]
    if last in ("available", "availability"):
        return _availability(registry, device_id)
    metric = metric_of(last)
    if not metric:
        return None
    return _single(registry, device_id, metric, f"{topic}/set")


def encode(device: Device, metric: str, value: float) -> tuple[str, bytes]:
    """(topic, payload) that sets `metric`: ON or OFF, or a number."""
    if metric == "switch":
        return device.commands[metric], b"ON" if value else b"OFF"
    return device.commands[metric], f"{value:g}".encode()


def _single(registry: Registry, device_id: str, metric: str, set_topic: str) -> Decoder:
    """One metric a topic: the hot path."""
    low, high = RANGES.get(metric, ANY_RANGE)
    is_state, settable = metric in STATES, metric in SETTABLE
    device: Device | None = None

    def decode(entry: Entry) -> list[Row]:
        nonlocal device
        payload, time = entry.payload, entry.arrived
        try:
            if is_state:
                value = _STATES[payload.lower()]
            else:
                value = _number(payload)
                if not low <= value <= high:
                    value = value_of(metric, value)
        except (ValueError, KeyError):
            value, time = _slowly(registry, device_id, metric, entry)
        if device is None or device.available is False:
            device = registry.note(device_id, NAME, metric)
            if settable and metric not in device.commands:
                registry.commandable(device, metric, set_topic)
        return [[_tuple(Reading, (entry.home, device_id, metric, time, value))]]

    return decode


def _slowly(registry: Registry, device_id: str, metric: str, entry: Entry) -> tuple[float, int]:
    """(value, time) of whatever is neither a bare number nor a bare word."""
    if entry.payload[:1] == b"{":
        body = json_of(entry.payload)
        if "value" not in body:
            raise PeerError('no "value" in it')
        unit = body.get("unit") or ""
        value = value_of(metric, body["value"], unit if isinstance(unit, str) else "")
        return value, _time(registry, device_id, body, entry.arrived)
    text = text_of(entry.payload).strip().strip('"')
    if not text:
        raise PeerError("empty payload")
    if metric == "presence" and text.lower() not in WORDS and text not in ("0", "1"):
        return _whereabouts(registry, text), entry.arrived
    return value_of(metric, text), entry.arrived


def _whereabouts(registry: Registry, place: str) -> float:
    """Where a tracker says somebody is: `home` or one of the home's rooms, else away."""
    rooms = {device.room for device in registry} | set(registry.config.rooms if registry.config else ())
    return float(place.lower() == "home" or metric_of(place) in {metric_of(room) for room in rooms if room})


def _object(registry: Registry, device_id: str) -> Decoder:
    """`home/ROOM/DEVICE` with a JSON object of metrics."""

    def decode(entry: Entry) -> list[Row]:
        body = json_of(entry.payload)
        if not isinstance(body, dict):
            raise PeerError("not a JSON object")
        values = values_of(body)
        for metric in values:
            device = registry.note(device_id, NAME, metric)
            if metric in SETTABLE:
                registry.commandable(device, metric, f"home/{device_id}/{metric}/set")
        time = _time(registry, device_id, body, entry.arrived)
        return [[Reading(entry.home, device_id, metric, time, value) for metric, value in values.items()]]

    return decode


def values_of(body: dict[str, Any]) -> dict[str, float]:
    """The metrics of a JSON object; the impossible is left out, `PeerError` where nothing else is left."""
    values: dict[str, float] = {}
    wrong = ""
    for key, raw in body.items():
        if key in ENVELOPE or raw is None:
            continue
        try:
            metric = metric_of(key)
            if metric and metric not in values:
                values[metric] = value_of(metric, raw)
        except PeerError as error:
            wrong = wrong or str(error)
    if not values and wrong:
        raise PeerError(wrong)
    if not values:
        raise PeerError("no metric in it")
    return values


def _availability(registry: Registry, device_id: str) -> Decoder:
    def decode(entry: Entry) -> list[Row]:
        text = text_of(entry.payload).strip().lower()
        online = {"online": 1.0, "offline": 0.0}.get(text)
        if online is None:
            online = number_of(text)
        if online in (0.0, 1.0):
            return [[*registry.reached(entry.home, device_id, NAME, online == 1.0, entry.arrived)]]
        raise PeerError("availability is neither online nor offline")

    return decode


def _time(registry: Registry, device_id: str, body: dict[str, Any], arrived: int) -> int:
    """The event time of a JSON message."""
    raw = body.get("time", body.get("timestamp"))
    if raw is None:
        return arrived
    at = trusted(ms_of(raw), arrived)
    if at is None:
        registry.clock_is_wrong(device_id)
        return arrived
    return at
