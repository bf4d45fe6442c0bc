"""Which topics a principal may use."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homestream.door.login.acl import covers, may_publish, may_subscribe
from homestream.door.login.credentials import Principal
from homestream.wire.topics import matches

DEVICE = Principal("hub", "home", "device")
ADMIN = Principal("ada", "home", "admin")
NARROW = Principal("bridge", "home", "device", ("zigbee2mqtt/#",), ("zigbee2mqtt/+/set", "$share/no"))
MUTE = Principal("screen", "home", "device", ())

LEVELS = st.sampled_from(["", "a", "b", "+", "$SYS"])
FILTERS = st.builds(
    lambda levels, end: "/".join([*levels, *end]),
    st.lists(LEVELS, min_size=1, max_size=4),
    st.sampled_from([(), ("#",)]),
) | st.just("#")
TOPICS = st.lists(st.sampled_from(["", "a", "b", "$SYS"]), min_size=1, max_size=5).map("/".join)


@pytest.mark.parametrize(
    ("who", "topic", "allowed"),
    [
        (DEVICE, "tele/plug/SENSOR", True),
        (DEVICE, "homeassistant/sensor/x/config", True),
        (DEVICE, "$SYS/broker/uptime", False),
        (ADMIN, "home/hall/lamp/switch/set", True),
        (ADMIN, "$SYS/broker/uptime", False),
        (NARROW, "zigbee2mqtt/iron", True),
        (NARROW, "zigbee2mqtt", True),
        (NARROW, "zigbee2mqtt2/iron", False),
        (NARROW, "tele/plug/SENSOR", False),
        (MUTE, "a", False),
    ],
)
def test_publishing(who: Principal, topic: str, allowed: bool) -> None:
    assert may_publish(who, topic) is allowed


@pytest.mark.parametrize(
    ("who", "wanted", "allowed"),
    [
        (DEVICE, "#", True),
        (DEVICE, "cmnd/plug/#", True),
        (DEVICE, "$SYS/#", False),
        (DEVICE, "$share/workers/tele/#", True),
        (DEVICE, "$share/workers/$SYS/#", False),
        (ADMIN, "$SYS/#", True),
        (NARROW, "zigbee2mqtt/+/set", True),
        (NARROW, "zigbee2mqtt/iron/set", True),
        (NARROW, "$share/g/zigbee2mqtt/iron/set", True),
        (NARROW, "zigbee2mqtt/#", False),
        (NARROW, "#", False),
        (MUTE, "any/thing", True),
    ],
)
def test_subscribing(who: Principal, wanted: str, allowed: bool) -> None:
    assert may_subscribe(who, wanted) is allowed


@given(FILTERS, FILTERS, TOPICS)
def test_what_a_covered_filter_brings_its_cover_would_bring(allowed: str, wanted: str, topic: str) -> None:
    if covers(allowed, wanted) and matches(wanted, topic):
        assert matches(allowed, topic)


@given(FILTERS)
def test_a_filter_covers_itself(one: str) -> None:
    assert covers(one, one)
