"""Asks the lake for the report's figures, all of one home and [since, until)."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping
from datetime import date, timedelta
from statistics import fmean
from typing import Any

import duckdb

from homestream.home import HomeConfig
from homestream.lake import queries
from homestream.report import words
from homestream.report.data import (
    BlindDevice,
    Day,
    Hog,
    Performance,
    ReportData,
    RoomClimate,
    RuleAlerts,
    SecurityEvent,
    SourceAccount,
)

HOUR_MS = 3_600_000

#: From the worst on: of alerts, and of the security log.
SEVERITIES = ("critical", "warning", "info")
LEVELS = ("high", "medium", "info")
#: As many entries of the security log as the page has room for.
SECURITY = 5

#: Two periods compare when the worse known of them is known for at least this share of the other.
COMPARABLE = 0.9

#: A period that ends with a reading at midnight does not hold the day that this begins.
SLIVER_MS = 60_000

#: Steps of the mean day, min, as `queries.power_mean_day` makes them.
STEP_MIN = 5

#: Points of the charts of rate and latency.
POINTS = 120


def gather(
    con: duckdb.DuckDBPyConnection,
    config: HomeConfig,
    since: int,
    until: int,
    accounts: Iterable[Mapping[str, Any]] = (),
) -> ReportData:
    """The figures; `con` is `lake.connect`'s, `accounts` are those of `status`, where they are at hand."""
    home, zone = config.id, config.timezone
    period = (con, home, since, until)
    before = 2 * since - until
    hours = queries.consumption(con, home, before, until, zone, "hour", config)
    days, days_before = _days(config, since, until, hours), _days(config, before, since, hours)
    comparable = _comparable(days, days_before)
    energy = _sum(days)
    always_on = queries.always_on(*period, zone, config)
    devices = queries.energy_by_device(*period, zone, config)
    peak = queries.peak_power(*period, config)
    climate = queries.climate(*period, zone, "temperature")
    return ReportData(
        home=config.name,
        zone=config.zone,
        since=since,
        until=until,
        currency=config.tariff.currency,
        energy=energy,
        cost=None if energy is None else sum(hour["cost"] for hour in hours if hour["start"] >= since),
        change=queries.change(energy, _sum(days_before)) if comparable and energy is not None else None,
        peak=peak[0] if peak else None,
        peak_at=peak[1] if peak else None,
        temperature=_mean(climate),
        humidity=_mean(queries.climate(*period, zone, "humidity")),
        mean_day=_mean_day(queries.power_mean_day(*period, zone, config)),
        hogs=_hogs(devices, comparable),
        untracked=_untracked(queries.meter_tree(*period, zone, config)),
        always_on=always_on["watts"] if always_on else None,
        climate=_climate(config, climate),
        days=days,
        security=_security(*period, zone),
        security_total=queries.security_count(*period),
        alerts=_alerts(queries.alerts(*period, zone)),
        blind=_blind(queries.blind(*period)),
        performance=_performance(con, home, since, until, accounts),
    )


def _days(config: HomeConfig, since: int, until: int, hours: list[dict[str, Any]]) -> tuple[Day, ...]:
    """Every local day of [since, until), those too that nothing is known of, as the sum of its hours."""
    kwh: dict[date, float] = defaultdict(float)
    known: dict[date, float] = defaultdict(float)
    for hour in hours:
        if since <= hour["start"] < until:
            day = words.local(hour["start"], config.zone).date()
            kwh[day] += hour["kwh"]
            known[day] += hour["known"] * HOUR_MS
    days = []
    start = words.local(since, config.zone).replace(hour=0, minute=0, second=0, microsecond=0)
    while (begins := int(start.timestamp() * 1000)) < until:
        day = start.date()
        start += timedelta(days=1)  # wall clock: the next midnight, 23 to 25 hours on
        ends = int(start.timestamp() * 1000)
        length = min(ends, until) - max(begins, since)
        share = min(1.0, known[day] / length)
        if length >= SLIVER_MS:
            days.append(Day(begins, kwh.get(day), share, length, length == ends - begins))
    return tuple(days)


def _sum(days: tuple[Day, ...]) -> float | None:
    known = [day.kwh for day in days if day.kwh is not None]
    return sum(known) if known else None


def _comparable(days: tuple[Day, ...], before: tuple[Day, ...]) -> bool:
    now, then = (sum(day.known * day.length for day in some) for some in (days, before))
    return min(now, then) >= COMPARABLE * max(now, then) > 0


def _hogs(devices: list[dict[str, Any]], comparable: bool) -> tuple[Hog, ...]:
    """All but the mains; two of one name are told apart by their rooms."""
    own = [device for device in devices if not device["mains"]]
    names = [words.device(device["name"]) for device in own]
    alike = Counter(names)
    return tuple(
        Hog(
            f"{words.room(device['room'] or words.place(device['device']))} {name.lower()}"
            if alike[name] > 1
            else name,
            device["kwh"],
            device["cost"],
            device["change_pct"] if comparable else None,
            device["error_kwh"],
        )
        for name, device in zip(names, own, strict=True)
    )


def _untracked(rows: list[dict[str, Any]]) -> float | None:
    """What the mains measured beyond the devices; None where they measured more."""
    rest: float | None = rows[0]["untracked"] if rows else None
    return None if rest is None or rest < 0 else rest


def _mean_day(rows: list[dict[str, Any]]) -> tuple[tuple[int, float | None], ...]:
    watts = {row["minute"]: row["watts"] for row in rows}
    return tuple((minute, watts.get(minute)) for minute in range(0, 1440, STEP_MIN)) if watts else ()


def _mean(rows: list[dict[str, Any]]) -> float | None:
    """Of all rooms and hours of the day alike."""
    return fmean(row["value"] for row in rows) if rows else None


def _climate(config: HomeConfig, rows: list[dict[str, Any]]) -> tuple[RoomClimate, ...]:
    """Rooms in the order of `home.toml`, then those it does not name."""
    rooms: dict[str, dict[int, float]] = {room: {} for room in config.rooms}
    for row in rows:
        rooms.setdefault(row["room"], {})[row["hour"]] = row["value"]
    return tuple(
        RoomClimate(words.room(room), tuple(hours.get(hour) for hour in range(24)))
        for room, hours in rooms.items()
        if hours
    )


def _security(
    con: duckdb.DuckDBPyConnection, home: str, since: int, until: int, zone: str
) -> tuple[SecurityEvent, ...]:
    """The `SECURITY` that matter most, in order of time."""
    rows: list[dict[str, Any]] = []
    for level in LEVELS:
        if len(rows) < SECURITY:
            rows += queries.security_log(con, home, since, until, zone, level, SECURITY - len(rows))
    return tuple(
        SecurityEvent(row["time"], row["text"], words.room(row["room"]), row["severity"])
        for row in sorted(rows, key=lambda row: row["time"])
    )


def _alerts(rows: list[dict[str, Any]]) -> tuple[RuleAlerts, ...]:
    """By rule: the severest first, then the most frequent."""
    by_rule: dict[tuple[str, str], list[dict[str, Any]]] = defaultdict(list)
    for row in rows:
        by_rule[row["rule"], row["severity"]].append(row)
    found = [
        RuleAlerts(
            rule,
            severity,
            opened=len(alerts),
            acknowledged=sum(alert["acknowledged"] is not None for alert in alerts),
            open=sum(alert["cleared"] is None for alert in alerts),
            last=max(alert["opened"] for alert in alerts),
        )
        for (rule, severity), alerts in by_rule.items()
    ]
    order = {severity: place for place, severity in enumerate(SEVERITIES)}
    return tuple(sorted(found, key=lambda rule: (order.get(rule.severity, 9), -rule.opened, rule.rule)))


def _blind(rows: list[dict[str, Any]]) -> tuple[BlindDevice, ...]:
    return tuple(
        BlindDevice(
            words.device(row["name"]), words.room(row["room"]), row["times"], row["total"], row["longest"]
        )
        for row in rows
    )


def _performance(
    con: duckdb.DuckDBPyConnection, home: str, since: int, until: int, accounts: Iterable[Mapping[str, Any]]
) -> Performance:
    row = queries.performance(con, since, until, POINTS)
    books = ("received", "stored", "duplicate", "rejected", "late")
    width = max(1, (until - since) // POINTS)
    points = {point["time"]: point for point in row["points"]}
    times = range(since, until, width) if points else ()
    figures = ("p50_ms", "p99_ms", "rate_mean", "rate_peak", "lake_bytes", "log_bytes", "rss_bytes")
    return Performance(
        **{name: row[name] for name in figures},
        rates=tuple((time, points.get(time, {}).get("rate")) for time in times),
        tails=tuple((time, points.get(time, {}).get("p99_ms")) for time in times),
        total=None if row["received"] is None else SourceAccount("", *(row[name] for name in books)),
        accounts=tuple(
            SourceAccount(account["source"], *(account[name] for name in books))
            for account in accounts
            if account["home"] == home
        ),
    )
