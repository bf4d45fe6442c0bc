"""What is armed when: the zone a sensor is in, as `home.toml` says it or as its kind suggests.

Without a zone of its own, an opening of the perimeter is armed in every armed mode and motion in `away`. The
way in are the zones marked `entry`; where none is, the doors that sound like one, and all inside.
"""

from typing import NamedTuple

from homestream.home import HomeConfig, ZoneConfig

#: From least to most: who goes from one to the next arms, who goes back disarms.
ARMED = ("home", "night", "away")

MOTION = frozenset({"motion", "occupancy"})

_DOOR_WORDS = ("door", "entrance", "entry", "gate")
_OTHER_WORDS = ("window", "fridge", "freezer", "cupboard", "balcony", "garage", "wardrobe")


class Zone(NamedTuple):
    """The modes a sensor is armed in; whether it is on the way in; whether it is armed at all times."""

    name: str
    armed: frozenset[str]
    entry: bool
    always: bool = False


def zone_of(config: HomeConfig, device: str, name: str, room: str, metric: str) -> Zone:
    """The zone of a device's contact or motion sensor."""
    moving = metric in MOTION
    usual = frozenset(("away",) if moving else ARMED)
    zone = _named(config, device, room)
    if zone is not None:
        return Zone(zone.name, frozenset(zone.armed) or usual, zone.entry, zone.always)
    known = config.named(device)
    if known is not None and not known.perimeter:
        return Zone("", frozenset(), False)
    marked = any(zone.entry for zone in config.security.zone)
    return Zone("", usual, not marked and (moving or is_door(device, name, room)))


def is_door(device: str, name: str, room: str) -> bool:
    """Whether its id, name or room says that people pass here."""
    words = f"{device} {name} {room}".lower()
    return any(word in words for word in _DOOR_WORDS) and not any(word in words for word in _OTHER_WORDS)


def _named(config: HomeConfig, device: str, room: str) -> ZoneConfig | None:
    zones = config.security.zone
    by_device = (zone for zone in zones if device in zone.devices)
    by_room = (zone for zone in zones if room and room in zone.rooms)
    return next(by_device, None) or next(by_room, None)
