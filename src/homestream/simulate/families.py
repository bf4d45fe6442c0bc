"""How the simulated devices speak: a report becomes the messages or rows its family really sends.

After the makers' documentation: Zigbee2MQTT (state objects, `bridge/devices`, availability), Tasmota
(`tele/…/STATE`, `SENSOR`, `LWT`), the plain topics of Homestream, rows for HTTP and CoAP, SenML (RFC 8428).
"""

import json
from collections.abc import Iterable
from datetime import UTC, datetime
from typing import Any, NamedTuple
from zoneinfo import ZoneInfo

from homestream.simulate.devices import DEVICES, Device
from homestream.simulate.faults import Report

#: what the simulated devices listen to
FILTERS = ("zigbee2mqtt/+/+/set", "cmnd/+/POWER", "home/+/+/+/set")
WORDS = {"on": 1.0, "off": 0.0, "1": 1.0, "0": 0.0, "true": 1.0, "false": 0.0, "open": 1.0, "closed": 0.0}
#: Zigbee2MQTT's own names of our metrics
_ZIGBEE = {"motion": "occupancy", "moisture": "water_leak"}
_TWO_STATES = frozenset({"motion", "contact", "moisture", "smoke", "switch", "presence"})
_BY_ID = {device.id: device for device in DEVICES}


class Message(NamedTuple):
    """An MQTT message to send."""

    topic: str
    payload: bytes
    retain: bool = False


class Wish(NamedTuple):
    """A command that came for a device; `value` in the metric's canonical unit."""

    device: Device
    metric: str
    value: float


def messages(report: Report, zone: ZoneInfo | None) -> list[Message]:
    """What a device publishes. Tasmota's clock has whole seconds; without `zone` it tells no time."""
    device = report.device
    if device.family == "z2m":
        return [Message(f"zigbee2mqtt/{device.id}", _json(_zigbee(report)))]
    if device.family == "tasmota":
        return _tasmota(report, zone)
    base = f"home/{device.id if '/' in device.id else f'{device.room}/{device.id}'}"
    if device.kind == "lamp":
        on, level = report.values
        return [
            Message(f"{base}/switch", b"ON" if on else b"OFF"),
            Message(f"{base}/brightness", b"%d" % level),
        ]
    return [
        Message(f"{base}/{metric}", _json({"value": value, "time": report.time}))
        for metric, value in zip(device.metrics, report.values, strict=True)
    ]


def rows(report: Report) -> list[dict[str, Any]]:
    """The report as one row for `/api/v1/readings`, every metric in it."""
    named = dict(zip(report.device.metrics, report.values, strict=True))
    return [{"device": report.device.id, "time": report.time, **named}]


def senml(report: Report) -> list[dict[str, Any]]:
    """The report as a SenML pack: base name and time first, one record a metric."""
    units = {"temperature": "Cel", "humidity": "%RH", "illuminance": "lx", "battery": "%EL"}
    pack: list[dict[str, Any]] = []
    for metric, value in zip(report.device.metrics, report.values, strict=True):
        if metric == "pressure":
            record: dict[str, Any] = {"n": metric, "u": "Pa", "v": round(value * 100)}
        elif metric in _TWO_STATES:
            record = {"n": metric, "vb": bool(value)}
        else:
            record = {"n": metric, "v": value} | ({"u": units[metric]} if metric in units else {})
        pack.append(record)
    pack[0] = {"bn": f"{report.device.id}/", "bt": report.time / 1000} | pack[0]
    return pack


def announce(devices: Iterable[Device]) -> list[Message]:
    """What bridges and devices say of themselves when they come up; retained."""
    found = list(devices)
    zigbee = [device for device in found if device.family == "z2m"]
    sent = []
    if zigbee:
        sent += [
            Message("zigbee2mqtt/bridge/state", _json({"state": "online"}), True),
            Message("zigbee2mqtt/bridge/devices", _json([_described(d) for d in zigbee]), True),
        ]
    for device in zigbee:
        sent.append(Message(f"zigbee2mqtt/{device.id}/availability", _json({"state": "online"}), True))
    sent += [Message(f"tele/{d.id}/LWT", b"Online", True) for d in found if d.family == "tasmota"]
    return sent


def wish(topic: str, payload: bytes) -> list[Wish]:
    """The commands in a message to the devices; what they do not understand, they ignore."""
    parts = topic.split("/")
    text = payload.decode(errors="replace").strip()
    if parts[0] == "cmnd" and len(parts) == 3:
        return _wishes(parts[1], {"switch": text})
    if parts[0] == "home" and len(parts) == 5:
        return _wishes("/".join(parts[1:3]), {parts[3]: text})
    if parts[0] == "zigbee2mqtt" and len(parts) == 4:
        try:
            body = json.loads(text)
        except ValueError:
            body = {"state": text}
        if not isinstance(body, dict):
            return []
        asked = {"switch": body.get("state")}
        if isinstance(body.get("brightness"), (int, float)):
            asked["brightness"] = str(body["brightness"] / 2.54)
        return _wishes("/".join(parts[1:3]), asked)
    return []


def _wishes(device_id: str, asked: dict[str, str | None]) -> list[Wish]:
    device = _BY_ID.get(device_id)
    found = []
    for metric, text in asked.items():
        if device is None or not isinstance(text, str) or metric not in device.commands:
            continue
        value = WORDS.get(text.lower())
        if value is None:
            try:
                value = float(text)
            except ValueError:
                continue
        found.append(Wish(device, metric, value))
    return found


def _zigbee(report: Report) -> dict[str, Any]:
    body: dict[str, Any] = {}
    for metric, value in zip(report.device.metrics, report.values, strict=True):
        if metric == "switch":
            body["state"] = "ON" if value else "OFF"
        elif metric == "brightness":
            body["brightness"] = round(value * 2.54)
        elif metric == "contact":
            body["contact"] = not value  # true = closed
        elif metric == "energy":
            body["energy"] = round(value / 1000, 4)
        elif metric in _TWO_STATES:
            body[_ZIGBEE.get(metric, metric)] = bool(value)
        else:
            body[metric] = value
    seen = datetime.fromtimestamp(report.time / 1000, UTC).isoformat(timespec="milliseconds")
    return {**body, "linkquality": 60 + len(report.device.id) * 5, "last_seen": seen.replace("+00:00", "Z")}


def _tasmota(report: Report, zone: ZoneInfo | None) -> list[Message]:
    on, watts, counter = report.values
    time = {}
    if zone is not None:
        local = datetime.fromtimestamp(report.time // 1000, zone)
        time = {"Time": local.replace(tzinfo=None).isoformat()}
    state = {**time, "POWER": "ON" if on else "OFF", "Wifi": {"RSSI": 72, "Signal": -64}}
    meter = {
        "Total": round(counter / 1000, 4),
        "Power": watts,
        "Voltage": 230,
        "Current": round(watts / 230, 3),
    }
    name = report.device.id
    return [
        Message(f"tele/{name}/STATE", _json(state)),
        Message(f"tele/{name}/SENSOR", _json({**time, "ENERGY": meter})),
    ]


def _described(device: Device) -> dict[str, Any]:
    """A device in `bridge/devices`, with what it exposes."""
    exposes: list[dict[str, Any]] = []
    state = {"type": "binary", "name": "state", "property": "state", "access": 7}
    state |= {"value_on": "ON", "value_off": "OFF"}
    if device.kind == "lamp":
        level = {"type": "numeric", "name": "brightness", "property": "brightness", "access": 7}
        level |= {"value_min": 0, "value_max": 254}
        exposes.append({"type": "light", "features": [state, level]})
    elif device.kind == "plug":
        exposes.append({"type": "switch", "features": [state]})
    for metric in device.metrics:
        if metric not in ("switch", "brightness"):
            name = _ZIGBEE.get(metric, metric)
            kind = "binary" if metric in _TWO_STATES else "numeric"
            exposes.append({"type": kind, "name": name, "property": name, "access": 1})
    address = f"0x00158d{sum(map(ord, device.id)):05x}{len(device.id):05x}"
    definition = {"model": device.kind, "vendor": "simulated", "description": device.kind, "exposes": exposes}
    battery = "battery" in device.metrics
    return {
        "ieee_address": address,
        "friendly_name": device.id,
        "type": "EndDevice" if battery else "Router",
        "power_source": "Battery" if battery else "Mains (single phase)",
        "supported": True,
        "disabled": False,
        "interview_completed": True,
        "definition": definition,
    }


_encode = json.JSONEncoder(separators=(",", ":"), ensure_ascii=False).encode


def _json(body: Any) -> bytes:
    return _encode(body).encode()
