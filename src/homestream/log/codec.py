"""Entries <-> bytes of one row of the log: columns as one Arrow IPC record batch, compressed by zstd.

The schema is not in the bytes (it would be most of them for a batch of one, and most of the time): the
version of the file stands for it.
"""

from collections.abc import Sequence

import pyarrow as pa
import zstandard

from homestream.reading import Entry, Kind

SCHEMA = pa.schema(
    [
        ("kind", pa.int8()),
        ("home", pa.string()),
        ("source", pa.string()),
        ("topic", pa.string()),
        ("payload", pa.binary()),
        ("arrived", pa.int64()),
        ("items", pa.int32()),
    ]
)
TYPES = SCHEMA.types

#: Level 1 is faster than the disk takes uncompressed bytes; higher levels cost the hot path and save little.
LEVEL = 1

KINDS = {int(kind): kind for kind in Kind}


def encode(entries: Sequence[Entry]) -> bytes:
    """At least one entry, without seq -> bytes; ValueError or OverflowError where a field does not fit."""
    _, *columns = zip(*entries, strict=True)
    arrays = [pa.array(column, kind) for column, kind in zip(columns, TYPES, strict=True)]
    batch = pa.RecordBatch.from_arrays(arrays, schema=SCHEMA)
    return zstandard.ZstdCompressor(level=LEVEL).compress(batch.serialize())


def decode(data: bytes, first: int) -> list[Entry]:
    """The inverse of `encode`; the entries count from seq `first`. ValueError where the bytes are damaged."""
    try:
        raw = zstandard.ZstdDecompressor().decompress(data)
        batch = pa.ipc.read_record_batch(pa.py_buffer(raw), SCHEMA)
    except (zstandard.ZstdError, OSError) as error:
        raise ValueError(f"a batch from seq {first} on is damaged ({error})") from error
    kind, *columns = (column.to_pylist() for column in batch.columns)
    seqs = range(first, first + batch.num_rows)
    return [Entry(*row) for row in zip(seqs, map(KINDS.__getitem__, kind), *columns, strict=True)]
