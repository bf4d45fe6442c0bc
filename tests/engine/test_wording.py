"""How values, devices and durations are said."""

from math import nan

import pytest

from homestream.engine.wording import amount, hour, label, span

from .bench import TEN, Bench


@pytest.mark.parametrize(
    ("metric", "value", "text"),
    [
        ("temperature", 23.06, "23.1 °C"),
        ("temperature", 23.0, "23 °C"),
        ("temperature", -0.04, "0 °C"),
        ("power", 1239.6, "1240 W"),
        ("power", 0.4, "0.4 W"),
        ("energy", 999.4, "999.4 Wh"),
        ("energy", 30_078.0, "30.1 kWh"),
        ("switch", 1.0, "on"),
        ("contact", 0.0, "closed"),
        ("presence", 0.0, "away"),
        ("litres", 5.25, "5.2"),
        ("power", nan, "unknown"),
        ("power", None, "unknown"),
    ],
)
def test_amounts(metric, value, text):
    assert amount(metric, value) == text


@pytest.mark.parametrize(
    ("ms", "text"),
    [(0, "0 s"), (59_999, "59 s"), (60_000, "1 min"), (7_200_000, "2 h"), (172_800_000, "2 d")],
)
def test_spans(ms, text):
    assert span(ms) == text


def test_names_and_hours():
    bench = Bench(timezone="Asia/Kolkata", device=[{"id": "x1", "room": "living_room", "name": "TV"}])
    for device in ("hall/front_door", "hall/motion", "x/x1"):
        bench.say(f"{device}.switch", 1)
    ctx = bench.engine.homes["home"].stage
    assert label(ctx, "hall/front_door") == "Front door"
    assert label(ctx, "hall/motion") == "Hall motion"
    assert label(ctx, "never/seen") == "never/seen"
    assert hour(ctx, TEN) == "15:30"
    assert hour(ctx, -(10**15)) == "05:30"
    assert hour(ctx, 10**18)
