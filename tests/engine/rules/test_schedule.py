"""Schedules through the real engine: in a quiet home, over restarts and gaps."""

from typing import Any

from homestream.engine.fact import Alert, Command, Notify

from ..bench import MIN, TEN, Bench, H

NOTIFY = {"phone": ""}


def home(**more: Any) -> Bench:
    written = {"name": "R", "at": "10:30", "do": ["notify phone"], **more}
    return Bench(rule=[written], notify=NOTIFY, latitude=52.52, longitude=13.405)


def test_it_fires_by_time_alone_and_is_over_at_once():
    bench = home(at=["10:30", "11:00"], days="mon-fri")
    bench.wait(29 * MIN)
    bench.restart()
    bench.wait(H)
    assert bench.lives("R") == [("opened", 1800), ("cleared", 1800), ("opened", 3600), ("cleared", 3600)]
    assert [alert.text for alert in bench.said(Alert, state="opened")] == ["R · 10:30", "R · 11:00"]
    assert [notify.time - TEN for notify in bench.said(Notify)] == [30 * MIN, H]
    assert home(days="wed").lives("R") == []


def test_by_the_sun():
    bench = home(at="sunset + 10m")  # 16:49 UTC in Berlin
    bench.wait(8 * H)
    assert [seconds // 60 for _, seconds in bench.lives("R")] == [7 * 60 - 1, 7 * 60 - 1]


def test_with_a_condition_it_asks_only_then_and_clears_as_any_other():
    bench = home(when="*.contact == open", do=["notify phone", "turn off *"][:1])
    for device, value in (("garage/door", 1), ("hall/door", 0)):
        bench.say(f"{device}.contact", value)
    bench.wait(20 * MIN)
    assert bench.lives("R") == []
    bench.wait(20 * MIN)
    bench.say("hall/door.contact", 1)
    bench.say("garage/door.contact", 0)
    assert bench.lives("R") == [("opened", 1800), ("cleared", 2400)]


def test_until_keeps_it_open():
    bench = home(until="kitchen/bin.contact == open")
    bench.wait(2 * H)
    assert [state for state, _ in bench.lives("R")] == ["opened"]
    bench.say("kitchen/bin.contact", 0)
    bench.say("kitchen/bin.contact", 1, at=bench.now + 1)
    assert [state for state, _ in bench.lives("R")] == ["opened", "cleared"]


def test_missed_while_the_hub_was_down_it_is_said_and_not_done():
    bench = home(do=["notify phone", "turn on hall/lamp"])
    bench.wait(20 * MIN)
    bench.down(2 * H)
    bench.wait(MIN)
    assert [(a.state, a.late) for a in bench.said(Alert, rule="R")] == [("opened", True), ("cleared", True)]
    assert [notify.suppressed for notify in bench.said(Notify)] == [True]
    assert [command.state for command in bench.said(Command)] == ["expired"]
    bench = home(when="hall/lamp.switch")
    bench.say("hall/lamp.switch", 1)
    bench.wait(20 * MIN)
    bench.down(2 * H)
    bench.wait(MIN)
    assert bench.lives("R") == []


def test_missed_by_less_than_there_is_to_act_it_is_made_good():
    bench = home()
    bench.wait(30 * MIN - 10_000)
    bench.down(45_000)
    bench.wait(MIN)
    assert [notify.suppressed for notify in bench.said(Notify)] == [False]


def test_another_place_is_another_time():
    bench = home(at="12:00")
    bench.wait(MIN)
    bench.configure(timezone="Europe/Berlin", rule=[{"name": "R", "at": "12:00"}])
    bench.wait(3 * H)
    assert bench.lives("R") == [("opened", 3600), ("cleared", 3600)]
