"""`first`, `then`, `within`: things that happen one after the other open an alert.

A thing happens when its condition becomes true; that it is true already, when first known, is nothing that
happened, and off, unknown, on is one change. Each must come after the one before it, all within `within` of
the first. Of several runs that have come as far the youngest is kept: it has the most time left.
"""

from typing import Any, NamedTuple

import msgspec
from typing_extensions import override

from homestream.engine.fact import Evidence
from homestream.engine.operator import Context
from homestream.engine.rules.kind import Kind
from homestream.engine.rules.life import Lives, Slot, evidence_of
from homestream.engine.rules.ruleset import Rule
from homestream.engine.rules.sight import Sight


class Run(NamedTuple):
    """A sequence under way: when its first thing happened and its newest, and what was seen of each."""

    began: int
    newest: int
    late: bool
    evidence: tuple[Evidence, ...]


class Track(msgspec.Struct):
    """Of each step, whether it was true when last known, and the youngest run that has come that far."""

    known: list[bool | None]
    runs: list[Run | None]


class Sequences(Kind):
    """Rules that begin with `first`."""

    def __init__(self, lives: Lives) -> None:
        super().__init__(lives)
        self._tracks: dict[Slot, Track] = {}

    @override
    def judge(
        self,
        ctx: Context,
        rule: Rule,
        key: str,
        moment: int,
        trigger: tuple[str, str] | None,
        *,
        late: bool = False,
    ) -> None:
        sight = Sight(ctx, key, trigger)
        self.lives.review(ctx, rule, sight, moment, late=late)
        track = self._tracks.get((rule.name, key))
        if track is None:
            steps = len(rule.steps)
            track = self._tracks[rule.name, key] = Track([None] * steps, [None] * steps)
        # From the last step to the first, so that one reading takes no run two steps further.
        for step in range(len(rule.steps) - 1, -1, -1):
            if self._happens(rule, track, step, sight):
                self._step(ctx, rule, track, step, sight, moment, late=late)

    @staticmethod
    def _happens(rule: Rule, track: Track, step: int, sight: Sight) -> bool:
        condition = rule.steps[step]
        truth = condition.truth(sight)
        before = track.known[step]
        if truth is not None:
            track.known[step] = truth
        # What changed(x) says is true for one reading only, and may be at the next again.
        return truth is True and (before is False or condition.uses.momentary)

    def _step(
        self, ctx: Context, rule: Rule, track: Track, step: int, sight: Sight, moment: int, *, late: bool
    ) -> None:
        seen = tuple(evidence_of(ctx, rule.steps[step], sight)[:1])
        if step == 0:
            track.runs[0] = Run(moment, moment, late, seen)
            return
        run = track.runs[step - 1]
        if run is None or moment < run.newest or moment - run.began > rule.within:
            return
        run = Run(run.began, moment, run.late or late, run.evidence + seen)
        if step < len(rule.steps) - 1:
            track.runs[step] = run
            return
        track.runs = [None] * len(rule.steps)
        if self.lives.get(rule, sight.key) is None and moment >= self.lives.cool(rule, sight.key):
            self.lives.open(ctx, rule, sight.key, moment, run.evidence, late=run.late)

    @override
    def slots(self) -> list[Slot]:
        return list(self._tracks)

    @override
    def forget(self, ctx: Context, slot: Slot) -> None:
        self._tracks.pop(slot, None)

    @override
    def snapshot(self) -> Any:
        return [
            [*slot, track.known, [None if run is None else msgspec.to_builtins(run) for run in track.runs]]
            for slot, track in self._tracks.items()
        ]

    @override
    def restore(self, state: Any) -> None:
        self._tracks = {
            (rule, key): Track(list(known), [None if run is None else _run(run) for run in runs])
            for rule, key, known, runs in state or ()
        }


def _run(state: Any) -> Run:
    began, newest, late, evidence = state
    return Run(began, newest, late, msgspec.convert(evidence, tuple[Evidence, ...]))
