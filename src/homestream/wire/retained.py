"""The retained messages of one home: the last of each topic that asked for it."""

from collections import deque
from collections.abc import Iterable, Iterator

from homestream.wire.message import Message
from homestream.wire.reader import Batch
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


class Promised:
    """What was passed on to who is there, and is to be retained once it is on disk."""

    def __init__(self) -> None:
        self._messages: dict[str, deque[Message]] = {}

    def add(self, message: Message) -> None:
        """Passed on just now."""
        self._messages.setdefault(message.topic, deque()).append(message)

    def settle(self, batch: Batch) -> None:
        """A batch whose messages were added is on disk, or will never be. Batches settle in their order."""
        for topic, head in zip(batch.topics, batch.heads, strict=True):
            if head & 1:
                messages = self._messages[topic]
                messages.popleft()
                if not messages:
                    del self._messages[topic]

    def over(self, stored: Iterable[Message], pattern: str, now: int) -> Iterator[Message]:
        """What a filter covers, with what is promised in the place of what is `stored`."""
        yield from (one for one in stored if one.topic not in self._messages)
        for topic, messages in self._messages.items():
            last = messages[-1]
            if last.payload and matches(pattern, topic) and not last.gone(now):
                yield last
