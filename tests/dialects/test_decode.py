"""What holds for every message of every family."""

import json
import math
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homestream import dialects
from homestream.dialects import NotCommandable, Refusal
from homestream.dialects.registry import MAX_BOUND, MAX_DEVICES, Registry
from homestream.home import HomeConfig
from homestream.reading import METRICS, STATES, Entry, Kind

CONFIG = HomeConfig(timezone="Europe/Berlin")
ARRIVED = 1_767_607_200_000
TOPICS = (
    "home/hall/door/contact", "home/attic/box/temperature", "home/attic/box", "home/attic/box/available",
    "home/a/b/thing", "zigbee2mqtt/desk", "zigbee2mqtt/desk/left", "zigbee2mqtt/desk/availability",
    "zigbee2mqtt/desk/state", "zigbee2mqtt/bridge/devices", "tele/plug/SENSOR", "tele/plug/STATE",
    "tele/plug/LWT", "stat/plug/POWER1", "stat/plug/RESULT", "plug/stat/STATUS8", "tele/plug/ENERGY",
    "tasmota/discovery/AA/config", "api/readings", "api/write/ns", "api/write/s", "api/senml",
)  # fmt: skip
WORDS = (
    "temperature", "state", "state_left", "brightness", "contact", "energy", "voltage", "last_seen", "time",
    "Time", "TempUnit", "ENERGY", "Total", "Power", "POWER1", "Wifi", "Signal", "StatusSNS", "AM2301",
    "Temperature", "ZbReceived", "Shutter1", "Position", "ANALOG", "CTEnergy1", "t", "fn", "rl", "mac", "AA",
    "device", "metric", "value", "unit", "bn", "bt", "bu", "bv", "n", "u", "v", "vb", "s", "friendly_name",
    "definition", "exposes", "features", "property", "access", "type", "Epoch", "Name", "°F", "kWh", "ON",
)  # fmt: skip
leaves = (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=8) | st.sampled_from(WORDS)
    | st.integers(min_value=10**18, max_value=10**400)
)  # fmt: skip
bodies = st.recursive(
    leaves,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.sampled_from(WORDS), inner, max_size=6),
    max_leaves=25,
)
payloads = (
    st.binary(max_size=60)
    | st.text(max_size=40).map(lambda text: text.encode("utf-8", "surrogatepass"))
    | st.sampled_from(
        [b"21.5", b"ON", b"offline", b"nan", b"-1e400", b"9" * 400, b"[" * 3000, b"{" + b'"a":1,' * 900]
    )
    | bodies.map(lambda body: json.dumps(body).encode("utf-8", "surrogatepass"))
    | st.text(alphabet='m,=" \\\n#tdevicvalu123.-i', max_size=40).map(str.encode)
)
topics = st.sampled_from(TOPICS) | st.text(max_size=30) | st.text(alphabet="zigbee2mqtt/homel", max_size=30)
messages = st.lists(st.tuples(topics, payloads, st.integers(1, 4)), max_size=8)


def decoded(registry: Registry, topic: str, payload: bytes, items: int) -> list[dialects.Row]:
    entry = Entry(1, Kind.MESSAGE, "home", "mqtt:x", topic, payload, ARRIVED, items)
    return dialects.decode(registry, CONFIG, entry)


def comparable(rows: list[dialects.Row]) -> str:
    """Rows with NaN equal to itself."""
    return repr(rows)


@settings(max_examples=600, deadline=None)
@given(messages)
def test_any_message_gives_its_items_and_possible_values(run: list[tuple[str, bytes, int]]) -> None:
    registry = Registry()
    for topic, payload, items in run:
        rows = decoded(registry, topic, payload, items)
        assert len(rows) == items
        for row in rows:
            if isinstance(row, Refusal):
                assert row.reason and not row.reason.startswith("internal error"), row
                assert len(row.reason) < 300
                continue
            for reading in row:
                assert reading.home == "home" and reading.device and reading.metric
                assert 946_684_800_000 <= reading.time <= ARRIVED + 300_000
                assert type(reading.value) is float and not math.isinf(reading.value)
                if reading.metric in METRICS and not math.isnan(reading.value):
                    _, low, high = METRICS[reading.metric]
                    assert low <= reading.value <= high
                    assert reading.metric not in STATES or reading.value in (0.0, 1.0)
                assert reading.metric in registry.devices[reading.device].metrics


@settings(max_examples=200, deadline=None)
@given(messages, messages)
def test_a_restored_registry_decodes_as_the_one_it_was_made_from(
    before: list[tuple[str, bytes, int]], after: list[tuple[str, bytes, int]]
) -> None:
    registry = Registry()
    for message in before:
        decoded(registry, *message)
    restored = Registry.restore(json.loads(json.dumps(registry.snapshot())))
    for message in after:
        assert comparable(decoded(registry, *message)) == comparable(decoded(restored, *message))
    assert registry.snapshot() == restored.snapshot()


@settings(max_examples=300, deadline=None)
@given(st.sampled_from(TOPICS), payloads)
def test_the_registry_says_when_it_changed(topic: str, payload: bytes) -> None:
    registry = Registry()
    before = registry.snapshot()
    decoded(registry, topic, payload, 1)
    after = registry.snapshot()
    assert (before["devices"] == after["devices"]) == (before["version"] == after["version"])


@settings(max_examples=300, deadline=None)
@given(st.sampled_from([t for t in TOPICS if t.startswith("api/")]), payloads)
def test_the_door_counts_what_decode_finds(topic: str, payload: bytes) -> None:
    items = dialects.count_items(topic, payload)
    assert items >= 1
    rows = decoded(Registry(), topic, payload, items)
    assert all(row != Refusal("nothing was found for this item") for row in rows) or items == 1


def test_rows_beyond_the_door_s_count_stay_in_the_last_item(home: Any) -> None:
    batch = [{"device": "a/b", "power": n} for n in range(4)]
    first, last = home.decode("api/readings", batch, items=2)
    assert [r.value for r in first] == [0.0]
    assert [r.value for r in last] == [1.0, 2.0, 3.0]


def test_items_that_are_not_there_are_refused(home: Any) -> None:
    rows = home.decode("api/readings", [{"device": "a/b", "power": 1}], items=3)
    assert [isinstance(row, Refusal) for row in rows] == [False, True, True]


def test_a_new_configuration_moves_and_names_the_devices(home: Any, new_home: Callable[..., Any]) -> None:
    home.decode("zigbee2mqtt/lamp", {"state": "ON"})
    lamp = home.registry.devices["lamp"]
    assert (lamp.room, lamp.name) == ("", "Lamp")
    version = home.registry.version
    home.config = new_home(device=[{"id": "lamp", "room": "study", "name": "Reading lamp"}]).config
    home.decode("zigbee2mqtt/lamp", {"state": "ON"})
    assert (home.registry.devices["lamp"].room, home.registry.devices["lamp"].name) == (
        "study",
        "Reading lamp",
    )
    assert home.registry.version > version


def test_a_flood_of_invented_devices_ends_in_refusals(home: Any) -> None:
    for n in range(MAX_DEVICES):
        home.decode(f"home/a/{n}/power", "1")
    (refused,) = home.decode("home/a/one-more/power", "1")
    assert isinstance(refused, Refusal) and "devices" in refused.reason
    assert not isinstance(home.decode("home/a/7/power", "2")[0], Refusal)


def test_a_flood_of_invented_metrics_ends_in_refusals(home: Any) -> None:
    rows = [home.decode(f"home/a/b/m{n}", "1")[0] for n in range(200)]
    assert sum(isinstance(row, Refusal) for row in rows) == 100


def test_the_topic_cache_is_bounded(home: Any) -> None:
    for n in range(MAX_BOUND + 10):
        home.decode(f"zigbee2mqtt/bridge/{n}", "{}")
    assert len(home.registry.bound) <= MAX_BOUND


def test_topics_too_long_for_an_id_are_refused(home: Any) -> None:
    (row,) = home.decode("zigbee2mqtt/" + "a" * 5000, {"state": "ON"})
    assert isinstance(row, Refusal)
    (row,) = home.decode("zigbee2mqtt/" + "a" * 300, {"state": "ON"})
    assert isinstance(row, Refusal) and "device id" in row.reason


@pytest.mark.parametrize(
    ("device", "metric", "value", "says"),
    [
        ("nobody", "switch", 1.0, "not known"),
        ("lamp", "temperature", 1.0, "what can: switch"),
        ("lamp", "switch", 7.0, "takes 0 to 1"),
        ("lamp", "switch", math.nan, "takes 0 to 1"),
    ],
)
def test_a_command_that_cannot_be_says_what_can(
    home: Any, device: str, metric: str, value: float, says: str
) -> None:
    home.decode("zigbee2mqtt/lamp", {"state": "ON"})
    with pytest.raises(NotCommandable, match=says):
        dialects.encode_command(home.registry, device, metric, value)


def test_a_command_asked_in_percents_comes_back_as_the_same_percents(home: Any) -> None:
    home.decode("zigbee2mqtt/lamp", {"state": "ON"})
    home.decode("zigbee2mqtt/lamp", {"brightness": 5})
    for percent in range(101):
        _, payload = dialects.encode_command(home.registry, "lamp", "brightness", float(percent))
        ((reading,),) = home.decode("zigbee2mqtt/lamp", payload)
        assert reading.value == percent
