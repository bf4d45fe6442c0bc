"""The port of a dialect: what a message becomes, and how a family of devices is told something.

A dialect is a module with `bind(registry, topic)`, called once a topic: None where the topic is not of its
family, else a `Decoder`. A decoder is called with each entry of that topic and gives its rows. It may raise
`PeerError` with a reason of a few words, which refuses the whole entry, and nothing else. It remembers
nothing of its own: what it learns goes into the registry.
"""

from collections.abc import Callable
from typing import NamedTuple

from homestream.errors import HomestreamError, PeerError
from homestream.reading import Entry, Reading


class Refusal(NamedTuple):
    """One item that was not understood, and why, in a few words."""

    reason: str


class TooMany(PeerError):
    """A batch of more items than are taken at once."""


class NotCommandable(HomestreamError):
    """Nothing can be told to that device or metric; the text says what can."""


#: One item: its readings (none where it was knowingly ignored), or why it was refused.
Row = list[Reading] | Refusal
Decoder = Callable[[Entry], list[Row]]
