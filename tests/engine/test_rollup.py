import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homestream.engine.clock import HOUR

from .streams import AUTUMN, SPRING, Event, Run, events, final, play, reference

ZONES = ("UTC", "Europe/Berlin", "Asia/Kolkata", "Australia/Lord_Howe")


@given(
    st.sampled_from(ZONES),
    st.sampled_from((SPRING - 2 * HOUR, AUTUMN - 2 * HOUR, SPRING + 13 * HOUR + 17)),
    st.lists(events(), min_size=1, max_size=40),
)
@settings(max_examples=200, deadline=None)
def test_windows_are_what_the_readings_say(zone: str, start: int, stream: list[Event]) -> None:
    run = Run(zone)
    now = play(run, start, stream)
    stated = final(fact for size in ("1m", "1h", "1d") for fact in run.windows(size))
    expected = reference(run.out.readings, zone, now)
    assert set(stated) == set(expected)
    for key, window in expected.items():
        fact = stated[key]
        assert (fact.count, fact.min, fact.max, fact.sum, fact.last, fact.known) == (
            window.count, window.min, window.max, window.sum, window.last, window.known
        ), key  # fmt: skip
        assert fact.twmean == pytest.approx(window.twmean), key
        assert fact.energy == pytest.approx(window.energy, abs=1e-6), key
