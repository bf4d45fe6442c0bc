"""The findings: what the figures say, in sentences. Pure; a sentence that cannot be proved is left out."""

from collections.abc import Iterator

from homestream.report import words
from homestream.report.data import ReportData

#: As many as the page has room for beside the bars.
LIMIT = 5

#: A longer name would push the sentence off the page.
NAME_LIMIT = 32

#: Rooms closer together than this, °C, are neither warm nor cold.
ROOMS_DIFFER = 0.5

#: A day that took less than this many mean days is a day like any other.
MOST = 1.1

#: Hogs below this, kWh, are not worth a sentence about their growth.
WORTH_KWH = 0.5


def findings(data: ReportData) -> list[str]:
    """At most `LIMIT` sentences, the most important first; never empty."""
    found = [sentence for part in _PARTS for sentence in part(data)]
    return found[:LIMIT] or ["There is no data in this period to conclude anything from."]


def _name(name: str) -> str:
    line = words.plain(name)
    return line if len(line) <= NAME_LIMIT else line[: NAME_LIMIT - 1].rstrip() + "…"


def _books(data: ReportData) -> Iterator[str]:
    did = data.performance
    for account in (*did.accounts, *([did.total] if did.total else [])):
        missing = account.received - account.stored - account.duplicate - account.rejected
        if missing:
            name = _name(account.source) or "all sources"
            yield f"The books of {name} do not add up: {missing:,} of {account.received:,}."


def _largest(data: ReportData) -> Iterator[str]:
    if not data.hogs:
        return
    hog = data.hogs[0]
    text = f"{_name(hog.name)} used the most: {words.energy(hog.kwh)} kWh"
    if data.energy and 0 < hog.kwh <= data.energy:
        text += f", {round(100 * hog.kwh / data.energy)} % of the home"
    if hog.change is not None and round(hog.change):
        way = "more" if hog.change > 0 else "less"
        text += f", {abs(round(hog.change))} % {way} than {words.before(data.since, data.until)}"
    yield text + "."


def _riser(data: ReportData) -> Iterator[str]:
    def more(kwh: float, change: float) -> float:
        return kwh - kwh / (1 + change / 100)

    grown = [
        (more(hog.kwh, hog.change), hog)
        for hog in data.hogs[1:]
        if hog.change is not None and hog.change >= 10
    ]
    if grown:
        kwh, hog = max(grown, key=lambda pair: pair[0])
        if kwh >= WORTH_KWH and hog.change is not None:
            name = _name(hog.name)
            yield f"{name} rose most: {words.change(hog.change)}, {words.energy(kwh)} kWh more."


def _always_on(data: ReportData) -> Iterator[str]:
    if data.always_on is None or data.always_on <= 0:
        return
    kwh = data.always_on * (data.until - data.since) * (data.known if data.days else 1) / 3.6e9
    text = f"Always on: {words.power(data.always_on)}"
    if data.energy:
        text += f", {words.energy(kwh)} kWh or {min(100, round(100 * kwh / data.energy))} % of what was used"
        if data.cost:
            text += f" ({words.money(data.cost * kwh / data.energy, data.currency)})"
    yield text + "."


def _day(data: ReportData) -> Iterator[str]:
    whole = [(day.kwh, day) for day in data.days if day.kwh is not None and day.whole and day.known > 0.95]
    if len(whole) > 1:
        kwh, day = max(whole, key=lambda pair: pair[0])
        at = words.local(day.start, data.zone)
        mean = sum(pair[0] for pair in whole) / len(whole)
        year = f" {at.year}" if data.until - data.since > 360 * words.DAY_MS else ""
        if kwh < MOST * mean:
            return
        most = f"{at:%A} {at.day} {at:%B}{year} took the most: {words.energy(kwh)} kWh"
        yield f"{most}; a mean day takes {words.energy(mean)}."


def _rooms(data: ReportData) -> Iterator[str]:
    means = []
    for room in data.climate:
        known = [value for value in room.hours if value is not None]
        if known:
            means.append((sum(known) / len(known), _name(room.room)))
    if len(means) > 1:
        (cold, cold_room), (warm, warm_room) = min(means), max(means)
        if warm - cold >= ROOMS_DIFFER:
            warmest = f"Warmest room: {warm_room}, {words.number(warm)} °C"
            yield f"{warmest}; coldest: {cold_room}, {words.number(cold)} °C."


def _open_alerts(data: ReportData) -> Iterator[str]:
    left = sum(rule.opened - rule.acknowledged for rule in data.alerts)
    if left > 0:
        rule = _name(max(data.alerts, key=lambda rule: rule.opened - rule.acknowledged).rule)
        if left == 1:
            yield f"1 alert, of “{rule}”, was not acknowledged."
        else:
            yield f"{left:,} alerts were not acknowledged, most of them of “{rule}”."


def _blind(data: ReportData) -> Iterator[str]:
    if data.blind:
        worst = max(data.blind, key=lambda device: device.longest)
        many = "1 device was" if len(data.blind) == 1 else f"{len(data.blind):,} devices were"
        where = f" ({_name(worst.room)})" if worst.room else ""
        longest = f"{_name(worst.name)}{where}, {words.duration(worst.longest)}"
        yield f"{many} out of sight for a while; longest {longest}."


def _unknown(data: ReportData) -> Iterator[str]:
    if data.days and data.known < 0.99:
        yield f"Nothing is known of the consumption for {round(100 * (1 - data.known))} % of the period."


_PARTS = (_books, _largest, _unknown, _open_alerts, _always_on, _riser, _rooms, _blind, _day)
