"""The security log and its rules through the real engine, and the complaints they answer."""

from functools import cache
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homestream.engine.fact import Alert, Mode, Notify, Occupancy, Security
from homestream.engine.safety.seal import verify

from ..bench import MIN, TEN, Bench, H, S

DOOR = "hall/front_door.contact"


def home(**config: Any) -> Bench:
    """Doors shut, nobody moves, two people to tell; no time to disarm, see test_entry.py."""
    config.setdefault("security", {"entry_delay": "0s"})
    bench = Bench(notify={"phone": "", "mail": ""}, **config)
    bench.say(DOOR, "closed")
    bench.say("hall/motion.motion", 0)
    bench.wait(MIN)
    return bench


def armed(mode: str = "away", **config: Any) -> Bench:
    bench = home(**config)
    bench.act("mode", mode=mode)
    bench.wait(MIN)
    return bench


def kinds(bench: Bench) -> list[str]:
    return [entry.kind for entry in bench.said(Security)]


@pytest.mark.parametrize("mode", ["home", "night", "away"])
def test_an_opening_while_armed_is_unexpected_and_everybody_is_told(mode):
    bench = armed(mode)
    bench.say(DOOR, "open")
    assert kinds(bench) == ["armed", "opened_unexpectedly"]
    [alert] = bench.said(Alert)
    assert (alert.text, alert.severity) == ("Opened unexpectedly · Front door", "critical")
    assert [n.target for n in bench.said(Notify) if not n.suppressed] == ["phone", "mail"]


def test_arming_and_disarming_are_said_and_logged_with_whom():
    bench = armed("away")
    bench.act("mode", mode="away")
    bench.act("mode", mode="disarmed")
    assert [(m.mode, m.by) for m in bench.said(Mode)] == [("away", "ann"), ("disarmed", "ann")]
    assert [(e.kind, e.by) for e in bench.said(Security)] == [("armed", "ann"), ("disarmed", "ann")]


@pytest.mark.parametrize("body", [{}, {"mode": "party"}, {"mode": 3}, {"mode": ["away"]}, {"mode": None}])
def test_no_mode_is_no_change(body):
    bench = home()
    bench.act("mode", **body)
    assert bench.said(Mode) == []


def test_leaving_within_the_exit_delay_is_no_alarm():
    bench = home()
    bench.act("mode", mode="away")
    bench.wait(10 * S)
    bench.say("hall/motion.motion", 1)
    bench.say(DOOR, "open")
    bench.wait(10 * S)
    bench.say(DOOR, "closed")
    assert bench.said(Alert) == []
    assert kinds(bench) == ["armed", "motion", "opened", "closed"]


def test_from_one_armed_mode_to_another_there_is_no_new_exit_delay():
    bench = armed("home")
    bench.act("mode", mode="night")
    bench.say(DOOR, "open", at=bench.now + 1)
    assert len(bench.said(Alert)) == 1


def test_disarmed_by_day_with_somebody_home_an_opening_is_only_logged():
    bench = home()
    bench.say("hall/motion.motion", 1)
    bench.say(DOOR, "open")
    bench.say(DOOR, "closed", at=bench.now + 1)
    assert bench.said(Alert) == []
    assert kinds(bench) == ["motion", "opened", "closed"]


@pytest.mark.parametrize(("hours", "unexpected"), [(12, False), (13, True), (19, True), (20, False)])
def test_the_night_is_the_homes_own(hours, unexpected):
    bench = Bench(timezone="Atlantic/Azores", security={"night_from": "22:00", "night_to": "05:00"})
    bench.now = TEN + hours * H  # 10:00 UTC is 9:00 there
    bench.say(DOOR, "closed")
    bench.say(DOOR, "open", at=bench.now + 1)
    assert bool(bench.said(Alert)) == unexpected


def test_a_cupboard_is_no_perimeter():
    bench = armed("away", device=[{"id": "hall/front_door", "perimeter": False}])
    bench.say(DOOR, "open")
    assert bench.said(Alert) == []
    assert kinds(bench) == ["armed", "opened"]


def test_the_first_reading_of_a_contact_is_no_opening():
    bench = armed("away")
    bench.say("kitchen/window.contact", "open")
    assert bench.said(Alert) == []
    assert kinds(bench) == ["armed"]


def test_unknown_then_open_while_armed_is_one_opening_that_nobody_saw():
    bench = armed("away")
    bench.online("hall/front_door", False)
    bench.wait(4 * MIN)
    bench.say(DOOR, "open")
    entries = bench.said(Security)
    assert [e.kind for e in entries] == ["armed", "offline", "online", "opened_unexpectedly"]
    assert "not seen 10:02-10:06" in entries[-1].text
    assert len(bench.said(Alert, rule="Opened unexpectedly")) == 1


def test_motion_that_was_not_seen_to_begin_wakes_nobody():
    bench = armed("away")
    bench.online("hall/motion", False)
    bench.wait(4 * MIN)
    bench.say("hall/motion.motion", 1)
    assert kinds(bench) == ["armed", "offline", "online", "motion_nobody_home"]
    assert bench.said(Alert, rule="Motion while armed") == []
    bench.wait(5 * S)
    bench.say("hall/motion.motion", 0)
    bench.wait(5 * S)
    bench.say("hall/motion.motion", 1)
    assert len(bench.said(Alert, rule="Motion while armed")) == 1


def test_unknown_and_shut_again_is_no_opening():
    bench = armed("away")
    bench.say(DOOR, "unknown")
    bench.wait(4 * MIN)
    bench.say(DOOR, "closed")
    assert kinds(bench) == ["armed"]


def test_opened_while_the_hub_was_down_is_noticed_when_it_is_back():
    bench = armed("away")
    bench.down(20 * MIN)
    bench.say(DOOR, "open")
    [alert] = bench.said(Alert, rule="Opened unexpectedly")
    assert "hub down 10:02-10:22" in alert.text
    assert (alert.late, alert.severity) == (False, "warning"), "it may have been long ago"


def test_a_restart_makes_no_event():
    bench = armed("away")
    before = len(bench.facts)
    bench.restart()
    bench.say(DOOR, "closed", at=bench.now + 1)
    bench.say("hall/motion.motion", 0, at=bench.now + 1)
    assert len(bench.facts) == before


def test_a_retained_open_door_fires_once():
    bench = armed("away")
    bench.say(DOOR, "open")
    for _ in range(3):
        bench.wait(S)
        bench.restart()
        bench.say(DOOR, "open")
    assert len(bench.said(Alert)) == 1


def test_learned_late_is_judged_by_its_own_time_and_told_to_nobody():
    bench = armed("away")
    bench.wait(10 * MIN)
    then = bench.now
    bench.wait(40 * MIN)
    bench.act("mode", mode="disarmed")
    bench.say(DOOR, "open", at=then)
    bench.say(DOOR, "closed", at=then + 2 * S)
    late = [e for e in bench.said(Security) if e.late]
    assert [(e.kind, e.time) for e in late] == [("opened_unexpectedly", then), ("closed", then + 2 * S)]
    assert "learned late" in late[0].text
    [opened] = bench.said(Alert, state="opened", rule="Opened unexpectedly")
    assert (opened.late, opened.time) == (True, then)
    assert all(n.suppressed for n in bench.said(Notify))


def test_learned_late_from_before_it_was_armed_is_no_alarm():
    bench = home()
    then = bench.now
    bench.wait(10 * MIN)
    bench.act("mode", mode="away")
    bench.wait(MIN)
    bench.say(DOOR, "open", at=then)
    assert bench.said(Alert) == []


def test_a_late_batch_of_the_same_state_is_no_change():
    bench = armed("away")
    bench.wait(10 * MIN)
    for minutes in range(9, 5, -1):
        bench.say(DOOR, "closed", at=bench.now - minutes * MIN)
    assert [e for e in bench.said(Security) if e.late] == []


def test_motion_while_away_is_an_alarm_each_time_it_starts_anew():
    bench = armed("away")
    bench.say("hall/motion.motion", 1)
    bench.wait(30 * S)
    bench.say("hall/motion.motion", 1)
    bench.say("hall/motion.motion", 0, at=bench.now + 1)
    bench.wait(4 * MIN)
    bench.say("hall/motion.motion", 1)
    assert kinds(bench)[1:] == ["motion_nobody_home", "motion_nobody_home"]
    assert len(bench.said(Alert)) == 1
    assert [(o.occupied, o.confidence > 0.9) for o in bench.said(Occupancy)][-1] == (False, True)
    bench.say("hall/motion.motion", 0, at=bench.now + 1)
    bench.wait(6 * MIN)
    bench.say("hall/motion.motion", 1)
    assert [a.state for a in bench.said(Alert)] == ["opened", "cleared", "opened"]


def test_motion_when_nobody_is_home_by_inference_is_a_warning():
    bench = home()
    bench.say("hall/motion.motion", 1)
    bench.say(DOOR, "open", at=bench.now + 1)
    bench.wait(10 * S)
    bench.say(DOOR, "closed")
    bench.say("hall/motion.motion", 0)
    bench.wait(16 * MIN)
    bench.say("hall/motion.motion", 1)
    [alert] = bench.said(Alert)
    assert (alert.rule, alert.severity) == ("Motion when nobody is home", "warning")


def test_motion_after_an_unexpected_opening_is_critical():
    bench = home(person=[{"name": "ann", "tracker": "phones/ann"}])
    bench.say("phones/ann.presence", 0)
    bench.wait(10 * MIN)
    bench.say(DOOR, "open")
    bench.wait(20 * S)
    bench.say("hall/motion.motion", 1)
    assert [(a.rule, a.severity) for a in bench.said(Alert)] == [
        ("Opened unexpectedly", "critical"),
        ("Motion when nobody is home", "critical"),
    ]


def test_ordinary_motion_is_logged_seldom():
    bench = home()
    for _ in range(20):
        bench.say("hall/motion.motion", 1)
        bench.wait(30 * S)
        bench.say("hall/motion.motion", 0)
        bench.wait(30 * S)
    assert kinds(bench) == ["motion"] * 4


@pytest.mark.parametrize(
    ("metric", "rule"), [("smoke", "Smoke"), ("moisture", "Water leak"), ("tamper", "Tampered with")]
)
def test_alarms_at_any_time(metric, rule):
    bench = home()
    bench.say(f"kitchen/detector.{metric}", 0)
    bench.say(f"kitchen/detector.{metric}", 1, at=bench.now + 1)
    assert [(a.rule, a.key) for a in bench.said(Alert)] == [(rule, "kitchen/detector")]
    assert kinds(bench) == [metric]
    bench.say(f"kitchen/detector.{metric}", 0, at=bench.now + 2)
    bench.wait(6 * MIN)
    assert [a.state for a in bench.said(Alert)] == ["opened", "cleared"]


def test_smoke_is_an_alarm_from_the_first_word():
    bench = home()
    bench.say("kitchen/detector.smoke", 1)
    bench.say("kitchen/other.tamper", 1)
    assert [a.rule for a in bench.said(Alert)] == ["Smoke"]


def test_acknowledged_then_disarmed():
    bench = armed("away")
    bench.say(DOOR, "open")
    bench.act("acknowledge", alert=bench.said(Alert)[0].id)
    bench.act("mode", mode="disarmed")
    assert [(a.state, a.by) for a in bench.said(Alert)] == [
        ("opened", ""),
        ("acknowledged", "ann"),
        ("cleared", "ann"),
    ]


@cache
def _log() -> list[Security]:
    bench = armed("away")
    for value in ("open", "closed") * 4:
        bench.say(DOOR, value)
        bench.wait(S)
        bench.restart()
    return bench.said(Security)


def test_the_log_is_chained_over_restarts():
    entries = _log()
    assert len(entries) == 9
    assert verify(entries) is None
    assert verify(entries[3:]) is None
    assert verify([]) is None


@settings(max_examples=40, deadline=None)
@given(
    st.integers(0, 8), st.sampled_from(["text", "time", "kind", "by", "late", "device", "previous", "hash"])
)
def test_no_entry_can_be_altered_or_taken_out(index, field):
    entries = _log()
    value = getattr(entries[index], field)
    other = not value if isinstance(value, bool) else value + (1 if isinstance(value, int) else "x")
    forged = list(entries)
    forged[index] = msgspec.structs.replace(entries[index], **{field: other})
    assert verify(forged) is not None
    if 0 < index < len(entries) - 1:
        assert verify(entries[:index] + entries[index + 1 :]) == index


def test_a_restored_home_judges_as_the_one_that_ran_on():
    whole, resumed = armed("away"), armed("away")
    for bench in (whole, resumed):
        bench.say(DOOR, "unknown")
        bench.wait(2 * MIN)
        if bench is resumed:
            bench.restart()
        bench.say(DOOR, "open")
        bench.wait(10 * MIN)
        bench.say(DOOR, "closed")
        bench.wait(10 * MIN)
    assert resumed.engine.digest() == whole.engine.digest()
