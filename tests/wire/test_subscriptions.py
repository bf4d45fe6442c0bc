"""Who subscribed to what."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homestream.wire.subscriptions import Options, Subscriptions, Target, Wish, split, well_shared
from homestream.wire.topics import matches

levels = st.sampled_from(["a", "b", "", "$x", "kitchen"])
topics = st.lists(levels, min_size=1, max_size=5).map("/".join).filter(bool)
wild = st.lists(st.one_of(levels, st.just("+")), max_size=4)
filters = st.tuples(wild, st.booleans()).map(lambda f: "/".join([*f[0], "#"] if f[1] else f[0])).filter(bool)


def found(known: Subscriptions[str], topic: str) -> dict[str, int]:
    return {target.subscriber: target.wish.qos for target in known.match(topic).targets}


@given(st.lists(st.tuples(filters, st.sampled_from("xyz"), st.integers(0, 2)), max_size=12), topics)
def test_the_trie_says_what_matching_each_filter_says(
    subscribed: list[tuple[str, str, int]], topic: str
) -> None:
    known: Subscriptions[str] = Subscriptions()
    latest: dict[tuple[str, str], int] = {}
    for pattern, who, qos in subscribed:
        known.add(pattern, who, Options(qos))
        latest[pattern, who] = qos
    expected: dict[str, int] = {}
    for (pattern, who), qos in latest.items():
        if matches(pattern, topic):
            expected[who] = max(qos, expected.get(who, 0))
    assert found(known, topic) == expected
    assert len(known) == len(latest)
    for pattern, who in latest:
        known.remove(pattern, who)
    assert found(known, topic) == {}
    assert len(known) == 0


def test_a_change_is_seen_at_once() -> None:
    known: Subscriptions[str] = Subscriptions()
    known.add("a/+", "x", Options(0))
    assert found(known, "a/b") == {"x": 0}
    known.add("a/b", "y", Options(1))
    assert found(known, "a/b") == {"x": 0, "y": 1}
    known.remove("a/+", "nobody")
    known.remove("never/was", "x")
    known.remove("a/+", "x")
    assert found(known, "a/b") == {"y": 1}


def test_overlapping_filters_are_one_wish() -> None:
    known: Subscriptions[str] = Subscriptions()
    known.add("a/+", "x", Options(0, identifier=3))
    known.add("a/b", "x", Options(2, no_local=True, retain_as_published=True, identifier=9))
    known.add("#", "x", Options(1))
    (target,) = known.match("a/b").targets
    assert target.wish.qos == 2 and target.wish.retain_as_published
    assert sorted(target.wish.identifiers) == [3, 9]
    assert target.own == Wish(1, False, (3,)), "no-local is of that filter alone"
    known.remove("a/+", "x")
    known.remove("#", "x")
    assert known.match("a/b").targets == [Target("x", Wish(2, True, (9,)), None)]


def test_a_group_takes_turns() -> None:
    known: Subscriptions[str] = Subscriptions()
    for who in "xyz":
        known.add("$share/g/a/+", who, Options(1))
    known.add("$share/other/#", "x", Options(0))
    assert known.match("a/b").targets == []
    group, other = sorted(known.match("a/b").groups, key=lambda group: group.name)
    assert [group.turn(lambda _: True)[0] for _ in range(6)] == [*"xyzxyz"]
    assert [group.turn(lambda who: who == "z")[0] for _ in range(2)] == ["z", "z"]
    assert group.turn(lambda _: False)[0] == "x", "nobody is ready: it waits for somebody"
    assert other.turn(lambda _: True) == ("x", Wish(0, False, ()))
    assert known.group("$share/g/a/+") is group
    for who in "xyz":
        known.remove("$share/g/a/+", who)
    known.remove("$share/g/a/+", "x")
    assert known.group("$share/g/a/+") is None and known.group("$share/none/q") is None
    assert len(known) == 1


@pytest.mark.parametrize(
    ("name", "good"),
    [
        ("$share/g/t", True),
        ("$share/g/+/#", True),
        ("$share/g//t", True),
        ("$share//t", False),
        ("$share/g", False),
        ("$share/g/", False),
        ("$share/+/t", False),
        ("$share/#", False),
        ("a/$share/g", True),
    ],
)
def test_a_shared_filter_names_group_and_filter(name: str, good: bool) -> None:
    assert well_shared(name) is good


def test_split() -> None:
    assert split("$share/g/a/b") == ("g", "a/b")
    assert split("a/b") == ("", "a/b")
