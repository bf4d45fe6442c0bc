from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from homestream.effects.outbox import KEEP_MS, Outbox
from homestream.engine.fact import Mode

T = 1_700_000_000_000

Make = Callable[..., Any]


@pytest.fixture
def outbox(tmp_path: Path) -> Outbox:
    return Outbox(tmp_path / "outbox.db")


def test_an_effect_enters_once_also_after_reopening(tmp_path: Path, notify: Make, command: Make) -> None:
    first = Outbox(tmp_path / "outbox.db")
    assert first.add([(1, notify()), (2, Mode(home="home", time=T, mode="away", by="me"))]) == 1
    assert first.add([(1, notify())]) == 0
    first.close()
    again = Outbox(tmp_path / "outbox.db")
    assert again.add([(1, notify()), (3, command())]) == 1
    assert again.counts() == {"owed": 2, "sent": 0, "failed": 0, "suppressed": 0, "expired": 0}


def test_homes_do_not_share_ids(outbox: Outbox, notify: Make) -> None:
    assert outbox.add([(1, notify(home="a")), (2, notify(home="b"))]) == 2
    assert [effect.home for effect in outbox.recent(home="b")] == ["b"]
    assert [effect.home for effect in outbox.recent()] == ["b", "a"]


def test_a_settled_effect_stays_settled_when_its_fact_is_made_again(outbox: Outbox, notify: Make) -> None:
    outbox.add([(1, notify())])
    [effect] = outbox.due(T, 10)
    outbox.settle(effect, "sent", "", T + 5)
    outbox.settle(effect, "failed", "second end", T + 6)
    outbox.add([(1, notify())])
    [effect] = outbox.recent()
    assert (effect.state, effect.tries, effect.settled) == ("sent", 1, T + 5)
    assert outbox.due(T + 100, 10) == []


def test_what_the_engine_suppressed_is_recorded_and_never_due(outbox: Outbox, notify: Make) -> None:
    outbox.add([(1, notify(suppressed=True))])
    assert outbox.due(T + 1, 10) == []
    assert outbox.counts()["suppressed"] == 1


@pytest.mark.parametrize(
    ("said", "state"), [("confirmed", "sent"), ("failed", "failed"), ("expired", "expired")]
)
def test_the_engine_ends_a_command(outbox: Outbox, said: str, state: str, command: Make) -> None:
    outbox.add([(1, command())])
    outbox.add([(2, command(said))])
    [effect] = outbox.recent()
    assert (effect.state, effect.reason) == (state, said)
    outbox.retry(effect, T + 3_000, "")
    assert outbox.recent()[0].tries == 0


def test_pending_and_confirmed_in_one_batch_is_never_sent(outbox: Outbox, command: Make) -> None:
    outbox.add([(1, command()), (2, command("confirmed"))])
    assert outbox.due(T + 1, 10) == []


def test_due_gives_commands_first_then_the_longest_waiting(
    outbox: Outbox, notify: Make, command: Make
) -> None:
    outbox.add([(1, notify("late", time=T - 1)), (2, notify("later")), (3, command())])
    assert [effect.id for effect in outbox.due(T, 10)] == ["c1", "late", "later"]
    assert [effect.id for effect in outbox.due(T, 1)] == ["c1"]
    assert [effect.id for effect in outbox.due(T - 1, 10)] == ["late"]
    assert outbox.next_due() == T - 1


def test_a_retry_moves_its_turn(outbox: Outbox, notify: Make) -> None:
    outbox.add([(1, notify())])
    [effect] = outbox.due(T, 10)
    outbox.retry(effect, T + 1_000, "down")
    assert outbox.due(T + 999, 10) == []
    [effect] = outbox.due(T + 1_000, 10)
    assert (effect.tries, effect.reason, effect.fact) == (1, "down", notify())


def test_forgets_what_is_long_settled_but_nothing_owed(outbox: Outbox, notify: Make) -> None:
    outbox.add([(1, notify("old")), (2, notify("owed")), (3, notify("long", act_within=2 * KEEP_MS))])
    for effect in outbox.due(T, 10):
        if effect.id != "owed":
            outbox.settle(effect, "sent", "", T)
    assert outbox.forget(T + KEEP_MS) == 0
    assert outbox.forget(T + KEEP_MS + 60_001) == 1
    assert {effect.id for effect in outbox.recent()} == {"owed", "long"}


def test_every_write_is_synced(outbox: Outbox) -> None:
    assert outbox._db.execute("PRAGMA synchronous").fetchone() == (2,)
