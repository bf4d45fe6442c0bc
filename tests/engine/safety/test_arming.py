"""Arming with something open, bypassing it, and codes, through the real engine."""

import pytest

from homestream.engine.fact import Alert, Security

from ..bench import MIN, Bench, S

WINDOW = "den/window.contact"


def home() -> Bench:
    bench = Bench()
    bench.say("hall/front_door.contact", "closed")
    bench.say(WINDOW, "open")
    bench.wait(S)
    return bench


def texts(bench: Bench) -> list[str]:
    return [entry.text for entry in bench.said(Security)]


def test_arming_says_what_stands_open_and_what_is_not_seen():
    bench = home()
    bench.say("hall/front_door.contact", "unknown")
    bench.act("mode", mode="away")
    [entry] = bench.said(Security)
    assert entry.text == "Alarm armed (away); open: Den window; not seen: Front door"
    assert entry.severity == "medium"
    assert bench.said(Alert) == []


def test_what_stood_open_is_watched_once_it_is_shut():
    bench = home()
    bench.act("mode", mode="away")
    bench.wait(MIN)
    bench.say(WINDOW, "closed")
    bench.wait(S)
    bench.say(WINDOW, "open")
    assert [a.key for a in bench.said(Alert)] == ["den/window"]


def test_bypassed_until_disarmed():
    bench = home()
    bench.act("bypass", device="den/window", bypass=True)
    bench.act("bypass", device="den/window", bypass=True)
    bench.act("mode", mode="away")
    bench.wait(MIN)
    bench.restart()
    for value in ("closed", "open"):
        bench.say(WINDOW, value)
        bench.wait(S)
    assert bench.said(Alert) == []
    assert texts(bench)[:2] == [
        "Den window bypassed until disarmed",
        "Alarm armed (away); bypassed: Den window",
    ]
    for mode in ("disarmed", "away"):
        bench.act("mode", mode=mode)
    bench.wait(MIN)
    for value in ("closed", "open"):
        bench.say(WINDOW, value)
        bench.wait(S)
    assert len(bench.said(Alert)) == 1


def test_taken_back_in_while_armed():
    bench = home()
    bench.say(WINDOW, "closed", at=bench.now + 1)
    bench.act("bypass", device="den/window", bypass=True)
    bench.act("mode", mode="home")
    bench.act("bypass", device="den/window", bypass=False)
    bench.wait(MIN)
    bench.say(WINDOW, "open")
    assert len(bench.said(Alert)) == 1


@pytest.mark.parametrize("body", [{}, {"device": 3, "bypass": True}, {"device": "no/such", "bypass": True}])
def test_what_is_no_device_is_not_bypassed(body):
    bench = home()
    bench.act("bypass", **body)
    assert bench.said(Security) == []


def test_disarmed_with_the_code_says_so():
    bench = home()
    bench.act("mode", mode="home")
    bench.act("mode", mode="disarmed", code=True)
    assert texts(bench)[-1] == "Alarm disarmed with the code"


def test_wrong_codes_are_an_event_that_is_told():
    bench = home()
    bench.act("mode", mode="home")
    bench.wait(MIN)
    bench.act("wrong_code", count=3)
    bench.act("wrong_code", count="many")
    assert [(e.kind, e.severity, e.by) for e in bench.said(Security)][1:] == [("wrong_code", "high", "ann")]
    assert bench.said(Alert)[0].severity == "critical"
    bench.wait(6 * MIN)
    assert [a.state for a in bench.said(Alert)] == ["opened", "cleared"]
