"""Parquet files of a table: how they are encoded, and what the Delta log says of them."""

import json
import uuid
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from homestream.lake.commit import now
from homestream.lake.disk import make_folder, sync
from homestream.lake.schema import Table

#: A day of one device is found by skipping whole groups of rows; smaller groups compress worse.
ROW_GROUP = 1 << 17

#: zstd's levels: files that live for an hour, and those that live for ever.
FRESH, LASTING = 3, 9

DAY_MS = 86_400_000
EPOCH = date(1970, 1, 1)

#: Partitions are kept within these dates, however wrong a device's time: a folder's name has its limits.
FIRST_DAY, LAST_DAY = 0, (date(2200, 1, 1) - EPOCH).days


@dataclass(frozen=True, slots=True)
class Part:
    """One file: its path below the table, its day (ISO), bytes, rows, first and last seq (0: no seq).

    `marked` says that a row in it supersedes an older one, here or elsewhere in its day.
    """

    path: str
    day: str
    size: int
    rows: int
    first: int
    last: int
    marked: bool

    @classmethod
    def of(cls, add: dict[str, Any]) -> "Part":
        """From a row of `DeltaTable.get_add_actions(flatten=True)`; other programs may have added it."""
        return cls(
            add["path"],
            str(add["partition.day"]),
            add["size_bytes"],
            add.get("num_records") or 0,
            add.get("min.seq") or 0,
            add.get("max.seq") or 0,
            bool(add.get("max.corrects") or add.get("max.revision")),
        )

    def added(self, table: Table, changes: bool) -> dict[str, Any]:
        """The action that adds it; `changes` is False where it only rearranges rows."""
        low: dict[str, Any] = {"seq": self.first} if self.first else {}
        high: dict[str, Any] = {"seq": self.last} if self.first else {}
        if table.mark:
            high[table.mark] = self.marked if table.mark == "corrects" else int(self.marked)
        stats = {"numRecords": self.rows, "minValues": low, "maxValues": high}
        return {
            "add": {
                "path": self.path,
                "partitionValues": {"day": self.day},
                "size": self.size,
                "modificationTime": now(),
                "dataChange": changes,
                "stats": json.dumps(stats),
            }
        }

    def removed(self, changes: bool) -> dict[str, Any]:
        """The action that removes it from the table; the file stays for a while."""
        return {
            "remove": {
                "path": self.path,
                "deletionTimestamp": now(),
                "dataChange": changes,
                "extendedFileMetadata": True,
                "partitionValues": {"day": self.day},
                "size": self.size,
            }
        }


def split_days(table: Table, rows: pa.Table) -> list[tuple[str, pa.Table]]:
    """Rows by the UTC date of the table's dating column, each sorted in the table's order."""
    times = rows[table.dated].cast(pa.int64())
    times = pc.max_element_wise(pc.min_element_wise(times, LAST_DAY * DAY_MS), FIRST_DAY * DAY_MS)
    number = pc.divide(times, DAY_MS)
    days = sorted(pc.unique(number).to_pylist())
    parts = [(day, rows if len(days) == 1 else rows.filter(pc.equal(number, day))) for day in days]
    return [((EPOCH + timedelta(days=day)).isoformat(), _sorted(part, table.order)) for day, part in parts]


def _sorted(rows: pa.Table, order: tuple[str, ...]) -> pa.Table:
    """Rows in order. Texts are compared by their place in a dictionary, which takes half the time."""
    keys = {name: _places(rows[name]) if rows[name].type == pa.string() else rows[name] for name in order}
    return rows.take(pc.sort_indices(pa.table(keys), sort_keys=[(name, "ascending") for name in order]))


def _places(texts: pa.ChunkedArray) -> pa.ChunkedArray:
    """Each text's place among the different ones."""
    known = texts.combine_chunks().dictionary_encode()
    return pc.take(pc.rank(known.dictionary, tiebreaker="dense"), known.indices)


def write_part(root: Path, table: Table, day: str, batches: Iterable[pa.RecordBatch], level: int) -> Part:
    """Write sorted batches to a new file of a day's folder, durably; nobody knows of it until it is added."""
    folder = root / f"day={day}"
    make_folder(folder)
    path = folder / f"part-{uuid.uuid4().hex}.parquet"
    with pq.ParquetWriter(path, table.schema, compression_level=level, **_encoding(table)) as writer:
        for batch in batches:
            writer.write_batch(batch, ROW_GROUP)
    sync(path)
    sync(folder)
    metadata = pq.read_metadata(path)
    first, last = _span(metadata, table, "seq")
    marked = bool(_span(metadata, table, table.mark)[1])
    name = path.relative_to(root).as_posix()
    return Part(name, day, path.stat().st_size, metadata.num_rows, first or 0, last or 0, marked)


def _encoding(table: Table) -> dict[str, Any]:
    """Ever-growing integers as differences, all else through a dictionary while that is small."""
    growing = [
        name for name, kind in table.columns.items() if kind == pa.int64() or pa.types.is_timestamp(kind)
    ]
    return {
        "compression": "zstd",
        "use_dictionary": [name for name in table.columns if name not in growing],
        "column_encoding": dict.fromkeys(growing, "DELTA_BINARY_PACKED"),
        "store_schema": False,
    }


def _span(metadata: pq.FileMetaData, table: Table, column: str) -> tuple[Any, Any]:
    """Lowest and highest value of a column, from the groups' statistics; Nones where it has none."""
    if column not in table.columns:
        return None, None
    place = list(table.columns).index(column)
    groups = [metadata.row_group(n).column(place).statistics for n in range(metadata.num_row_groups)]
    known = [group for group in groups if group is not None and group.has_min_max]
    if not known:
        return None, None
    return min(group.min for group in known), max(group.max for group in known)
