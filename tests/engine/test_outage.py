"""Silence through the real engine: learned, configured, announced; and what is no silence."""

from random import Random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homestream.engine.fact import Alert, Blind, Outage, Security
from homestream.engine.outage import CHANGE_ONLY_MS, KNOWN, PAUSES_MS, SHORTEST_MS, WARM, Watch

from .bench import MIN, TEN, Bench, H, S

T = "bath/sensor.temperature"


def steady(every: int, times: int = 30, **config: Any) -> Bench:
    """A sensor that speaks steadily; the last word is `now`."""
    bench = Bench(**config)
    for place in range(times):
        bench.say(T, 20 + place % 3)
        if place < times - 1:
            bench.wait(every)
    return bench


def states(bench: Bench) -> list[str]:
    return [outage.state for outage in bench.said(Outage)]


def test_a_steady_sensor_is_silent_after_three_of_its_gaps_and_a_half():
    bench = steady(MIN)
    last = bench.now
    bench.wait(209 * S)
    assert states(bench) == []
    bench.wait(S)
    [outage] = bench.said(Outage)
    assert (outage.device, outage.state, outage.since, outage.time) == (
        "bath/sensor",
        "silent",
        last,
        last + 210 * S,
    )
    [alert] = bench.said(Alert)
    assert (alert.rule, alert.text, alert.severity) == (
        "Device silent",
        "Bath sensor silent for 3 min",
        "warning",
    )


def test_what_it_measured_is_unknown_until_it_is_back():
    bench = steady(MIN)
    last = bench.now
    bench.wait(4 * MIN)
    assert bench.engine.view("home")["values"]["bath/sensor"]["temperature"][1] is None
    bench.say(T, 21)
    assert states(bench) == ["silent", "back"]
    assert [(b.start, b.end, b.after) for b in bench.said(Blind)] == [
        (last, None, None),
        (last, bench.now, 21.0),
    ]
    assert [a.state for a in bench.said(Alert)] == ["opened", "cleared"]


@pytest.mark.parametrize("later", [3 * S, 4 * S])
def test_the_reading_that_ends_a_silence_tells_of_it_where_no_tick_did(later):
    bench = steady(MIN)
    last = bench.now
    bench.wait(207 * S)
    bench.now += later
    bench.say(T, 21)
    assert states(bench) == ["silent", "back"]
    assert [(b.start, b.end, b.after) for b in bench.said(Blind)] == [
        (last, None, None),
        (last, bench.now, 21.0),
    ]
    times = bench.engine.homes["home"].stage.table["bath/sensor", "temperature"].times
    assert len(times) == len(set(times))


def test_a_learned_pace_follows_the_device():
    bench = steady(MIN)
    for _ in range(30):
        bench.say(T, 20)
        bench.wait(5 * MIN)
    bench.wait(12 * MIN + 25 * S)
    assert states(bench) == ["silent", "back"]
    bench.wait(10 * S)
    assert states(bench) == ["silent", "back", "silent"]


def test_gateways_that_die_take_their_devices_along_one_by_one():
    bench = Bench()
    for _ in range(30):
        for name in ("c", "a", "b"):
            bench.say(f"hall/{name}.contact", 0)
        bench.wait(MIN)
    bench.wait(10 * MIN)
    told = [(type(f).__name__, f.device) for f in bench.facts if isinstance(f, Outage | Security)]
    assert told == [(kind, f"hall/{name}") for name in "abc" for kind in ("Outage", "Security")]


def test_a_fast_sensor_is_given_half_a_minute():
    bench = steady(5 * S)
    bench.wait(29 * S)
    assert states(bench) == []
    bench.wait(S)
    assert states(bench) == ["silent"]


def test_a_restart_marks_nothing_silent():
    bench = steady(MIN)
    bench.wait(30 * S)
    bench.down(12 * H)
    bench.wait(170 * S)
    assert states(bench) == []
    bench.wait(MIN)
    assert states(bench) == ["silent"]


def test_a_message_first_after_a_restart_marks_nothing_silent():
    bench = steady(MIN)
    bench.down(12 * H)
    bench.say("bath/other.temperature", 20)
    bench.wait(2 * MIN)
    assert states(bench) == []


def test_a_contact_is_not_lost_because_nobody_opens_the_door():
    bench = Bench()
    for place in range(40):
        bench.say("hall/door.contact", place % 2)
        bench.wait((10 * S, 20 * MIN, MIN, 2 * H)[place % 4])
    bench.wait(22 * H)
    assert states(bench) == []
    bench.wait(2 * H)
    assert states(bench) == ["silent"]


def test_a_few_words_teach_nothing():
    bench = steady(MIN, times=WARM - 1)
    bench.wait(24 * H)
    assert states(bench) == []


def test_what_is_configured_counts():
    bench = steady(MIN, times=2, device=[{"id": "bath/sensor", "expect_every": "10m"}])
    bench.wait(599 * S)
    assert states(bench) == []
    bench.wait(S)
    assert states(bench) == ["silent"]
    bench.configure()
    bench.say(T, 20)
    bench.configure(device=[{"id": "bath/sensor", "expect_every": "1m"}])
    bench.wait(MIN)
    assert states(bench) == ["silent", "back", "silent"]


def test_a_last_will_is_believed_after_a_minute():
    bench = steady(MIN, times=3)
    bench.online("bath/sensor", False)
    bench.wait(30 * S)
    bench.online("bath/sensor", True)
    bench.say(T, 20)
    bench.wait(2 * MIN)
    assert states(bench) == []
    bench.online("bath/sensor", False)
    bench.wait(2 * MIN)
    assert states(bench) == ["silent"]
    bench.say(T, 20)
    assert states(bench) == ["silent", "back"]


def test_one_unknown_value_is_no_outage():
    bench = Bench()
    for _ in range(40):
        bench.say(T, "unknown")
        bench.say("bath/sensor.humidity", 50)
        bench.wait(MIN)
    assert states(bench) == []


def test_kept_readings_of_the_past_are_a_sign_of_life():
    bench = steady(MIN)
    bench.wait(10 * MIN)
    bench.say(T, 20, at=bench.now - 5 * MIN)
    assert states(bench) == ["silent", "back"]


def test_silence_survives_a_restart():
    whole, resumed = steady(MIN), steady(MIN)
    for bench in (whole, resumed):
        bench.wait(MIN)
        if bench is resumed:
            bench.restart()
        bench.wait(5 * MIN)
        if bench is resumed:
            bench.restart()
        bench.say(T, 20)
        bench.wait(MIN)
    assert states(resumed) == ["silent", "back"]
    assert resumed.engine.digest() == whole.engine.digest()


@settings(deadline=None)
@given(st.lists(st.integers(1, 10 * H), min_size=WARM, max_size=200))
def test_patience_outlasts_what_was_heard_of_late(gaps):
    watch = Watch(TEN, 0)
    for gap in gaps:
        assert watch.patience() is None or watch.count >= WARM
        watch.hear(watch.last + gap)
    patience = watch.patience()
    assert patience is not None
    assert patience >= max(SHORTEST_MS, *gaps[-50:])


@given(st.integers(1, 10 * H), st.integers(WARM, 100))
def test_a_metronome_gets_three_beats(gap, times):
    watch = Watch(TEN, 0)
    for _ in range(times):
        watch.hear(watch.last + gap)
    assert watch.patience() == max(SHORTEST_MS, int(3.5 * gap))
    assert CHANGE_ONLY_MS == 25 * H


def test_who_speaks_on_change_is_given_a_day_until_it_is_well_known():
    watch, chance = Watch(TEN, 0), Random(1)
    patiences = []
    for _ in range(2 * KNOWN):
        watch.hear(watch.last + int(chance.expovariate(1 / (20 * MIN))))
        patiences.append(watch.patience())
    assert patiences[KNOWN - 2] == CHANGE_ONLY_MS
    assert patiences[-1] == PAUSES_MS
