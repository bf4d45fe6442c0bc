"""Sequences through the real engine: order, time, unknown, restarts, late readings."""

from typing import Any

import pytest

from homestream.engine.fact import Alert, Notify

from ..bench import MIN, Bench, H, S

DOOR, MOTION, LAMP = "hall/door.contact", "hall/motion.motion", "hall/lamp.switch"


def home(**more: Any) -> Bench:
    written = {
        "name": "R",
        "first": f"{DOOR} == open",
        "then": [MOTION, LAMP],
        "within": "2m",
        "do": ["notify phone"],
        **more,
    }
    bench = Bench(rule=[written], notify={"phone": ""})
    for series in (DOOR, MOTION, LAMP):
        bench.say(series, 0)
    bench.wait(MIN)
    return bench


def happen(bench: Bench, *series: str, every: int = 10 * S) -> None:
    for one in series:
        bench.say(one, 1)
        bench.wait(every)


def test_one_after_the_other_within_the_time():
    bench = home()
    happen(bench, DOOR, MOTION, LAMP)
    [alert] = bench.said(Alert, rule="R")
    assert (alert.state, alert.time - bench.entries[0].arrived) == ("opened", 80 * S)
    assert [(e.device, e.metric) for e in alert.evidence] == [
        ("hall/door", "contact"),
        ("hall/motion", "motion"),
        ("hall/lamp", "switch"),
    ]
    assert [e.time for e in alert.evidence] == sorted(e.time for e in alert.evidence)
    assert alert.text == "R · Hall lamp on"
    assert len(bench.said(Notify)) == 1


@pytest.mark.parametrize("order", [(MOTION, DOOR, LAMP), (DOOR, LAMP, MOTION), (LAMP, MOTION, DOOR)])
def test_another_order_is_another_thing(order):
    bench = home()
    happen(bench, *order)
    assert bench.lives("R") == []


def test_too_slow():
    bench = home()
    happen(bench, DOOR, MOTION, LAMP, every=65 * S)
    assert bench.lives("R") == []


def test_the_youngest_beginning_counts():
    bench = home()
    happen(bench, DOOR, every=100 * S)
    bench.say(DOOR, 0)
    happen(bench, DOOR, MOTION, LAMP, every=50 * S)
    assert [state for state, _ in bench.lives("R")] == ["opened"]


def test_what_is_true_already_has_not_happened():
    bench = home()
    happen(bench, MOTION, DOOR, every=5 * S)
    happen(bench, LAMP)
    assert bench.lives("R") == []


def test_off_unknown_on_is_one_change_and_on_unknown_on_none():
    bench = home()
    happen(bench, DOOR)
    bench.online("hall/motion", False)
    bench.wait(5 * S)
    happen(bench, MOTION)
    bench.online("hall/motion", False)
    bench.wait(5 * S)
    happen(bench, MOTION, LAMP)
    assert [state for state, _ in bench.lives("R")] == ["opened"]


def test_it_goes_on_after_a_restart():
    bench = home()
    for series in (DOOR, MOTION, LAMP):
        bench.say(series, 1)
        bench.restart()
        bench.wait(10 * S)
    assert [state for state, _ in bench.lives("R")] == ["opened"]


def test_it_clears_when_the_last_is_over_or_by_until():
    bench = home()
    happen(bench, DOOR, MOTION, LAMP)
    bench.say(LAMP, 0)
    assert [state for state, _ in bench.lives("R")] == ["opened", "cleared"]
    bench = home(until=f"{DOOR} == closed")
    happen(bench, DOOR, MOTION, LAMP)
    bench.say(LAMP, 0)
    bench.wait(MIN)
    bench.say(DOOR, 0)
    assert bench.lives("R")[1] == ("cleared", 150)


def test_learned_late_it_does_nothing():
    bench = home()
    bench.wait(H)
    then = bench.now - 30 * MIN
    for place, series in enumerate((DOOR, MOTION, LAMP)):
        bench.say(series, 1, at=then + place * 10 * S)
    [alert] = bench.said(Alert, rule="R")
    assert (alert.late, alert.time) == (True, then + 20 * S)
    assert [notify.suppressed for notify in bench.said(Notify)] == [True]


def test_one_device_after_itself_by_the_star():
    written = {"name": "R", "first": "*.contact == open", "then": "*.contact == closed", "within": "30s"}
    bench = Bench(rule=[written])
    for device in ("a/w", "b/w"):
        bench.say(f"{device}.contact", 0)
    bench.wait(MIN)
    bench.say("a/w.contact", 1)
    bench.wait(20 * S)
    bench.say("b/w.contact", 1)
    bench.wait(20 * S)
    bench.say("a/w.contact", 0)
    bench.say("b/w.contact", 0)
    assert [alert.key for alert in bench.said(Alert, rule="R")] == ["b/w"]


def test_a_change_may_come_twice_in_a_row():
    changed = f"changed({LAMP})"
    bench = Bench(rule=[{"name": "R", "first": changed, "then": [changed, changed], "within": "5s"}])
    for value in (0, 1, 0, 1):
        bench.say(LAMP, value)
        bench.now += S
    assert [state for state, _ in bench.lives("R")] == ["opened"]


def test_cooldown():
    bench = home(cooldown="10m")
    for _ in range(3):
        happen(bench, DOOR, MOTION, LAMP)
        for series in (DOOR, MOTION, LAMP):
            bench.say(series, 0)
        bench.wait(4 * MIN)
    assert [state for state, _ in bench.lives("R")] == ["opened", "cleared", "opened", "cleared"][:2]
