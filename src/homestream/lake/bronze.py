"""Bronze read back as the entries it was made of: the log's older half, for replays."""

from collections.abc import Iterator
from pathlib import Path

import duckdb

from homestream.lake.commit import APP, log_folder
from homestream.lake.part import Part
from homestream.lake.schema import BRONZE
from homestream.lake.table import list_parts, open_delta
from homestream.reading import Entry, Kind

FOLDER = "lake"

#: Entries given at a time.
BATCH = 10_000

KINDS = {kind.name.lower(): kind for kind in Kind}

QUERY = """
SELECT seq, kind, home, source, topic, payload, epoch_ms(arrived), items
FROM read_parquet(?, hive_partitioning=false) WHERE seq >= ? ORDER BY seq
"""


class Bronze:
    """The bronze of a home's lake, for reading; there need not be one."""

    def __init__(self, folder: Path) -> None:
        """`folder` is the home's."""
        self._root = folder / FOLDER / BRONZE.name

    def durable(self) -> int:
        """The seq up to which the lake holds all; 0 where there is no lake."""
        return (open_delta(self._root).transaction_version(APP) or 0) if self._exists() else 0

    def entries(self, seq: int = 1) -> Iterator[list[Entry]]:
        """Entries from `seq` on, in order, in lists.

        Files are read in runs whose seqs do not overlap, so memory is bounded by the largest: a file or two.
        """
        parts = list_parts(open_delta(self._root)) if self._exists() else []
        for run in runs([part for part in parts if part.last >= seq]):
            files = [str(self._root / part.path) for part in run]
            with duckdb.connect(config={"threads": 1}) as con:
                answer = con.execute(QUERY, [files, seq])
                while rows := answer.fetchmany(BATCH):
                    yield [Entry(row[0], KINDS[row[1]], *row[2:]) for row in rows]

    def _exists(self) -> bool:
        return log_folder(self._root).exists()


def runs(parts: list[Part]) -> Iterator[list[Part]]:
    """Files grouped so that each group's seqs are all below the next one's."""
    run: list[Part] = []
    end = 0
    for part in sorted(parts, key=lambda part: part.first):
        if run and part.first > end:
            yield run
            run = []
        run.append(part)
        end = max(end, part.last)
    if run:
        yield run
