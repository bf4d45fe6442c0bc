from math import isnan, nan
from typing import Any

import pytest

from homestream.engine.clock import DAY, MINUTE
from homestream.engine.fact import Anomaly, AnyFact, Blind, Mode, Occupancy, Outage
from homestream.engine.home import HomeFold
from homestream.engine.operator import GAP_MS, Context
from homestream.engine.quiet import Quiet
from homestream.reading import Reading

from .streams import DEVICE, HOME, SPRING, Run

T = SPRING


class Witness(Quiet):
    """Notes all that it is told, and does what `script` says on a value; remembers a count."""

    def __init__(self, name: str, script: dict[float, Any] | None = None, wanted: str = "") -> None:
        self.name = name
        self.heard: list[tuple[Any, ...]] = []
        self.script = script or {}
        self.wanted = wanted
        self.count = 0

    def wants(self, ctx: Context, device: str, metric: str) -> bool:
        return metric == self.wanted or not self.wanted

    def on_reading(self, ctx: Context, reading: Reading) -> None:
        self.count += 1
        self.heard.append(("reading", ctx.now, reading.time, reading.value))
        if reading.value in self.script:
            self.script[reading.value](ctx)

    def on_late(self, ctx: Context, reading: Reading) -> None:
        self.heard.append(("late", ctx.now, reading.time, reading.value))

    def on_timer(self, ctx: Context, key: str) -> None:
        self.heard.append(("timer", ctx.now, key))
        if key == "say":
            ctx.emit(mode(ctx, "away"))

    def on_action(self, ctx: Context, name: str, body: dict[str, Any], by: str, seq: int) -> None:
        self.heard.append(("action", name, body, by, seq))

    def on_gap(self, ctx: Context, since: int, until: int) -> None:
        self.heard.append(("gap", ctx.now, since, until))

    def on_fact(self, ctx: Context, fact: AnyFact) -> None:
        self.heard.append(("fact", type(fact).__name__, ctx.mode))

    def snapshot(self) -> Any:
        return self.count

    def restore(self, state: Any) -> None:
        self.count = state


def mode(ctx: Context, name: str) -> Mode:
    return Mode(home=ctx.home, time=ctx.now, mode=name, by="test")


def test_readings_come_when_they_move_the_series_else_as_late() -> None:
    witness = Witness("w")
    run = Run(operators=[witness])
    run.read(T, 1.0)
    run.read(T - 5, 2.0)
    run.read(T, 1.0)
    run.read(T, 3.0)
    run.read(T - DAY, 4.0)
    run.tick(T + DAY)
    run.read(T + 5, 5.0)
    assert witness.heard == [
        ("reading", T, T, 1.0),
        ("late", T, T - 5, 2.0),
        ("reading", T, T, 3.0),
        ("late", T, T - DAY, 4.0),
        ("late", T + DAY, T + 5, 5.0),
    ]


def test_only_wanted_series_come() -> None:
    witness = Witness("w", wanted="power")
    run = Run(operators=[witness])
    run.read(T, 1.0, "temperature")
    run.read(T, 2.0, "power")
    assert witness.heard == [("reading", T, T, 2.0)]


def test_wants_are_asked_for_anew() -> None:
    witness = Witness("w", {1.0: lambda ctx: ctx.ask(DEVICE)})
    run = Run(operators=[witness])
    run.read(T, 0.0)
    witness.wanted = "power"
    run.read(T + 1, 1.0)
    run.read(T + 2, 2.0)
    run.read(T + 3, 3.0, "power")
    assert [told[3] for told in witness.heard] == [0.0, 1.0, 3.0]


def test_late_readings_come_to_all() -> None:
    witness = Witness("w", wanted="power")
    run = Run(operators=[witness])
    run.read(T, 1.0)
    run.read(T - 5, 2.0)
    assert witness.heard == [("late", T, T - 5, 2.0)]


def test_when_a_device_was_heard() -> None:
    run = Run()
    for time, value, metric in ((T, 1.0, "power"), (T + 7, 2.0, "power"), (T + 7, 3.0, "humidity")):
        run.read(time, value, metric)
    run.read(T + 9, 4.0)
    stage = run.fold.stage
    assert stage.heard(DEVICE) == T + 9
    run.read(T + 11, nan)
    assert stage.heard(DEVICE) == T + 7
    assert stage.times(DEVICE, T) == [T + 7, T + 9]
    assert stage.heard("none") == 0
    assert stage.times("none", 0) == []


def test_timers_fire_at_their_time_before_any_later_reading() -> None:
    def ask(ctx: Context) -> None:
        for due, key in ((T + 700, "b"), (T + 500, "a"), (T + 600, "gone"), (T + 500, "0"), (T + DAY, "far")):
            ctx.at(due, "w", key)
        ctx.cancel("w", "gone")
        ctx.at(T + 800, "w", "b")

    witness = Witness("w", {1.0: ask})
    run = Run(operators=[witness])
    run.read(T, 1.0)
    run.read(T + 799, 2.0)
    run.read(T + 900, 3.0)
    assert witness.heard == [
        ("reading", T, T, 1.0),
        ("timer", T + 500, "0"),
        ("timer", T + 500, "a"),
        ("reading", T + 799, T + 799, 2.0),
        ("timer", T + 800, "b"),
        ("reading", T + 900, T + 900, 3.0),
    ]


def test_a_timer_in_the_past_fires_at_once_and_the_clock_stays() -> None:
    witness = Witness("w", {1.0: lambda ctx: ctx.at(T - 5, "w", "old")})
    run = Run(operators=[witness])
    run.read(T, 1.0)
    assert witness.heard[1:] == [("timer", T, "old")]


def test_equal_timers_fire_in_operator_order() -> None:
    both = {1.0: lambda ctx: (ctx.at(T + 5, "second", "k"), ctx.at(T + 5, "first", "k"))}
    order: list[str] = []
    first, second = Witness("first"), Witness("second", both)
    run = Run(operators=[first, second])
    run.read(T, 1.0)
    run.tick(T + 5)
    for witness in (first, second):
        order += [witness.name for heard in witness.heard if heard[0] == "timer"]
    assert order == ["first", "second"]
    assert run.fold.stage.timers.snapshot() == []


def test_others_hear_a_fact_after_the_call_that_emitted_it() -> None:
    speaker = Witness("speaker", {1.0: lambda ctx: ctx.emit(mode(ctx, "away"))})
    listener = Witness("listener")
    run = Run(operators=[speaker, listener])
    run.read(T, 1.0)
    assert speaker.heard == [("reading", T, T, 1.0)]
    assert listener.heard == [("fact", "Mode", "away"), ("reading", T, T, 1.0)]
    assert run.fold.stage.mode == "away"


def test_occupancy_is_seen_by_all() -> None:
    empty = Occupancy(home=HOME, time=T, occupied=False, confidence=0.9, why="quiet")
    run = Run(operators=[Witness("w", {1.0: lambda ctx: ctx.emit(empty)})])
    assert run.fold.stage.occupied is None
    run.read(T, 1.0)
    assert run.fold.view()["occupied"] is False


def test_a_silent_device_is_unknown_to_everyone_else() -> None:
    def silent(ctx: Context) -> None:
        ctx.emit(Outage(home=HOME, time=ctx.now, device=DEVICE, state="silent", since=T))

    judge, rule = Witness("judge", {2.0: silent}), Witness("rule", wanted="temperature")
    run = Run(operators=[judge, rule])
    run.read(T, 1.0)
    run.read(T + MINUTE, 2.0, device="other")
    [blind] = (fact for fact in run.facts if isinstance(fact, Blind))
    assert (blind.device, blind.start, blind.end, blind.before, blind.why) == (DEVICE, T, None, 1.0, "silent")
    unknown = run.fold.stage.value(DEVICE, "temperature")
    assert unknown is not None
    assert unknown[0] == T + MINUTE
    assert isnan(unknown[1])
    assert [heard[2] for heard in rule.heard if heard[0] == "reading"] == [T, T + MINUTE, T + MINUTE]
    assert run.fold.stage.previous(DEVICE, "temperature") == (T, 1.0)
    run.read(T + 2 * MINUTE, 3.0)
    assert run.facts[-1] == Blind(
        home=HOME, time=T + 2 * MINUTE, device=DEVICE, metric="temperature", start=T, end=T + 2 * MINUTE,
        before=1.0, after=3.0, why="silent",
    )  # fmt: skip


def test_a_gap_in_the_log_is_told_before_the_clock_moves() -> None:
    witness = Witness("w")
    run = Run(operators=[witness])
    run.read(T, 1.0)
    run.read(T + DAY, 1.0)  # without ticks there are no gaps
    run.tick(T + DAY + 1)
    run.tick(T + DAY + 1 + GAP_MS)
    run.tick(T + 2 * DAY)
    gaps = [heard for heard in witness.heard if heard[0] == "gap"]
    assert gaps == [("gap", T + DAY + 1 + GAP_MS, T + DAY + 1 + GAP_MS, T + 2 * DAY)]


def test_actions_reach_all_with_who_did_them() -> None:
    witness = Witness("w")
    run = Run(operators=[witness])
    run.act(T, "mode", b'{"mode": "away"}')
    assert witness.heard == [("action", "mode", {"mode": "away"}, "x", 1)]


def test_operators_and_timers_survive_a_snapshot() -> None:
    script = {1.0: lambda ctx: ctx.at(T + DAY, "w", "say")}
    run = Run(operators=[Witness("w", script)])
    run.read(T, 1.0)
    witness = Witness("w")
    run.fold = HomeFold.restore(run.fold.snapshot(), [witness, Witness("new")])
    assert witness.count == 1
    run.read(T + DAY + 5, 2.0)
    assert witness.heard == [("timer", T + DAY, "say"), ("reading", T + DAY + 5, T + DAY + 5, 2.0)]
    assert run.fold.stage.mode == "away"


def test_glitches_of_counters_are_heard() -> None:
    witness = Witness("w")
    run = Run(operators=[witness])
    run.read(T, 0.0, "energy")
    run.read(T + 1, 9e9, "energy")
    run.tick(T + 3 * MINUTE)
    assert any(isinstance(fact, Anomaly) for fact in run.facts)
    assert ("fact", "Anomaly", "disarmed") in witness.heard


def test_a_series_never_seen_has_no_value() -> None:
    run = Run()
    assert run.fold.stage.value("no", "power") is None
    assert run.fold.stage.previous("no", "power") is None
    assert run.fold.stage.series() == []
    with pytest.raises(KeyError):
        run.fold.stage.at(T, "nobody", "key")
