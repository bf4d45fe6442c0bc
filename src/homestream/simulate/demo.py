"""The demonstration home: its `home.toml`, and (in `past`) the days before it began."""

from homestream.simulate.devices import DEVICES, MAINS, ROOMS
from homestream.simulate.past import backfill

__all__ = ["backfill", "demo_home_toml"]

HOME = "home"

NAMES = {
    "tv": "TV",
    "desk": "Desk",
    "router": "Router",
    "house/mains": "Mains",
    "laundry/heat_pump": "Heat pump",
    "garage/wallbox": "Car charger",
    "kitchen/freezer_probe": "Freezer inside",
    "kitchen/freezer": "Freezer",
    "hall/front_door": "Front door",
    "garden/gate": "Garden gate",
    "people/anna": "Anna's phone",
    "people/ben": "Ben's phone",
}

#: the garden is outside: its gate is no opening of the house
OUTSIDE = ("garden/gate",)

RULES = """
[[rule]]
name       = "Iron left on"
when       = "laundry/iron.power > 1000"
until      = "laundry/iron.power < 50"
for        = "2m"
severity   = "warning"
cooldown   = "10m"
act_within = "2m"
do         = ["turn off laundry/iron"]

[[rule]]
name       = "Freezer too warm"
when       = "kitchen/freezer_probe.temperature > -15"
until      = "kitchen/freezer_probe.temperature < -17"
for        = "1m"
severity   = "critical"

[[rule]]
name       = "High consumption"
when       = "house/mains.power > 6000"
until      = "house/mains.power < 5000"
for        = "1m"
severity   = "warning"
cooldown   = "30m"

[[rule]]
name       = "Bathroom too humid"
when       = "bathroom/climate.humidity > 75"
until      = "bathroom/climate.humidity < 65"
for        = "2m"
severity   = "info"
cooldown   = "1h"

[[rule]]
name       = "Garage door open"
when       = "garage/door.contact == open"
until      = "garage/door.contact == closed"
for        = "10m"
severity   = "warning"

[[rule]]
name       = "Washing is done"
first      = "washing_machine.power > 100"
then       = 'max(washing_machine.power, "10m") < 5'
within     = "4h"
until      = 'max(washing_machine.power, "1h") < 5'
severity   = "info"

[[rule]]
name       = "Window open at night"
at         = "22:30"
when       = "*/window.contact == open"
severity   = "info"

[[rule]]
name       = "Freezer sensor silent"
silent     = "kitchen/freezer_probe.temperature"
for        = "30m"

[[rule]]
name       = "Much energy today"
when       = 'energy("day") > 40'
severity   = "info"

[[rule]]
name       = "Stuffy bedroom"
when       = "bedroom/air.carbon_dioxide > 1600"
until      = "bedroom/air.carbon_dioxide < 1200"
for        = "10m"
severity   = "info"
cooldown   = "6h"
"""


def demo_home_toml(timezone: str, rules: str = RULES) -> str:
    """The demonstration home's `home.toml`."""
    rooms = ", ".join(f'"{room}"' for room in ROOMS)
    head = [
        "# The demonstration home: a simulated family of four and their devices.",
        f'id = "{HOME}"',
        'name = "Demo home"',
        f'timezone = "{timezone}"',
        f"rooms = [{rooms}]",
        "",
        "[door]",
        "mqtt_port = 1883",
        "http_port = 8080",
        "coap_port = 5683",
        "",
        "[tariff]",
        'currency = "EUR"',
        "per_kwh = 0.32",
        "",
        "[[person]]",
        'name = "Anna"',
        'tracker = "people/anna"',
        "",
        "[[person]]",
        'name = "Ben"',
        'tracker = "people/ben"',
        "",
    ]
    return "\n".join(head + [_device(device.id, device.room) for device in DEVICES]) + rules


def _device(device_id: str, room: str) -> str:
    lines = ["[[device]]", f'id = "{device_id}"']
    if room:
        lines.append(f'room = "{room}"')
    name = NAMES.get(device_id) or device_id.rsplit("/", maxsplit=1)[-1].replace("_", " ").capitalize()
    lines.append(f'name = "{name}"')
    if device_id == MAINS:
        lines.append("mains = true")
    if device_id in OUTSIDE:
        lines.append("perimeter = false")
    return "\n".join(lines) + "\n"
