"""Spikes through the real engine, and the usual range under any values."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from homestream.engine.anomaly.spike import SPIKES, WARM, Usual
from homestream.engine.fact import Alert, Anomaly

from ..bench import MIN, Bench, H, S

T = "living/air.temperature"


def usual(readings: int = 200, level: float = 20.0) -> Bench:
    """A room that is as warm as it always is, a reading every 5 s."""
    bench, chance = Bench(), Random(1)
    for _ in range(readings):
        bench.say(T, round(level + chance.gauss(0, 0.1), 1))
        bench.wait(5 * S)
    return bench


def test_a_spike_is_found_and_explained():
    bench = usual()
    bench.say(T, 35.2)
    [anomaly] = bench.said(Anomaly)
    assert (anomaly.kind, anomaly.value, anomaly.device) == ("spike", 35.2, "living/air")
    assert anomaly.low < 20 < anomaly.high < 24
    assert anomaly.text.startswith("35.2 °C, usual 17.")
    [alert] = bench.said(Alert)
    assert (alert.rule, alert.severity) == ("Unusual value", "info")
    bench.wait(5 * S)
    bench.say(T, 20)
    assert [a.state for a in bench.said(Alert)] == ["opened", "cleared"]


def test_spikes_do_not_become_usual_and_do_not_storm():
    bench = usual()
    for _ in range(6):
        bench.say(T, 35)
        bench.wait(5 * S)
        for _ in range(3):
            bench.say(T, 20)
            bench.wait(5 * S)
    assert len(bench.said(Anomaly)) == 6
    assert [a.state for a in bench.said(Alert)] == ["opened", "cleared"]


def test_a_new_level_becomes_usual():
    bench = usual()
    for _ in range(60):
        bench.say(T, 25)
        bench.wait(5 * S)
    assert len(bench.said(Anomaly)) == 1
    assert [a.state for a in bench.said(Alert)] == ["opened", "cleared"]


def test_a_slow_change_is_no_spike():
    bench = usual()
    for step in range(300):
        bench.say(T, 20 + step * 0.03)
        bench.wait(5 * S)
    assert bench.said(Anomaly) == []


def test_a_shower_is_no_spike():
    bench = Bench()
    for percent in [45] * 60 + [45 + 4 * step for step in range(12)]:
        bench.say("bath/air.humidity", percent)
        bench.wait(30 * S)
    assert bench.said(Anomaly) == []


def test_a_restart_makes_no_spike():
    bench = usual()
    bench.restart()
    bench.say(T, 20.2)
    bench.down(3 * H)
    bench.say(T, 15.0)
    bench.wait(5 * S)
    bench.say(T, 15.1)
    assert bench.said(Anomaly) == []


def test_a_restored_home_finds_the_same():
    whole, resumed = usual(), usual()
    resumed.restart()
    for bench in (whole, resumed):
        for value in (20, 33, 20, 20, 34):
            bench.say(T, value)
            bench.wait(5 * S)
    assert len(resumed.said(Anomaly)) == 2
    assert resumed.engine.digest() == whole.engine.digest()


def test_unknown_is_no_anomaly_and_little_is_no_basis():
    bench = usual(WARM - 1)
    bench.say(T, 50)
    bench.say(T, "unknown", at=bench.now + 1)
    assert bench.said(Anomaly) == []


def test_a_kettle_is_no_anomaly():
    bench = Bench()
    for watts in [0] * 50 + [2200]:
        bench.say("kitchen/kettle.power", watts)
        bench.wait(5 * S)
    assert bench.said(Anomaly) == []


def test_acknowledged():
    bench = usual()
    bench.say(T, 35)
    bench.act("acknowledge", alert=bench.said(Alert)[0].id)
    assert [a.state for a in bench.said(Alert)] == ["opened", "acknowledged"]
    bench.wait(MIN)


@given(st.lists(st.floats(-60, 125), min_size=1, max_size=300))
def test_the_level_stays_among_the_values(values):
    known = Usual("temperature")
    for value in values:
        known.judge(0, value)
    slack = 1e-9
    assert min(values) - slack <= known.level <= max(values) + slack
    assert 0 <= known.spread <= max(values) - min(values) + SPIKES["temperature"]
