"""What conditions mean: three-valued logic, values, words, times; and what is said of a wrong one."""

from dataclasses import dataclass, field
from itertools import product

import pytest

from homestream.engine.rules.condition import Condition, matches
from homestream.engine.rules.expression import ExpressionError
from homestream.engine.rules.sight import Sight
from homestream.home import HomeConfig

from ..bench import TEN

CONFIG = HomeConfig(timezone="Europe/Berlin", person=[{"name": "ann", "tracker": "phones/ann"}])
NAN = float("nan")


@dataclass
class Seen:
    """A home at one moment: series -> (time, value), and the value before."""

    values: dict[tuple[str, str], tuple[int, float]] = field(default_factory=dict)
    before: dict[tuple[str, str], tuple[int, float]] = field(default_factory=dict)
    mode: str = "disarmed"
    occupied: bool | None = None
    now: int = TEN
    config: HomeConfig = CONFIG

    def value(self, device, metric):
        return self.values.get((device, metric))

    def previous(self, device, metric):
        return self.before.get((device, metric))


def truth(text, seen=None, key="", trigger=None):
    return Condition(text, CONFIG).truth(Sight(seen or Seen(), key, {}, trigger))


VALUE = {True: 1.0, False: 0.0, None: NAN}


def _two(a, b):
    return Seen({("d", "contact"): (0, VALUE[a]), ("e", "contact"): (0, VALUE[b])})


@pytest.mark.parametrize(("a", "b"), list(product((True, False, None), repeat=2)))
def test_kleene(a, b):
    seen = _two(a, b)
    both = False if a is False or b is False else None if None in (a, b) else True
    either = True if a or b else None if None in (a, b) else False
    assert truth("d.contact and e.contact", seen) is both
    assert truth("d.contact or e.contact", seen) is either
    assert truth("not d.contact", seen) is (None if a is None else not a)
    assert truth("not (d.contact and e.contact)", seen) is truth("not d.contact or not e.contact", seen)


def test_never_seen_is_unknown_but_not_lost():
    assert truth("d.contact") is None
    assert truth("not d.contact") is None
    assert truth("d.contact or unknown(d.contact)") is None
    assert truth("unknown(d.contact)", Seen({("d", "contact"): (0, NAN)})) is True
    assert truth("unknown(d.contact)", Seen({("d", "contact"): (0, 0.0)})) is False


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("d.power > 5", True),
        ("d.power >= 5.5", True),
        ("d.power < 5", False),
        ("d.power != 5.5", False),
        ("5 < d.power", True),
        ("6 < d.power", False),
        ("d.power > d.voltage", None),
        ("d.contact == open", True),
        ("closed == d.contact", False),
        ("d.contact", True),
        ('d.contact == "open"', True),
        ("person.ann == away", True),
        ("person.ann", False),
        ("mode == night", True),
        ('mode != "away"', True),
        ("night == mode", True),
        ("occupied", False),
        ("occupied == false", True),
        ('time >= "11:00"', True),  # 10:00 UTC is 11:00 in Berlin
        ('time < "11:00"', False),
        ('"10:59" < time', True),
        ('time < "24:00"', True),
        ("weekday == tue", True),
        ("weekday >= sat", False),
        ('weekday == "mon"', False),
        ("age(d.power) > 59", True),
        ('age(d.power) > "1m"', False),
        ('"1m 30s" > age(d.power)', True),
        ("age(d.voltage) > 1", True),  # since it was last known
        ("changed(d.contact)", True),
        ("changed(d.power)", False),
    ],
)
def test_meaning(text, expected):
    seen = Seen(
        {
            ("d", "power"): (TEN - 60_000, 5.5),
            ("d", "voltage"): (TEN, NAN),
            ("d", "contact"): (TEN, 1.0),
            ("phones/ann", "presence"): (TEN, 0.0),
        },
        {
            ("d", "power"): (TEN - 70_000, 5.0),
            ("d", "voltage"): (TEN - 90_000, 230.0),
            ("d", "contact"): (TEN - 90_000, 0.0),
        },
        mode="night",
        occupied=False,
    )
    assert truth(text, seen, trigger=("d", "contact")) is expected


def test_a_star_stands_for_the_key():
    seen = Seen({("k/a", "power"): (0, 1.0), ("k/b", "power"): (0, 9.0), ("c", "power"): (0, 5.0)})
    assert truth("k/*.power > c.power", seen, key="k/a") is False
    assert truth("k/*.power > c.power", seen, key="k/b") is True


@pytest.mark.parametrize(
    ("pattern", "device", "room", "expected"),
    [
        ("*", "kitchen/lamp", "kitchen", True),
        ("kitchen/*", "kitchen/lamp", "kitchen", True),
        ("kitchen/*", "kitchens/lamp", "", False),
        ("kitchen/*", "0x12", "kitchen", True),
        ("*/door", "hall/door", "hall", True),
        ("*/door", "hall/doors", "hall", False),
        ("hall/*_door", "hall/front_door", "", True),
        ("a.b/*", "axb/c", "", False),
    ],
)
def test_patterns(pattern, device, room, expected):
    assert matches(pattern, device, room) is expected


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("laundry/iron.pwoer > 5", "no metric 'pwoer'; did you mean power"),
        ("ocupied", "no name 'ocupied'; did you mean occupied"),
        ("avg(d.power)", "no function 'avg'; did you mean age"),
        ("mode == awya", "mode is == or != one of disarmed, home, night, away; did you mean away"),
        ("mode > away", "mode is == or != one of"),
        ("mode", "mode stands alone; compare it, as in mode == away"),
        ("time", "time stands alone"),
        ('time > "25:00"', '"25:00" is no time of day'),
        ("weekday == sun day", "'day' is out of place"),
        ("weekday == sunday", "weekday is one of mon, tue, wed, thu, fri, sat, sun; did you mean sun"),
        ("open", "open stands alone; compare it, as in hall/door.contact == open"),
        ("person.anne == home", "no person 'anne' with a tracker; did you mean ann"),
        ('d.power > "10m"', '"10m" cannot be compared with a number'),
        ('age(d.power) > "10x"', "'10x' is no duration"),
        ('"10m"', '"10m" stands alone'),
        ('age("10m")', "age takes a series"),
        ("age(d.power, d.power)", "age takes one series and nothing more"),
        ("mean(d.power)", "mean takes a series and a duration"),
        ('mean(d.power, "48h")', "mean looks back over at most 24h"),
        ("a/*.power and b/*.power", "* stands for one device in a rule; a/* and b/* differ"),
    ],
)
def test_what_is_wrong_is_said(text, complaint):
    with pytest.raises(ExpressionError) as error:
        Condition(text, CONFIG)
    assert complaint in str(error.value)


def test_an_own_metric_is_allowed():
    assert truth("tank/probe.litres > 5", Seen({("tank/probe", "litres"): (0, 6.0)})) is True
