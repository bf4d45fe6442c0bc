"""What conditions mean: three-valued logic, values, words, times; and what is said of a wrong one."""

from dataclasses import dataclass, field
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homestream.engine.rules.condition import Condition, matches
from homestream.engine.rules.expression import ExpressionError
from homestream.engine.rules.sight import Sight
from homestream.home import HomeConfig

from ..bench import TEN

CONFIG = HomeConfig.model_validate(
    {
        "timezone": "Europe/Berlin",
        "latitude": 52.52,
        "longitude": 13.405,
        "person": [{"name": "ann", "tracker": "phones/ann"}],
        "device": [
            {"id": "0x17", "name": "Front door"},
            {"id": "a", "name": "Twin"},
            {"id": "b", "name": "Twin"},
        ],
    }
)
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
    home: str = "home"
    past: dict[tuple[str, str], list[tuple[int, float]]] = field(default_factory=dict)
    used: dict[tuple[str | None, int], float] = field(default_factory=dict)

    def value(self, device, metric):
        return self.values.get((device, metric))

    def previous(self, device, metric):
        return self.before.get((device, metric))

    def history(self, device, metric, after, upto):
        rows = self.past.get((device, metric), [])
        held = [row for row in rows if row[0] <= after][-1:]
        asked = held + [row for row in rows if after < row[0] <= upto]
        return [time for time, _ in asked], [value for _, value in asked]

    def energy(self, device, since, until=None):
        return self.used.get((device, since))


def truth(text, seen=None, key="", trigger=None):
    return Condition(text, CONFIG).truth(Sight(seen or Seen(), key, trigger))


WORDS = [
    *(
        "d.power",
        "*.contact",
        "5",
        '"10m"',
        '"22:00"',
        "(",
        ")",
        ",",
        "and",
        "or",
        "not",
        ">",
        "==",
        "+",
        "*",
    ),
    *("age", "mean", "session", "energy", "every", "percentile", "changed", "unknown", '"day"', "-", "/"),
    *("mode", "away", "time", "weekday", "sun", "up", "sunset", "occupied", "person.ann", "open"),
]
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
        ("d.power + 4.5 == 10", True),
        ("2 * d.power - 1 > 10", False),
        ("d.power / 0 > 1", None),
        ("d.power * d.voltage > 1", None),
        ("-d.power < -5", True),
        ("1 + 2 * 3 == 7", True),
        ("10 - 2 - 3 == 5", True),
        ("weekday == sun", False),
        ("weekday <= 5", True),
        ("sun == up", True),
        ("sun != up", False),
        ("down == sun", False),
        ("time > sunrise", True),  # 06:49
        ('time > sunset - "6h 30m"', False),  # 11:19
        ('time > sunset - "7h"', True),
        ('sunset - sunrise > "12h"', False),
        ('sunset - sunrise > "10h"', True),
        ('age(d.power) + "1m" == "2m"', True),
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
        ("Twin.power > 5 and 'Twin'.power > 5", "a and b are both called 'Twin'; write the id"),
        ("laundry/iron > 5", "'laundry/iron' lacks a metric, as in laundry/iron.power"),
        ("d.power*2 > 5", "no metric 'power*2'; did you mean power"),
        ('d.power + "5m" > 5', '"5m" cannot be added to a number'),
        ("time > 5", "a time of day cannot be compared with a number"),
        ("sunset * 2 < time", "to a time of day a duration is added"),
        ("sunset", 'sunset stands alone; compare it, as in time >= sunset + "30m"'),
        ("age(d.power) and d.contact", "a time stands alone"),
        ("sun == dwon", "sun is == or != one of up, down; did you mean down"),
        ('percentile(d.power, 101, "1h")', "percentile takes a number from 0 to 100"),
        ('mean(d.power, "1h", every "5s")', "every is a minute or more"),
        ('mean(d.power, 5, "1h")', "mean takes a series and a duration"),
        ('session(d.power > 5 and e.power, "5m") > 1', "session takes a condition and a pause"),
        ('session(d.power > e.power, "5m") > 1', "session looks at one series"),
        (
            'energy("dya") > 1',
            'energy takes "day", "week" or "month", and a device before it if need be',
        ),
        ('energy(*, "day") > 1', "energy takes one device"),
    ],
)
def test_what_is_wrong_is_said(text, complaint):
    with pytest.raises(ExpressionError) as error:
        Condition(text, CONFIG)
    assert complaint in str(error.value)


def test_an_own_metric_is_allowed():
    assert truth("tank/probe.litres > 5", Seen({("tank/probe", "litres"): (0, 6.0)})) is True


def test_the_sun_needs_to_know_where():
    with pytest.raises(ExpressionError, match="latitude and longitude"):
        Condition("sun == up", HomeConfig())


def test_a_device_by_its_name():
    seen = Seen({("0x17", "contact"): (TEN, 1.0)})
    assert truth('"Front door".contact == open', seen) is True


MIN = 60_000


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ('mean(d.power, "10m") == 30', True),
        ('twmean(d.power, "10m") == 26', True),
        ('percentile(d.power, 50, "10m") == 20', True),
        ('max(d.power, "10m") == 40 and min(d.power, "10m") == 10', True),
        ('mean(d.power, "10m", every "1h") == 10', True),  # from 09:50 to 10:00
        ('count(d.power, "1h", every "30m") == 1', True),  # from 09:00 to 10:00
        ('count(d.power, "2h", every "15m") == 3', True),
        ('last(d.power, session "10m") == 40', True),
        ('count(d.power, session "10m") == 2', True),
        ('count(d.power, session "1m") == 0', True),
        ('max(d.power, session "1m") > 0', None),
        ('session(d.power > 15, "5m") == "8m"', True),
        ('session(d.power > 35, "5m") == "4m"', True),
        ('session(d.power > 45, "5m") == 0', True),
        ('session(e.power > 45, "5m") == 0', None),
    ],
)
def test_windows(text, expected):
    # 10:20; a minute is left to readings before a window closes
    rows = [(TEN - 20 * MIN, 10.0), (TEN + 12 * MIN, 20.0), (TEN + 16 * MIN, 40.0)]
    seen = Seen(now=TEN + 20 * MIN, past={("d", "power"): rows})
    if "2h" in text:
        seen.now += 12 * MIN
    assert truth(text, seen) is expected


def test_energy_of_the_home_and_of_a_device():
    midnight, monday, first = (
        1_772_492_400_000,
        1_772_406_000_000,
        1_772_319_600_000,
    )  # Berlin: 1 March is Sunday
    used = {(None, midnight): 12_500.0, ("0x17", monday): 3000.0, (None, first): 40_000.0}
    assert truth('energy("day") > 12', Seen(used=used)) is True
    assert truth("energy('Front door', 'week') == 3", Seen(used=used)) is True
    assert truth('energy("month") - energy("day") > 27', Seen(used=used)) is True
    assert truth('energy("week") > 1', Seen(used=used)) is None


@pytest.mark.parametrize(
    ("text", "refs", "heard"),
    [
        ('mean(d.power, "1h") > 1', 1, 1),
        ('mean(d.power, "2h") > 1', 1, 0),  # measured by the minute
        ('mean(d.power, "2h") > d.power', 1, 1),
        ('mean(d.power, "5m", every "5m") > 1', 1, 0),
        ('session(d.power > 1, "5m") > 60', 1, 0),
        ('energy("day") > 1', 0, 0),
        ("d.power + e.power > 1", 2, 2),
    ],
)
def test_what_is_judged_at_each_reading(text, refs, heard):
    uses = Condition(text, CONFIG).uses
    assert (len(uses.refs), len(uses.heard)) == (refs, heard)


NUMBERS = st.one_of(st.floats(-1e15, 1e15), st.just(NAN))
PARTS = st.recursive(
    st.sampled_from(["d.power", "e.power", "0", "1", "1000000000000000", "2.5", "-7"]),
    lambda part: st.builds("({} {} {})".format, part, st.sampled_from("+-*/"), part),
    max_leaves=30,
)


@given(PARTS, NUMBERS, NUMBERS)
def test_arithmetic_never_raises_and_never_is_no_number(text, d, e):
    seen = Seen({("d", "power"): (TEN, d), ("e", "power"): (TEN, e)})
    for sign in ("<", "==", ">="):
        assert truth(f"{text} {sign} 0", seen) in (True, False, None)
    known = truth(f"{text} <= 0", seen), truth(f"{text} > 0", seen)
    assert known in ((True, False), (False, True), (None, None))


TRUTHS = st.recursive(
    st.sampled_from(["d.contact", "e.contact", "f.contact"]),
    lambda part: st.one_of(
        st.builds("not ({})".format, part),
        st.builds("({}) and ({})".format, part, part),
        st.builds("({}) or ({})".format, part, part),
    ),
    max_leaves=12,
)
STATES = st.sampled_from([True, False, None])


@given(TRUTHS, TRUTHS, st.tuples(STATES, STATES, STATES))
def test_the_laws_of_three_values(a, b, states):
    seen = Seen({(n, "contact"): (0, VALUE[state]) for n, state in zip("def", states, strict=True)})

    def same(one, other):
        assert truth(one, seen) is truth(other, seen)

    same(f"not (({a}) and ({b}))", f"not ({a}) or not ({b})")
    same(f"not (({a}) or ({b}))", f"not ({a}) and not ({b})")
    same(f"not not ({a})", a)
    same(f"({a}) and ({b})", f"({b}) and ({a})")
    same(f"({a}) or (({a}) and ({b}))", a)
    if None not in states:
        assert truth(a, seen) is not None  # what is all known is never unknown


@given(TRUTHS, st.tuples(STATES, STATES, STATES), st.integers(0, 2), st.booleans())
def test_learning_more_never_takes_a_truth_back(text, states, place, learned):
    def seen(states):
        return Seen({(n, "contact"): (0, VALUE[state]) for n, state in zip("def", states, strict=True)})

    before = truth(text, seen(states))
    more = [learned if n == place and state is None else state for n, state in enumerate(states)]
    assert before is None or truth(text, seen(more)) is before


@given(st.one_of(st.text(max_size=80), st.lists(st.sampled_from(WORDS), max_size=25).map(" ".join)))
def test_any_text_is_a_condition_or_one_error(text):
    try:
        condition = Condition(text, CONFIG)
    except ExpressionError as error:
        assert str(error)
        assert "\n" not in str(error) or "\n" in text
    else:
        assert condition.truth(Sight(Seen(), "d")) in (True, False, None)
