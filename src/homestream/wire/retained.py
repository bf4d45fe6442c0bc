"""The retained messages of one home: the last of each topic that asked for it."""

from collections.abc import Iterable, Iterator

from homestream.wire.message import Message
from homestream.wire.topics import matches

#: Retained messages of a home and their bytes; beyond either a new topic is not retained.
MAX_RETAINED = 10_000
MAX_RETAINED_BYTES = 32 << 20


class Retained(dict[str, Message]):
    """Topic -> message."""

    def __init__(self, messages: Iterable[Message] = ()) -> None:
        super().__init__()
        self._bytes = 0
        for one in messages:
            self.keep(one)

    def keep(self, message: Message) -> None:
        """Put a message in the place of the last of its topic; an empty payload only takes that away."""
        old = self.pop(message.topic, None)
        if old is not None:
            self._bytes -= len(old.payload)
        if not message.payload or len(self) >= MAX_RETAINED:
            return
        if self._bytes + len(message.payload) <= MAX_RETAINED_BYTES:
            self[message.topic] = message
            self._bytes += len(message.payload)

    def covered(self, pattern: str, now: int) -> Iterator[Message]:
        """Those that a filter covers and that have not expired; the expired are taken away."""
        if "+" in pattern or "#" in pattern:
            found = [one for topic, one in self.items() if matches(pattern, topic)]
        else:
            found = [self[pattern]] if pattern in self else []
        for one in found:
            if one.gone(now):
                self._bytes -= len(self.pop(one.topic).payload)
            else:
                yield one
