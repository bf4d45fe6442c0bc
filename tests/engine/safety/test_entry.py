"""The entry delay through the real engine: time to disarm, or to be known."""

from typing import Any

from homestream.engine.fact import Alert, Delay, Notify, Security

from ..bench import MIN, TEN, Bench, S

DOOR, MOTION = "hall/front_door.contact", "hall/motion.motion"
ANN = [{"name": "ann", "tracker": "phones/ann"}]


def armed(mode: str = "away", **config: Any) -> Bench:
    """Armed a minute ago, with everything shut and still."""
    bench = Bench(notify={"phone": ""}, **config)
    bench.say(DOOR, "closed")
    bench.say("den/window.contact", "closed")
    bench.say(MOTION, 0)
    bench.act("mode", mode=mode)
    bench.wait(MIN)
    return bench


def log(bench: Bench) -> list[tuple[str, str]]:
    return [(entry.kind, entry.severity) for entry in bench.said(Security)]


def test_the_opening_is_logged_at_once_and_is_an_alarm_when_nobody_disarms():
    bench = armed()
    bench.say(DOOR, "open")
    assert log(bench) == [("armed", "info"), ("opened", "medium")]
    assert bench.said(Security)[-1].text == "Front door opened, armed (away): 30 s to disarm"
    bench.wait(29 * S)
    assert bench.said(Alert) == []
    bench.wait(S)
    assert bench.lives("Opened unexpectedly") == [("opened", 90)]
    [alert] = bench.said(Alert)
    assert (alert.severity, alert.evidence[0].value) == ("critical", 1.0)
    assert bench.said(Security)[-1].text.endswith("armed (away), not disarmed within 30 s")
    assert [n.suppressed for n in bench.said(Notify)] == [False]


def test_disarmed_in_time_is_no_alarm():
    bench = armed()
    bench.say(DOOR, "open")
    bench.wait(20 * S)
    bench.say(MOTION, 1)
    bench.act("mode", mode="disarmed")
    bench.wait(5 * MIN)
    assert bench.said(Alert) == []
    assert log(bench)[-1] == ("disarmed", "info")


def test_the_countdowns_are_told():
    bench = armed()
    bench.say(DOOR, "open")
    bench.wait(10 * S)
    bench.act("mode", mode="disarmed")
    told = [(d.kind, (d.until - TEN) // S) for d in bench.said(Delay)]
    assert told == [("exit", 30), ("entry", 90), ("entry", 70)]
    bench.act("mode", mode="home")
    bench.act("mode", mode="disarmed")
    exits = [d.until for d in bench.said(Delay) if d.kind == "exit"]
    assert [(until - TEN) // S for until in exits] == [30, 100, 70]


def test_to_set_away_once_more_is_no_disarming():
    bench = armed("home")
    bench.say(DOOR, "open")
    bench.act("mode", mode="away")
    bench.wait(30 * S)
    assert bench.lives("Opened unexpectedly") == [("opened", 90)]


def test_a_window_gives_no_delay():
    bench = armed()
    bench.say("den/window.contact", "open")
    assert [a.text for a in bench.said(Alert)] == ["Opened unexpectedly · Den window"]


def test_motion_inside_is_no_alarm_of_its_own_while_somebody_comes_in():
    bench = armed()
    bench.say(DOOR, "open")
    bench.wait(10 * S)
    bench.say(MOTION, 1)
    assert bench.said(Alert) == []
    bench.wait(20 * S)
    bench.say(MOTION, 0)
    bench.wait(S)
    bench.say(MOTION, 1)
    assert [a.rule for a in bench.said(Alert)] == ["Opened unexpectedly", "Motion while armed"]


def test_motion_beside_the_way_in_is_an_alarm():
    zones = [{"name": "way in", "devices": ["hall/front_door", "hall/motion"], "entry": True}]
    bench = armed(security={"zone": zones})
    bench.say("den/motion.motion", 0)
    bench.say(DOOR, "open")
    bench.say(MOTION, 1)
    assert bench.said(Alert) == []
    bench.say("den/motion.motion", 1, at=bench.now + 1)
    assert [a.key for a in bench.said(Alert)] == ["den/motion"]


def test_who_comes_home_is_known_by_the_tracker_a_little_later():
    bench = armed("disarmed", person=ANN)
    bench.say("phones/ann.presence", 0)
    bench.wait(MIN)
    bench.say(DOOR, "open")
    bench.wait(20 * S)
    bench.say("phones/ann.presence", 1)
    bench.wait(5 * MIN)
    assert bench.said(Alert) == []
    assert bench.said(Security)[-1].text == "Front door: ann at home"


def test_a_stranger_who_moves_is_not_known_by_it():
    bench = armed("disarmed", person=ANN)
    bench.say("phones/ann.presence", 0)
    bench.wait(MIN)
    bench.say(DOOR, "open")
    bench.wait(10 * S)
    bench.say(MOTION, 1)
    bench.wait(30 * S)
    assert [(a.rule, a.severity) for a in bench.said(Alert)] == [("Opened unexpectedly", "critical")]


def test_a_door_shut_again_in_the_delay_is_still_an_alarm_which_ends():
    bench = armed()
    bench.say(DOOR, "open")
    bench.wait(5 * S)
    bench.say(DOOR, "closed")
    bench.wait(6 * MIN)
    assert bench.lives("Opened unexpectedly") == [("opened", 90), ("cleared", 390)]


def test_the_delay_survives_a_restart_and_waits_while_the_hub_is_down():
    bench = armed()
    bench.say(DOOR, "open")
    bench.wait(10 * S)
    bench.down(5 * MIN)
    bench.wait(19 * S)
    assert bench.said(Alert) == []
    bench.wait(10 * S)
    assert [a.state for a in bench.said(Alert)] == ["opened"]
