"""The simulated home's devices: what each is, where it stands, and which language it speaks.

A device's `id` is the one its dialect will give it, so that a file of readings and the live home name the
same things. `family` is its language: z2m, tasmota and plain speak MQTT, http and coap send rows, senml
sends SenML over CoAP.
"""

from typing import NamedTuple

ROOMS = (
    "living_room",
    "kitchen",
    "bedroom",
    "kids_room",
    "office",
    "bathroom",
    "hall",
    "laundry",
    "garage",
    "garden",
)

#: kind -> the metrics it reports, in order
KINDS: dict[str, tuple[str, ...]] = {
    "lamp": ("switch", "brightness"),
    "plug": ("switch", "power", "energy"),
    "meter": ("power", "energy"),
    "mains": ("power", "energy", "voltage", "current"),
    "climate": ("temperature", "humidity", "battery"),
    "probe": ("temperature",),
    "motion": ("motion", "illuminance", "battery"),
    "contact": ("contact", "battery"),
    "moisture": ("moisture", "battery"),
    "smoke": ("smoke", "battery"),
    "thermostat": ("temperature", "setpoint", "position"),
    "air": ("carbon_dioxide",),
    "weather": ("temperature", "humidity", "illuminance", "pressure"),
    "phone": ("presence",),
}

#: kind -> what can be set
COMMANDS: dict[str, tuple[str, ...]] = {
    "lamp": ("switch", "brightness"),
    "plug": ("switch",),
    "thermostat": ("setpoint",),
}


class Device(NamedTuple):
    """One device of the simulated home."""

    id: str
    room: str
    family: str
    kind: str

    @property
    def metrics(self) -> tuple[str, ...]:
        """What it reports, in the order of a report's values."""
        return KINDS[self.kind]

    @property
    def commands(self) -> tuple[str, ...]:
        """What can be set."""
        return COMMANDS.get(self.kind, ())


MAINS = "house/mains"

#: Tasmota names carry no room; `home.toml` gives it.
_TASMOTA = (
    ("living_room", "tv"),
    ("kitchen", "fridge"),
    ("kitchen", "oven"),
    ("kitchen", "dishwasher"),
    ("office", "desk"),
    ("hall", "router"),
    ("laundry", "washing_machine"),
    ("laundry", "dryer"),
)

_ROOMED: tuple[tuple[str, str, str, tuple[str, ...]], ...] = (
    ("z2m", "lamp", "ceiling_light", ("living_room", "kitchen", "office", "hall", "bathroom")),
    ("z2m", "lamp", "floor_lamp", ("living_room",)),
    ("z2m", "plug", "kettle", ("kitchen",)),
    ("z2m", "plug", "freezer", ("kitchen",)),
    ("z2m", "plug", "iron", ("laundry",)),
    ("z2m", "climate", "climate", ("living_room", "kitchen", "bathroom")),
    ("z2m", "motion", "motion", ("living_room", "kitchen", "hall", "bathroom")),
    ("z2m", "contact", "front_door", ("hall",)),
    ("z2m", "contact", "window", ("kitchen", "bathroom", "living_room")),
    ("z2m", "smoke", "smoke", ("kitchen",)),
    ("z2m", "moisture", "leak", ("bathroom",)),
    ("plain", "lamp", "light", ("bedroom", "kids_room", "laundry", "garage")),
    ("plain", "motion", "motion", ("office", "kids_room", "garage")),
    ("plain", "contact", "window", ("bedroom", "kids_room", "office")),
    ("plain", "contact", "door", ("garage",)),
    ("plain", "thermostat", "thermostat", ("living_room", "bedroom", "kids_room", "office", "bathroom")),
    ("plain", "air", "air", ("bedroom", "living_room")),
    ("http", "meter", "heat_pump", ("laundry",)),
    ("http", "meter", "wallbox", ("garage",)),
    ("http", "mains", "mains", ("house",)),
    ("http", "climate", "climate", ("bedroom", "office")),
    ("coap", "climate", "climate", ("kids_room", "laundry", "garage", "hall")),
    ("coap", "probe", "freezer_probe", ("kitchen",)),
    ("senml", "weather", "weather", ("garden",)),
    ("senml", "contact", "gate", ("garden",)),
)


def _room(place: str) -> str:
    return place if place in ROOMS else ""


#: every device, in the fixed order in which the home reports
DEVICES: tuple[Device, ...] = (
    *(Device(name, room, "tasmota", "plug") for room, name in _TASMOTA),
    *(
        Device(f"{p}/{name}", _room(p), family, kind)
        for family, kind, name, places in _ROOMED
        for p in places
    ),
    *(Device(f"people/{person}", "", "http", "phone") for person in ("anna", "ben")),
)
