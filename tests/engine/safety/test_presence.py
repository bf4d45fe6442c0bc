"""Who is home, through the real engine."""

from typing import Any

import msgspec

from homestream.engine.fact import Occupancy
from homestream.reading import Kind

from ..bench import MIN, TEN, Bench, S

DOOR, MOTION = "hall/front_door.contact", "hall/motion.motion"
PEOPLE = [{"name": "ann", "tracker": "phones/ann"}, {"name": "bob", "tracker": "phones/bob"}]


def home(**config: Any) -> Bench:
    bench = Bench(**config)
    bench.say(DOOR, "closed")
    bench.say(MOTION, 0)
    return bench


def known(bench: Bench) -> list[bool | None]:
    return [fact.occupied for fact in bench.said(Occupancy)]


def leave(bench: Bench, *, still_on: int = 60 * S) -> None:
    """Somebody passes the hall, the door opens and shuts; the motion sensor stays on a little."""
    bench.say(MOTION, 1)
    bench.wait(5 * S)
    bench.say(DOOR, "open")
    bench.wait(5 * S)
    bench.say(DOOR, "closed")
    bench.wait(still_on)
    bench.say(MOTION, 0)


def test_nothing_is_known_at_first():
    bench = home()
    bench.wait(20 * MIN)
    assert known(bench) == []
    assert bench.engine.view("home")["occupied"] is None


def test_a_door_and_then_no_motion_is_nobody():
    bench = home()
    leave(bench)
    bench.wait(13 * MIN)
    assert known(bench) == [True]
    bench.wait(2 * MIN)
    [_, empty] = bench.said(Occupancy)
    assert (empty.occupied, empty.confidence) == (False, 0.8)
    assert empty.time == TEN + 10 * S + 15 * MIN
    assert "10:00" in empty.why


def test_motion_after_the_door_is_somebody():
    bench = home()
    leave(bench)
    bench.wait(5 * MIN)
    bench.say(MOTION, 1)
    bench.say(MOTION, 0, at=bench.now + 1)
    bench.wait(60 * MIN)
    assert known(bench) == [True]


def test_a_sensor_that_is_still_on_has_a_say():
    bench = home()
    leave(bench, still_on=20 * MIN)
    bench.wait(9 * MIN)
    assert known(bench) == [True]
    bench.wait(2 * MIN)
    assert known(bench) == [True, False]


def test_a_door_left_open_says_nothing():
    bench = home()
    bench.say(MOTION, 1)
    bench.say(DOOR, "open", at=bench.now + 1)
    bench.say(MOTION, 0, at=bench.now + 2)
    bench.wait(60 * MIN)
    assert known(bench) == [True]


def test_a_window_is_no_way_out():
    bench = home()
    bench.say("kitchen/window.contact", "closed")
    bench.wait(S)
    bench.say("kitchen/window.contact", "open")
    bench.wait(S)
    bench.say("kitchen/window.contact", "closed")
    bench.wait(60 * MIN)
    assert known(bench) == []


def test_without_a_motion_sensor_nothing_is_inferred():
    bench = Bench()
    for value in ("closed", "open", "closed"):
        bench.say(DOOR, value)
        bench.wait(S)
    bench.wait(60 * MIN)
    assert known(bench) == []


def test_back_by_motion_and_by_hand():
    for series, values in ((MOTION, (1,)), ("hall/lamp.switch", ("ON",))):
        bench = home()
        bench.say("hall/lamp.switch", "OFF")
        leave(bench)
        bench.wait(20 * MIN)
        for value in values:
            bench.say(series, value)
        assert known(bench) == [True, False, True]


def test_a_commanded_switch_is_no_hand():
    bench = home()
    bench.say("hall/lamp.switch", "OFF")
    leave(bench)
    bench.wait(20 * MIN)
    bench.act("command", device="hall/lamp", metric="switch", value=1)
    bench.say("hall/lamp.switch", "ON", at=bench.now + 1)
    assert known(bench) == [True, False]
    bench.say("hall/lamp.switch", "OFF", at=bench.now + 2)
    assert known(bench) == [True, False, True]


def test_the_inference_survives_a_restart():
    bench = home()
    leave(bench)
    bench.wait(5 * MIN)
    bench.restart()
    bench.wait(10 * MIN)
    assert known(bench) == [True, False]


def test_the_time_the_hub_was_down_is_not_waited_for():
    bench = home()
    leave(bench)
    bench.wait(5 * MIN)
    bench.down(60 * MIN)
    bench.wait(8 * MIN)
    assert known(bench) == [True]
    bench.wait(2 * MIN)
    assert known(bench) == [True, False]


def test_unknown_motion_is_no_motion_and_no_stillness():
    bench = home()
    leave(bench)
    bench.online("hall/motion", False)
    bench.wait(20 * MIN)
    assert known(bench) == [True, False]
    bench.online("hall/motion", True)
    bench.say(MOTION, 0)
    assert known(bench) == [True, False]


def test_trackers_decide():
    bench = home(person=PEOPLE)
    bench.say("phones/ann.presence", 1)
    bench.say("phones/bob.presence", 0)
    leave(bench)
    bench.wait(60 * MIN)
    assert known(bench) == [True]
    bench.say("phones/ann.presence", 0)
    bench.say("phones/ann.presence", 0, at=bench.now + 1)
    assert known(bench) == [True, False]
    bench.say("phones/bob.presence", 1)
    assert [(f.occupied, f.why) for f in bench.said(Occupancy)][-1] == (True, "bob at home")


def test_somebody_without_a_tracker_is_somebody_unless_they_came_in():
    for enters in (False, True):
        bench = home(person=PEOPLE[:1])
        bench.say("phones/ann.presence", 1)
        leave(bench)
        bench.say("phones/ann.presence", 0)
        bench.wait(10 * MIN)
        if enters:
            bench.say(DOOR, "open")
        bench.say(MOTION, 1, at=bench.now + 1)
        bench.say("phones/ann.presence", 0, at=bench.now + 2)
        assert known(bench) == ([True, False] if enters else [True, False, True])


def test_when_the_one_without_a_tracker_leaves_nobody_is_home():
    bench = home(person=PEOPLE[:1])
    bench.say("phones/ann.presence", 0)
    bench.say(MOTION, 1)
    leave(bench)
    bench.wait(20 * MIN)
    assert [(f.occupied, f.confidence) for f in bench.said(Occupancy)] == [
        (False, 0.95),
        (True, 0.6),
        (False, 0.95),
    ]


def test_a_lost_tracker_leaves_it_to_inference():
    bench = home(person=PEOPLE[:1])
    bench.say("phones/ann.presence", 1)
    bench.online("phones/ann", False)
    leave(bench)
    bench.wait(20 * MIN)
    assert known(bench) == [True, False]


def test_a_person_at_the_panel_overrules():
    bench = home()
    bench.act("mode", mode="away")
    bench.wait(29 * S)
    assert known(bench) == []
    bench.wait(S)
    bench.say(MOTION, 1)
    assert known(bench) == [False]
    bench.act("mode", mode="disarmed")
    assert known(bench) == [False, True]


def test_disarmed_within_the_exit_delay_nobody_left():
    bench = home()
    bench.act("mode", mode="away")
    bench.wait(10 * S)
    bench.act("mode", mode="disarmed")
    bench.wait(MIN)
    assert known(bench) == [True]


def test_motion_learned_late_takes_an_inference_back():
    bench = home()
    leave(bench)
    then = bench.now + 8 * MIN
    bench.wait(20 * MIN)
    assert known(bench) == [True, False]
    bench.say("attic/motion.motion", 1, at=bench.now - 25 * MIN)
    assert known(bench) == [True, False]
    bench.say(MOTION, 1, at=then)
    assert known(bench) == [True, False, True]


def test_of_several_trackers_one_at_home_is_enough_and_the_lost_one_does_not_count():
    bench = home(person=[{"name": "ann", "tracker": ["phones/ann", "hall/keyfob"]}])
    bench.say("hall/keyfob.presence", 1)
    bench.say("phones/ann.presence", 0)
    assert known(bench) == [True]
    bench.online("hall/keyfob", False)
    assert known(bench) == [True, False]
    bench.online("phones/ann", False)
    bench.say(DOOR, "open")
    bench.say(MOTION, 1, at=bench.now + 1)
    assert known(bench) == [True, False, True], "with no tracker left it is for motion to say"


def test_a_tracker_that_falls_silent_knows_nothing_any_more():
    device = [{"id": "phones/ann", "expect_every": "1h"}]
    bench = home(person=PEOPLE[:1], device=device)
    bench.say("phones/ann.presence", 0)
    bench.wait(61 * MIN)
    assert known(bench) == [False]
    bench.say(MOTION, 1)
    [_, somebody] = bench.said(Occupancy)
    assert somebody.confidence == 0.9, "as without a tracker"


def test_owntracks_through_the_engine():
    bench = home(person=[{"name": "ann", "tracker": "ann_phone"}])
    for regions, occupied in ((["Home"], True), ([], False)):
        body = {"_type": "location", "tst": bench.now // 1000, "inregions": regions}
        bench.put(Kind.MESSAGE, "owntracks/ann/phone", msgspec.json.encode(body))
        assert known(bench)[-1] is occupied
        bench.wait(MIN)


def test_who_sleeps_breathes():
    bench = home()
    leave(bench)
    for minute in range(40):
        bench.say("bedroom/air.carbon_dioxide", 500 + 6 * minute)
        bench.wait(MIN)
    assert known(bench) == [True]
    for minute in range(60):
        bench.say("bedroom/air.carbon_dioxide", 740 - 5 * minute)
        bench.wait(MIN)
    assert known(bench) == [True, False]
