"""The report's figures as words, ticks and fractions of an axis: all that `report.typ` draws. Pure."""

import math
from collections.abc import Callable, Iterable, Sequence
from datetime import timedelta
from itertools import groupby
from typing import Any

from homestream.report import words
from homestream.report.data import Day, ReportData, SourceAccount
from homestream.report.findings import findings

#: What fits on the page.
HOGS, ROOMS, SECURITY, RULES, SOURCES, BLIND = 7, 8, 5, 6, 5, 4

#: A figure that may be off by a greater share of it says by how much.
UNSURE = 0.05

#: Bars that can be told apart; a longer period is shown by month.
DAY_BARS = 62
LEVELS = {"info": "Info", "warning": "Warning", "critical": "Critical", "medium": "Medium", "high": "High"}
#: The narrowest climate scale, °C or %, so that a steady room does not look like a storm.
CLIMATE_SPAN = 4.0

View = dict[str, Any]
Points = Sequence[tuple[float, float | None]]


def view(data: ReportData) -> View:
    """The document, as builtins that JSON can take."""
    title = f"{words.plain(data.home) or 'Home'} report"
    period = words.period(data.since, data.until, data.zone)
    return {
        "title": title,
        "period": period,
        "footer": f"{title} · {period}",
        "cards": _cards(data),
        "mean_day": _mean_day(data),
        "hogs": _hogs(data),
        "climate": _climate(data),
        "security": _security(data),
        "days": _days(data),
        "findings": findings(data),
        "alerts": _alerts(data),
        "system": _system(data),
        "blind": _blind(data),
    }


def ticks(low: float, high: float) -> tuple[float, float, list[View]]:
    """An axis over [low, high] with 3 to 6 round ticks -> (start, end, ticks); it always holds 0."""
    low, high = min(low, 0.0), max(high, 0.0)
    if high - low < 1e-9:
        high = low + 1.0
    rough = (high - low) / 4
    base = 10 ** math.floor(math.log10(rough))
    factor = next(factor for factor in (1, 2, 2.5, 5, 10) if base * factor >= rough * (1 - 1e-9))
    step = base * factor
    first, last = math.floor(low / step + 1e-9), math.ceil(high / step - 1e-9)
    start, span = first * step, (last - first) * step
    digits = max(0, -math.floor(math.log10(base) + 1e-9) + (factor == 2.5) - (factor == 10))
    marks = [
        {"at": (i - first) / (last - first), "label": words.number(i * step, digits).replace(",", "")}
        for i in range(first, last + 1)
    ]
    return start, start + span, marks


def _card(label: str, value: str, note: str = "") -> View:
    return {"label": label, "value": value or words.NO_DATA, "note": note if value else ""}


def _said(say: Callable[[Any], str], figure: float | None) -> str:
    """What is not known is said with no words."""
    return "" if figure is None else say(figure)


def _cards(data: ReportData) -> list[View]:
    span = data.until - data.since
    energy_note = ""
    if data.change is not None:
        energy_note = f"{words.change(data.change)} on {words.before(data.since, data.until)}"
    elif data.known < 0.95:
        energy_note = f"known for {round(100 * data.known)} % of it"
    opened = sum(rule.opened for rule in data.alerts)
    acknowledged = sum(rule.acknowledged for rule in data.alerts)
    return [
        _card(
            "Energy",
            _said(lambda kwh: f"{words.energy(kwh)} kWh", data.energy),
            energy_note,
        ),
        _card(
            "Peak power",
            _said(words.power, data.peak),
            _said(lambda at: words.moment(at, data.zone, span), data.peak_at),
        ),
        _card(
            "Mean temperature",
            _said(lambda mean: f"{words.number(mean)} °C", data.temperature),
            _said(lambda mean: f"{words.number(mean, 0)} % humidity", data.humidity),
        ),
        _card("Alerts", f"{opened:,}", f"{acknowledged:,} acknowledged" if opened else "none raised"),
    ]


def _mean_day(data: ReportData) -> View:
    chart = _curve([(minute / 1440, watts) for minute, watts in data.mean_day])
    return chart | {"x": [{"at": hour / 24, "label": f"{hour}:00"} for hour in range(0, 25, 4)]}


def _over_time(data: ReportData, points: Points) -> View:
    span = data.until - data.since
    chart = _curve([((time - data.since) / span, value) for time, value in points])
    return chart | {"x": [{"at": (time - data.since) / span, "label": label} for time, label in _dates(data)]}


def _curve(points: Points) -> View:
    """Evenly spaced (0..1, value) as runs of (x, y) on an axis of `y` ticks with its `zero`."""
    known = [value for _, value in points if value is not None]
    if not known:
        return {"runs": [], "y": [], "zero": 0.0}
    start, end, marks = ticks(min(known), max(known))
    step = 1 / len(points)
    runs = []
    for is_known, group in groupby(points, key=lambda point: point[1] is not None):
        if is_known:
            run = [(x, ((value or 0.0) - start) / (end - start)) for x, value in group]
            # A mean stands for its whole step: the line begins and ends at the step's edges.
            edges = (run[0][0], run[0][1]), (run[-1][0] + step, run[-1][1])
            runs.append([edges[0], *((x + step / 2, y) for x, y in run), edges[1]])
    return {"runs": runs, "y": marks, "zero": -start / (end - start)}


def _dates(data: ReportData) -> list[tuple[int, str]]:
    """At most 7 times to write under a chart over the period: days, or hours where it has under two days."""
    first = words.local(data.since, data.zone).replace(minute=0, second=0, microsecond=0)
    hours = (data.until - data.since) / 3_600_000
    step = math.ceil(round(hours / 24) / 7) * 24 if hours > 48 else math.ceil(hours / 7)
    if step >= 24:
        first = first.replace(hour=0)
    marks = []
    for i in range(9):
        # Wall clock arithmetic: the next midnight, though it may be 23 or 25 hours off.
        at = first + timedelta(hours=i * step)
        time = int(at.timestamp() * 1000)
        if data.since <= time < data.until:
            day = f"{at:%a}" if step == 24 else f"{at.day} {at:%b}"
            marks.append((time, day if step >= 24 else f"{at.hour}:00"))
    return marks


def _hogs(data: ReportData) -> View:
    shown, rest = data.hogs[:HOGS], data.hogs[HOGS:]
    if len(rest) == 1:
        shown, rest = data.hogs[: HOGS + 1], ()
    most = max((hog.kwh for hog in shown), default=0.0)
    rows = [
        _hog(data, words.plain(hog.name), hog.kwh, hog.cost, hog.change, most, hog.error) for hog in shown
    ]
    if rest:
        costs = [hog.cost for hog in rest if hog.cost is not None]
        row = _hog(data, f"{len(rest)} others", sum(hog.kwh for hog in rest), sum(costs) if costs else None)
        rows.append(row)
    if data.untracked is not None:
        rows.append(_hog(data, "Untracked", data.untracked, None))
    return {"rows": rows}


def _hog(
    data: ReportData,
    name: str,
    kwh: float,
    cost: float | None,
    change: float | None = None,
    most: float = 0.0,
    error: float = 0.0,
) -> View:
    unsure = f" ± {words.energy(error)}" if error > UNSURE * kwh else ""
    rounded = None if change is None else round(change)
    return {
        "name": name,
        "kwh": words.energy(kwh) + unsure,
        "cost": "" if cost is None else words.money(cost, data.currency),
        "change": "" if change is None else words.change(change),
        "trend": "unknown" if rounded is None else "up" if rounded > 0 else "down",
        "bar": max(kwh / most, 0.0) if most > 0 else None,
    }


def _climate(data: ReportData) -> View:
    values = [value for room in data.climate for value in room.hours if value is not None]
    if not values:
        return {"rooms": [], "note": ""}
    # One freezing garden must not make all rooms look the same.
    low, high = (_percentile(sorted(values), share) for share in (0.05, 0.95))
    wider = max(CLIMATE_SPAN - (high - low), 0.0) / 2
    start, span = low - wider, high - low + 2 * wider
    left_out = len(data.climate) - ROOMS
    return {
        "rooms": [
            {
                "name": words.plain(room.room) or "No room",
                "cells": [
                    None if value is None else min(max((value - start) / span, 0.0), 1.0)
                    for value in room.hours
                ],
            }
            for room in data.climate[:ROOMS]
        ],
        "low": f"{words.number(start)} °C",
        "high": f"{words.number(start + span)} °C",
        "note": f"{ROOMS} of {len(data.climate)} rooms" if left_out > 0 else "",
    }


def _percentile(ordered: list[float], share: float) -> float:
    return ordered[round(share * (len(ordered) - 1))]


def _security(data: ReportData) -> View:
    span = data.until - data.since
    rows = [
        [
            words.moment(event.time, data.zone, span),
            words.plain(event.text),
            words.plain(event.room),
            LEVELS.get(event.severity, words.plain(event.severity)),
        ]
        for event in data.security[:SECURITY]
    ]
    more = data.security_total - len(rows)
    return {"rows": rows, "more": f"and {more:,} more" if more > 0 and rows else ""}


def _days(data: ReportData) -> View:
    by_month = len(data.days) > DAY_BARS
    bars = _months(data) if by_month else [(day, _day_label(data, day)) for day in data.days]
    known = [day.kwh for day, _ in bars if day.kwh is not None]
    what = "Consumption by month (kWh)" if by_month else "Consumption by day (kWh)"
    if not known:
        return {"title": what, "bars": [], "y": [], "zero": 0.0}
    start, end, marks = ticks(min(known), max(known))
    every = math.ceil(len(bars) / (6 if by_month else 8))
    return {
        "title": what,
        "y": marks,
        "zero": -start / (end - start),
        "bars": [
            {
                "at": None if day.kwh is None else (day.kwh - start) / (end - start),
                "part": not day.whole or day.known < 0.95,
                "label": label if i % every == 0 else "",
            }
            for i, (day, label) in enumerate(bars)
        ],
    }


def _day_label(data: ReportData, day: Day) -> str:
    at = words.local(day.start, data.zone)
    return f"{at:%a}" if len(data.days) <= 8 else f"{at.day} {at:%b}"


def _months(data: ReportData) -> list[tuple[Day, str]]:
    def month(day: Day) -> tuple[int, int]:
        at = words.local(day.start, data.zone)
        return at.year, at.month

    bars = []
    for _, group in groupby(data.days, key=month):
        days = list(group)
        known = [day.kwh for day in days if day.kwh is not None]
        share = sum(day.known for day in days) / len(days)
        at = words.local(days[0].start, data.zone)
        bars.append((Day(days[0].start, sum(known) if known else None, share), f"{at:%b} ’{at:%y}"))
    return bars


def _alerts(data: ReportData) -> View:
    span = data.until - data.since
    rows = [
        [
            words.plain(rule.rule),
            LEVELS.get(rule.severity, words.plain(rule.severity)),
            f"{rule.opened:,}",
            f"{rule.acknowledged:,}",
            f"{rule.open:,}",
            words.moment(rule.last, data.zone, span),
        ]
        for rule in data.alerts[:RULES]
    ]
    return {"rows": rows, "more": _left_out(data.alerts, rows, "rules")}


def _system(data: ReportData) -> View:
    did = data.performance
    lake = _said(words.size, did.lake_bytes)
    log = _said(lambda count: f"log {words.size(count)}", did.log_bytes)
    sums = [(words.plain(account.source), _books(account)) for account in did.accounts]
    shown = sums[:SOURCES]
    if len(sums) > 1:
        shown.append(("All sources", tuple(map(sum, zip(*(books for _, books in sums), strict=True)))))
    if did.total:
        shown.append(("All sources, in this period", _books(did.total)))
    more = _left_out(did.accounts, sums[:SOURCES], "sources")
    return {
        "cards": [
            _card("Latency", _said(_ms, did.p50_ms), _said(lambda ms: f"99 % within {_ms(ms)}", did.p99_ms)),
            _card(
                "Readings", _said(_rate, did.rate_mean), _said(lambda r: f"at most {_rate(r)}", did.rate_peak)
            ),
            _card("Lake", lake, log),
            _card("Memory", _said(words.size, did.rss_bytes), "resident"),
        ],
        "rates": _over_time(data, did.rates),
        "tails": _over_time(data, did.tails),
        "note": "since the home began" if did.accounts else "",
        "accounts": [[source, *(f"{count:,}" for count in books)] for source, books in shown],
        "more": f"; {more}" if more else "",
    }


def _books(account: SourceAccount) -> tuple[int, ...]:
    return account.received, account.stored, account.duplicate, account.rejected, account.late


def _ms(latency: float) -> str:
    return f"{words.number(latency, 1 if latency < 100 else 0)} ms"


def _rate(rate: float) -> str:
    return f"{words.number(rate, 1 if rate < 100 else 0)} /s"


def _blind(data: ReportData) -> View:
    rows = [
        [
            words.plain(device.name),
            words.plain(device.room),
            f"{device.times:,}",
            words.duration(device.total),
            words.duration(device.longest),
        ]
        for device in data.blind[:BLIND]
    ]
    return {"rows": rows, "more": _left_out(data.blind, rows, "devices")}


def _left_out(whole: Sequence[object], shown: Iterable[object], what: str) -> str:
    left = len(whole) - len(list(shown))
    return f"and {left:,} more {what}" if left > 0 else ""
