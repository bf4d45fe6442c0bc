"""Entries in batches of one home: the records of a cluster's stream.

A stream keyed by home costs a cluster per record, not per entry, so a record is one home's batch of entries.
Each home's batches, in order, are all that concerns it: folded by an engine of its own they give the digest
that an engine of all homes gives.
"""

from collections.abc import Iterable, Iterator, Sequence
from itertools import chain
from typing import NamedTuple

import msgspec
import zstandard

from homestream.reading import Entry, Kind

#: A batch is cut beyond this: some thousand entries, so that what a record costs is small beside them; below
#: the 1 MB that a Kafka broker takes by default. One entry larger than that is a batch by itself.
BATCH_BYTES = 256 << 10

#: Beyond this all waiting entries are cut into batches, however short: many homes must not fill the memory.
HELD_BYTES = 64 << 20

#: What an entry weighs beside its payload, roughly.
ENTRY_BYTES = 80


#: Makes a sixth of a record, for a hundredth of what folding it costs; higher levels gain little.
LEVEL = 1


class Batch(NamedTuple):
    """Entries of `home` in order of seq, and among them the ticks that concern every home."""

    home: str
    entries: list[Entry]


_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Batch)


class _Waiting:
    """A home's entries that are in no batch yet, and what they weigh."""

    def __init__(self) -> None:
        self.entries: list[Entry] = []
        self.size = 0


def split(history: Iterable[Sequence[Entry]]) -> Iterator[Batch]:
    """The batches of each home, in order, of a `history` from seq 1 on.

    A tick of home "" goes to every home heard of by then: to others it says nothing, as in `Engine`.
    """
    homes: dict[str, _Waiting] = {}
    held = 0
    for entry in chain.from_iterable(history):
        weight = ENTRY_BYTES + len(entry.payload)
        if entry.kind == Kind.TICK and not entry.home:
            concerned = list(homes.items())
        else:
            concerned = [(entry.home, homes.get(entry.home) or homes.setdefault(entry.home, _Waiting()))]
        for home, waiting in concerned:
            if waiting.entries and waiting.size + weight > BATCH_BYTES:
                held -= waiting.size
                yield _cut(home, waiting)
            waiting.entries.append(entry)
            waiting.size += weight
            held += weight
        if held > HELD_BYTES:
            yield from _rest(homes)
            held = 0
    yield from _rest(homes)


def _rest(homes: dict[str, _Waiting]) -> Iterator[Batch]:
    return (_cut(home, waiting) for home, waiting in homes.items() if waiting.entries)


def _cut(home: str, waiting: _Waiting) -> Batch:
    batch = Batch(home, waiting.entries)
    waiting.entries, waiting.size = [], 0
    return batch


def encode(batch: Batch) -> bytes:
    """A record: msgpack, compressed by zstd."""
    return zstandard.ZstdCompressor(level=LEVEL).compress(_encoder.encode(batch))


def decode(record: bytes) -> Batch:
    """The inverse of `encode`."""
    return _decoder.decode(zstandard.ZstdDecompressor().decompress(record))
