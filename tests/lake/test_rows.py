"""What becomes a row, and of which table."""

import base64
import json
import math
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homestream.engine.fact import (
    Alert,
    Anomaly,
    AnyFact,
    Blind,
    Command,
    DeviceSeen,
    Mode,
    Notify,
    Occupancy,
    Outage,
    Security,
    Window,
    decode,
)
from homestream.engine.output import Rejected, Stored
from homestream.lake import rows
from homestream.lake.schema import ROLLUP_1D, ROLLUP_1H, TABLES
from homestream.reading import Reading

HOME: dict[str, Any] = {"home": "home", "time": 5}

FACTS: list[tuple[AnyFact, tuple[str, str, str, str, str]]] = [
    (
        Alert(
            **HOME, id="1", rule="r", key="a/iron", severity="warning", state="opened", text="on", opened=5
        ),
        ("alert", "a/iron", "", "warning", "on"),
    ),
    (
        Security(**HOME, kind="opened", device="a/door", room="a", severity="critical", text="opened"),
        ("security", "a/door", "a", "critical", "opened"),
    ),
    (
        Blind(**HOME, device="a/x", metric="power", start=1, end=None, before=1.0, after=None, why="silent"),
        ("blind", "a/x", "", "info", "power unknown: silent"),
    ),
    (
        Blind(**HOME, device="a/x", metric="power", start=1, end=5, before=1.0, after=2.0, why="back"),
        ("blind", "a/x", "", "info", "power known: back"),
    ),
    (Outage(**HOME, device="a/x", state="silent", since=1), ("outage", "a/x", "", "warning", "silent")),
    (Outage(**HOME, device="a/x", state="back", since=1), ("outage", "a/x", "", "info", "back")),
    (
        Anomaly(**HOME, device="a/x", metric="power", kind="spike", value=9.0, low=0.0, high=1.0, text="9 W"),
        ("anomaly", "a/x", "", "warning", "9 W"),
    ),
    (Mode(**HOME, mode="away", by="ann"), ("mode", "", "", "info", "away by ann")),
    (
        Occupancy(**HOME, occupied=None, confidence=0.5, why="start"),
        ("occupancy", "", "", "info", "not known who is home: start"),
    ),
    (
        Command(
            **HOME,
            id="c1",
            device="a/x",
            metric="switch",
            value=1.0,
            state="pending",
            by="ann",
            expires=9,
            requested=5,
        ),
        ("command", "a/x", "", "info", "switch to 1: pending"),
    ),
    (
        Notify(**HOME, id="n", target="phone", title="t", text="text", severity="info", act_within=1),
        ("notify", "", "", "info", "text"),
    ),
    (
        DeviceSeen(
            **HOME, device="a/x", room="a", name="X", dialect="plain", metrics=("power",), commands=()
        ),
        ("device", "a/x", "a", "info", "X"),
    ),
]


@pytest.mark.parametrize(("fact", "words"), FACTS)
def test_every_fact_but_windows_is_an_event(fact: AnyFact, words: tuple[str, ...]) -> None:
    (row,) = rows.events([(7, fact)], []).to_pylist()
    assert tuple(row[name] for name in ("kind", "device", "room", "severity", "text")) == words
    assert decode(row["data"]) == fact
    assert (row["seq"], row["home"]) == (7, "home")


def window(size: str, revision: int = 0) -> Window:
    return Window(
        **HOME, device="a/x", metric="power", size=size, start=0, count=2, min=1.0, max=3.0, sum=4.0,
        mean=2.0, twmean=None, last=3.0, known=60, energy=1.5, revision=revision,
    )  # fmt: skip


def test_windows_go_to_the_table_of_their_size() -> None:
    facts: list[tuple[int, AnyFact]] = [(n, window(size)) for n, size in enumerate(("1m", "1h", "1d"), 1)]
    assert rows.events(facts, []).num_rows == 0
    (hour,) = rows.rollups(ROLLUP_1H, facts).to_pylist()
    (day,) = rows.rollups(ROLLUP_1D, facts).to_pylist()
    assert (hour["seq"], day["seq"]) == (2, 3)
    assert (hour["known_ms"], hour["energy_wh"], hour["twmean"]) == (60, 1.5, None)


@pytest.mark.parametrize("payload", [b"on?", "grün".encode(), b"\xff\x00", b""])
def test_what_was_refused_can_be_looked_at_and_sent_again(payload: bytes) -> None:
    refused = Rejected(3, "home", "mqtt:x", "t/<b>", 2, "no number", payload, 9)
    (row,) = rows.events([], [refused]).to_pylist()
    assert (row["kind"], row["text"], row["severity"]) == ("rejected", "no number", "warning")
    data = json.loads(row["data"])
    assert (data["source"], data["topic"], data["row"]) == ("mqtt:x", "t/<b>", 2)
    again = data["payload"].encode() if "payload" in data else base64.b64decode(data["payload_base64"])
    assert again == payload


def test_events_are_in_order_of_seq() -> None:
    refused = Rejected(3, "home", "s", "t", 0, "r", b"", 9)
    facts: list[tuple[int, AnyFact]] = [(seq, Mode(**HOME, mode="home", by="x")) for seq in (1, 3, 4)]
    assert rows.events(facts, [refused])["seq"].to_pylist() == [1, 3, 3, 4]


readings = st.builds(
    Reading,
    st.text(st.characters(exclude_categories=["Cs"]), max_size=5),
    st.sampled_from(["a", "b"]),
    st.sampled_from(["power", "energy"]),
    st.integers(0, 10**13),
    st.floats(allow_infinity=True),
)


@settings(deadline=None)
@given(st.lists(st.tuples(st.integers(1, 3), readings, st.booleans()), max_size=20), st.integers(0, 40))
def test_readings_keep_their_values_and_unknown_is_null(
    made: list[tuple[int, Reading, bool]], after: int
) -> None:
    seq, stored = 0, []
    for step, reading, late in made:
        seq += step
        stored.append((seq, reading, late, False))
    kept = rows.readings(stored, after).to_pylist()
    above = [one for one in stored if one[0] > after]
    assert [row["seq"] for row in kept] == [seq for seq, _, _, _ in above]
    for row, (_, (home, device, _, _, value), late, _) in zip(kept, above, strict=True):
        assert row["value"] == (None if math.isnan(value) else value)
        assert (row["home"], row["device"], row["late"]) == (home, device, late)


def test_a_reading_corrected_by_its_own_message_is_left_out() -> None:
    def stored(seq: int, value: float, corrects: bool) -> Stored:
        return seq, Reading("home", "a", "power", 5, value), False, corrects

    kept = rows.readings([stored(1, 1.0, False), stored(2, 2.0, True), stored(2, 3.0, True)])
    assert list(zip(kept["seq"].to_pylist(), kept["value"].to_pylist(), strict=True)) == [(1, 1.0), (2, 3.0)]


def test_nothing_makes_no_rows_of_the_right_types() -> None:
    made = rows.tables(rows.LakeBatch())
    assert {name: table.num_rows for name, table in made.items()} == {table.name: 0 for table in TABLES}
    assert all(made[table.name].schema == table.schema for table in TABLES)
