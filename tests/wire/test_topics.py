"""Names and filters."""

import pytest

from homestream.errors import PeerError
from homestream.wire.topics import (
    MAX_LEVELS,
    MAX_TOPIC_CHARS,
    check_filter,
    check_topic,
    matches,
)


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
