"""A home of a week in November, in figures."""

import math
from datetime import datetime
from zoneinfo import ZoneInfo

import pytest

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

ZONE = ZoneInfo("Europe/Berlin")


def at(*parts: int) -> int:
    return int(datetime(*parts, tzinfo=ZONE).timestamp() * 1000)


@pytest.fixture(scope="session")
def week() -> ReportData:
    hogs = [("Heat pump", 31.4, -8.0), ("Oven", 12.2, 22.0), ("Tumble dryer", 9.8, 3.0), ("Fridge", 6.1, 0.0)]
    days = [9.1, 10.2, 10.8, 12.7, None, 10.1, 8.2]
    return ReportData(
        home="Home",
        zone=ZONE,
        since=at(2026, 11, 16),
        until=at(2026, 11, 23),
        energy=71.3,
        cost=21.39,
        change=-4.2,
        peak=2041.0,
        peak_at=at(2026, 11, 18, 19, 35),
        temperature=20.4,
        humidity=45.2,
        mean_day=tuple((15 * i, 400 + 200 * math.sin(i / 15)) for i in range(96)),
        hogs=tuple(Hog(name, kwh, 0.3 * kwh, change) for name, kwh, change in hogs),
        untracked=11.8,
        always_on=210.0,
        climate=tuple(
            RoomClimate(room, tuple(base + math.sin(hour / 4) for hour in range(24)))
            for room, base in (("Living room", 19.0), ("Hall", 22.5))
        ),
        days=tuple(Day(at(2026, 11, 16 + i), kwh, 0.0 if kwh is None else 1.0) for i, kwh in enumerate(days)),
        security=(SecurityEvent(at(2026, 11, 17, 3, 12), "Motion while armed", "Hall", "high"),),
        security_total=3,
        alerts=(RuleAlerts("Iron left on", "warning", 4, 3, 1, at(2026, 11, 21, 22, 10)),),
        blind=(BlindDevice("Humidity", "Bathroom", 3, 7_800_000, 6_600_000),),
        performance=Performance(
            p50_ms=1.2,
            p99_ms=6.9,
            rate_mean=12.1,
            rate_peak=86.0,
            lake_bytes=5_300_000,
            accounts=(
                SourceAccount("mqtt:zigbee2mqtt", 120_000, 119_900, 90, 10, 3),
                SourceAccount("http:admin", 2_000, 2_000, 0, 0, 0),
            ),
        ),
    )
