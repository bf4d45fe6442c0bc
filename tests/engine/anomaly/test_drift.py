"""Drift from the usual for the hour of the week, through the real engine and by the profile itself."""

from math import sin
from random import Random

from hypothesis import given
from hypothesis import strategies as st

from homestream.engine.anomaly.drift import DRIFTS, HOURS, MOVED, WEEKS, Profile
from homestream.engine.fact import Alert, Anomaly

from ..bench import MIN, Bench, H

T = "living/air.temperature"


def usual(hour: int) -> float:
    """Warm by day, cool by night, and a little warmer on weekends."""
    return 19 + 2 * sin(hour % 24 / 24 * 6.28) + (hour // 24 % 7 >= 5)


def weeks(count: int) -> tuple[Bench, Random]:
    """A room that is as it is at each hour of the week; the sensor speaks each 20 minutes."""
    bench, chance = Bench(), Random(4)
    live(bench, chance, count * HOURS)
    return bench, chance


def live(bench: Bench, chance: Random, hours: int, more: float = 0.0) -> None:
    for _ in range(hours * 3):
        hour = bench.now // H
        bench.say(T, round(usual(hour) + chance.gauss(0, 0.1) + more, 2))
        bench.now += 20 * MIN
        bench.wait(5_000)


def test_what_is_far_from_the_usual_for_the_hour_is_found_and_explained():
    bench, chance = weeks(WEEKS + 1)
    assert bench.said(Anomaly) == []
    live(bench, chance, 4, more=2.4)
    [anomaly] = bench.said(Anomaly)
    assert anomaly.kind == "drift"
    assert anomaly.low < anomaly.value - 2.4 < anomaly.high
    [alert] = bench.said(Alert, rule="Unusual for the hour")
    assert "usual 1" in alert.text
    assert "on Tuesday from 1" in alert.text
    bench.restart()
    live(bench, chance, 2)
    assert [a.state for a in bench.said(Alert, rule="Unusual for the hour")] == ["opened", "cleared"]


def test_before_some_weeks_nothing_is_unusual():
    bench, chance = weeks(WEEKS - 1)
    live(bench, chance, 4, more=5)
    assert bench.said(Anomaly) == []


def test_a_lasting_change_becomes_usual():
    profile = Profile("temperature")
    for _ in range(WEEKS + 1):
        for hour in range(HOURS):
            profile.judge(hour, 20 + hour % 24 / 12)
    found = [profile.judge(hour, 25 + hour % 24 / 12) for hour in range(HOURS)]
    assert [(n, word) for n, word in enumerate(found) if word] == [(1, "drift"), (MOVED - 1, "over")]


def test_a_noisy_series_is_judged_by_its_own_noise():
    profile, chance = Profile("power"), Random(1)
    found = [profile.judge(hour % HOURS, chance.choice([0, 0, 0, 900])) for hour in range(8 * HOURS)]
    assert not any(found)


@given(st.lists(st.floats(-60, 125), min_size=1, max_size=40))
def test_levels_stay_among_the_means(means):
    profile = Profile("temperature")
    for mean in means:
        profile.judge(7, mean)
    slack = 1e-9
    assert min(means) - slack <= profile.levels[7] <= max(means) + slack
    assert profile.spread >= 0
    assert DRIFTS["temperature"] == profile.floor
    again = Profile("temperature")
    again.restore(profile.snapshot())
    assert again.snapshot() == profile.snapshot()
