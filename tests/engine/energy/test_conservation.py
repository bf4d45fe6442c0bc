import json
from collections.abc import Callable
from typing import Any

import pytest

from homestream.engine.clock import HOUR, MINUTE
from homestream.engine.energy.conservation import HOURS, RULE
from homestream.engine.fact import Alert
from homestream.engine.fold import Engine
from homestream.reading import Entry, Kind

#: 2025-04-07 00:00 UTC
T = 1_743_984_000_000

Meter = Callable[[int], float]


class House:
    """Meters read every five minutes, each a function of the minute -> W; `counts` those with a counter."""

    def __init__(self, devices: list[dict[str, Any]] | None = None, **meters: Meter) -> None:
        self.engine, self.meters, self.minute, self.seq = Engine(), meters, 0, 0
        self.alerts: list[Alert] = []
        self.wh = dict.fromkeys(meters, 5_000.0)
        self.quiet: set[str] = set()
        if devices is not None:
            body = json.dumps({"id": "h", "device": devices}).encode()
            self.say(Kind.ACTION, "configure", body)

    def say(self, kind: Kind, topic: str, payload: bytes = b"") -> None:
        self.seq += 1
        entry = Entry(self.seq, kind, "h", "http:x", topic, payload, T + self.minute * MINUTE)
        out = self.engine.apply([entry])
        assert not out.rejected, out.rejected
        self.alerts += [f for _, f in out.facts if isinstance(f, Alert) and f.rule == RULE]

    def live(self, hours: float) -> None:
        for _ in range(round(hours * 12)):
            rows = []
            for name, watts in self.meters.items():
                self.wh[name] += watts(self.minute) / 12
                if name not in self.quiet:
                    metric = "energy_export" if name.endswith("_out") else "energy"
                    device = name.removesuffix("_out").replace("__", "/")
                    rows.append({"device": device, "metric": metric, "value": self.wh[name]})
            self.minute += 5
            self.say(Kind.MESSAGE, "api/readings", json.dumps(rows).encode())


def test_meters_that_agree_are_no_news() -> None:
    house = House(house__mains=lambda _: 900, den__tv=lambda _: 500, den__fan=lambda _: 390)
    house.live(8)
    assert house.alerts == []


def test_a_device_above_its_meter_is_told_in_numbers_and_clears_when_it_is_mended() -> None:
    house = House(house__mains=lambda _: 1_000, den__tv=lambda m: 1_640 if m < 360 else 600)
    house.live(6.5)
    [alert] = house.alerts
    assert (alert.state, alert.severity, alert.key) == ("opened", "warning", "")
    assert "measured 1.00 kWh from 02:00 to 03:00, the devices under it 1.64 kWh" in alert.text
    assert alert.opened == T + 3 * HOUR + 6 * MINUTE
    house.live(HOURS + 1)
    assert [a.state for a in house.alerts] == ["opened", "cleared"]


def test_one_hour_says_nothing() -> None:
    house = House(house__mains=lambda _: 1_000, den__tv=lambda m: 1_500 if m // 60 % 3 == 1 else 800)
    house.live(12)
    assert house.alerts == []


def test_a_circuit_is_judged_as_the_mains_are_and_phases_together() -> None:
    devices = [
        {"id": "l1", "mains": True},
        {"id": "l2", "mains": True},
        {"id": "kitchen", "parent": "l1"},
        {"id": "oven", "parent": "kitchen"},
        {"id": "fan"},
    ]
    house = House(
        devices,
        l1=lambda _: 800,
        l2=lambda _: 500,
        kitchen=lambda _: 300,
        oven=lambda _: 400,
        fan=lambda _: 900,
    )
    house.live(5)
    [alert] = house.alerts
    assert alert.key == "kitchen"
    assert alert.text.startswith("Meters disagree · Kitchen measured 0.30 kWh")


def test_a_meter_that_is_silent_accuses_nobody() -> None:
    house = House(house__mains=lambda _: 1_000, den__tv=lambda _: 900)
    house.live(4)
    house.quiet = {"house__mains"}
    house.live(8)
    house.quiet = set()
    house.live(4)
    assert house.alerts == []


def test_what_the_sun_gives_flows_through_no_meter() -> None:
    devices = [{"id": "house/mains", "mains": True}, {"id": "roof", "produces": True}]
    sun: Meter = lambda m: 2_000 if 120 <= m < 480 else 0  # noqa: E731
    house = House(
        devices,
        house__mains=lambda m: max(700 - sun(m), 0),
        house__mains_out=lambda m: max(sun(m) - 700, 0),
        roof=sun,
        den__tv=lambda _: 690,
    )
    house.live(12)
    assert house.alerts == []


@pytest.mark.parametrize("at", [30, 100, 200])
def test_a_crash_anywhere_tells_the_same(at: int) -> None:
    whole = House(house__mains=lambda _: 1_000, den__tv=lambda _: 1_500)
    crashed = House(house__mains=lambda _: 1_000, den__tv=lambda _: 1_500)
    whole.live(20)
    crashed.live(at / 12)
    crashed.engine = Engine.restore(crashed.engine.snapshot())
    crashed.live(20 - at / 12)
    assert crashed.alerts == whole.alerts
    assert crashed.engine.digest() == whole.engine.digest()
