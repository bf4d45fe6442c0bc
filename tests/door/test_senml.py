"""SenML in CBOR -> JSON."""

import json
from decimal import Decimal
from typing import Any

import cbor2
import pytest
from hypothesis import given
from hypothesis import strategies as st

from homestream.door.senml import to_json
from homestream.errors import PeerError


def test_labels_become_names() -> None:
    pack = [{-2: "urn:dev:kitchen:", -3: 1.7e9, 0: "temperature", 1: "Cel", 2: 21.5}, {0: "on", 4: True}]
    assert json.loads(to_json(cbor2.dumps(pack))) == [
        {"bn": "urn:dev:kitchen:", "bt": 1.7e9, "n": "temperature", "u": "Cel", "v": 21.5},
        {"n": "on", "vb": True},
    ]


def test_values_that_json_has_not() -> None:
    pack = [{0: "a", 2: Decimal("1.5")}, {0: "b", 2: float("nan")}, {0: "c", 8: b"\xff\xfe"}]
    assert json.loads(to_json(cbor2.dumps(pack))) == [
        {"n": "a", "v": 1.5},
        {"n": "b", "v": None},
        {"n": "c", "vd": "__4="},
    ]


@pytest.mark.parametrize(
    "value", [{}, 5, "x", [1], [{99: 1}], [{0: {}}], [{2: 1 << 70}], [[[[[[[]]]]]]], [{True: [1]}]]
)
def test_other_cbor_is_refused(value: Any) -> None:
    with pytest.raises(PeerError):
        to_json(cbor2.dumps(value))


@given(st.binary(max_size=200))
def test_any_bytes_give_json_or_a_reason(raw: bytes) -> None:
    try:
        assert isinstance(json.loads(to_json(raw)), list)
    except PeerError as error:
        assert str(error)
