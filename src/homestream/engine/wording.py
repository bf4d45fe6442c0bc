"""How facts name devices, values and times to people."""

from datetime import datetime
from math import isnan

from homestream.engine.operator import Context
from homestream.reading import METRICS, STATES

#: The year 9000: whatever the zone, a date still fits.
_LAST_MS = 221_845_392_000_000

#: in Wh, which are few only for one device in an hour
ENERGY = ("energy", "energy_export")

_STATE_WORDS = {"contact": ("closed", "open"), "presence": ("away", "home")}


def label(ctx: Context, device: str) -> str:
    """`Front door`, or with its room where the name is one common word: `Hall motion`."""
    known = ctx.devices.get(device)
    return device if known is None else called(known.name, known.room)


def called(name: str, room: str) -> str:
    """A device's name, with its room's where it needs one."""
    room = room.replace("_", " ").replace("-", " ")
    if room and " " not in name and name.lower() != room.lower():
        return f"{room[:1].upper()}{room[1:]} {name[:1].lower()}{name[1:]}"
    return name


def amount(metric: str, value: float | None) -> str:
    """`23.1 °C`, `1240 W`, `12.3 kWh`, `on`, `open`, `unknown`."""
    if value is None or isnan(value):
        return "unknown"
    if metric in STATES:
        return _STATE_WORDS.get(metric, ("off", "on"))[value != 0]
    if metric in ENERGY and abs(value) >= 1000:
        return f"{value / 1000:.1f} kWh"
    number = f"{value:.0f}" if abs(value) >= 1000 else f"{value:.1f}".removesuffix(".0")
    number = "0" if number == "-0" else number
    unit = METRICS[metric][0] if metric in METRICS else ""
    return f"{number} {unit}" if unit else number


def hour(ctx: Context, time: int) -> str:
    """`02:10`, by the home's own clock."""
    return local(ctx, time).strftime("%H:%M")


def local(ctx: Context, time: int) -> datetime:
    """The home's wall clock at `time`; an absurd time is taken as the nearest that a clock can show."""
    return datetime.fromtimestamp(min(max(time, 0), _LAST_MS) / 1000, ctx.config.zone)


def span(ms: int) -> str:
    """`45 s`, `30 min`, `2 h`, `3 d`."""
    for size, unit in ((86_400_000, "d"), (3_600_000, "h"), (60_000, "min")):
        if ms >= size:
            return f"{ms // size} {unit}"
    return f"{ms // 1000} s"
