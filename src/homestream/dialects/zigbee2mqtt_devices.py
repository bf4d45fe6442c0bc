"""`zigbee2mqtt/bridge/devices`: which devices there are and what of them can be set."""

from collections.abc import Iterator
from typing import Any

from homestream.dialects.registry import Registry
from homestream.dialects.zigbee2mqtt_keys import meaning_of
from homestream.errors import PeerError

NAME = "zigbee2mqtt"
BASE = "zigbee2mqtt"
SETTABLE = ("switch", "brightness", "setpoint", "position")
#: The bit of a feature's `access` that says it can be set.
CAN_SET = 2
#: Things whose `state` is not on or off.
OTHER_STATES = ("cover", "lock", "valve")


def learn_devices(registry: Registry, body: Any) -> None:
    """Enter all devices but the coordinator, with what can be set; `PeerError` where it is no list."""
    if not isinstance(body, list):
        raise PeerError("bridge/devices is no list")
    for row in body:
        if not isinstance(row, dict) or row.get("type") == "Coordinator":
            continue
        name = row.get("friendly_name")
        if not isinstance(name, str) or not name:
            continue
        registry.learn(name, NAME)
        definition = row.get("definition")
        exposes = definition.get("exposes") if isinstance(definition, dict) else None
        for key in _settable(exposes):
            meaning = meaning_of(key)
            if meaning is None or meaning.metric not in SETTABLE:
                continue
            device_id, base = name, ""
            if meaning.endpoint:
                device_id, base = f"{name}_{meaning.endpoint}", name
            device = registry.learn(device_id, NAME, base)
            registry.commandable(device, meaning.metric, f"{BASE}/{name}/set/{key}")


def _settable(exposes: Any) -> Iterator[str]:
    """The properties that can be set, one level of features deep."""
    for expose in exposes if isinstance(exposes, list) else ():
        if not isinstance(expose, dict):
            continue
        features = expose.get("features")
        for feature in features if isinstance(features, list) else (expose,):
            if not isinstance(feature, dict):
                continue
            key, access = feature.get("property"), feature.get("access")
            if not isinstance(key, str) or not isinstance(access, int) or not access & CAN_SET:
                continue
            if feature.get("name") != "state" or expose.get("type") not in OTHER_STATES:
                yield key
