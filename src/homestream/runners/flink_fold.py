"""What a task of the Flink job does: lines in, facts and marks out. Flink's Python workers import this.

A line is `home TAB record`, JSON and base64: a file of lines is what Flink can read from Python without a
further library, and what it goes on reading at the right place after a failure.
"""

from base64 import b64decode, b64encode
from collections.abc import Iterator
from typing import NamedTuple

import msgspec
from pyflink.common import Types
from pyflink.datastream import KeyedProcessFunction, OutputTag, RuntimeContext
from pyflink.datastream.state import ListStateDescriptor, ValueStateDescriptor

from homestream.runners.batches import Batch, encode
from homestream.runners.keyed import KeyedHome

#: Engines kept in memory by a task, at some ten MB each; the others come back from the state when needed.
LIVE_HOMES = 200

BYTES = Types.PRIMITIVE_ARRAY(Types.BYTE())
MARKS = OutputTag("marks", Types.STRING())


class Mark(NamedTuple):
    """A batch is folded: entries in it, its last seq, and the home's digest then (None: no such home yet)."""

    home: str
    seq: int
    entries: int
    digest: bytes | None


read_mark = msgspec.json.Decoder(Mark).decode


class Fold(KeyedProcessFunction):  # type: ignore[misc]
    """A home's lines -> its (seq, fact) as JSON lines, those of a batch in one string; a mark on the side."""

    def open(self, runtime_context: RuntimeContext) -> None:
        """The state as this attempt finds it: nothing of an attempt before is in memory."""
        self._snapshot = runtime_context.get_state(ValueStateDescriptor("snapshot", BYTES))
        self._tail = runtime_context.get_list_state(ListStateDescriptor("tail", BYTES))
        self._live: dict[str, KeyedHome] = {}

    def process_element(
        self, value: str, ctx: KeyedProcessFunction.Context
    ) -> Iterator[str | tuple[OutputTag, str]]:
        """One line."""
        name, _, record = value.partition("\t")
        home = self._live.pop(name, None) or KeyedHome(self._snapshot, self._tail)
        self._live[name] = home
        if len(self._live) > LIVE_HOMES:
            del self._live[next(iter(self._live))]
        output, batch = home.apply(b64decode(record), self._snapshot, self._tail)
        if output.facts:
            yield "\n".join(msgspec.json.encode(placed).decode() for placed in output.facts)
        fold = home.engine.homes.get(batch.home)
        mark = Mark(batch.home, home.engine.last_seq, len(batch.entries), fold.stage.digest if fold else None)
        yield MARKS, msgspec.json.encode(mark).decode()


def write_line(batch: Batch) -> bytes:
    """A batch as a line."""
    return msgspec.json.encode(batch.home) + b"\t" + b64encode(encode(batch)) + b"\n"


def key(line: str) -> str:
    """What a line is keyed by."""
    return line.partition("\t")[0]
