"""SenML beyond the golden packs: CBOR, and what base fields do over records."""

from typing import Any

import cbor2
import pytest

from homestream import dialects
from homestream.dialects import Refusal

ARRIVED = 1_767_607_200_000


def test_cbor_says_the_same_as_json(home: Any) -> None:
    pack = [
        {-2: "attic/box/", -3: 1_767_607_000, 0: "temperature", 1: "Cel", 2: 21.5},
        {0: "motion", 4: True},
    ]
    payload = cbor2.dumps(pack)
    assert dialects.count_items("api/senml", payload) == 2
    ((temperature,), (motion,)) = home.decode("api/senml", payload, items=2)
    assert temperature == ("home", "attic/box", "temperature", 1_767_607_000_000, 21.5)
    assert motion == ("home", "attic/box", "motion", 1_767_607_000_000, 1.0)


@pytest.mark.parametrize(
    "payload",
    [b"\x81", b"\x9f", b"\x82\xa1\x02\x01", b"\x9b" + b"\xff" * 8, b"\x81" * 5000, b"\x81\xa1\x80\x01",
     b"\x81\xa1\x02\xc2\x41\x01", b"\x81\xc1\x1b" + b"\xff" * 8],
)  # fmt: skip
def test_broken_cbor_is_refused(home: Any, payload: bytes) -> None:
    (row,) = home.decode("api/senml", payload)
    assert isinstance(row, Refusal) and not row.reason.startswith("internal error")


def test_base_fields_hold_until_changed(home: Any) -> None:
    pack = [
        {"bn": "a/", "bt": 1_767_607_100, "bu": "Cel", "n": "temperature", "v": 1},
        {"n": "temperature", "v": 2, "t": 1},
        {"bn": "b/", "n": "temperature", "v": 3},
        {"n": "power", "u": "W", "v": 4},
    ]
    rows = home.decode("api/senml", pack, items=4)
    assert [(r.device, r.metric, r.time - 1_767_607_100_000, r.value) for (r,) in rows] == [
        ("a", "temperature", 0, 1.0),
        ("a", "temperature", 1000, 2.0),
        ("b", "temperature", 0, 3.0),
        ("b", "power", 0, 4.0),
    ]


def test_times_without_a_clock_are_relative_to_now(home: Any) -> None:
    ((reading,),) = home.decode("api/senml", [{"n": "a/temperature", "v": 20, "t": -90}])
    assert reading.time == ARRIVED - 90_000
