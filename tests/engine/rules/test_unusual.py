"""Rules on anomalies through the real engine."""

from typing import Any

from homestream.engine.fact import Alert, Anomaly, Notify

from ..bench import MIN, Bench, S

CABIN = "cabin/air.temperature"


def home(**more: Any) -> Bench:
    bench = Bench(
        rule=[{"name": "R", "anomaly": CABIN, "do": ["notify phone"], **more}], notify={"phone": ""}
    )
    for n in range(40):
        bench.say(CABIN, 20 + n % 2 / 10)
        bench.wait(30 * S)
    assert bench.said(Anomaly) == []
    return bench


def test_it_opens_by_what_is_noticed_and_clears_when_all_is_calm():
    bench = home()
    bench.say(CABIN, 35)
    [noticed], [alert] = bench.said(Anomaly), bench.said(Alert, rule="R")
    assert (alert.key, alert.time) == ("cabin/air", noticed.time)
    assert noticed.text in alert.text
    assert len(bench.said(Notify)) == 1
    bench.say(CABIN, 20, at=bench.now + 1)
    bench.restart()
    bench.wait(14 * MIN)
    assert [state for state, _ in bench.lives("R")] == ["opened"]
    bench.wait(2 * MIN)
    assert [state for state, _ in bench.lives("R")] == ["opened", "cleared"]


def test_until_ends_it():
    bench = home(until=f"{CABIN} < 25")
    bench.say(CABIN, 35)
    bench.wait(20 * MIN)
    assert [state for state, _ in bench.lives("R")] == ["opened"]
    bench.say(CABIN, 20)
    assert [state for state, _ in bench.lives("R")] == ["opened", "cleared"]


def test_another_series_is_none_of_its_business():
    bench = home(anomaly="attic/air.temperature")
    bench.say(CABIN, 35)
    assert bench.said(Anomaly)
    assert bench.lives("R") == []


def test_each_device_of_a_star():
    bench = home(anomaly="*.temperature")
    bench.say(CABIN, 35)
    assert [alert.key for alert in bench.said(Alert, rule="R")] == ["cabin/air"]
