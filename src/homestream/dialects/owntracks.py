"""OwnTracks: `owntracks/USER/DEVICE`, where a person's phone says which regions it is in, or where it is.

    owntracks/ann/phone        {"_type": "location", "tst": 1767607200, "acc": 12, "inregions": ["Home"]}
    owntracks/ann/phone/event  {"_type": "transition", "event": "leave", "desc": "Home", "tst": 1767610800}

The device id is `ann_phone`; it reports `presence` (1 at home) and `battery`. Home is the region of that name
(`home_region` of the person in `home.toml`), else what lies around the home's coordinates. A phone that loses
its connection (`lwt`) has not left: phones sleep. Message formats: the OwnTracks booklet, "JSON".
"""

from collections.abc import Mapping
from math import asin, cos, radians, sin, sqrt
from typing import Any

from homestream.dialects.moment import ms_of, trusted
from homestream.dialects.payload import object_of
from homestream.dialects.port import Decoder, Row
from homestream.dialects.registry import Registry
from homestream.dialects.units import checked, number_of
from homestream.errors import PeerError
from homestream.reading import Entry, Reading

NAME = "owntracks"

#: So near is at home, beside what a phone says of its own accuracy: a house with its garden, m.
AROUND_M = 100.0
EARTH_M = 6_371_000.0


def bind(registry: Registry, topic: str) -> Decoder | None:
    """A phone's place and its comings and goings; what else OwnTracks says is knowingly ignored."""
    parts = topic.split("/")
    if parts[0] != "owntracks" or len(parts) not in (3, 4) or not all(parts):
        return None
    if parts[3:] not in ([], ["event"]):
        return lambda entry: [[]]
    device_id = f"{parts[1]}_{parts[2]}"

    def decode(entry: Entry) -> list[Row]:
        body = object_of(entry.payload)
        kind = body.get("_type")
        if kind == "encrypted":
            raise PeerError("encrypted by OwnTracks; turn its encryption key off, and TLS on")
        if kind == "transition":
            values = {"presence": _crossed(registry, device_id, body)}
        elif kind == "location":
            values = {"presence": _placed(registry, device_id, body), "battery": _battery(body)}
        else:
            return [[]]
        known = {metric: value for metric, value in values.items() if value is not None}
        for metric in known:
            registry.note(device_id, NAME, metric)
        time = trusted(ms_of(body.get("tst")), entry.arrived)
        if time is None:
            registry.clock_is_wrong(device_id)
        at = entry.arrived if time is None else time
        return [[Reading(entry.home, device_id, metric, at, value) for metric, value in known.items()]]

    return decode


def _crossed(registry: Registry, device_id: str, body: Mapping[str, Any]) -> float | None:
    """The border of a region was crossed: home's, or another's, which says nothing."""
    event = body.get("event")
    if event not in ("enter", "leave"):
        raise PeerError("a transition neither enters nor leaves")
    if not _is_home(registry, device_id, body.get("desc")):
        return None
    return 1.0 if event == "enter" else 0.0


def _placed(registry: Registry, device_id: str, body: Mapping[str, Any]) -> float | None:
    """By region, else by distance. A phone in no region says none: once it had ours, that is away."""
    regions = body.get("inregions")
    if isinstance(regions, list) and any(_is_home(registry, device_id, name) for name in regions):
        return 1.0
    by_distance = _by_distance(registry, body)
    if by_distance is not None:
        return by_distance
    known = registry.devices.get(device_id)
    spoke = isinstance(regions, list) or (known is not None and "presence" in known.metrics)
    return 0.0 if spoke else None


def _is_home(registry: Registry, device_id: str, region: Any) -> bool:
    people = registry.config.person if registry.config is not None else ()
    name = next((p.home_region for p in people if device_id in p.tracker), "home")
    return isinstance(region, str) and region.strip().casefold() == name.casefold()


def _by_distance(registry: Registry, body: Mapping[str, Any]) -> float | None:
    """At home, away, or None: the home's place is not known, or the phone does not know its own so well."""
    config = registry.config
    if config is None or config.latitude is None or config.longitude is None:
        return None
    try:
        latitude, longitude = number_of(body.get("lat")), number_of(body.get("lon"))
        accuracy = max(number_of(body.get("acc", 0)), 0.0)
    except PeerError:
        return None
    distance = _metres(config.latitude, config.longitude, latitude, longitude)
    if distance + accuracy <= 2 * AROUND_M:
        return 1.0
    return 0.0 if distance - accuracy > AROUND_M else None


def _metres(latitude: float, longitude: float, other_latitude: float, other_longitude: float) -> float:
    """Between two places on the globe: haversine."""
    north, east = radians(other_latitude - latitude), radians(other_longitude - longitude)
    across = cos(radians(latitude)) * cos(radians(other_latitude)) * sin(east / 2) ** 2
    return 2 * EARTH_M * asin(min(1.0, sqrt(sin(north / 2) ** 2 + across)))


def _battery(body: Mapping[str, Any]) -> float | None:
    return checked("battery", number_of(body["batt"])) if body.get("batt") is not None else None
