"""What a principal may publish and subscribe to: topics of its own home that its list of filters covers.

`credentials.toml` holds the lists, `publish` and `subscribe`; where there is none the role decides. `$`
topics are the broker's own: a device neither writes nor reads them, an admin reads them.
"""

from functools import lru_cache

from homestream.door.login.credentials import Principal
from homestream.wire.topics import matches

#: A topic as it is, or any under it.
EVERYTHING = ("#",)

#: What a role may, where the principal's own list does not say.
PUBLISH = {"admin": EVERYTHING, "device": EVERYTHING}
SUBSCRIBE = {"admin": ("#", "$SYS/#"), "device": EVERYTHING}

#: Answers remembered; a home has a few hundred topics, and each is at most 1,024 characters.
REMEMBERED = 10_000

#: Of a subscription shared among several clients: `$share/GROUP/FILTER` (5.0 section 4.8.2).
SHARED = "$share/"


def may_publish(principal: Principal, topic: str) -> bool:
    """Whether a message of this principal may go to `topic`."""
    filters = principal.publish if principal.publish is not None else PUBLISH[principal.role]
    return not topic.startswith("$") if filters is EVERYTHING else _covered(filters, topic)


def may_subscribe(principal: Principal, wanted: str) -> bool:
    """Whether all that the filter `wanted` brings is for this principal: one of its filters covers it."""
    allowed = principal.subscribe if principal.subscribe is not None else SUBSCRIBE[principal.role]
    if wanted.startswith(SHARED):
        wanted = wanted.removeprefix(SHARED).partition("/")[2]
    return any(covers(one, wanted) for one in allowed)


@lru_cache(REMEMBERED)
def _covered(filters: tuple[str, ...], topic: str) -> bool:
    return any(matches(one, topic) for one in filters)


def covers(allowed: str, wanted: str) -> bool:
    """Whether every topic that the filter `wanted` matches is matched by the filter `allowed` too."""
    if wanted.startswith("$") != allowed.startswith("$"):
        return False
    have, want = allowed.split("/"), wanted.split("/")
    for n, level in enumerate(have):
        if level == "#":
            return True
        if n == len(want) or want[n] == "#" or level not in ("+", want[n]):
            return False
    return len(have) == len(want)
