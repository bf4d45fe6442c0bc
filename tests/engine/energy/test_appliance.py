from math import nan

from hypothesis import given
from hypothesis import strategies as st

from homestream.engine.clock import HOUR, MINUTE
from homestream.engine.energy.appliance import Run, runs

HOLD = 5 * MINUTE


def every_minute(*watts: float) -> list[tuple[int, float]]:
    return [(n * MINUTE, value) for n, value in enumerate(watts)]


def test_a_kettle_runs_while_it_boils() -> None:
    assert runs(every_minute(1, 1, 2000, 2000, 1, 1, 1, 1, 2000, 1, 1, 1, 1), HOLD) == [
        Run(2 * MINUTE, 4 * MINUTE),
        Run(8 * MINUTE, 9 * MINUTE),
    ]


def test_a_washing_machine_that_pauses_runs_once() -> None:
    wash = [0, *[2100] * 20, *[80] * 15, 0, 0, *[470] * 5, *[0] * 10]
    assert runs(every_minute(*wash), HOLD) == [Run(MINUTE, 43 * MINUTE)]


def test_a_router_never_runs() -> None:
    assert runs(every_minute(*[4, 6, 9, 4, 3] * 20), HOLD) == []


def test_standby_is_no_run_and_a_run_may_go_on() -> None:
    assert runs(every_minute(*[11, 12] * 30, 140, 150), HOLD) == [Run(60 * MINUTE, None)]


def test_a_lamp_that_was_on_when_first_heard_is_known_to_have_been_when_it_goes_out() -> None:
    assert runs(every_minute(79, 79, 79, 0, 0, 0, 0, 0, 79, 79), HOLD) == [
        Run(0, 3 * MINUTE),
        Run(8 * MINUTE, None),
    ]


def test_what_is_not_known_is_no_run() -> None:
    gone = [(0, 0.0), (MINUTE, 900.0), (2 * MINUTE, 900.0), (3 * HOUR, 900.0)]
    assert runs(gone, HOLD) == [Run(MINUTE, 7 * MINUTE), Run(3 * HOUR, None)]
    assert runs(every_minute(0, 900, 900, nan, nan, 0), HOLD) == [Run(MINUTE, 3 * MINUTE)]


@given(st.lists(st.tuples(st.integers(1, 400_000), st.sampled_from([0.0, 3.0, 60.0, 2000.0, nan]))))
def test_runs_follow_each_other(steps: list[tuple[int, float]]) -> None:
    time, readings = 0, []
    for step, watts in steps:
        time += step
        readings.append((time, watts))
    found = runs(readings, HOLD)
    edges = [edge for run in found for edge in run if edge is not None]
    assert edges == sorted(edges)
    assert all(run.end is not None for run in found[:-1])
    ended = [run for run in found if run.end is not None]
    assert all(b.start - a.end >= 0 for a, b in zip(ended, found[1:], strict=False) if a.end is not None)
