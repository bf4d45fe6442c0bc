"""One Delta table on disk: append exactly once, compact, count."""

from collections import defaultdict
from pathlib import Path
from typing import Any

import pyarrow as pa
from deltalake import DeltaTable

from homestream.lake.commit import (
    APP,
    KEEP_REMOVED_HOURS,
    commit,
    commit_file,
    create_table,
    log_folder,
    transaction,
)
from homestream.lake.disk import sync
from homestream.lake.merge import merged
from homestream.lake.part import FRESH, LASTING, Part, split_days, write_part
from homestream.lake.schema import Table

#: A reader replays the commits since the last checkpoint.
CHECKPOINT_COMMITS = 100

#: The day under way is compacted when it has more files than this; each costs a query about 0.4 ms.
DAY_FILES = 24

#: A file of this size is as good as any larger one; to rewrite it again would only cost.
LARGE_BYTES = 16 << 20


class DeltaFolder:
    """The table `schema` in the folder `root`, made where missing. Others may commit meanwhile."""

    def __init__(self, root: Path, schema: Table) -> None:
        """Reads what is there; `durable` is the seq up to which this table was ever committed."""
        self.root = root
        self.schema = schema
        self.parts: dict[str, Part] = {}
        self.version = 0
        self.durable = 0
        create_table(root, schema)
        self.load()
        # a process that was killed may have left its last commit linked but the folder not yet on disk
        sync(log_folder(root))

    def append(self, rows: pa.Table, upto: int) -> None:
        """Add rows, whose seqs are above `durable`, and make `durable` = `upto`; both or none, durably."""
        self._write(rows, [transaction(upto)])
        self.durable = upto

    def add(self, rows: pa.Table) -> None:
        """Add rows that did not come through the log, durably; `durable` says nothing of them."""
        self._write(rows, [])

    def crowded(self) -> list[list[Part]]:
        """The small files of each day that has too many: one closed has one, the newest up to `DAY_FILES`."""
        days: dict[str, list[Part]] = defaultdict(list)
        for part in self.parts.values():
            days[part.day].append(part)
        newest = max(days, default="")
        small = {day: [part for part in days[day] if part.size < LARGE_BYTES] for day in sorted(days)}
        return [parts for day, parts in small.items() if len(parts) > (DAY_FILES if day == newest else 1)]

    def compact(self) -> None:
        """Merge what is crowded, and delete files that have not been listed for an hour."""
        crowded = self.crowded()
        for parts in crowded:
            self.rewrite(parts)
        if crowded:
            self._checkpoint()
            # full: also what a crash, or a merge that came second, left in no table
            DeltaTable(self.root).vacuum(
                KEEP_REMOVED_HOURS, dry_run=False, enforce_retention_duration=False, full=True
            )
            self.load()

    def rewrite(self, parts: list[Part], kept: str = "true") -> None:
        """Merge files of one day into one, of the rows for which the SQL `kept` holds."""
        day = parts[0].day
        whole = len(parts) == sum(part.day == day for part in self.parts.values())
        with merged(self.root, self.schema, [part.path for part in parts], whole, kept) as batches:
            new = write_part(self.root, self.schema, day, batches, LASTING)
        changes = kept != "true"
        actions = [*(part.removed(changes) for part in parts), new.added(self.schema, changes)]
        while all(part.path in self.parts for part in parts):
            try:
                self._commit("DELETE" if changes else "OPTIMIZE", actions)
            except FileExistsError:
                self.load()
                continue
            self.parts = {path: part for path, part in self.parts.items() if part not in parts} | {
                new.path: new
            }
            return
        # somebody else merged them meanwhile; the new file is in no table, and a vacuum will find it

    def size_bytes(self) -> int:
        """Bytes of all files that are part of the table."""
        return sum(part.size for part in self.parts.values())

    def load(self) -> None:
        """Take note of what another program did to the table."""
        delta = open_delta(self.root)
        self.version = delta.version()
        self.durable = delta.transaction_version(APP) or 0
        self.parts = {part.path: part for part in list_parts(delta)}

    def _write(self, rows: pa.Table, more: list[dict[str, Any]]) -> None:
        days = split_days(self.schema, rows) if rows.num_rows else []
        parts = [write_part(self.root, self.schema, day, part.to_batches(), FRESH) for day, part in days]
        actions = [part.added(self.schema, changes=True) for part in parts]
        while True:
            try:
                self._commit("WRITE", [*actions, *more])
                break
            except FileExistsError:  # compaction, the ETL or another program was first
                self.load()
        self.parts.update((part.path, part) for part in parts)

    def _commit(self, operation: str, actions: list[dict[str, Any]]) -> None:
        commit(self.root, self.version + 1, operation, actions)
        self.version += 1
        if self.version % CHECKPOINT_COMMITS == 0:
            self._checkpoint()

    def _checkpoint(self) -> None:
        """Sum up the commits in a file that readers start from; only then are old commits let go."""
        delta = open_delta(self.root)
        delta.create_checkpoint()
        log = log_folder(self.root)
        for path in (*log.glob(f"{delta.version():020}.checkpoint*"), log / "_last_checkpoint"):
            sync(path)
        sync(log)
        delta.cleanup_metadata()


def open_delta(root: Path) -> DeltaTable:
    """The table's newest version. A checkpoint that a power failure left half written is put away first."""
    try:
        return DeltaTable(root)
    except Exception:
        log = log_folder(root)
        checkpoints = sorted(log.glob("*.checkpoint*.parquet"))
        # without its commit the checkpoint is all there is, and the error is not ours to mend
        if not checkpoints or not commit_file(root, int(checkpoints[-1].name[:20])).exists():
            raise
        (log / "_last_checkpoint").unlink(missing_ok=True)
        checkpoints[-1].unlink()
        return DeltaTable(root)


def list_parts(delta: DeltaTable) -> list[Part]:
    """The files of the version that `delta` is at."""
    return [Part.of(row) for row in pa.table(delta.get_add_actions(flatten=True)).to_pylist()]
