"""The loudest complaints about today's systems, each a test: `docs/complaints.md` is their table.

All through the engine's port, entries in and facts out, by a hub that ticks, restarts and is down.
"""

import re
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest

from homestream.engine.fact import Alert, Anomaly, Blind, Command, Notify, Outage, Security, Window
from homestream.reading import Entry, Kind

from .bench import MIN, TEN, Bench, H, S

PAGE = Path(__file__).parents[2] / "docs" / "complaints.md"

DOOR = "hall/front_door.contact"
METER = "laundry/iron.energy"
POWER = "laundry/iron.power"


def ruled(when: str, **more: Any) -> Bench:
    return Bench(rule=[{"name": "R", "when": when, **more}], notify={"phone": ""})


def armed(**more: Any) -> Bench:
    bench = Bench(notify={"phone": ""}, **more)
    bench.say(DOOR, "closed")
    bench.act("mode", mode="away")
    bench.wait(MIN)
    return bench


def counts(bench: Bench, values: list[float], every: int = 5 * MIN) -> None:
    for value in values:
        bench.say(METER, value)
        bench.wait(every)


def used(bench: Bench) -> list[float]:
    """Wh of the meter's hours, as last stated."""
    hours = {fact.start: fact.energy or 0.0 for fact in bench.said(Window, size="1h", metric="energy")}
    return [hours[start] for start in sorted(hours)]


def test_a_hold_goes_on_across_a_restart() -> None:
    bench = ruled(f"{POWER} > 1000", **{"for": "30m"})
    bench.say(POWER, 1200)
    for _ in range(29):
        bench.wait(MIN)
        bench.restart()
    assert bench.lives("R") == []
    bench.wait(2 * MIN)
    assert bench.lives("R") == [("opened", 1800)]


def test_a_meter_back_after_a_week_draws_no_bar() -> None:
    bench = Bench()
    counts(bench, [5e6 + 50 * n for n in range(13)])
    bench.down(7 * 24 * H)
    counts(bench, [5e6 + 7 * 24 * 600 + 50 * n for n in range(26)])
    assert max(used(bench)) <= 600 + 1e-6


def test_a_dip_of_a_tenth_is_no_reset() -> None:
    bench = Bench()
    counts(bench, [1000, 1050, 1049.9, 1050, *(1050 + 50 * n for n in range(1, 24))])
    assert sum(used(bench)) <= 1150 + 1e-6
    assert max(used(bench)) <= 600 + 1e-6


def test_a_counter_that_is_reset_counts_on_from_zero() -> None:
    bench = Bench()
    counts(bench, [9000 + 50 * n for n in range(13)] + [50 * n for n in range(26)])
    assert min(used(bench)) >= 0
    assert max(used(bench)) <= 600 + 1e-6
    assert sum(used(bench)) >= 1000


def test_a_restart_makes_no_spike() -> None:
    bench = Bench()
    counts(bench, [5e6 + 50 * n for n in range(13)])
    before = len(bench.said(Anomaly))
    bench.down(10 * MIN)
    counts(bench, [5e6 + 50 * (n + 15) for n in range(24)])
    assert max(used(bench)) <= 600 + 50 + 1e-6
    assert len(bench.said(Anomaly)) == before


def test_power_told_only_when_it_changes_counts_while_it_holds() -> None:
    bench = Bench(device=[{"id": "laundry/iron", "max_gap": "6h"}])
    bench.say(POWER, 600)
    bench.wait(3 * H + 5 * MIN)
    hours = [fact for fact in bench.said(Window, size="1h", metric="power")]
    assert [round(hour.energy or 0) for hour in hours] == [600, 600, 600]


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-07-01", 24)])
def test_a_day_has_the_hours_that_it_has(day: str, hours: int) -> None:
    bench = Bench(timezone="Europe/Berlin")
    midnight = int(datetime.fromisoformat(f"{day}T00:00").replace(tzinfo=UTC).timestamp() * 1000)
    bench.now = midnight - 4 * H
    while bench.now < midnight + 27 * H:
        bench.say("den/climate.temperature", 20)
        bench.now += 10 * MIN
        bench.put(Kind.TICK, "", b"", "clock")
    [found] = [
        window for window in bench.said(Window, size="1d") if midnight - 3 * H < window.start <= midnight
    ]
    within = [w for w in bench.said(Window, size="1h") if found.start <= w.start < found.start + hours * H]
    assert len(within) == hours
    assert found.known == hours * H
    assert found.count == sum(window.count for window in within)


def test_unavailable_then_on_wakes_nobody() -> None:
    bench = ruled("changed(hall/lamp.switch) and hall/lamp.switch == on", do=["notify phone"])
    bench.say("hall/lamp.switch", "ON")
    bench.wait(MIN)
    bench.online("hall/lamp", False)
    bench.wait(3 * H)
    bench.online("hall/lamp", True)
    bench.say("hall/lamp.switch", "ON")
    assert bench.said(Alert, rule="R") == []
    assert bench.said(Notify) == []


def test_unknown_then_open_while_armed_is_an_opening() -> None:
    bench = armed()
    bench.online("hall/front_door", False)
    bench.wait(5 * S)
    bench.say(DOOR, "open")
    [alert] = bench.said(Alert, rule="Opened unexpectedly", state="opened")
    assert "not seen" in alert.text
    assert [notify.suppressed for notify in bench.said(Notify)] == [False]


def test_what_is_retained_does_not_fire_again_after_a_reconnect() -> None:
    bench = armed()
    bench.say(DOOR, "open")
    bench.wait(MIN)
    told = len(bench.said(Notify))
    for _ in range(3):
        bench.wait(MIN)
        bench.restart()
        bench.put(Kind.RETAINED, "home/hall/front_door/contact", b"open")
        bench.put(Kind.MESSAGE, "home/hall/front_door/contact", b"open")
    assert len(bench.said(Alert, state="opened")) == 1
    assert len(bench.said(Notify)) == told == 1


def test_opened_while_the_hub_was_down_is_noticed_when_it_is_back() -> None:
    bench = armed()
    bench.down(20 * MIN)
    bench.say(DOOR, "open")
    [alert] = bench.said(Alert, rule="Opened unexpectedly")
    assert "hub down" in alert.text
    assert (alert.state, alert.late) == ("opened", False)


def test_a_dead_sensor_that_looks_alive_is_found() -> None:
    bench, chance = Bench(), Random(3)
    for _ in range(26 * 30):
        bench.say("living/air.temperature", round(20 + chance.gauss(0, 0.3), 2))
        bench.now += 2 * MIN
        bench.put(Kind.TICK, "", b"", "clock")
    for _ in range(60):
        bench.say("living/air.temperature", 20.17)
        bench.wait(2 * MIN)
    assert [anomaly.kind for anomaly in bench.said(Anomaly)] == ["stuck"]


def test_what_flaps_is_said_once_and_then_is_quiet() -> None:
    bench = ruled(f"{POWER} > 1000", do=["notify phone"])
    for _ in range(12):
        for watts in (1200, 10):
            bench.say(POWER, watts)
            bench.wait(15 * S)
    alerts = bench.said(Alert, rule="R")
    assert [alert.flapping for alert in alerts if alert.state == "opened"] == [False] * 4 + [True]
    assert len(bench.said(Notify)) == 5
    for _ in range(60):
        bench.say(POWER, 10)
        bench.wait(15 * S)
    assert bench.said(Alert, rule="R")[-1].state == "cleared"


def test_a_restart_marks_nothing_offline() -> None:
    bench = Bench()
    for _ in range(60):
        for device in ("den/a", "den/b", "den/c"):
            bench.say(f"{device}.temperature", 20)
        bench.wait(MIN)
    bench.down(12 * H)
    bench.wait(2 * MIN)
    assert bench.said(Outage) == []
    assert bench.said(Blind) == []


def test_a_late_door_event_amends_the_log_and_wakes_nobody() -> None:
    bench = armed()
    then = bench.now
    bench.wait(40 * MIN)
    bench.say(DOOR, "open", at=then)
    [entry] = [fact for fact in bench.said(Security) if fact.kind == "opened_unexpectedly"]
    assert (entry.time, entry.late) == (then, True)
    assert "learned late" in entry.text
    [alert] = bench.said(Alert, state="opened")
    assert (alert.late, alert.time) == (True, then)
    assert all(notify.suppressed for notify in bench.said(Notify))


def test_a_quiet_stream_closes_its_windows() -> None:
    bench = Bench()
    bench.say("den/climate.temperature", 21)
    bench.wait(2 * MIN + 5 * S)
    [minute] = bench.said(Window, size="1m")[:1]
    assert (minute.start, minute.last) == (TEN, 21)
    bench.wait(H)
    [hour] = bench.said(Window, size="1h")
    assert (hour.start, hour.count, hour.last) == (TEN, 1, 21)


def test_a_light_that_does_not_obey_is_said_to() -> None:
    bench = Bench()
    bench.say("hall/lamp.switch", "OFF")
    bench.act("command", device="hall/lamp", metric="switch", value=1)
    bench.wait(15 * S)
    assert [command.state for command in bench.said(Command)] == ["pending", "failed"]
    [alert] = bench.said(Alert)
    assert "did not obey" in alert.text


def test_a_replay_of_all_this_gives_the_same() -> None:
    """The log alone is enough: what was said is said again, byte for byte."""
    bench = armed()
    bench.say(DOOR, "open")
    bench.down(H)
    bench.say(DOOR, "closed")
    bench.wait(10 * MIN)
    again = Bench.__new__(Bench)
    again.__dict__.update(bench.__dict__)
    again.engine = type(bench.engine)()
    log = msgspec.json.decode(msgspec.json.encode(bench.entries), type=list[Entry])
    assert [fact for _, fact in again.engine.apply(log).facts] == bench.facts
    assert again.engine.digest() == bench.engine.digest()


def test_every_complaint_of_the_page_has_its_test_and_every_test_its_complaint() -> None:
    named = re.findall(r"`(test_\w+)`", PAGE.read_text(encoding="utf-8"))
    tests = [name for name in globals() if name.startswith("test_") and not name.startswith("test_every")]
    assert sorted(named) == sorted(tests)
