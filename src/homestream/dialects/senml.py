"""SenML (RFC 8428) in JSON and CBOR (`api/senml`): sensor measurement lists, as CoAP devices send them.

    [{"bn": "urn:dev:mac:0024befffe804ff1:", "bt": 1767607200, "n": "temperature", "u": "Cel", "v": 21.3},
     {"n": "humidity", "u": "%RH", "v": 40, "t": -10}]

Each record is one item. A name ends in its metric after the last `/` or `:`; where that is no metric the unit
says what is measured, and the whole name is the device. Base fields, relative times (below 2**28 s: from now)
and sums (`s`, of watts: joules) are resolved as the RFC says; texts and data are kept without readings.
"""

import re
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache
from typing import Any

import cbor2
import msgspec

from homestream.dialects import observed
from homestream.dialects.moment import trusted
from homestream.dialects.payload import json_of
from homestream.dialects.port import Decoder, Refusal, Row
from homestream.dialects.registry import Registry
from homestream.dialects.units import OF_UNIT, metric_of, value_of
from homestream.errors import PeerError
from homestream.reading import METRICS, Entry, Reading

NAME = "senml"
TOPIC = "api/senml"
#: RFC 8428, section 4.4: a pack of a later version must not be used.
VERSION = 10
#: Section 4.5.3: smaller times are relative to now.
ABSOLUTE = 2**28
#: Section 6, table 4: CBOR labels.
LABELS = {
    -1: "bver", -2: "bn", -3: "bt", -4: "bu", -5: "bv", -6: "bs", 0: "n", 1: "u", 2: "v", 3: "vs", 4: "vb",
    5: "s", 6: "t", 7: "ut", 8: "vd",
}  # fmt: skip
MAX_NAME = 300
_SPLIT = re.compile(r"(.*)[/:](.+)", re.DOTALL)


@dataclass(slots=True)
class Base:
    """The base fields in force; each record may change them for itself and those after it."""

    name: str = ""
    time: float = 0.0
    unit: str = ""
    value: float = 0.0
    total: float = 0.0

    def take(self, record: Any) -> None:
        """Change by what a record says; `PeerError` where one is wrong, and those before it count."""
        if not isinstance(record, dict):
            raise PeerError("a record is an object")
        self.name = _text(record, "bn", self.name)
        self.unit = _text(record, "bu", self.unit)
        self.time = _number(record, "bt", self.time)
        self.value = _number(record, "bv", self.value)
        self.total = _number(record, "bs", self.total)

    def fields(self) -> dict[str, Any]:
        """As a record says it."""
        return {"bn": self.name, "bu": self.unit, "bt": self.time, "bv": self.value, "bs": self.total}


def bind(registry: Registry, topic: str) -> Decoder | None:
    """`api/senml`; None for all else."""
    if topic != TOPIC:
        return None

    def decode(entry: Entry) -> list[Row]:
        base, rows = Base(), list[Row]()
        for record in records(entry.payload):
            try:
                rows.append(_readings(registry, entry, base, record))
            except PeerError as error:
                rows.append(Refusal(str(error)))
        return rows

    return decode


def records(payload: bytes) -> list[Any]:
    """The records of a pack, with JSON's field names; `PeerError` where it is none, or of a later version."""
    pack = _cbor(payload) if 0x80 <= (payload[:1] or b"\0")[0] <= 0x9F else json_of(payload)
    if not isinstance(pack, list):
        raise PeerError("a SenML pack is an array")
    for record in pack:
        version = record.get("bver", VERSION) if isinstance(record, dict) else VERSION
        if not isinstance(version, int) or version > VERSION:
            raise PeerError(f"SenML version {str(version)[:20]} is not known")
    return pack


def parts(payload: bytes) -> list[bytes]:
    """Each of the `records` as JSON, with the base fields that are in force for it."""
    base, found = Base(), list[bytes]()
    for record in records(payload):
        with suppress(PeerError):  # it is refused wherever it stands
            base.take(record)
        found.append(msgspec.json.encode({**record, **base.fields()} if isinstance(record, dict) else record))
    return found


def _cbor(payload: bytes) -> Any:
    try:
        pack = cbor2.loads(payload)
    except (cbor2.CBORError, ValueError, TypeError, OverflowError, MemoryError, RecursionError) as error:
        raise PeerError(f"not CBOR: {str(error)[:80]}") from None
    if not isinstance(pack, (list, tuple)):
        return pack
    return [{LABELS.get(k, str(k)): v for k, v in r.items()} if isinstance(r, dict) else r for r in pack]


def _readings(registry: Registry, entry: Entry, base: Base, record: Any) -> list[Reading]:
    base.take(record)
    unknown = next((key for key in record if isinstance(key, str) and key.endswith("_")), None)
    if unknown is not None:
        raise PeerError(f"field {unknown[:20]!r} must be understood")
    name = base.name + _text(record, "n", "")
    unit = _text(record, "u", base.unit if "v" in record or "s" in record else "")
    if not 0 < len(name) <= MAX_NAME:
        raise PeerError("a record has no name, or one too long")
    device_id, metric = about(name, unit[:MAX_NAME])
    found: list[tuple[str, float]] = []
    if "v" in record or "vb" in record:
        raw = base.value + _number(record, "v", 0.0) if "v" in record else record["vb"]
        if "v" not in record and not isinstance(raw, bool):
            raise PeerError("vb is no boolean")
        found.append((metric, value_of(metric, raw, unit if metric in METRICS and "v" in record else "")))
    if "s" in record and metric == "power" and unit == "W":
        found.append(("energy", value_of("energy", base.total + _number(record, "s", 0.0), "J")))
    seconds = base.time + _number(record, "t", 0.0)
    if seconds < ABSOLUTE:
        seconds += entry.arrived / 1000
    time = trusted(round(seconds * 1000) if abs(seconds) < 1e13 else None, entry.arrived)
    for measured, _ in found:
        observed.note(registry, registry.note(device_id, NAME, measured), measured, entry)
    if time is None:
        registry.clock_is_wrong(device_id)
        time = entry.arrived
    return [Reading(entry.home, device_id, measured, time, value) for measured, value in found]


@lru_cache(maxsize=4096)
def about(name: str, unit: str) -> tuple[str, str]:
    """(device, metric) of a resolved name and its unit."""
    split = _SPLIT.fullmatch(name)
    stem, last = split.groups() if split else ("", name)
    metric = metric_of(last)
    if metric in METRICS:
        return stem or name, metric
    by_unit = OF_UNIT.get(unit.lower()) or metric_of(unit)
    if by_unit:
        return name, by_unit
    return (stem, metric) if stem and last[:1].isalpha() and metric else (name, "value")


def _text(record: dict[Any, Any], key: str, default: str) -> str:
    value = record.get(key, default)
    if not isinstance(value, str):
        raise PeerError(f"{key} is no text")
    return value


def _number(record: dict[Any, Any], key: str, default: float) -> float:
    value = record.get(key, default)
    if isinstance(value, bool) or not isinstance(value, (int, float)):
        raise PeerError(f"{key} is no number")
    try:
        number = float(value)
    except OverflowError:
        number = float("inf")
    if not abs(number) < 1e300:
        raise PeerError(f"{key} is no finite number")
    return number
