"""Who subscribed to what in one home: a trie of filters with their options, and the groups that share."""

from collections.abc import Callable, Hashable, Iterable, Iterator
from typing import Generic, NamedTuple, TypeVar

#: Topics whose subscribers are remembered; a home has a few hundred.
MAX_REMEMBERED = 10_000

#: A filter that begins so is shared: `$share/GROUP/FILTER` (MQTT 5.0, section 4.8.2).
SHARE = "$share/"

S = TypeVar("S", bound=Hashable)


class Options(NamedTuple):
    """How a subscriber wants what a filter covers (MQTT 5.0, section 3.8.3.1); identifier 0 = none."""

    qos: int
    no_local: bool = False
    retain_as_published: bool = False
    retain_handling: int = 0
    identifier: int = 0


class Wish(NamedTuple):
    """The options of all of a subscriber's filters that cover one topic, as one."""

    qos: int
    retain_as_published: bool
    identifiers: tuple[int, ...]


class Target(NamedTuple, Generic[S]):
    """One subscriber of a topic; `own` is what it gets of its own messages, None where nothing."""

    subscriber: S
    wish: Wish
    own: Wish | None


class Group(Generic[S]):
    """Those who share one filter: each message goes to one of them, in turn."""

    __slots__ = ("members", "name")

    def __init__(self, name: str) -> None:
        self.name = name
        self.members: dict[S, Options] = {}

    def turn(self, ready: Callable[[S], bool]) -> tuple[S, Wish]:
        """Whose turn it is: the next who is ready, or just the next. There must be members."""
        chosen = next(filter(ready, self.members), None) or next(iter(self.members))
        options = self.members.pop(chosen)
        self.members[chosen] = options
        return chosen, _wish([options])


class Matched(NamedTuple, Generic[S]):
    """Who is to get the messages of a topic: each target, and one of each group."""

    targets: list[Target[S]]
    groups: list[Group[S]]


class _Node(Generic[S]):
    __slots__ = ("children", "groups", "subscribers")

    def __init__(self) -> None:
        self.children: dict[str, _Node[S]] = {}
        self.subscribers: dict[S, Options] = {}
        self.groups: dict[str, Group[S]] | None = None


class Subscriptions(Generic[S]):
    """A trie of filters. What a topic matched last time is remembered until a subscription changes."""

    def __init__(self) -> None:
        self._root: _Node[S] = _Node()
        self._known: dict[str, Matched[S]] = {}
        self._size = 0

    def __len__(self) -> int:
        return self._size

    def add(self, name: str, subscriber: S, options: Options) -> None:
        """Subscribe, or change the options of a subscription; `name` may be a shared filter."""
        group, pattern = split(name)
        node = self._root
        for level in pattern.split("/"):
            node = node.children.setdefault(level, _Node())
        if group:
            node.groups = {} if node.groups is None else node.groups
            subscribers = node.groups.setdefault(group, Group(name)).members
        else:
            subscribers = node.subscribers
        self._size += subscriber not in subscribers
        subscribers[subscriber] = options
        self._known.clear()

    def remove(self, name: str, subscriber: S) -> None:
        """Unsubscribe; nothing where there was no subscription."""
        group, pattern = split(name)
        path, node = [self._root], self._root
        levels = pattern.split("/")
        for level in levels:
            if level not in node.children:
                return
            node = node.children[level]
            path.append(node)
        if not _leave(node, group, subscriber):
            return
        self._size -= 1
        self._known.clear()
        for parent, level in zip(reversed(path[:-1]), reversed(levels), strict=True):
            child = parent.children[level]
            if child.children or child.subscribers or child.groups:
                break
            del parent.children[level]

    def group(self, name: str) -> Group[S] | None:
        """The group of a shared filter, if it has members."""
        group, pattern = split(name)
        node = self._root
        for level in pattern.split("/"):
            if level not in node.children:
                return None
            node = node.children[level]
        return (node.groups or {}).get(group)

    def match(self, topic: str) -> Matched[S]:
        """Subscribers of a topic, each once, with the highest QoS of its matching filters; and groups."""
        known = self._known.get(topic)
        if known is None:
            found: dict[S, list[Options]] = {}
            groups: list[Group[S]] = []
            for node in self._covering(topic):
                for subscriber, options in node.subscribers.items():
                    found.setdefault(subscriber, []).append(options)
                groups += (node.groups or {}).values()
            targets = [Target(subscriber, _wish(all_), _own(all_)) for subscriber, all_ in found.items()]
            if len(self._known) >= MAX_REMEMBERED:
                self._known.clear()
            known = self._known[topic] = Matched(targets, groups)
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


def split(name: str) -> tuple[str, str]:
    """A filter as (group, filter without it); the group is "" where it is not shared."""
    if not name.startswith(SHARE):
        return "", name
    group, _, pattern = name[len(SHARE) :].partition("/")
    return group, pattern


def well_shared(name: str) -> bool:
    """Whether a filter that claims to be shared names a group and a filter (section 4.8.2)."""
    group, pattern = split(name)
    return not name.startswith(SHARE) or bool(group and pattern and not {"+", "#"} & set(group))


def _leave(node: _Node[S], group: str, subscriber: S) -> bool:
    if not group:
        return node.subscribers.pop(subscriber, None) is not None
    shared = (node.groups or {}).get(group)
    if node.groups is None or shared is None or shared.members.pop(subscriber, None) is None:
        return False
    if not shared.members:
        del node.groups[group]
    return True


def _wish(wanted: Iterable[Options]) -> Wish:
    wanted = list(wanted)
    return Wish(
        max(one.qos for one in wanted),
        any(one.retain_as_published for one in wanted),
        tuple(one.identifier for one in wanted if one.identifier),
    )


def _own(wanted: list[Options]) -> Wish | None:
    rest = [one for one in wanted if not one.no_local]
    return _wish(rest) if rest else None
