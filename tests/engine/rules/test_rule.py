"""Rules through the real engine: their life, restarts, unknown, late readings, effects."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homestream.engine.fact import Alert, Command, Notify, Window
from homestream.engine.fold import Engine

from ..bench import MIN, Bench, H, S

IRON = {
    "name": "Iron left on",
    "when": "laundry/iron.power > 1000",
    "until": "laundry/iron.power < 50",
    "for": "10m",
    "cooldown": "1h",
    "act_within": "2m",
    "do": ["notify phone", "turn off laundry/iron"],
}
NOTIFY = {"phone": ""}


def rule(when: str, **more: Any) -> dict[str, Any]:
    return {"rule": [{"name": "R", "when": when, **more}], "notify": NOTIFY}


@pytest.fixture
def iron():
    return Bench(rule=[IRON], notify=NOTIFY)


def test_opens_after_its_hold_and_clears_by_its_own_level(iron):
    iron.say("laundry/iron.power", 1200)
    iron.wait(9 * MIN)
    assert iron.lives("Iron left on") == []
    iron.wait(2 * MIN)
    iron.say("laundry/iron.power", 500)
    assert iron.lives("Iron left on") == [("opened", 600)]
    iron.say("laundry/iron.power", 20, at=iron.now + 1)
    assert iron.lives("Iron left on") == [("opened", 600), ("cleared", 660)]


def test_an_alert_says_why(iron):
    iron.say("laundry/iron.power", 1240)
    iron.wait(10 * MIN)
    [alert] = iron.said(Alert, rule="Iron left on")
    assert alert.text == "Iron left on · Laundry iron 1240 W"
    assert [(e.device, e.metric, e.value) for e in alert.evidence] == [("laundry/iron", "power", 1240)]
    assert (alert.key, alert.severity, alert.late) == ("laundry/iron", "warning", False)


def test_a_hold_survives_restarts(iron):
    iron.say("laundry/iron.power", 1200)
    for _ in range(5):
        iron.wait(MIN)
        iron.restart()
    iron.wait(5 * MIN)
    assert iron.lives("Iron left on") == [("opened", 600)]


def test_a_hold_that_ends_while_the_hub_is_off_opens_once_devices_have_spoken(iron):
    iron.say("laundry/iron.power", 1200)
    iron.wait(MIN)
    iron.down(2 * H)
    iron.wait(10 * S)
    iron.say("laundry/iron.power", 1190)
    iron.wait(MIN)
    assert iron.lives("Iron left on") == [("opened", 60 + 7200 + 60 + 5)]
    assert [notify.suppressed for notify in iron.said(Notify)] == [False]


def test_what_was_switched_off_while_the_hub_was_off_is_no_alarm(iron):
    iron.say("laundry/iron.power", 1200)
    iron.wait(MIN)
    iron.down(2 * H)
    iron.wait(10 * S)
    iron.say("laundry/iron.power", 0)
    iron.wait(H)
    assert iron.lives("Iron left on") == []


def test_a_short_restart_does_not_lengthen_a_hold(iron):
    iron.say("laundry/iron.power", 1200)
    iron.wait(MIN)
    iron.down(3 * MIN)
    iron.wait(7 * MIN)
    assert iron.lives("Iron left on") == [("opened", 600)]


def test_after_a_gap_not_everything_is_old():
    home = Bench(**rule('age(*.temperature) > "10m"'))
    for _ in range(3):
        for device in "abc":
            home.say(f"r/{device}.temperature", 20)
        home.wait(MIN)
    home.down(5 * H)
    home.wait(30 * S)
    for device in "ab":
        home.say(f"r/{device}.temperature", 20)
    home.wait(2 * MIN)
    assert [a.key for a in home.said(Alert)] == ["r/c"]


def test_a_dip_below_the_level_breaks_the_hold(iron):
    iron.say("laundry/iron.power", 1200)
    iron.wait(8 * MIN)
    iron.say("laundry/iron.power", 900)
    iron.wait(5 * S)
    iron.say("laundry/iron.power", 1200)
    iron.wait(9 * MIN)
    assert iron.lives("Iron left on") == []


def test_unknown_neither_opens_nor_clears_and_breaks_a_hold(iron):
    iron.say("laundry/iron.power", 1200)
    iron.wait(8 * MIN)
    iron.online("laundry/iron", False)
    iron.wait(20 * S)
    iron.say("laundry/iron.power", 1200)
    iron.wait(9 * MIN)
    assert iron.lives("Iron left on") == []
    iron.wait(2 * MIN)
    iron.online("laundry/iron", False)
    iron.wait(MIN)
    assert [state for state, _ in iron.lives("Iron left on")] == ["opened"]


def test_unavailable_to_on_is_no_event():
    home = Bench(**rule("changed(hall/lamp.switch) and hall/lamp.switch"))
    home.say("hall/lamp.switch", "ON")
    home.wait(MIN)
    home.online("hall/lamp", False)
    home.wait(MIN)
    home.say("hall/lamp.switch", "ON")
    assert home.lives("R") == []


def test_a_repeated_or_first_report_is_no_change():
    home = Bench(**rule("changed(hall/lamp.switch)"))
    home.say("hall/lamp.switch", "ON")
    home.wait(MIN)
    home.restart()
    home.say("hall/lamp.switch", "ON")
    assert home.lives("R") == []
    home.wait(MIN)
    home.say("hall/lamp.switch", "OFF")
    assert [state for state, _ in home.lives("R")] == ["opened"]


def test_cooldown_counts_from_the_clearing():
    home = Bench(**rule("a/x.power > 10", cooldown="10m"))
    for value in (20, 0, 20, 0, 20):
        home.say("a/x.power", value)
        home.wait(MIN)
    assert home.lives("R") == [("opened", 0), ("cleared", 60)]
    home.wait(10 * MIN)
    assert home.lives("R")[2:] == [("opened", 660)]


def test_without_until_it_clears_when_false():
    home = Bench(**rule("a/x.power > 10"))
    for value in (20, 10, 11):
        home.say("a/x.power", value)
        home.wait(MIN)
    assert home.lives("R") == [("opened", 0), ("cleared", 60), ("opened", 120)]


def test_wildcards_bind_one_alert_a_device():
    home = Bench(**rule("kitchen/*.temperature > 30 and hall/main.switch"))
    home.say("kitchen/a.temperature", 35)
    home.say("kitchen/b.temperature", 25)
    home.say("bath/c.temperature", 35)
    home.say("hall/main.switch", "ON")
    assert [(a.state, a.key) for a in home.said(Alert)] == [("opened", "kitchen/a")]
    home.say("kitchen/b.temperature", 31, at=home.now + 1)
    home.say("hall/main.switch", "OFF", at=home.now + 2)
    assert [(a.state, a.key) for a in home.said(Alert)][1:] == [
        ("opened", "kitchen/b"),
        ("cleared", "kitchen/a"),
        ("cleared", "kitchen/b"),
    ]


def test_mode_and_occupancy_are_conditions():
    home = Bench(**rule("mode == away and hall/lamp.switch and not occupied"))
    home.say("hall/lamp.switch", "ON")
    home.act("mode", mode="away")
    home.wait(20 * S)
    assert home.lives("R") == []
    home.wait(20 * S)
    home.act("mode", mode="home")
    assert home.lives("R") == [("opened", 30), ("cleared", 40)]


def test_time_conditions_follow_the_homes_clock():
    home = Bench(timezone="Europe/Berlin", **rule('time >= "11:30" and weekday == tue'))  # it is 11:00 there
    home.say("a/x.power", 1)
    home.wait(29 * MIN)
    home.restart()
    home.wait(2 * MIN)
    assert home.lives("R") == [("opened", 1800)]
    home.wait(13 * H)
    assert home.lives("R")[1:] == [("cleared", 13 * 3600)]


def test_age_is_judged_every_minute():
    home = Bench(**rule('age(a/x.power) > "5m"'))
    home.say("a/x.power", 1)
    home.wait(6 * MIN)
    home.say("a/x.power", 1, at=home.now)
    assert home.lives("R") == [("opened", 360), ("cleared", 360)]


def test_a_person_of_a_tracker():
    home = Bench(person=[{"name": "ann", "tracker": "phones/ann"}], **rule("person.ann == away"))
    home.say("phones/ann.presence", 1)
    home.wait(MIN)
    home.say("phones/ann.presence", 0)
    assert home.lives("R") == [("opened", 60)]


def test_windows_look_back():
    home = Bench(**rule('twmean(a/x.temperature, "10m") > 20 and delta(a/x.temperature, "10m") > 5'))
    for value in (15, 15, 15, 15, 30, 30, 30, 30):
        home.say("a/x.temperature", value)
        home.wait(5 * MIN)
        home.restart()
    assert home.lives("R")[0] == ("opened", 24 * 60)


def test_effects_are_made_once_and_named_after_the_alert(iron):
    iron.say("laundry/iron.power", 1200)
    iron.wait(11 * MIN)
    [alert], [notify] = iron.said(Alert, rule="Iron left on"), iron.said(Notify)
    assert (notify.id, notify.target, notify.suppressed) == (f"{alert.id}:phone", "phone", False)
    command = iron.said(Command)[0]
    assert (command.id, command.device, command.metric, command.value, command.state) == (
        f"{alert.id}-0",
        "laundry/iron",
        "switch",
        0.0,
        "pending",
    )


def test_what_is_learned_late_is_told_as_late_and_does_nothing():
    home = Bench(**rule("hall/door.contact", do=["notify phone", "turn on hall/siren"]))
    home.say("hall/door.contact", "closed")
    home.wait(40 * MIN)
    home.say("hall/door.contact", "open", at=home.now - 38 * MIN)
    [alert] = home.said(Alert, rule="R")
    assert (alert.late, alert.time) == (True, home.now - 38 * MIN)
    assert [n.suppressed for n in home.said(Notify, id=f"{alert.id}:phone")] == [True]
    assert [c.state for c in home.said(Command)] == ["expired"]
    home.say("hall/door.contact", "closed", at=home.now - 37 * MIN)
    assert [(a.state, a.late) for a in home.said(Alert, rule="R")] == [("opened", True), ("cleared", True)]


def test_a_late_run_with_a_hold_opens_only_if_it_lasted(iron):
    iron.say("laundry/iron.power", 0)
    iron.wait(2 * H)
    then = iron.now - 100 * MIN
    for minutes, watts in ((0, 1200), (5, 0), (20, 1200), (50, 0)):
        iron.say("laundry/iron.power", watts, at=then + minutes * MIN)
    iron.wait(H)
    alerts = [(a.state, (a.time - then) // MIN, a.late) for a in iron.said(Alert, rule="Iron left on")]
    assert alerts == [("opened", 30, True), ("cleared", 50, True)]
    assert [n.suppressed for n in iron.said(Notify)] == [True]


def test_an_older_reading_ends_an_alert_that_it_shows_to_be_over(iron):
    iron.say("laundry/iron.power", 1200)
    iron.wait(20 * MIN)
    iron.say("laundry/iron.power", 1300)
    iron.wait(5 * MIN)
    iron.say("laundry/iron.power", 10, at=iron.now - 10 * MIN)
    alerts = iron.said(Alert, rule="Iron left on")
    assert [(a.state, a.late) for a in alerts] == [("opened", False), ("cleared", True)]
    assert alerts[1].time == iron.now - 10 * MIN


def test_an_older_reading_never_opens():
    home = Bench(**rule("a/x.power > 10"))
    home.say("a/x.power", 1)
    home.wait(10 * MIN)
    home.say("a/x.power", 1)
    home.say("a/x.power", 99, at=home.now - 5 * MIN)
    assert home.lives("R") == []


def test_acknowledged_by_whom_and_still_cleared_later(iron):
    iron.say("laundry/iron.power", 1200)
    iron.wait(11 * MIN)
    iron.act("acknowledge", alert=iron.said(Alert, rule="Iron left on")[0].id)
    iron.act("acknowledge", alert=iron.said(Alert, rule="Iron left on")[0].id)
    iron.act("acknowledge", alert="none such")
    iron.say("laundry/iron.power", 0, at=iron.now + 1)
    assert [(a.state, a.by) for a in iron.said(Alert, rule="Iron left on")] == [
        ("opened", ""),
        ("acknowledged", "ann"),
        ("cleared", ""),
    ]


def test_a_rule_taken_away_clears_its_alert():
    home = Bench(**rule("a/x.power > 10"))
    home.say("a/x.power", 20)
    home.configure()
    assert [(a.state, a.by) for a in home.said(Alert)] == [("opened", ""), ("cleared", "rule removed")]


def test_a_new_rule_sees_what_is():
    home = Bench()
    home.say("a/x.power", 20)
    home.wait(MIN)
    home.configure(**rule("*.power > 10"))
    assert home.lives("R") == [("opened", 60)]


def test_another_rule_of_that_name_keeps_the_alert_if_it_can_end_it():
    home = Bench(**rule("*.power > 10"))
    for device in ("a/x", "a/y"):
        home.say(f"{device}.power", 20)
    home.configure(**rule("a/x.power > 15", cooldown="1m"))
    assert [(a.key, a.state, a.by) for a in home.said(Alert)][2:] == [("a/y", "cleared", "rule changed")]
    home.say("a/x.power", 12, at=home.now + 1)
    assert [(a.key, a.state) for a in home.said(Alert)][3:] == [("a/x", "cleared")]


def test_what_others_became_leaves_a_hold_and_a_cooldown_alone(iron):
    iron.say("laundry/iron.power", 1200)
    iron.wait(5 * MIN)
    iron.configure(rule=[{"name": "New", "at": "sunset"}, IRON], notify=NOTIFY, latitude=1, longitude=1)
    iron.wait(6 * MIN)
    assert iron.lives("Iron left on") == [("opened", 600)]
    iron.say("laundry/iron.power", 0)
    iron.configure(rule=[IRON], notify=NOTIFY)
    iron.say("laundry/iron.power", 1200, at=iron.now + 1)
    iron.wait(30 * MIN)
    assert iron.lives("Iron left on") == [("opened", 600), ("cleared", 660)]


def test_a_budget_of_the_day():
    home = Bench(timezone="Europe/Berlin", **rule('energy("day") > 2', severity="info"))
    for _ in range(4 * 60):
        home.say("house/mains.power", 1000)
        home.wait(MIN)
    [alert] = home.said(Alert, rule="R")
    assert alert.time - home.entries[0].arrived in range(120 * MIN, 125 * MIN)
    assert alert.evidence[0].value == pytest.approx(2000, abs=20)
    home.wait(12 * H)
    assert [state for state, _ in home.lives("R")] == ["opened"]  # nothing is known of the new day
    home.say("house/mains.power", 5)
    home.wait(5 * MIN)
    assert [state for state, _ in home.lives("R")] == ["opened", "cleared"]


def test_an_hour_of_a_rule_is_the_hour_of_the_roll_ups():
    home = Bench(**rule('twmean(a/x.temperature, "1h", every "1h") > 21.4'))
    home.wait(H)
    for minute in range(62):
        home.say("a/x.temperature", 20 + minute / 20)
        home.wait(MIN)
    [window] = [w for w in home.said(Window, size="1h", metric="temperature") if w.count]
    assert window.twmean == pytest.approx(21.475)
    assert home.lives("R") == [("opened", 2 * 3600 + 60)]


def test_the_same_configuration_again_changes_nothing(iron):
    iron.say("laundry/iron.power", 1200)
    iron.wait(5 * MIN)
    iron.configure(rule=[IRON], notify=NOTIFY)
    iron.wait(6 * MIN)
    assert iron.lives("Iron left on") == [("opened", 600)]


EVENTS = st.lists(
    st.tuples(
        st.one_of(st.integers(0, 15 * MIN), st.integers(0, 30 * S)),  # wait before
        st.sampled_from(["a/x.power", "a/y.power", "a/x.contact", "hall/door.contact"]),
        st.sampled_from([0, 1, 1, None]),
        st.sampled_from([0, 0, 0, 2 * S, 30 * MIN]),  # how late
    ),
    max_size=30,
)
RULES = [
    {"name": "one", "when": "*.contact", "for": "5m", "cooldown": "10m"},
    {"name": "two", "when": "a/x.power and a/y.power", "until": "not a/x.power", "do": ["notify phone"]},
    {"name": "three", "when": 'age(*.power) > "10m"'},
    {"name": "four", "when": 'mean(*.power, "20m") > 0.5 and not unknown(hall/door.contact)'},
    {"name": "five", "first": "*.contact", "then": ["*.power", "*.contact == off"], "within": "30m"},
    {"name": "six", "silent": "*.power", "for": "12m", "do": ["notify phone"]},
    {"name": "seven", "anomaly": "*.power", "until": "a/x.contact"},
    {"name": "eight", "at": ["10:20", "sunset - 20m"], "do": ["mode away", "turn off lights", "webhook hub"]},
    {"name": "nine", "at": "10:40", "when": "*.contact and mode == away", "quiet": "10:00-11:00"},
    {"name": "ten", "when": 'session(a/x.power, "10m") > "20m" or sun == down or energy("day") > 0.001'},
    {"name": "eleven", "when": 'twmean(a/y.power, "15m", every "15m") > 0.2 and a/y.power + 1 > 1.5'},
    {"name": "twelve", "when": "changed(hall/door.contact)", "cooldown": "1m", "do": ["notify phone"]},
]
HOME: dict[str, Any] = {
    "rule": RULES,
    "notify": NOTIFY,
    "webhook": {"hub": ""},
    "group": {"lights": ["hall/lamp", "office/lamp"]},
    "latitude": 52.52,
    "longitude": 13.405,
}


@settings(max_examples=60, deadline=None)
@given(EVENTS, st.integers(0, 80), st.integers(0, 30))
def test_any_run_is_the_same_over_a_restart_and_every_alert_has_one_life(events, cut, change):
    home = Bench(**HOME)
    for number, (pause, series, value, late) in enumerate(events):
        home.now += pause
        if number % 3 == 0:
            home.wait(5 * S)
        if number == change:  # half of the rules are taken away or are others, the rest goes on
            others = [{**rule, "cooldown": "3m"} if n % 4 else rule for n, rule in enumerate(RULES[:9])]
            home.configure(**{**HOME, "rule": others})
        home.say(series, value if value is not None else "unknown", at=home.now - late)
    home.wait(30 * S)
    whole = Engine()
    whole.apply(home.entries[:cut])
    resumed = Engine.restore(whole.snapshot())
    resumed.apply(home.entries[cut:])
    assert resumed.digest() == home.engine.digest()
    assert resumed.snapshot() == home.engine.snapshot()
    states: dict[str, list[str]] = {}
    for alert in home.said(Alert):
        states.setdefault(alert.id, []).append(alert.state)
    assert all(life in (["opened"], ["opened", "cleared"]) for life in states.values())
