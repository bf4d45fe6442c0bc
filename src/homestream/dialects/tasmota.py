"""Tasmota: `tele|stat/NAME/KIND`, or `NAME/tele|stat/KIND` where the full topic is turned round.

NAME is the device's topic and may hold slashes. Relays `POWER1`, `POWER2` and the elements of lists in ENERGY
are the channels `NAME_1`, `NAME_2`, devices of their own; `POWER` alone is NAME. `cmnd` messages are requests
and ignored; so are results that measure nothing. `tasmota/discovery/MAC/config` gives names and relays.
"""

import re
from typing import Any

from homestream.dialects.payload import json_of, object_of, text_of
from homestream.dialects.port import Decoder, Row
from homestream.dialects.registry import Device, Registry
from homestream.dialects.tasmota_message import NAME, Message
from homestream.errors import PeerError
from homestream.reading import Entry

PREFIXES = ("tele", "stat", "cmnd")
#: Kinds whose JSON may measure something.
MEASURING = re.compile(r"STATE|SENSOR|ENERGY|HASS_STATE|MARGINS|RESULT\d*|STATUS\d*")
RELAY = re.compile(r"POWER(\d*)")
#: `nan` where a sensor gave nothing: not JSON, but real; it means the same as null.
NOT_A_NUMBER = re.compile(rb"(?<=[:,\[])\s*-?nan(?=\s*[,}\]])")
#: Relay kinds in a discovery config that are switched on and off.
SWITCHED = (1, 2)


def bind(registry: Registry, topic: str) -> Decoder | None:
    """`tele/…`, `stat/…`, `cmnd/…`, the same turned round, and `tasmota/discovery/…`; None for all else."""
    parts = topic.split("/")
    if parts[:2] == ["tasmota", "discovery"] and len(parts) == 4:
        return _discovery(registry, parts[2]) if parts[3] == "config" else _ignore
    if parts[0] in PREFIXES and len(parts) > 1:
        device_id, prefix = "/".join(parts[1:-1]) or NAME, parts[0]
        command = f"cmnd/{device_id}/"
    elif len(parts) > 2 and parts[-2] in PREFIXES:
        device_id, prefix = "/".join(parts[:-2]), parts[-2]
        command = f"{device_id}/cmnd/"
    else:
        return None
    kind = parts[-1]
    if prefix == "cmnd":
        return _ignore
    if kind == "LWT" and prefix == "tele":
        return _last_will(registry, device_id)
    if prefix == "stat" and RELAY.fullmatch(kind):
        return _relay(registry, device_id, command, kind)
    return _message(registry, device_id, command, kind) if MEASURING.fullmatch(kind) else _ignore


def encode(device: Device, metric: str, value: float) -> tuple[str, bytes]:
    """(topic, payload) that sets `metric`: ON or OFF, or whole percents."""
    if metric == "switch":
        return device.commands[metric], b"ON" if value else b"OFF"
    return device.commands[metric], f"{value:.0f}".encode()


def _ignore(entry: Entry) -> list[Row]:
    return [[]]


def _last_will(registry: Registry, device_id: str) -> Decoder:
    def decode(entry: Entry) -> list[Row]:
        text = text_of(entry.payload).strip().lower()
        if text not in ("online", "offline"):
            raise PeerError("LWT is neither Online nor Offline")
        return [[*registry.reached(entry.home, device_id, NAME, text == "online", entry.arrived)]]

    return decode


def _relay(registry: Registry, device_id: str, command: str, relay: str) -> Decoder:
    """`stat/NAME/POWER2` with a bare ON or OFF, or the JSON some versions send there."""

    def decode(entry: Entry) -> list[Row]:
        text = text_of(entry.payload).strip()
        body = object_of(entry.payload) if text[:1] == "{" else {relay: text}
        return [Message(registry, entry, device_id, command).read(body)]

    return decode


def _message(registry: Registry, device_id: str, command: str, kind: str) -> Decoder:
    def decode(entry: Entry) -> list[Row]:
        body = _object(entry.payload)
        return [Message(registry, entry, device_id, command).read({kind: body} if kind == "ENERGY" else body)]

    return decode


def _object(payload: bytes) -> dict[str, Any]:
    try:
        return object_of(payload)
    except PeerError:
        if b"nan" not in payload:
            raise
    return object_of(NOT_A_NUMBER.sub(b"null", payload))


def _discovery(registry: Registry, mac: str) -> Decoder:
    """Names and relays, as a device announces them (retained) when it connects."""

    def decode(entry: Entry) -> list[Row]:
        body = json_of(entry.payload) if entry.payload else None
        if body is None:  # an empty retained message takes the announcement back
            return [[]]
        if not isinstance(body, dict) or not isinstance(body.get("t"), str) or not body["t"]:
            raise PeerError("no discovery config")
        if body.get("mac") != mac:
            raise PeerError("the config's mac is not its topic's")
        _announced(registry, body["t"], body)
        return [[]]

    return decode


def _announced(registry: Registry, device_id: str, body: dict[str, Any]) -> None:
    turned = str(body.get("ft", "")).startswith("%topic%")
    command = f"{device_id}/cmnd/" if turned else f"cmnd/{device_id}/"
    relays = [n for n, kind in enumerate(_list(body, "rl"), 1) if kind in SWITCHED]
    names = _list(body, "fn")
    device = registry.learn(device_id, NAME)
    registry.describe(device, name=_own(body.get("dn")))
    if len(relays) == 1:
        registry.commandable(device, "switch", f"{command}POWER")
        registry.describe(device, name=_own(names[0] if names else ""))
    elif relays:
        for n in relays:
            channel = registry.learn(f"{device_id}_{n}", NAME, device_id)
            registry.commandable(channel, "switch", f"{command}POWER{n}")
            registry.describe(channel, name=_own(names[n - 1] if n <= len(names) else ""))


def _list(body: dict[str, Any], key: str) -> list[Any]:
    """At most as many as Tasmota has relays."""
    value = body.get(key)
    return value[:32] if isinstance(value, list) else []


def _own(name: Any) -> str:
    """A name that somebody gave, not the maker's."""
    return name[:100] if isinstance(name, str) and not name.startswith("Tasmota") else ""
