"""Topic names and topic filters (MQTT 3.1.1 and 5.0, section 4.7)."""

import re

from homestream.errors import PeerError

#: Longer names are no device's; the bound keeps what is remembered of them small.
MAX_TOPIC_CHARS = 1024

#: Deeper names serve only to exhaust; brokers in the field stop at 200.
MAX_LEVELS = 100

#: Allowed by the letter, but a receiver may close on them (1.5.3), and they serve only to forge log lines.
CONTROL = re.compile("[\\x00-\\x1f\\x7f-\\x9f]")


def check_topic(topic: str, error: type[PeerError] = PeerError) -> None:
    """Raise `error` unless `topic` may be published to."""
    if not topic:
        raise error("topic is empty")
    if "+" in topic or "#" in topic:
        raise error("topic with a wildcard")
    _check_text(topic, error)


def check_filter(text: str, error: type[PeerError] = PeerError) -> None:
    """Raise `error` unless `text` may be subscribed to."""
    if not text:
        raise error("topic filter is empty")
    _check_text(text, error)
    if "+" in text or "#" in text:
        levels = text.split("/")
        if any(len(level) > 1 and ("+" in level or "#" in level) for level in levels):
            raise error("wildcard is not alone in its level")
        if "#" in levels[:-1]:
            raise error("# is not the last level")


def _check_text(text: str, error: type[PeerError]) -> None:
    if CONTROL.search(text):
        raise error("topic with a control character")
    if len(text) > MAX_TOPIC_CHARS or depth(text) > MAX_LEVELS:
        raise error("topic is too long")


def depth(text: str) -> int:
    """Levels of a topic or filter."""
    return text.count("/") + 1


def matches(pattern: str, topic: str) -> bool:
    """Whether a filter covers a topic; `$...` topics are covered only by filters that say so."""
    if topic.startswith("$") and not pattern.startswith("$"):
        return False
    levels, wanted = topic.split("/"), pattern.split("/")
    if wanted[-1] == "#":
        wanted.pop()
        levels = levels[: len(wanted)]
    return len(levels) == len(wanted) and all(
        want in ("+", level) for want, level in zip(wanted, levels, strict=True)
    )
