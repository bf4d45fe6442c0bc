"""What is armed when."""

import pytest

from homestream.engine.fact import Alert
from homestream.engine.safety.zones import zone_of
from homestream.home import HomeConfig

from ..bench import MIN, Bench


@pytest.mark.parametrize(
    ("device", "metric", "armed", "entry"),
    [
        ("hall/front_door", "contact", {"home", "night", "away"}, True),
        ("garage/door", "contact", {"home", "night", "away"}, False),
        ("den/window", "contact", {"home", "night", "away"}, False),
        ("kitchen/fridge_door", "contact", set(), False),
        ("hall/motion", "motion", {"away"}, True),
    ],
)
def test_without_zones_a_sensors_kind_says_it(device, metric, armed, entry):
    config = HomeConfig.model_validate({"device": [{"id": "kitchen/fridge_door", "perimeter": False}]})
    zone = zone_of(config, device, "", "", metric)
    assert (zone.armed, zone.entry, zone.always) == (armed, entry, False)


def test_a_zone_names_devices_before_rooms():
    zones = [
        {"name": "downstairs", "rooms": ["hall", "den"], "armed": ["night", "away"]},
        {"name": "safe", "devices": ["den/safe"], "always": True},
    ]
    config = HomeConfig.model_validate({"security": {"zone": zones}})
    assert zone_of(config, "den/safe", "", "den", "contact").always
    assert zone_of(config, "den/motion", "", "den", "motion").armed == {"night", "away"}
    assert zone_of(config, "attic/motion", "", "attic", "motion").armed == {"away"}


def test_who_marks_the_way_in_has_marked_all_of_it():
    zones = [{"name": "way in", "devices": ["garage/door"], "entry": True}]
    config = HomeConfig.model_validate({"security": {"zone": zones}})
    assert zone_of(config, "garage/door", "", "", "contact").entry
    assert not zone_of(config, "hall/front_door", "", "", "contact").entry
    assert not zone_of(config, "hall/motion", "", "", "motion").entry


def test_motion_downstairs_at_night_is_an_alarm_though_all_are_home():
    zones = [{"name": "downstairs", "rooms": ["den"], "armed": ["night"]}]
    bench = Bench(security={"zone": zones})
    bench.say("den/motion.motion", 0)
    bench.say("attic/motion.motion", 0)
    bench.act("mode", mode="night")
    bench.wait(MIN)
    bench.say("attic/motion.motion", 1)
    assert bench.said(Alert) == []
    bench.say("den/motion.motion", 1)
    assert [(a.rule, a.severity) for a in bench.said(Alert)] == [("Motion while armed", "critical")]


def test_a_zone_of_day_and_night_is_armed_when_disarmed():
    zones = [{"name": "safe", "devices": ["den/safe"], "always": True}]
    bench = Bench(security={"zone": zones})
    bench.say("den/safe.contact", "closed")
    bench.say("den/safe.contact", "open", at=bench.now + 1)
    assert [a.severity for a in bench.said(Alert)] == ["critical"]
