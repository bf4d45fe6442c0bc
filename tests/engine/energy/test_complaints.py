"""What people complain of in other systems' energy figures, through the whole engine."""

import json
from collections.abc import Iterable
from zoneinfo import ZoneInfo

import pytest

from homestream.engine.clock import DAY, HOUR, MINUTE
from homestream.engine.energy.conservation import RULE
from homestream.engine.fact import Alert, AnyFact, Window
from homestream.engine.fold import Engine
from homestream.reading import Entry, Kind
from homestream.simulate.house import House

#: 2025-04-07 00:00 UTC
T = 1_743_984_000_000

Told = tuple[int, str, float]


class Home:
    """One device, `den/tv`; ticks every minute while the hub is up."""

    def __init__(self, **device: str) -> None:
        self.engine, self.seq, self.facts = Engine(), 0, list[AnyFact]()
        body = json.dumps({"id": "h", "device": [{"id": "den/tv", **device}]}).encode()
        self.enter(Kind.ACTION, "configure", body, T)

    def enter(self, kind: Kind, topic: str, payload: bytes, at: int) -> None:
        self.seq += 1
        entry = Entry(self.seq, kind, "h", "mqtt:x", topic, payload, at)
        self.facts += [fact for _, fact in self.engine.apply([entry]).facts]

    def live(self, told: Iterable[Told], since: int, until: int) -> None:
        """What is told at its time, and ticks between."""
        due = sorted(told)
        for now in range(since, until + 1, MINUTE):
            while due and due[0][0] <= now:
                time, metric, value = due.pop(0)
                self.enter(Kind.MESSAGE, f"home/den/tv/{metric}", b"%f" % value, time)
            self.enter(Kind.TICK, "", b"", now)

    def restart(self) -> None:
        self.engine = Engine.restore(self.engine.snapshot())

    def hours(self) -> list[float | None]:
        """Wh of each hour, as last stated, of the counter or else of the power."""
        stated: dict[str, dict[int, float | None]] = {}
        for fact in self.facts:
            if isinstance(fact, Window) and fact.size == "1h":
                stated.setdefault(fact.metric, {})[fact.start] = fact.energy
        found = stated.get("energy") or stated["power"]
        return [found[start] for start in sorted(found)]


def counter(since: int, until: int, watts: float = 600.0, first: float = 5e6) -> list[Told]:
    """A counter read every five minutes."""
    steps = range((until - since) // (5 * MINUTE) + 1)
    return [(since + n * 5 * MINUTE, "energy", first + n * watts / 12) for n in steps]


def test_a_dip_of_a_tenth_is_no_reset() -> None:
    told = counter(T, T + 3 * HOUR)
    told[20] = (told[20][0], "energy", told[19][2] - 0.1)
    home = Home()
    home.live(told, T, T + 3 * HOUR + 5 * MINUTE)
    assert home.hours() == [pytest.approx(600)] * 3


def test_a_counter_that_is_reset_counts_on() -> None:
    told = counter(T, T + 90 * MINUTE) + counter(T + 95 * MINUTE, T + 3 * HOUR, first=0)
    home = Home()
    home.live(told, T, T + 3 * HOUR + 5 * MINUTE)
    assert home.hours() == [pytest.approx(600), pytest.approx(550), pytest.approx(600)]


@pytest.mark.parametrize("down", [MINUTE, 20 * MINUTE, 3 * HOUR])
def test_a_restart_of_the_hub_makes_no_spike(down: int) -> None:
    """What was counted meanwhile is in the hours where it is known when, and in no bar where it is not."""
    home, back = Home(), T + 2 * HOUR + down
    told = counter(T, T + 8 * HOUR)
    home.live([row for row in told if row[0] < T + 2 * HOUR], T, T + 2 * HOUR - MINUTE)
    home.restart()
    home.live([row for row in told if row[0] >= back], back, T + 8 * HOUR + 5 * MINUTE)
    hours = home.hours()
    assert max(wh or 0.0 for wh in hours) <= 600 + 50 + (600 * down / HOUR if down < HOUR else 0)
    stage = home.engine.homes["h"].stage
    assert stage.energy("den/tv", T) == pytest.approx(8 * 600)


def test_a_meter_back_after_a_week_draws_no_bar_and_loses_nothing() -> None:
    home, back = Home(), T + 7 * DAY
    home.live(counter(T, T + 2 * HOUR), T, T + 3 * HOUR)
    home.live(counter(back, back + 2 * HOUR, first=5e6 + 7 * 24 * 600), back, back + 2 * HOUR + 5 * MINUTE)
    assert max(wh or 0.0 for wh in home.hours()) <= 600 + 1e-6
    assert home.engine.homes["h"].stage.energy("den/tv", T) == pytest.approx((7 * 24 + 2) * 600)


def test_power_told_on_change_counts_while_it_is_expected_to_hold_and_is_unknown_beyond() -> None:
    told = [(T, "power", 600.0), (T + 4 * HOUR, "power", 0.0)]
    home = Home(max_gap="6h")
    home.live(told, T, T + 5 * HOUR + 5 * MINUTE)
    assert home.hours() == [pytest.approx(600)] * 4 + [0]
    strict = Home()
    strict.live(told, T, T + 5 * HOUR + 5 * MINUTE)
    assert strict.hours()[0] == pytest.approx(50)
    assert strict.hours()[1:4] != [pytest.approx(600)] * 3


def test_a_house_that_is_in_order_has_no_meters_that_disagree() -> None:
    """Two simulated days with their faults; then a plug that tells kWh for Wh is found."""
    start = 1_767_571_200_000
    for factor, alerts in ((1, 0), (30, 1)):
        house, engine, found = House("h", 5, ZoneInfo("UTC"), start, 2 * MINUTE), Engine(), list[Alert]()
        for seq in range(1, 2 * 720):
            rows = [
                {"device": d.id, "metric": m, "value": v * (factor if d.id == "router" else 1), "time": time}
                for d, time, values in house.step()
                for m, v in zip(d.metrics, values, strict=True)
                if m in ("energy", "power")
            ]
            entry = Entry(
                seq, Kind.MESSAGE, "h", "http:x", "api/readings", json.dumps(rows).encode(), house.clock
            )
            out = engine.apply([entry])
            found += [
                f for _, f in out.facts if isinstance(f, Alert) and f.rule == RULE and f.state == "opened"
            ]
        assert len(found) >= alerts if alerts else not found, found
