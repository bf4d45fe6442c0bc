"""Names, filters, and who subscribed to what."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homestream.errors import PeerError
from homestream.wire.topics import (
    MAX_LEVELS,
    MAX_TOPIC_CHARS,
    Subscriptions,
    check_filter,
    check_topic,
    matches,
)

levels = st.sampled_from(["a", "b", "", "$x", "kitchen"])
topics = st.lists(levels, min_size=1, max_size=5).map("/".join).filter(bool)
wild = st.lists(st.one_of(levels, st.just("+")), max_size=4)
filters = st.tuples(wild, st.booleans()).map(lambda f: "/".join([*f[0], "#"] if f[1] else f[0])).filter(bool)


@pytest.mark.parametrize(
    ("pattern", "topic", "covered"),
    [
        ("a/b", "a/b", True),
        ("a/b", "a/b/c", False),
        ("a/+", "a/b", True),
        ("a/+", "a", False),
        ("a/+", "a/", True),
        ("+", "/a", False),
        ("+/+", "/a", True),
        ("a/#", "a", True),
        ("a/#", "a/b/c", True),
        ("#", "a/b", True),
        ("#", "$SYS/x", False),
        ("+/x", "$SYS/x", False),
        ("$SYS/#", "$SYS/x", True),
        ("A", "a", False),
    ],
)
def test_matches(pattern: str, topic: str, covered: bool) -> None:
    assert matches(pattern, topic) is covered
    known: Subscriptions[str] = Subscriptions()
    known.add(pattern, "me", 1)
    assert known.match(topic) == ([("me", 1)] if covered else [])


@given(st.lists(st.tuples(filters, st.sampled_from("xyz"), st.integers(0, 1)), max_size=12), topics)
def test_the_trie_says_what_matching_each_filter_says(
    subscribed: list[tuple[str, str, int]], topic: str
) -> None:
    known: Subscriptions[str] = Subscriptions()
    latest: dict[tuple[str, str], int] = {}
    for pattern, who, qos in subscribed:
        known.add(pattern, who, qos)
        latest[pattern, who] = qos
    expected: dict[str, int] = {}
    for (pattern, who), qos in latest.items():
        if matches(pattern, topic):
            expected[who] = max(qos, expected.get(who, 0))
    assert dict(known.match(topic)) == expected
    assert len(known) == len(latest)
    for pattern, who in latest:
        known.remove(pattern, who)
    assert known.match(topic) == []
    assert len(known) == 0


def test_a_change_is_seen_at_once() -> None:
    known: Subscriptions[str] = Subscriptions()
    known.add("a/+", "x", 0)
    assert known.match("a/b") == [("x", 0)]
    known.add("a/b", "y", 1)
    assert dict(known.match("a/b")) == {"x": 0, "y": 1}
    known.remove("a/+", "nobody")
    known.remove("never/was", "x")
    known.remove("a/+", "x")
    assert known.match("a/b") == [("y", 1)]


@pytest.mark.parametrize(
    "topic", ["", "a/+", "a#", "a\0b", "a\x1fb", "a\x9f", "x" * (MAX_TOPIC_CHARS + 1), "/" * MAX_LEVELS]
)
def test_no_topic(topic: str) -> None:
    with pytest.raises(PeerError):
        check_topic(topic)


@pytest.mark.parametrize("text", ["", "a+", "+a/b", "#/a", "a/#/b", "a\0", "x" * (MAX_TOPIC_CHARS + 1)])
def test_no_filter(text: str) -> None:
    with pytest.raises(PeerError):
        check_filter(text)


@pytest.mark.parametrize("topic", ["/etc/passwd", "../../x", "<script>", "a b", "$SYS/x", "käse/🏠"])
def test_strange_but_a_topic(topic: str) -> None:
    check_topic(topic)
    check_filter(topic)
