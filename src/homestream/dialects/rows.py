"""Rows of readings as JSON (`api/readings`): one object, an array of them, or one a line (NDJSON).

    {"device": "laundry/iron", "metric": "power", "value": 1.2, "unit": "kW", "time": 1767607200000}
    {"device": "attic/box", "temperature": 21, "humidity": 40, "time": "2026-01-05T10:00:00Z"}

`time` is ms since 1970 or ISO 8601 with a zone, and may be left out. Each object is one item.
"""

from typing import Any

import msgspec

from homestream.dialects import observed
from homestream.dialects.moment import ms_of, trusted
from homestream.dialects.payload import json_of
from homestream.dialects.plain import values_of
from homestream.dialects.port import Decoder, Refusal, Row
from homestream.dialects.registry import Registry
from homestream.dialects.units import metric_of, value_of
from homestream.errors import PeerError
from homestream.reading import Entry, Reading

NAME = "rows"
TOPIC = "api/readings"


def bind(registry: Registry, topic: str) -> Decoder | None:
    """`api/readings`; None for all else."""
    if topic != TOPIC:
        return None

    def decode(entry: Entry) -> list[Row]:
        return [_row(registry, entry, raw) for raw in split(entry.payload)]

    return decode


def split(payload: bytes) -> list[Any]:
    """The items of a payload, each as decoded, or a Refusal where its line is not JSON."""
    if payload.lstrip()[:1] == b"[":
        rows = json_of(payload)
        return rows if isinstance(rows, list) else [rows]
    try:
        return [json_of(payload)]
    except PeerError as error:
        lines = _lines(payload)
        if len(lines) < 2:
            raise error from None
        return [_line(line) for line in lines]


def parts(payload: bytes) -> list[bytes]:
    """Each item of `split` as a line of JSON; where it is none, as it came."""
    found = split(payload)
    if any(isinstance(row, Refusal) for row in found):  # of lines only some may be no JSON
        return _lines(payload)
    return [msgspec.json.encode(row) for row in found]


def _lines(payload: bytes) -> list[bytes]:
    return [line for line in payload.splitlines() if line.strip()]


def _line(line: bytes) -> Any:
    try:
        return json_of(line)
    except PeerError as error:
        return Refusal(str(error))


def _row(registry: Registry, entry: Entry, raw: Any) -> Row:
    if isinstance(raw, Refusal):
        return raw
    try:
        return _readings(registry, entry, raw)
    except PeerError as error:
        return Refusal(str(error))


def _readings(registry: Registry, entry: Entry, raw: Any) -> list[Reading]:
    if not isinstance(raw, dict):
        raise PeerError("a row is a JSON object")
    device_id = raw.get("device")
    if not isinstance(device_id, str) or not device_id:
        raise PeerError('"device" is missing')
    values = _named(raw) if "metric" in raw else values_of(raw)
    time = entry.arrived
    if raw.get("time") is not None:
        at = trusted(ms_of(raw["time"]), time)
        time = time if at is None else at
    else:
        at = time
    readings = []
    for metric, value in values.items():
        observed.note(registry, registry.note(device_id, NAME, metric), metric, entry)
        readings.append(Reading(entry.home, device_id, metric, time, value))
    if at is None:
        registry.clock_is_wrong(device_id)
    return readings


def _named(raw: dict[str, Any]) -> dict[str, float]:
    """The one metric of a row that names it."""
    metric = metric_of(raw["metric"]) if isinstance(raw["metric"], str) else ""
    if not metric:
        raise PeerError('"metric" is no name')
    if "value" not in raw:
        raise PeerError('"value" is missing')
    unit = raw.get("unit") or ""
    if not isinstance(unit, str):
        raise PeerError('"unit" is no text')
    return {metric: value_of(metric, raw["value"], unit)}
