"""Every program reads the snapshots of those before it, and goes on as if it had never stopped.

`golden/` has a log and a snapshot taken in it, made by the program that brought that version. A new one is
written by HOMESTREAM_GOLDEN=1 where today's version has none; those that are there stay as they are.
"""

import os
from pathlib import Path
from typing import Any

import msgspec
import pytest
import zstandard

from homestream.engine.fact import Command, Security, encode
from homestream.engine.fold import Engine
from homestream.engine.safety.seal import verify
from homestream.engine.upgrade import STEPS, VERSION, SnapshotError, upgraded
from homestream.reading import Entry

from .bench import MIN, Bench
from .everything import happenings

GOLDEN = Path(__file__).parent / "golden"
CUT = 120


def load(folder: Path) -> tuple[list[Entry], bytes]:
    log = zstandard.decompress((folder / "log.json.zst").read_bytes())
    return msgspec.json.decode(log, type=list[Entry]), (folder / "snapshot.bin").read_bytes()


def make(folder: Path) -> None:
    folder.mkdir(parents=True)
    entries = happenings(seed=3, size=240)
    engine = Engine()
    engine.apply(entries[:CUT])
    (folder / "log.json.zst").write_bytes(zstandard.compress(msgspec.json.encode(entries)))
    (folder / "snapshot.bin").write_bytes(engine.snapshot())


if "HOMESTREAM_GOLDEN" in os.environ and not (GOLDEN / f"v{VERSION}").exists():
    make(GOLDEN / f"v{VERSION}")


@pytest.mark.parametrize("folder", sorted(GOLDEN.iterdir()), ids=lambda folder: folder.name)
def test_a_golden_snapshot_goes_on_as_if_never_stopped(folder: Path) -> None:
    entries, snapshot = load(folder)
    engine, never = Engine.restore(snapshot), Engine()
    never.apply(entries[:CUT])
    assert engine.last_seq == never.last_seq == entries[CUT - 1].seq
    went_on, expected = engine.apply(entries).facts, never.apply(entries[CUT:]).facts
    assert len(expected) > 1000
    assert [(seq, encode(fact)) for seq, fact in went_on] == [(seq, encode(fact)) for seq, fact in expected]
    assert Engine.restore(engine.snapshot()).snapshot() == engine.snapshot()


def test_today_has_a_golden_snapshot_of_its_own() -> None:
    assert (GOLDEN / f"v{VERSION}").is_dir()
    assert sorted(STEPS) == list(range(1, VERSION))


def opened(snapshot: bytes) -> Any:
    return msgspec.msgpack.decode(zstandard.ZstdDecompressor().decompress(snapshot))


def closed(state: Any) -> bytes:
    return zstandard.ZstdCompressor().compress(msgspec.msgpack.encode(state))


def test_a_snapshot_without_the_operators_order_is_read() -> None:
    entries, snapshot = load(GOLDEN / f"v{VERSION}")
    state = opened(snapshot)
    state["version"] = 1
    for home in state["homes"]:
        del home["order"]
    old, new = Engine.restore(closed(state)), Engine.restore(snapshot)
    old.apply(entries)
    new.apply(entries)
    assert old.digest() == new.digest()


def test_timers_find_their_operator_where_the_order_is_another() -> None:
    entries, snapshot = load(GOLDEN / f"v{VERSION}")
    state = opened(snapshot)
    for home in state["homes"]:
        there = home["order"][::-1]
        home["timers"] = [[due, there.index(home["order"][place]), key] for due, place, key in home["timers"]]
        home["order"] = there
    turned, same = Engine.restore(closed(state)), Engine.restore(snapshot)
    turned.apply(entries)
    same.apply(entries)
    assert turned.digest() == same.digest()


@pytest.mark.parametrize("version", [0, VERSION + 1, None, "2"])
def test_another_version_says_what_to_do(version: Any) -> None:
    with pytest.raises(SnapshotError, match="replay the log without it"):
        upgraded({"version": version})


def test_safety_anomalies_and_commands_of_version_1_are_read() -> None:
    """As the first program wrote them."""
    bench = Bench(security={"entry_delay": "0s"})
    bench.say("hall/front_door.contact", "closed")
    bench.say("hall/lamp.switch", "OFF")
    bench.act("mode", mode="away")
    bench.act("command", device="hall/lamp", metric="switch", value=1)
    state = opened(bench.engine.snapshot())
    state["version"] = 1
    [home] = state["homes"]
    del home["order"], home["operators"]["presence"]["air"]
    security = home["operators"]["security"]
    security["previous"] = security.pop("head")
    del security["arming"], security["entry"]
    home["operators"]["anomaly"] = {"usual": [], "alerts": []}
    home["operators"]["commands"] = home["operators"]["commands"]["pending"]
    bench.engine = Engine.restore(closed(state))
    bench.wait(MIN)
    bench.say("hall/front_door.contact", "open")
    bench.act("mode", mode="disarmed")
    log = bench.said(Security)
    assert [entry.kind for entry in log] == ["armed", "opened_unexpectedly", "disarmed"]
    assert verify(log) is None
    assert bench.said(Command)[-1].state == "failed"
