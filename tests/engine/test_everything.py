"""The same facts whatever the cut, the crash and the neighbours, with all operators and kinds of rules."""

from itertools import pairwise

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from homestream.engine.fact import encode
from homestream.engine.fold import Engine
from homestream.engine.output import Output
from homestream.engine.rules.ruleset import compile_rules
from homestream.reading import Entry

from .everything import CONFIG, LATER, happenings

SIZE = 150
seeds = st.integers(0, 10**9)
#: A stream is made from its seed, so there is nothing to shrink.
quickly = settings(max_examples=6, deadline=None, phases=[Phase.explicit, Phase.generate])


def facts(output: Output) -> list[tuple[int, bytes]]:
    return [(seq, encode(fact)) for seq, fact in output.facts]


def apply_all(engine: Engine, entries: list[Entry]) -> list[tuple[int, bytes]]:
    """What comes of them; none of them may meet a mistake of ours."""
    output = engine.apply(entries)
    assert [refused.reason for refused in output.rejected if refused.reason.startswith("internal")] == []
    return facts(output)


@given(seeds, st.sets(st.integers(0, SIZE), max_size=8))
@quickly
def test_any_cut_into_batches(seed: int, cuts: set[int]) -> None:
    entries = happenings(seed, SIZE)
    whole, cut = Engine(), Engine()
    once = apply_all(whole, entries)
    pieces = [apply_all(cut, entries[a:b]) for a, b in pairwise(sorted(cuts | {0, len(entries)}))]
    assert [fact for piece in pieces for fact in piece] == once
    assert cut.digest() == whole.digest()
    assert cut.snapshot() == whole.snapshot()


@given(seeds, st.lists(st.integers(0, SIZE), min_size=1, max_size=3))
@quickly
def test_any_crash_with_snapshot_and_replay(seed: int, crashes: list[int]) -> None:
    entries = happenings(seed, SIZE)
    whole, again = Engine(), Engine()
    once, pieces = apply_all(whole, entries), []
    for crash in sorted(crashes):
        pieces += apply_all(again, entries[:crash])
        again = Engine.restore(again.snapshot())
    pieces += apply_all(again, entries)  # what it has seen already is left out
    assert pieces == once
    assert again.digest() == whole.digest()
    assert again.snapshot() == whole.snapshot()
    assert again.accounts() == whole.accounts()
    assert again.view("a") == whole.view("a")


@given(seeds)
@quickly
def test_any_neighbours(seed: int) -> None:
    entries = happenings(seed, SIZE)
    both = Engine().apply(entries)
    for home in "ab":
        alone = Engine().apply([entry for entry in entries if entry.home in ("", home)])
        assert facts(alone) == [(seq, encode(fact)) for seq, fact in both.facts if fact.home == home]


@pytest.mark.parametrize("config", [CONFIG, LATER])
def test_all_rules_are_sound(config) -> None:
    assert len(compile_rules(config)) == len(config.rule)
