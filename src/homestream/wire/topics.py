"""Topic names, topic filters, and who subscribed to what (MQTT 3.1.1, section 4.7)."""

import re
from collections.abc import Hashable, Iterator
from typing import Generic, TypeVar

from homestream.errors import PeerError

#: Longer names are no device's; the bound keeps what is remembered of them small.
MAX_TOPIC_CHARS = 1024

#: Deeper names serve only to exhaust; brokers in the field stop at 200.
MAX_LEVELS = 100

#: Allowed by the letter, but a receiver may close on them (1.5.3), and they serve only to forge log lines.
CONTROL = re.compile("[\\x00-\\x1f\\x7f-\\x9f]")

#: Topics whose subscribers are remembered; a home has a few hundred.
MAX_REMEMBERED = 10_000

S = TypeVar("S", bound=Hashable)


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
    if len(text) > MAX_TOPIC_CHARS or text.count("/") >= MAX_LEVELS:
        raise error("topic is too long")


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


class _Node(Generic[S]):
    __slots__ = ("children", "subscribers")

    def __init__(self) -> None:
        self.children: dict[str, _Node[S]] = {}
        self.subscribers: dict[S, int] = {}


class Subscriptions(Generic[S]):
    """A trie of filters. What a topic matched last time is remembered until a subscription changes."""

    def __init__(self) -> None:
        self._root: _Node[S] = _Node()
        self._known: dict[str, list[tuple[S, int]]] = {}
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def add(self, pattern: str, subscriber: S, qos: int) -> None:
        """Subscribe, or change the QoS of a subscription."""
        node = self._root
        for level in pattern.split("/"):
            node = node.children.setdefault(level, _Node())
        self._size += subscriber not in node.subscribers
        node.subscribers[subscriber] = qos
        self._known.clear()

    def remove(self, pattern: str, subscriber: S) -> None:
        """Unsubscribe; nothing where there was no subscription."""
        path, node = [self._root], self._root
        levels = pattern.split("/")
        for level in levels:
            if level not in node.children:
                return
            node = node.children[level]
            path.append(node)
        if node.subscribers.pop(subscriber, None) is None:
            return
        self._size -= 1
        self._known.clear()
        for parent, level in zip(reversed(path[:-1]), reversed(levels), strict=True):
            child = parent.children[level]
            if child.children or child.subscribers:
                break
            del parent.children[level]

    def match(self, topic: str) -> list[tuple[S, int]]:
        """Subscribers of a topic, each once, with the highest QoS of its matching filters."""
        known = self._known.get(topic)
        if known is None:
            best: dict[S, int] = {}
            for node in self._covering(topic):
                for subscriber, qos in node.subscribers.items():
                    best[subscriber] = max(qos, best.get(subscriber, 0))
            if len(self._known) >= MAX_REMEMBERED:
                self._known.clear()
            known = self._known[topic] = list(best.items())
        return known

    def _covering(self, topic: str) -> Iterator[_Node[S]]:
        levels = topic.split("/")
        front = [self._root]
        for depth, level in enumerate(levels):
            wild = depth > 0 or not topic.startswith("$")
            following = []
            for node in front:
                if wild and (rest := node.children.get("#")):
                    yield rest
                if wild and (anything := node.children.get("+")):
                    following.append(anything)
                if exact := node.children.get(level):
                    following.append(exact)
            front = following
        for node in front:
            yield node
            if rest := node.children.get("#"):
                yield rest
