"""Zigbee2MQTT: `zigbee2mqtt/NAME` with a JSON object; NAME is the friendly name and may hold slashes.

A key with an endpoint (`state_left`, `power_l1`) belongs to the channel `NAME_left`, a device of its own in
the room of NAME; so does what comes on `zigbee2mqtt/NAME/left`. Keys that measure nothing are ignored, nulls
are what the bridge does not know yet. An impossible value (-100 °C, 654 %RH: real) is left out, and the
message refused only when nothing else in it could be read.

`NAME/availability` makes a device known or unknown; `NAME/ATTRIBUTE` with a bare value is the bridge's
attribute output; `NAME/set` and `/get` are requests, not readings. `bridge/devices` tells which devices can
be set; all else below `bridge/` is kept without readings.
"""

from typing import Any

import msgspec

from homestream.dialects.moment import ms_of, trusted
from homestream.dialects.payload import json_of, object_of, text_of
from homestream.dialects.port import Decoder, Row
from homestream.dialects.registry import Device, Registry
from homestream.dialects.zigbee2mqtt_devices import BASE, NAME, learn_devices
from homestream.dialects.zigbee2mqtt_keys import ENDPOINT, REPLACED, meaning_of, value_in
from homestream.errors import PeerError
from homestream.reading import Entry, Reading

#: Taken to be settable even before `bridge/devices` says so: an on or off, and a brightness with it.
LAMP = ("switch", "brightness")
NUMBERS = (float, int)
#: No key that measures something comes near.
LONGEST_KEY = 50


def bind(registry: Registry, topic: str) -> Decoder | None:
    """All below `zigbee2mqtt/`; None for all else."""
    parts = topic.split("/")
    if parts[0] != BASE or len(parts) < 2 or not parts[-1]:
        return None
    if parts[1] == "bridge":
        return _devices(registry) if parts[2:] == ["devices"] else _ignore
    if {"set", "get", "write", "read"} & set(parts[2:]):
        return _ignore
    if parts[-1] == "availability" and len(parts) > 2:
        return _availability(registry, "/".join(parts[1:-1]))
    return _device(registry, parts[1:])


def encode(device: Device, metric: str, value: float) -> tuple[str, bytes]:
    """(topic, payload) that sets `metric`; the command's address ends in the property to set."""
    topic, _, key = device.commands[metric].rpartition("/")
    raw: Any = int(value) if value == int(value) else value
    if metric == "switch":
        raw = "ON" if value else "OFF"
    elif metric == "brightness":
        raw = round(value * 2.54)
    return topic, msgspec.json.encode({key: raw})


def _ignore(entry: Entry) -> list[Row]:
    return [[]]


def _devices(registry: Registry) -> Decoder:
    def decode(entry: Entry) -> list[Row]:
        learn_devices(registry, json_of(entry.payload))
        return [[]]

    return decode


def _availability(registry: Registry, device_id: str) -> Decoder:
    def decode(entry: Entry) -> list[Row]:
        text = text_of(entry.payload)
        if text.lstrip()[:1] == "{":
            text = str(object_of(entry.payload).get("state"))
        if text not in ("online", "offline"):
            raise PeerError("availability is neither online nor offline")
        return [[*registry.reached(entry.home, device_id, NAME, text == "online", entry.arrived)]]

    return decode


def _device(registry: Registry, parts: list[str]) -> Decoder:
    """`zigbee2mqtt/NAME`, and what may be an endpoint or an attribute of a device below it."""
    whole, above, last = "/".join(parts), "/".join(parts[:-1]), parts[-1]

    def decode(entry: Entry) -> list[Row]:
        payload = entry.payload
        if payload[:1] == b"{" or payload.lstrip()[:1] == b"{":
            body = object_of(payload)
            if above and ENDPOINT.fullmatch(last) and _known(registry, above, last):
                return [_read(registry, entry, above, {f"{key}_{last}": raw for key, raw in body.items()})]
            return [_read(registry, entry, whole, body)]
        if above and (above in registry.devices or (len(last) < LONGEST_KEY and meaning_of(last))):
            return [_read(registry, entry, above, {last: _attribute(payload)})]
        raise PeerError("not a JSON object")

    return decode


def _known(registry: Registry, device_id: str, endpoint: str) -> bool:
    return device_id in registry.devices or f"{device_id}_{endpoint}" in registry.devices


def _attribute(payload: bytes) -> Any:
    """A bare value: JSON where it is, else text."""
    try:
        return json_of(payload)
    except PeerError:
        return text_of(payload)


def _read(registry: Registry, entry: Entry, device_id: str, body: dict[str, Any]) -> list[Reading]:
    """The readings of one message of one device."""
    home, time, wrong = entry.home, entry.arrived, ""
    seen = body.get("last_seen")
    if seen is not None:
        at = trusted(ms_of(seen), time)
        if at is None:
            registry.clock_is_wrong(device_id)
        else:
            time = at
    known = registry.devices.get(device_id)
    measured = known.metrics if known is not None and known.available is not False else []
    readings: list[Reading] = []
    for key, raw in body.items():
        meaning = meaning_of(key) if len(key) < LONGEST_KEY else None
        if meaning is None or raw is None:
            continue
        metric, factor, endpoint, low, high = meaning
        if type(raw) in NUMBERS and low <= raw <= high and metric in measured:  # by far the most
            readings.append(Reading(home, device_id, metric, time, float(raw)))
            continue
        if REPLACED.get(key) in body:
            continue
        channel, base = (f"{device_id}_{endpoint}", device_id) if endpoint else (device_id, "")
        try:
            value = value_in(metric, factor, raw)
            if value is None:
                continue
            device = registry.note(channel, NAME, metric, base)
        except PeerError as error:
            wrong = wrong or str(error)
            continue
        if metric in LAMP and metric not in device.commands and (metric == "switch" or device.commands):
            registry.commandable(device, metric, f"{BASE}/{device_id}/set/{key}")
        readings.append(Reading(home, channel, metric, time, value))
    if wrong and not readings:
        raise PeerError(wrong)
    return readings
