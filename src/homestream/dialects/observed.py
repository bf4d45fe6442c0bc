"""Commands to devices that come by CoAP: such a device observes `/devices/NAME` and is told what to set.

    {"metric": "switch", "value": 1}

`switch`, `brightness`, `setpoint` and `position` of theirs are taken to be settable; their next reading
confirms.
"""

import json

from homestream.dialects.plain import SETTABLE
from homestream.dialects.registry import Device, Registry
from homestream.reading import Entry

#: Begins the topic of such a command; what comes after is the device.
PREFIX = "devices/"


def note(registry: Registry, device: Device, metric: str, entry: Entry) -> None:
    """Note that a device can be told to set `metric`, where it came by CoAP."""
    if metric in SETTABLE and entry.source.startswith("coap:"):
        registry.commandable(device, metric, PREFIX + device.id)


def encode(device: Device, metric: str, value: float) -> tuple[str, bytes]:
    """(topic, payload) that sets `metric`."""
    return device.commands[metric], json.dumps({"metric": metric, "value": round(value, 6)}).encode()
