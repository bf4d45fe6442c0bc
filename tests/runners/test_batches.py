"""Batches of one home each, folded alone, give what one engine of all homes gives."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homestream.engine.fold import Engine, combine
from homestream.reading import Entry
from homestream.runners import batches
from homestream.runners.batches import Batch, decode, encode, split
from runners.streams import Event, entries, logs


def each_alone(records: list[Batch]) -> dict[str, Engine]:
    """Every home's batches in an engine of its own."""
    engines: dict[str, Engine] = {}
    for home, part in records:
        engines.setdefault(home, Engine()).apply(part)
    return engines


def digests(*engines: Engine) -> dict[str, bytes]:
    return {name: home.stage.digest for engine in engines for name, home in engine.homes.items()}


@given(logs(), st.integers(1, 20), st.sampled_from([1, 300, 1_000_000]), st.sampled_from([1, 500, 1_000_000]))
def test_homes_folded_alone_agree_with_all_together(
    log: list[Entry], cut: int, batch_bytes: int, held_bytes: int
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(batches, "BATCH_BYTES", batch_bytes)
        patch.setattr(batches, "HELD_BYTES", held_bytes)
        records = [
            decode(encode(batch)) for batch in split(log[at : at + cut] for at in range(0, len(log), cut))
        ]
    together, alone = Engine(), each_alone(records)
    together.apply(log)
    assert digests(*alone.values()) == digests(together)
    assert combine(digests(*alone.values())) == together.digest()
    books = {key: account for engine in alone.values() for key, account in engine.accounts().items()}
    assert books == together.accounts()


@given(logs())
def test_a_homes_batches_are_its_entries_in_order(log: list[Entry]) -> None:
    for home in {entry.home for entry in log if entry.home}:
        mine = [entry for batch in split([log]) if batch.home == home for entry in batch.entries]
        begin = next(entry.seq for entry in log if entry.home == home)
        assert mine == [entry for entry in log[begin - 1 :] if entry.home in ("", home)]


def test_a_tick_before_a_home_exists_is_not_seen_by_it() -> None:
    log = entries([Event(0, "a", "power", 1), Event(5_000, "", "tick", 0), Event(0, "b", "power", 1)])
    assert list(split([log])) == [Batch("a", log[:2]), Batch("b", log[2:])]


def test_batches_are_cut_by_size(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "BATCH_BYTES", 3 * batches.ENTRY_BYTES + 10)
    log = entries([Event(1, home, "power", 1) for home in "aabaabaab"])
    log[0] = log[0]._replace(payload=bytes(1_000))
    assert [(batch.home, len(batch.entries)) for batch in split([log])] == [
        ("a", 1),
        ("a", 3),
        ("a", 2),
        ("b", 3),
    ]


def test_many_homes_do_not_fill_the_memory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(batches, "HELD_BYTES", 4 * batches.ENTRY_BYTES)
    log = entries([Event(1, home, "power", 1) for home in "abcdefgh"])
    cut = split([log])
    assert [next(cut).home for _ in range(4)] == ["a", "b", "c", "d"]
    assert [batch.home for batch in cut] == ["e", "f", "g", "h"]


def test_of_nothing_come_no_batches() -> None:
    assert list(split([])) == list(split([[], []])) == []
