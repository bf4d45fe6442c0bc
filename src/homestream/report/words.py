"""Numbers and times as a reader wants them. Pure; `NO_DATA` stands for what is not known."""

import math
from datetime import datetime, timedelta
from zoneinfo import ZoneInfo

NO_DATA = "no data"

DAY_MS = 86_400_000

#: Longer names are cut before they are laid out; the page shows no more of them anyway.
NAME_LIMIT = 120

_SYMBOLS = {"EUR": "€", "USD": "$", "GBP": "£"}
_UNITS = ("B", "kB", "MB", "GB", "TB")


def plain(name: str) -> str:
    """A name from outside as one line that any font and JSON can take."""
    line = " ".join(name[:NAME_LIMIT].encode("utf-8", "replace").decode().split())
    # The two joiners (U+200C, U+200D) are invisible, but Persian and emoji are spelt with them.
    return "".join(c if c.isprintable() or c in "\u200c\u200d" else "\ufffd" for c in line)


def room(slug: str) -> str:
    """`living_room` -> `Living room`; a name that someone wrote stays as it is."""
    if slug != slug.lower():
        return slug
    text = slug.replace("_", " ").replace("-", " ")
    return text[:1].upper() + text[1:]


def device(name: str) -> str:
    """`kitchen/coffee_machine`, an id of a device that has no name, -> `Coffee machine`."""
    return room(name.rsplit("/", 1)[-1]) if "/" in name else name


def place(device_id: str) -> str:
    """`kitchen/coffee_machine` -> `kitchen`; "" where the id says nothing of a room."""
    return device_id.split("/", 1)[0] if "/" in device_id else ""


def number(value: float, digits: int = 1) -> str:
    """`-1234.5` -> `−1,234.5`."""
    text = f"{value:,.{digits}f}"
    return text.replace("-", "−") if float(f"{value:.{digits}f}") else text.replace("-", "")


def energy(kwh: float) -> str:
    """Of kWh as many digits as can be of interest."""
    size = abs(kwh)
    return number(kwh, 0 if size >= 1000 else 1 if size >= 1 else 2)


def power(watts: float) -> str:
    """`2041` -> `2.04 kW`, `376` -> `376 W`."""
    return f"{number(watts / 1000, 2)} kW" if abs(watts) >= 1000 else f"{number(watts, 0)} W"


def money(amount: float, currency: str) -> str:
    """`9.42, EUR` -> `€ 9.42`."""
    return f"{_SYMBOLS.get(currency, currency)} {number(amount, 0 if abs(amount) >= 1000 else 2)}"


def change(percent: float) -> str:
    """`22.1` -> `+22 %`; beyond a tenfold it says so."""
    rounded = round(percent)
    if rounded >= 1000:
        return f"×{number(1 + percent / 100, 0)}"
    return f"{'+' if rounded > 0 else ''}{number(rounded, 0)} %"


def size(count: int) -> str:
    """Bytes in powers of 1000."""
    step = min(int(math.log(count, 1000)), len(_UNITS) - 1) if count >= 1 else 0
    shown = count / 1000**step
    return f"{number(shown, 1 if step and shown < 100 else 0)} {_UNITS[step]}"


def duration(ms: int) -> str:
    """`7_800_000` -> `2 h 10 min`."""
    minutes = round(ms / 60_000)
    if minutes < 1:
        return f"{round(ms / 1000)} s"
    days, rest = divmod(minutes, 1440)
    hours, minutes = divmod(rest, 60)
    parts = [f"{days} d" if days else "", f"{hours} h" if hours else ""]
    return " ".join(part for part in (*parts, f"{minutes} min" if minutes and not days else "") if part)


def local(ms: int, zone: ZoneInfo) -> datetime:
    """The home's wall clock."""
    return datetime.fromtimestamp(ms / 1000, zone)


def moment(ms: int, zone: ZoneInfo, span_ms: int) -> str:
    """`Wed 19:35`, in a period too long for that `3 Nov 19:35`, over more than a year `3 Nov 2026`."""
    at = local(ms, zone)
    if span_ms <= 7 * DAY_MS + 2 * 3_600_000:
        return f"{at:%a %H:%M}"
    return f"{at.day} {at:%b %H:%M}" if span_ms <= 360 * DAY_MS else f"{at.day} {at:%b %Y}"


def period(since: int, until: int, zone: ZoneInfo) -> str:
    """`16 – 22 November 2026`; with times of day where it does not consist of whole days."""
    start, end = local(since, zone), local(until, zone)
    if start.hour or start.minute:
        if start.date() == end.date():
            return f"{start.day} {start:%B %Y, %H:%M} – {end:%H:%M}"
        return f"{start.day} {start:%B %Y, %H:%M} – {end.day} {end:%B %Y, %H:%M}"
    if end.hour or end.minute:
        # The days up to and with that of `end`, which is not over.
        midnight = (end + timedelta(days=1)).replace(hour=0, minute=0)
        return f"{period(since, int(midnight.timestamp() * 1000), zone)}, to {end:%H:%M}"
    last = end - timedelta(days=1)
    if start.date() >= last.date():
        return f"{start.day} {start:%B %Y}"
    if start.year != last.year:
        return f"{start.day} {start:%B %Y} – {last.day} {last:%B %Y}"
    if start.month != last.month:
        return f"{start.day} {start:%B} – {last.day} {last:%B %Y}"
    return f"{start.day} – {last.day} {last:%B %Y}"


def before(since: int, until: int) -> str:
    """What to call the period before: `the week before`."""
    days = (until - since) / DAY_MS
    whole = round(days)
    if abs(days - whole) > 1 / 12 or whole < 1:  # days of a clock change are an hour off
        return "the period before"
    return {1: "the day before", 7: "the week before"}.get(whole, f"the {whole} days before")
