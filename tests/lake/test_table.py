"""One Delta table: other programs beside us, a torn checkpoint, sizes."""

import os
from datetime import UTC, datetime
from pathlib import Path
from time import time as wall_clock

import pyarrow as pa
import pytest
from deltalake import DeltaTable
from hypothesis import given, settings
from hypothesis import strategies as st

from homestream.lake import rows
from homestream.lake.commit import KEEP_REMOVED_HOURS, commit_file, log_folder
from homestream.lake.part import FIRST_DAY, LAST_DAY, split_days
from homestream.lake.schema import ROLLUP_1H, SILVER
from homestream.lake.table import CHECKPOINT_COMMITS, DAY_FILES, DeltaFolder, open_delta
from homestream.reading import Reading

from .house import DAY, START


def silver(seq: int, time: int = START, value: float = 1.0, corrects: bool = False) -> pa.Table:
    return rows.readings(
        [(seq, Reading("home", "den/air", "temperature", time, value), False, corrects)], after=-1
    )


def values(folder: DeltaFolder) -> list[tuple[int, float | None]]:
    table = DeltaTable(folder.root).to_pyarrow_table(columns=["seq", "value"]).sort_by("seq")
    return [(row["seq"], row["value"]) for row in table.to_pylist()]


def filled(root: Path, count: int) -> DeltaFolder:
    folder = DeltaFolder(root, SILVER)
    for seq in range(1, count + 1):
        folder.append(silver(seq, START + seq * 1000, float(seq)), seq)
    return folder


def test_what_is_appended_is_there_after_a_reopening(tmp_path: Path) -> None:
    filled(tmp_path, 3)
    folder = DeltaFolder(tmp_path, SILVER)
    assert (folder.durable, folder.version, len(folder.parts)) == (3, 3, 3)
    assert values(folder) == [(1, 1.0), (2, 2.0), (3, 3.0)]
    assert sorted((part.first, part.last, part.rows) for part in folder.parts.values()) == [
        (1, 1, 1),
        (2, 2, 1),
        (3, 3, 1),
    ]


def test_a_program_that_compacts_meanwhile_is_no_conflict(tmp_path: Path) -> None:
    folder = filled(tmp_path, 5)
    DeltaTable(tmp_path).optimize.compact()
    folder.append(silver(6, value=6.0), 6)
    assert values(folder) == [(n, float(n)) for n in range(1, 7)]
    assert (folder.durable, len(folder.parts)) == (6, 2)
    assert DeltaFolder(tmp_path, SILVER).durable == 6


def test_what_another_program_merged_meanwhile_is_not_doubled(tmp_path: Path) -> None:
    folder = filled(tmp_path, DAY_FILES + 1)
    DeltaTable(tmp_path).optimize.compact()
    folder.compact()
    assert values(folder) == [(n, float(n)) for n in range(1, DAY_FILES + 2)]
    assert len(folder.parts) == 1


def test_rows_that_came_by_another_way_leave_the_seq_alone(tmp_path: Path) -> None:
    folder = filled(tmp_path, 2)
    folder.add(silver(0, START - DAY, 7.0))
    folder.append(silver(3, value=3.0), 3)
    assert values(folder) == [(0, 7.0), (1, 1.0), (2, 2.0), (3, 3.0)]
    assert DeltaFolder(tmp_path, SILVER).durable == 3


def test_checkpoints_let_old_commits_go_and_lose_nothing(tmp_path: Path) -> None:
    folder = filled(tmp_path, CHECKPOINT_COMMITS + 2)
    assert (log_folder(tmp_path) / "_last_checkpoint").exists()
    again = DeltaFolder(tmp_path, SILVER)
    assert (again.durable, again.parts) == (folder.durable, folder.parts)


def test_a_checkpoint_torn_by_a_power_failure_is_put_away(tmp_path: Path) -> None:
    folder = filled(tmp_path, CHECKPOINT_COMMITS)
    (checkpoint,) = log_folder(tmp_path).glob("*.checkpoint.parquet")
    checkpoint.write_bytes(checkpoint.read_bytes()[:100])
    assert DeltaFolder(tmp_path, SILVER).durable == folder.durable
    assert len(values(folder)) == CHECKPOINT_COMMITS


def test_a_table_damaged_otherwise_is_an_error(tmp_path: Path) -> None:
    filled(tmp_path, 1)
    commit_file(tmp_path, 0).unlink()
    with pytest.raises(Exception, match=r"log|version|metadata"):
        open_delta(tmp_path)


def test_compaction_sorts_merges_and_drops_what_is_superseded(tmp_path: Path) -> None:
    folder = filled(tmp_path, DAY_FILES)
    folder.compact()
    assert len(folder.parts) == DAY_FILES
    folder.append(silver(DAY_FILES + 1, START + 3000, 99.0, corrects=True), DAY_FILES + 1)
    folder.compact()
    (part,) = folder.parts.values()
    assert (part.rows, part.marked) == (DAY_FILES, False)
    expected = [(n, float(n)) for n in range(1, DAY_FILES + 1) if n != 3]
    assert values(folder) == [*expected, (DAY_FILES + 1, 99.0)]
    times = DeltaTable(tmp_path).to_pyarrow_table()["time"].to_pylist()
    assert times == sorted(times)


def test_a_closed_day_is_one_file(tmp_path: Path) -> None:
    folder = filled(tmp_path, 3)
    folder.append(silver(4, START + 5 * DAY), 4)
    folder.compact()
    assert sorted((part.day, part.rows) for part in folder.parts.values()) == [
        ("2026-03-01", 3),
        ("2026-03-06", 1),
    ]


def test_what_a_reader_lists_stays_for_a_while(tmp_path: Path) -> None:
    folder = filled(tmp_path, DAY_FILES + 1)
    listed = DeltaTable(tmp_path)
    folder.compact()
    assert listed.to_pyarrow_table().num_rows == DAY_FILES + 1


def test_files_that_a_crash_left_in_no_table_are_deleted(tmp_path: Path) -> None:
    folder = filled(tmp_path, DAY_FILES + 1)
    listed = next(iter(folder.parts))
    lost, young = (tmp_path / Path(listed).parent / f"part-{name}.parquet" for name in ("lost", "young"))
    for path in (lost, young):
        path.write_bytes((tmp_path / listed).read_bytes())
    ages_ago = wall_clock() - 2 * KEEP_REMOVED_HOURS * 3600
    os.utime(lost, (ages_ago, ages_ago))
    folder.compact()
    assert not lost.exists()
    assert young.exists(), "it may be about to be added"
    assert values(folder) == [(n, float(n)) for n in range(1, DAY_FILES + 2)]


@settings(deadline=None)
@given(st.lists(st.integers(-(2**62), 2**62), min_size=1, max_size=20))
def test_any_time_has_a_day_that_a_folder_can_be_named_after(times: list[int]) -> None:
    table = pa.concat_tables([silver(seq, time) for seq, time in enumerate(times, 1)])
    parts = split_days(SILVER, table)
    assert sum(part.num_rows for _, part in parts) == len(times)
    for day, part in parts:
        number = (datetime.fromisoformat(day).replace(tzinfo=UTC) - datetime(1970, 1, 1, tzinfo=UTC)).days
        for time in part["time"].cast(pa.int64()).to_pylist():
            assert number == min(max(time // DAY, FIRST_DAY), LAST_DAY)


def test_a_rollup_keeps_its_highest_revision_in_compaction(tmp_path: Path) -> None:
    folder = DeltaFolder(tmp_path, ROLLUP_1H)
    row = dict.fromkeys(ROLLUP_1H.columns, None) | {"home": "home", "device": "d", "metric": "power"}
    for seq in range(1, DAY_FILES + 2):
        made = row | {"seq": seq, "start": START + seq % 2 * 3_600_000, "revision": seq // 2}
        folder.append(pa.Table.from_pylist([made], schema=ROLLUP_1H.schema), seq)
    folder.compact()
    kept = DeltaTable(tmp_path).to_pyarrow_table(columns=["seq"])["seq"].to_pylist()
    assert kept == [DAY_FILES, DAY_FILES + 1]
