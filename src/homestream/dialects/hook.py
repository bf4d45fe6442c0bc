"""Webhooks (`api/hook/DEVICE`): what a Shelly of either generation calls at a URL when something happens.

    temp=21.3&hum=55&id=shellyht-f3a1      Gen1 H&T appends these to its report URL
    switch=on                              Gen1 `out_on_url`, the value written into the URL
    temperature=${ev.tC}                   Gen2, as it comes: temperature=21.3
    event=open, event=flood.alarm          what happened, as a word

Query string or JSON object, one item each. Keys are metrics or their aliases, and those of Shelly; `unit` is
not read, for each key has its own. Of the words of `EVENTS` each says one state.
"""

from functools import partial
from typing import Any
from urllib.parse import parse_qsl

from homestream.dialects.payload import object_of
from homestream.dialects.port import Decoder, Row
from homestream.dialects.registry import Registry
from homestream.dialects.units import metric_of, value_of
from homestream.errors import PeerError
from homestream.reading import METRICS, Entry, Reading

NAME = "hook"
PREFIX = "api/hook/"

#: More pairs than any device gives.
MAX_FIELDS = 50

#: Keys that are Shelly's own -> metric and unit.
KEYS = {
    "tc": ("temperature", "°C"), "tf": ("temperature", "°F"), "apower": ("power", "W"),
    "aenergy": ("energy", "Wh"), "output": ("switch", ""), "flood": ("moisture", ""), "alarm": ("smoke", ""),
    "bat": ("battery", "%"), "pos": ("position", "%"), "is_open": ("contact", ""),
}  # fmt: skip
#: Keys whose value is a word of `EVENTS`.
EVENT_KEYS = ("event", "action", "state")
#: What happened, as the word after the last dot of a Gen2 event or as written by hand -> metric and value.
EVENTS = {
    "on": ("switch", 1.0), "off": ("switch", 0.0), "open": ("contact", 1.0), "close": ("contact", 0.0),
    "closed": ("contact", 0.0), "motion": ("motion", 1.0), "motion_end": ("motion", 0.0),
    "no_motion": ("motion", 0.0), "flood": ("moisture", 1.0), "flood_gone": ("moisture", 0.0),
    "smoke": ("smoke", 1.0), "smoke_gone": ("smoke", 0.0), "tamper": ("tamper", 1.0),
}  # fmt: skip
#: Gen2 events whose last word alone would say too little.
LONG_EVENTS = {
    "flood.alarm": ("moisture", 1.0), "flood.alarm_off": ("moisture", 0.0), "smoke.alarm": ("smoke", 1.0),
    "smoke.alarm_off": ("smoke", 0.0), "sensor.motion": ("motion", 1.0), "sensor.no_motion": ("motion", 0.0),
}  # fmt: skip


def bind(registry: Registry, topic: str) -> Decoder | None:
    """`api/hook/DEVICE`; None for all else."""
    device_id = topic.removeprefix(PREFIX)
    if device_id in (topic, ""):
        return None
    return partial(_decode, registry, device_id)


def fields_of(payload: bytes) -> dict[str, Any]:
    """What a call says, by key; `PeerError` where it is neither query string nor JSON object.

    A second `?` is an `&`: Gen1 devices append their own query to whatever URL they were given.
    """
    if payload.lstrip()[:1] == b"{":
        return object_of(payload)
    try:
        text = payload.decode().replace("?", "&")
        return dict(parse_qsl(text, errors="strict", max_num_fields=MAX_FIELDS))
    except ValueError:
        raise PeerError(f"no query string in UTF-8 of at most {MAX_FIELDS} fields") from None


def _decode(registry: Registry, device_id: str, entry: Entry) -> list[Row]:
    values: dict[str, float] = {}
    wrong = ""
    for key, raw in fields_of(entry.payload).items():
        try:
            for metric, value in _value(key.lower(), raw):
                values.setdefault(metric, value)
        except PeerError as error:
            wrong = wrong or str(error)
    if not values:
        raise PeerError(wrong or "no metric and no event in it")
    for metric in values:
        registry.note(device_id, NAME, metric)
    return [
        [Reading(entry.home, device_id, metric, entry.arrived, value) for metric, value in values.items()]
    ]


def _value(key: str, raw: Any) -> list[tuple[str, float]]:
    """What one field says; nothing where it is of no metric (`id`, a version, a text)."""
    if key in EVENT_KEYS and isinstance(raw, str):
        word = raw.strip().lower()
        event = LONG_EVENTS.get(word) or EVENTS.get(word.rpartition(".")[2])
        if event is None:
            raise PeerError(f"event {raw[:20]!r} is not known")
        return [event]
    metric, unit = KEYS.get(key, (metric_of(key), ""))
    return [(metric, value_of(metric, raw, unit))] if metric in METRICS else []
