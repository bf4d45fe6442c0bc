"""A batch cut into its items: those put together again are read as they were."""

import json
from typing import Any

import cbor2
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homestream.dialects import count_items, decode
from homestream.dialects.parts import joined, parts
from homestream.dialects.port import Refusal, Row
from homestream.dialects.registry import Registry
from homestream.errors import PeerError
from homestream.home import HomeConfig
from homestream.reading import Entry, Kind

CONFIG = HomeConfig()

LINES = st.sampled_from(
    ["attic/box temp=21.5", "m,device=hall/x power=5i 1767607200000000000", 'm note="two\nlines",v=1', "m v=",
     "#", "", "m,a=1,a=2 v=1", "m v=1\r", '  m,device=y v="open', "[1]"]
)  # fmt: skip
VALUES = st.sampled_from([1, 2.5, "x", None, True, 10**30, -1e-9, 1767607200000])
OBJECTS = st.dictionaries(
    st.sampled_from(
        ["device", "metric", "value", "time", "power", "n", "v", "bn", "bt", "bv", "t", "u", "bu"]
    ),
    VALUES | st.sampled_from(["hall/x", "power", "W", "urn:y:"]),
    max_size=6,
)
ROWS = OBJECTS | st.sampled_from(
    [1, "text", [], [{"device": "a/b", "power": 1}], {"device": "a/b", "power": 1}]
)
PACKS = st.lists(ROWS | st.builds(lambda n, v: {"n": n, "v": v, "u": "Cel"}, st.just("temperature"), VALUES))


def rows_of(topic: str, payload: bytes) -> list[Row]:
    entry = Entry(1, Kind.MESSAGE, "home", "http:x", topic, payload, 1_767_607_200_000)
    return decode(Registry(), CONFIG, entry._replace(items=count_items(topic, payload)))


def agree(topic: str, payload: bytes, chosen: list[bool]) -> None:
    rows = rows_of(topic, payload)
    try:
        texts = parts(topic, payload)
    except PeerError:
        assert all(isinstance(row, Refusal) for row in rows)
        return
    if all(isinstance(row, Refusal) for row in rows):
        return
    assert len(texts) == len(rows)
    wanted = chosen + [True] * len(rows)
    kept = [n for n, row in enumerate(rows) if wanted[n] and not isinstance(row, Refusal)]
    if kept:
        assert rows_of(topic, joined(topic, [texts[n] for n in kept])) == [rows[n] for n in kept]


CHOSEN = st.lists(st.booleans(), max_size=8)


@settings(deadline=None, max_examples=60)
@given(st.lists(LINES, max_size=8).map("\n".join), CHOSEN)
def test_lines(text: str, chosen: list[bool]) -> None:
    agree("api/write/ns", text.encode(), chosen)


@settings(deadline=None, max_examples=60)
@given(PACKS, CHOSEN, st.sampled_from(["array", "lines", "one"]))
def test_json_rows(some: list[Any], chosen: list[bool], form: str) -> None:
    one = json.dumps(some[0] if some else {})
    text = {"array": json.dumps(some), "lines": "\n".join([*map(json.dumps, some), "{"]), "one": one}[form]
    agree("api/readings", text.encode(), chosen)


@settings(deadline=None, max_examples=60)
@given(PACKS, CHOSEN)
def test_records_keep_the_base_fields_of_those_before(some: list[Any], chosen: list[bool]) -> None:
    agree("api/senml", json.dumps(some).encode(), chosen)


def test_a_bare_array_among_lines_is_never_read_as_a_batch() -> None:
    payload = b'{"device": "a/b", "power": 1}\n[{"device": "c/d", "power": 2}]'
    assert rows_of("api/readings", payload)[1] == Refusal("a row is a JSON object")
    assert parts("api/readings", payload) == [b'{"device":"a/b","power":1}', b'[{"device":"c/d","power":2}]']


@pytest.mark.parametrize("odd", [{(1, 2): 3}, cbor2.CBORTag(99, 1)])
def test_what_json_cannot_say_is_refused(odd: Any) -> None:
    with pytest.raises(PeerError, match="cannot be told apart"):
        parts("api/senml", cbor2.dumps([{"n": "a:power", "u": "W", "v": 1, "x": odd}]))
