from itertools import pairwise
from typing import Any, NamedTuple

import msgspec
import pytest
import zstandard
from hypothesis import given, settings
from hypothesis import strategies as st

from homestream.engine.fold import MAX_SOURCES, OTHERS, Engine
from homestream.engine.output import KEPT, Account, Output
from homestream.engine.upgrade import VERSION, SnapshotError
from homestream.home import HomeConfig
from homestream.reading import Entry, Kind

from .streams import SPRING

RULES = [
    {"name": "Iron left on", "when": "laundry/iron.power > 1000", "until": "laundry/iron.power < 50"},
    {"name": "Warm", "when": "*.temperature > 25", "for": "5m", "cooldown": "10m", "do": ["notify phone"]},
]
GROUP = {"all": ["laundry/iron", "den/lamp"]}
CONFIG = HomeConfig.model_validate({"id": "a", "timezone": "Europe/Berlin", "rule": RULES, "group": GROUP})


def message(home: str, topic: str, body: Any, items: int = 1) -> tuple[Kind, str, str, str, bytes, int]:
    payload = body if isinstance(body, bytes) else msgspec.json.encode(body)
    return Kind.MESSAGE, home, "mqtt:hub", topic, payload, items


def row(device: str, metric: str, value: float, behind: int) -> dict[str, Any]:
    return {"device": device, "metric": metric, "value": value, "behind": behind}


homes = st.sampled_from(["a", "b"])
behind = st.sampled_from([0, 0, 0, 1_000, 45_000, 300_000, 7_000_000])
rows = st.builds(
    row,
    st.sampled_from(["laundry/iron", "den/climate", "hall/door"]),
    st.sampled_from(["power", "energy", "temperature", "contact", "motion"]),
    st.integers(0, 2_000),
    behind,
)
messages = st.one_of(
    st.builds(lambda h, v: message(h, "home/laundry/iron/power", b"%d" % v), homes, st.integers(0, 2_000)),
    st.builds(
        lambda h, v: message(h, "home/hall/door/contact", v), homes, st.sampled_from([b"open", b"closed"])
    ),
    st.builds(lambda h: message(h, "home/hall/door/available", b"offline"), homes),
    st.builds(lambda h: message(h, "home/hall/door/contact", b"\xff{"), homes),
    st.builds(
        lambda h, r: message(h, "api/readings", r, len(r)), homes, st.lists(rows, min_size=1, max_size=4)
    ),
)
doings = st.builds(
    lambda h, act: (Kind.ACTION, h, "page:ann", act[0], msgspec.json.encode(act[1]), 1),
    homes,
    st.sampled_from(
        [
            ("mode", {"mode": "away"}),
            ("mode", {"mode": "disarmed"}),
            ("mode", {"mode": "home", "code": True}),
            ("bypass", {"device": "hall/door", "bypass": True}),
            ("wrong_code", {"count": 3}),
            ("command", {"device": "laundry/iron", "metric": "switch", "value": 1}),
            ("command", {"group": "all", "metric": "switch", "value": 0}),
            ("acknowledge", {"alert": "none"}),
            ("configure", {"id": "a", "timezone": "Asia/Kolkata", "rule": RULES[:1]}),
            ("configure", {"timezone": "Mars/Base"}),
        ]
    ),
)
others = st.one_of(
    st.just((Kind.TICK, "", "clock", "", b"", 1)),
    st.builds(lambda h: (Kind.REFUSED, h, "mqtt:1.2.3.4", "malformed packet", b"\x00", 1), homes),
)
steps = st.sampled_from([0, 5_000, 5_000, 20_000, 60_000, 900_000, 9_000_000])


class Happening(NamedTuple):
    after: int
    what: tuple[Kind, str, str, str, bytes, int]


happenings = st.lists(st.builds(Happening, steps, st.one_of(messages, messages, doings, others)), max_size=40)


def entries_of(stream: list[Happening]) -> list[Entry]:
    """A log: home a's configuration, then what happens; `behind` in rows becomes their time."""
    now = SPRING
    start = CONFIG.model_dump_json(by_alias=True).encode()
    entries = [Entry(1, Kind.ACTION, "a", "run", "configure", start, now)]
    for after, (kind, home, source, topic, payload, items) in stream:
        now += after
        if topic == "api/readings":
            batch = msgspec.json.decode(payload)
            payload = msgspec.json.encode([r | {"time": now - r.pop("behind")} for r in batch])  # noqa: PLW2901
        entries.append(Entry(len(entries) + 1, kind, home, source, topic, payload, now, items))
    return entries


def joined(outputs: list[Output]) -> Output:
    whole = Output()
    for output in outputs:
        whole.readings += output.readings
        whole.facts += output.facts
        whole.rejected += output.rejected
    return whole


def seen(output: Output) -> str:
    """All of an output, comparable where values are NaN."""
    return repr((output.readings, output.facts, output.rejected))


@given(happenings, st.data())
@settings(max_examples=40, deadline=None)
def test_any_cut_into_batches_is_the_same(stream: list[Happening], data: st.DataObject) -> None:
    entries = entries_of(stream)
    cuts = sorted(data.draw(st.sets(st.integers(0, len(entries)))) | {0, len(entries)})
    whole, cut = Engine(), Engine()
    once = whole.apply(entries)
    pieces = joined([cut.apply(entries[a:b]) for a, b in pairwise(cuts)])
    assert seen(pieces) == seen(once)
    assert cut.digest() == whole.digest()
    assert cut.snapshot() == whole.snapshot()


@given(happenings, st.data())
@settings(max_examples=40, deadline=None)
def test_a_crash_anywhere_changes_nothing(stream: list[Happening], data: st.DataObject) -> None:
    entries = entries_of(stream)
    crash = data.draw(st.integers(0, len(entries)))
    whole, first = Engine(), Engine()
    once = whole.apply(entries)
    before = first.apply(entries[:crash])
    second = Engine.restore(first.snapshot())
    assert second.last_seq == first.last_seq
    after = second.apply(entries)  # what it has seen already is left out
    assert seen(joined([before, after])) == seen(once)
    assert second.digest() == whole.digest()
    assert second.snapshot() == whole.snapshot()
    assert second.accounts() == whole.accounts()
    assert second.view("a") == whole.view("a")


@given(happenings)
@settings(max_examples=40, deadline=None)
def test_homes_do_not_touch_each_other(stream: list[Happening]) -> None:
    entries = entries_of(stream)
    both, alone = Engine(), Engine()
    facts = [fact for _, fact in both.apply(entries).facts if fact.home == "b"]
    assert [fact for _, fact in alone.apply([e for e in entries if e.home != "a"]).facts] == facts


@given(happenings)
@settings(max_examples=40, deadline=None)
def test_received_is_stored_duplicate_and_rejected(stream: list[Happening]) -> None:
    entries = entries_of(stream)
    engine = Engine()
    out = engine.apply(entries)
    received: dict[tuple[str, str], int] = {}
    for entry in entries:
        if entry.kind in (Kind.MESSAGE, Kind.REFUSED):
            key = entry.home, entry.source
            received[key] = received.get(key, 0) + entry.items
    accounts = engine.accounts()
    assert {key: account.received for key, account in accounts.items()} == received
    for account in accounts.values():
        assert account.received == account.stored + account.duplicate + account.rejected
        assert account.late <= account.stored
    actions = {entry.seq for entry in entries if entry.kind == Kind.ACTION}
    refusals = [refused for refused in out.rejected if refused.seq not in actions]
    assert len(refusals) == sum(account.rejected for account in accounts.values())


def entry(seq: int, kind: Kind, home: str, source: str, topic: str, payload: bytes, **more: int) -> Entry:
    return Entry(seq, kind, home, source, topic, payload, SPRING, **more)


def test_a_refusal_at_the_door_is_counted_and_kept_without_making_a_home() -> None:
    engine = Engine()
    out = engine.apply([entry(1, Kind.REFUSED, "", "mqtt:1.2.3.4", "no CONNECT", b"x" * 9_999)])
    assert engine.accounts() == {("", "mqtt:1.2.3.4"): Account(received=1, rejected=1)}
    assert engine.homes == {}
    [refused] = out.rejected
    assert (refused.reason, len(refused.payload)) == ("no CONNECT", KEPT)


def test_a_flood_of_sources_shares_an_account() -> None:
    engine = Engine()
    engine.apply([entry(n, Kind.REFUSED, "", f"mqtt:{n}", "no", b"") for n in range(1, MAX_SOURCES + 11)])
    accounts = engine.accounts()
    assert len(accounts) == MAX_SOURCES + 1
    assert accounts["", OTHERS] == Account(received=10, rejected=10)


@given(happenings, happenings)
@settings(max_examples=20, deadline=None)
def test_what_is_frozen_stays_as_it_was(before: list[Happening], after: list[Happening]) -> None:
    engine, entries = Engine(), entries_of(before + after)
    engine.apply(entries[: len(before)])
    now, frozen = engine.snapshot(), engine.freeze()
    engine.apply(entries[len(before) :])
    assert frozen.encode() == now


def test_looking_at_an_unknown_home_changes_nothing() -> None:
    engine = Engine()
    before = engine.snapshot()
    assert engine.view("nowhere")["devices"] == []
    assert engine.now("nowhere") == 0
    assert list(engine.registry("nowhere")) == []
    assert engine.snapshot() == before


def test_a_bad_configuration_is_rejected_and_the_old_one_stays() -> None:
    engine = Engine()
    good = CONFIG.model_dump_json(by_alias=True).encode()
    engine.apply([entry(1, Kind.ACTION, "a", "run", "configure", good)])
    out = engine.apply([entry(2, Kind.ACTION, "a", "run", "configure", b'{"timezone": 5}')])
    assert [refused.seq for refused in out.rejected] == [2]
    assert engine.homes["a"].config == CONFIG


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"not zstandard",
        zstandard.compress(b"\xc1"),
        zstandard.compress(msgspec.msgpack.encode({"version": VERSION + 1})),
    ],
)
def test_an_unreadable_snapshot_says_what_to_do(data: bytes) -> None:
    with pytest.raises(SnapshotError, match="replay the log"):
        Engine.restore(data)


class Clumsy:
    """An operator with a mistake in it: it cannot bear the number 13."""

    name = "clumsy"

    def __getattr__(self, _name: str) -> Any:
        return lambda *_args: None

    def wants(self, _ctx: Any, _device: str, _metric: str) -> bool:
        return True

    def on_reading(self, _ctx: Any, reading: Any) -> None:
        if reading.value == 13:
            raise ZeroDivisionError


def test_a_mistake_of_ours_is_kept_with_the_refused_and_stops_nothing() -> None:
    values = (12.0, 13.0, 14.0)
    entries = [
        Entry(n + 1, Kind.MESSAGE, "a", "mqtt:hub", "home/den/climate/temperature", b"%f" % value, SPRING + n)
        for n, value in enumerate(values)
    ]
    engine = Engine(lambda: [Clumsy()])
    out = engine.apply(entries)
    assert [r.reason for r in out.rejected] == ["internal error: ZeroDivisionError"]
    account = engine.accounts()["a", "mqtt:hub"]
    assert account == Account(received=3, stored=2, rejected=1)
    assert engine.last_seq == 3


def test_a_snapshot_of_another_program_is_no_snapshot() -> None:
    engine = Engine()
    engine.apply([Entry(1, Kind.MESSAGE, "a", "mqtt:hub", "home/den/climate/temperature", b"20", SPRING)])
    state = msgspec.msgpack.decode(zstandard.ZstdDecompressor().decompress(engine.snapshot()))
    del state["homes"][0]["operators"]
    data = zstandard.ZstdCompressor().compress(msgspec.msgpack.encode(state))
    with pytest.raises(SnapshotError, match="another program"):
        Engine.restore(data)
