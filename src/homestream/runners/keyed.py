"""One home's engine in the keyed state of a cluster: its last snapshot, and the batches since.

The state is what survives, the engine in memory is a copy of it. To write a snapshot at every batch would
cost far more than the fold, and to write one at times only would lose what came since when a task fails.
So each batch is added to the state as it came, which is cheap, and once these outweigh the snapshot a new one
takes their place. A home that is not in memory comes back from the snapshot and its batches, whose facts have
left before: the same scheme as the snapshot and the log of `homestream up`.
"""

from collections.abc import Iterable
from typing import Protocol

from homestream.engine.fold import Engine
from homestream.engine.output import Output
from homestream.runners.batches import Batch, decode

#: However small the snapshot is, less of batches (some 30,000 entries) is no reason for another. Beyond,
#: batches as heavy as the snapshot took twenty times longer to fold than another snapshot takes.
TAIL_BYTES = 256 << 10


class Value(Protocol):
    """A value in the state of the current home."""

    def value(self) -> bytes | None:
        """As last updated; None before."""

    def update(self, value: bytes) -> None:
        """Replace it."""


class Values(Protocol):
    """A list in the state of the current home."""

    def get(self) -> Iterable[bytes] | None:
        """All added since the last clear, in order; may be None when there are none."""

    def add(self, value: bytes) -> None:
        """Append one."""

    def clear(self) -> None:
        """Forget all."""


class KeyedHome:
    """The engine of one home in memory. Its state is passed in: it is at hand only during a call."""

    def __init__(self, snapshot: Value, tail: Values) -> None:
        """As the state has it; a new engine where that is empty."""
        data = snapshot.value()
        self.engine = Engine.restore(data) if data else Engine()
        self._snapshot_bytes, self._tail_bytes = len(data or b""), 0
        for record in tail.get() or ():
            self.engine.apply(decode(record).entries)
            self._tail_bytes += len(record)

    def apply(self, record: bytes, snapshot: Value, tail: Values) -> tuple[Output, Batch]:
        """Fold an encoded batch, and keep it in the state: what came of it, and the batch."""
        batch = decode(record)
        output = self.engine.apply(batch.entries)
        self._tail_bytes += len(record)
        if self._tail_bytes < max(TAIL_BYTES, self._snapshot_bytes):
            tail.add(record)
        else:
            data = self.engine.snapshot()
            snapshot.update(data)
            tail.clear()
            self._snapshot_bytes, self._tail_bytes = len(data), 0
        return output, batch
