"""Absence through the real engine: to the second, over restarts, gaps of the hub and late readings."""

from typing import Any

from homestream.engine.fact import Alert, Notify

from ..bench import MIN, Bench, H, S

FREEZER = "garage/freezer.temperature"


def home(**more: Any) -> Bench:
    written = {"name": "R", "silent": FREEZER, "for": "1h", "do": ["notify phone"], **more}
    return Bench(rule=[written], notify={"phone": ""})


def test_to_the_second_and_cleared_by_the_next_word():
    bench = home()
    bench.wait(2 * H)
    assert bench.lives("R") == []  # it never spoke
    bench.say(FREEZER, -18)
    bench.wait(59 * MIN)
    bench.restart()
    bench.say(FREEZER, -18)
    bench.wait(H + 30 * S)
    assert bench.lives("R") == [("opened", 7200 + 3540 + 3600)]
    [alert] = bench.said(Alert, rule="R")
    assert alert.text == "R · Garage freezer silent for 1 h"
    assert alert.evidence[0].value == -18
    bench.say(FREEZER, -17)
    assert [state for state, _ in bench.lives("R")] == ["opened", "cleared"]
    bench.wait(H)
    assert [state for state, _ in bench.lives("R")] == ["opened", "cleared", "opened"]


def test_unknown_says_nothing():
    bench = home()
    bench.say(FREEZER, -18)
    bench.wait(30 * MIN)
    bench.online("garage/freezer", False)
    bench.wait(31 * MIN)
    assert bench.lives("R") == [("opened", 3600)]


def test_after_the_hub_was_down_devices_may_speak_first():
    bench = home()
    bench.wait(5 * S)
    bench.say(FREEZER, -18)
    bench.wait(MIN)
    bench.down(3 * H)
    bench.wait(20 * S)
    bench.say(FREEZER, -18)
    bench.wait(5 * MIN)
    assert bench.lives("R") == []
    bench.down(3 * H)
    bench.wait(2 * MIN)
    assert [state for state, _ in bench.lives("R")] == ["opened"]


def test_what_it_kept_for_later_is_no_return():
    bench = home()
    bench.say(FREEZER, -18)
    bench.wait(4 * H)
    bench.say(FREEZER, -18, at=bench.now - 2 * H)
    assert [state for state, _ in bench.lives("R")] == ["opened"]
    bench.say(FREEZER, -18, at=bench.now - 10 * MIN)
    assert [(a.state, a.late) for a in bench.said(Alert, rule="R")] == [("opened", False), ("cleared", True)]
    bench.wait(51 * MIN)
    assert [state for state, _ in bench.lives("R")] == ["opened", "cleared", "opened"]


def test_longer_than_any_history():
    bench = home(**{"for": "2d"})
    bench.say(FREEZER, -18)
    bench.wait(S)
    bench.online("garage/freezer", False)
    for _ in range(49 * 120):
        bench.now += 25 * S
        bench.wait(5 * S)
    assert bench.lives("R")[0] == ("opened", 48 * 3600 + 1)  # since when it is unknown is known for ever
    assert len(bench.said(Notify)) == 1


def test_each_device_of_a_star():
    bench = home(silent="*.temperature")
    for device in ("a/t", "b/t"):
        bench.say(f"{device}.temperature", 20)
    bench.wait(40 * MIN)
    bench.say("b/t.temperature", 20)
    bench.wait(30 * MIN)
    assert [alert.key for alert in bench.said(Alert, rule="R")] == ["a/t"]
