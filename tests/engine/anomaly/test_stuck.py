"""Dead sensors that look alive, through the real engine and by the measure itself."""

from random import Random

from hypothesis import given
from hypothesis import strategies as st

from homestream.engine.anomaly.stuck import CHANGES, FACTOR, KNOWN_MS, LEAST_MS, Rest
from homestream.engine.fact import Alert, Anomaly

from ..bench import MIN, Bench, H

T = "living/air.temperature"


def lively(hours: int = 26, every: int = 2 * MIN) -> tuple[Bench, Random]:
    """A room whose temperature is a little different each time."""
    bench, chance = Bench(), Random(3)
    for _ in range(hours * H // every):
        bench.say(T, round(20 + chance.gauss(0, 0.3), 2))
        bench.wait(every)
    return bench, chance


def test_a_sensor_that_always_varied_and_stays_is_dead():
    bench, chance = lively()
    for _ in range(60):
        bench.say(T, 20.17)
        bench.wait(2 * MIN)
    [anomaly] = bench.said(Anomaly, device="living/air")
    assert (anomaly.kind, anomaly.value) == ("stuck", 20.17)
    [alert] = bench.said(Alert, rule="Sensor stuck")
    assert alert.text.startswith("Sensor stuck · Living air temperature 20.2 °C for 50 min, lately never")
    assert (alert.severity, alert.state) == ("warning", "opened")
    bench.restart()
    bench.say(T, 20 + chance.random())
    bench.wait(12 * MIN)
    assert [a.state for a in bench.said(Alert, rule="Sensor stuck")] == ["opened", "cleared"]


def test_silence_is_no_rest():
    bench, _ = lively()
    bench.wait(3 * H)
    assert bench.said(Anomaly) == []


def test_a_counter_that_stands_while_power_flows_is_dead():
    bench = Bench()
    for minute in range(180):
        bench.say("house/mains.power", 1200 + minute % 7)
        bench.say("house/mains.energy", 5_000 + 20 * min(minute, 60))
        bench.wait(MIN)
    [anomaly] = bench.said(Anomaly)
    assert (anomaly.kind, anomaly.metric, anomaly.value) == ("stuck", "energy", 6200)
    assert anomaly.text == "6.2 kWh for 1 h, while 1203 Wh went through"
    for minute in range(70):
        bench.say("house/mains.power", 1200)
        bench.say("house/mains.energy", 6_200 + 20 * minute)
        bench.wait(MIN)
    assert [a.state for a in bench.said(Alert, rule="Sensor stuck")] == ["opened", "cleared"]


def test_an_empty_socket_is_not_dead():
    bench, chance = Bench(), Random(5)
    for minute in range(40 * 60):
        bench.say("office/desk.power", round(80 + chance.gauss(0, 9), 1) if minute < 26 * 60 else 0)
        bench.wait(MIN)
    assert bench.said(Anomaly) == []


values = st.sampled_from([19.0, 19.5, 20.0])


@given(st.lists(st.tuples(st.integers(1, 40), values), max_size=400))
def test_nothing_is_dead_before_it_is_known_or_sooner_than_the_least(steps):
    rest, now, changes, before = Rest(), 0, 0, None
    for minutes, value in steps:
        now += minutes * MIN
        changes += before is not None and value != before
        before = value
        if rest.look([(now, value)]) == "stuck":
            assert changes >= CHANGES
            assert rest.last - rest.first >= KNOWN_MS
            assert rest.length >= max(LEAST_MS, FACTOR * rest.longest)


@given(st.lists(st.tuples(st.integers(1, 40), values), max_size=60), st.integers(1, 9))
def test_looks_of_any_size_see_the_same_rest(steps, size):
    readings, now = [], 0
    for minutes, value in steps:
        now += minutes * MIN
        readings.append((now, value))
    one, many = Rest(), Rest()
    one.look(readings)
    for start in range(0, len(readings), size):
        many.look(readings[start : start + size])
    assert (one.since, one.last, one.readings) == (many.since, many.last, many.readings)
