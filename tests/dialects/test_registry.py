"""The registry's own promises."""

import math

import pytest

from homestream.dialects.registry import Registry
from homestream.errors import PeerError
from homestream.home import DeviceConfig, HomeConfig


def test_room_and_name_come_from_the_home_then_the_device_then_the_id() -> None:
    registry = Registry()
    registry.configure(HomeConfig(device=(DeviceConfig(id="study/desk", room="office"),)))
    device = registry.learn("study/desk", "plain")
    assert (device.room, device.name) == ("office", "Desk")
    registry.describe(device, name="Anna's desk", room="attic")
    assert (device.room, device.name) == ("office", "Anna's desk")
    other = registry.learn("cellar/water_pump", "plain")
    assert (other.room, other.name) == ("cellar", "Water pump")


def test_a_channel_lies_in_its_base_s_room() -> None:
    registry = Registry()
    registry.configure(HomeConfig(device=(DeviceConfig(id="strip", room="workshop"),)))
    assert registry.learn("strip_2", "tasmota", "strip").room == "workshop"


def test_gone_makes_every_metric_unknown_and_back_makes_none() -> None:
    registry = Registry()
    registry.note("plug", "plain", "power")
    registry.note("plug_1", "plain", "switch", "plug")
    readings = registry.gone("home", "plug", 5)
    assert [(r.device, r.metric, r.time, math.isnan(r.value)) for r in readings] == [
        ("plug", "power", 5, True),
        ("plug_1", "switch", 5, True),
    ]
    assert [device.available for device in registry] == [False, False]
    registry.back("plug")
    assert [device.available for device in registry] == [True, True]


def test_the_first_sensor_keeps_the_device_s_id() -> None:
    registry = Registry()
    device = registry.learn("box", "tasmota")
    assert registry.sensor(device, "temperature", "BMP280") == "box"
    assert registry.sensor(device, "temperature", "DHT22") == "box_DHT22"
    assert registry.sensor(device, "temperature", "BMP280") == "box"


def test_nothing_new_leaves_the_version() -> None:
    registry = Registry()
    device = registry.note("plug", "plain", "switch")
    registry.commandable(device, "switch", "plug/set")
    version = registry.version
    registry.note("plug", "plain", "switch")
    registry.commandable(device, "switch", "plug/set")
    registry.describe(device)
    registry.configure(HomeConfig())
    assert registry.version == version


@pytest.mark.parametrize("device_id", ["", "x" * 201])
def test_an_id_nobody_can_carry_is_refused(device_id: str) -> None:
    with pytest.raises(PeerError, match="device id"):
        Registry().learn(device_id, "plain")
