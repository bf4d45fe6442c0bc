"""An engine in keyed state is the same engine, wherever the task that holds it is lost."""

from collections.abc import Iterable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homestream.engine.fact import AnyFact
from homestream.engine.fold import Engine
from homestream.reading import Entry
from homestream.runners import keyed
from homestream.runners.batches import Batch, encode
from homestream.runners.keyed import KeyedHome
from runners.streams import logs, long_log


class State:
    """A value and a list, as a cluster keeps them for a key."""

    def __init__(self) -> None:
        self.written = 0
        self._value: bytes | None = None
        self._list: list[bytes] = []

    def value(self) -> bytes | None:
        return self._value

    def update(self, value: bytes) -> None:
        self.written += 1
        self._value = value

    def get(self) -> Iterable[bytes] | None:
        return iter(self._list) if self._list else None

    def add(self, value: bytes) -> None:
        self._list.append(value)

    def clear(self) -> None:
        self._list.clear()


def records(log: list[Entry], size: int) -> list[bytes]:
    return [encode(Batch("a", log[at : at + size])) for at in range(0, len(log), size)]


@given(logs(), st.sets(st.integers(0, 20)), st.sampled_from([0, 400, 1 << 20]))
def test_a_lost_task_changes_nothing(log: list[Entry], losses: set[int], tail_bytes: int) -> None:
    mine = [entry for entry in log if entry.home in ("", "a")]
    state, facts = State(), list[tuple[int, AnyFact]]()
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(keyed, "TAIL_BYTES", tail_bytes)
        home = KeyedHome(state, state)
        for number, record in enumerate(records(mine, 3)):
            if number in losses:
                home = KeyedHome(state, state)
            output, batch = home.apply(record, state, state)
            assert encode(batch) == record
            facts += output.facts
    direct = Engine()
    assert direct.apply(mine).facts == facts
    assert (home.engine.digest(), home.engine.accounts()) == (direct.digest(), direct.accounts())


def test_snapshots_are_few_and_the_tail_is_short(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(keyed, "TAIL_BYTES", 2_000)
    state = State()
    home = KeyedHome(state, state)
    sent = records(long_log(1, 60), 50)
    for record in sent:
        home.apply(record, state, state)
        held = sum(map(len, state.get() or ()))
        assert held < max(2_000, len(state.value() or b""))
    assert 2 <= state.written <= sum(map(len, sent)) / 2_000
