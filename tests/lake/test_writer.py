"""Each row exactly once, wherever the writer dies."""

import threading
from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa
import pytest
from deltalake import DeltaTable
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from homestream.engine.fold import Engine
from homestream.errors import HomestreamError
from homestream.lake import table
from homestream.lake.connect import connect
from homestream.lake.schema import TABLES
from homestream.lake.writer import Lake, LakeBatch
from homestream.reading import Entry, Kind

from .house import MINUTE, START, batch, day

ENTRIES = day(hours=27, every=30 * MINUTE)


def content(folder: Path) -> dict[str, list[tuple[Any, ...]]]:
    """All rows of all tables but the system's."""
    con = connect(folder, tail=[])
    try:
        return {
            t.view: con.execute(f"SELECT * FROM {t.view} ORDER BY ALL").fetchall()
            for t in TABLES
            if "seq" in t.columns
        }
    finally:
        con.close()


def write_all(lake: Lake, entries: list[Entry], cut: int) -> None:
    """What `up` does after a start: fold from the beginning, flush every `cut` entries."""
    engine = Engine()
    for at in range(0, len(entries), cut):
        part = entries[at : at + cut]
        lake.write(batch(engine, part), part[-1].seq)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> dict[str, list[tuple[Any, ...]]]:
    folder = tmp_path_factory.mktemp("whole")
    write_all(Lake(folder), ENTRIES, len(ENTRIES))
    rows = content(folder)
    assert min(map(len, rows.values())) > 2
    return rows


class Died(BaseException):
    """The process was killed."""


def dying(after: int, linked: bool) -> Callable[..., None]:
    """`commit` that dies at its `after`-th call, before or after the commit is linked."""
    commit, calls = table.commit, iter(range(after, -1, -1))

    def one(*args: Any) -> None:
        last = next(calls) == 0
        if last and not linked:
            raise Died
        commit(*args)
        if last:
            raise Died

    return one


@pytest.mark.parametrize("linked", [False, True])
@pytest.mark.parametrize("after", (0, 1, 2, 3, 4, 8, 11))
def test_a_crash_between_any_two_commits_loses_and_doubles_nothing(
    tmp_path: Path, whole: Any, after: int, linked: bool
) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(table, "commit", dying(after, linked))
        with pytest.raises(Died):
            write_all(Lake(tmp_path), ENTRIES, 40)
    write_all(Lake(tmp_path), ENTRIES, 25)
    assert content(tmp_path) == whole


@settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(cuts=st.lists(st.integers(5, 60), min_size=1, max_size=3))
def test_any_cut_written_again_and_again_is_the_same(
    tmp_path_factory: pytest.TempPathFactory, whole: Any, cuts: list[int]
) -> None:
    folder = tmp_path_factory.mktemp("cuts")
    for cut in cuts:
        write_all(Lake(folder), ENTRIES, cut)
    assert content(folder) == whole


def days(lake: Lake) -> list[str]:
    return [part.day for part in lake._tables["bronze"].parts.values()]


def test_compaction_changes_no_row(tmp_path: Path, whole: Any) -> None:
    lake = Lake(tmp_path)
    write_all(lake, ENTRIES, 3)
    before = lake.files()
    assert before["bronze"] > 24
    assert lake.compact() > 50
    assert [day for day in days(lake) if days(lake).count(day) > 1] == [max(days(lake))] * 4
    assert content(tmp_path) == whole
    assert Lake(tmp_path).files() == lake.files()
    assert lake.compact() == 0


def test_compaction_in_its_own_process_beside_the_writer(tmp_path: Path, whole: Any) -> None:
    lake = Lake(tmp_path)
    writer = threading.Thread(target=write_all, args=(lake, ENTRIES, 2))
    writer.start()
    while writer.is_alive():
        lake.compact()
    writer.join()
    lake.compact()
    assert content(tmp_path) == whole
    assert (lake.durable(), lake.files()) == (ENTRIES[-1].seq, Lake(tmp_path).files())


def test_compaction_that_fails_says_why(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    write_all(lake, ENTRIES, 3)
    for part in (tmp_path / "lake" / "bronze").glob("day=*/*.parquet"):
        part.write_bytes(b"damaged")
    with pytest.raises(HomestreamError, match="the lake could not be compacted: ") as caught:
        lake.compact()
    assert "\n" not in str(caught.value)


def test_durable_is_what_every_table_holds(tmp_path: Path) -> None:
    lake, engine = Lake(tmp_path), Engine()
    assert lake.durable() == 0
    lake.write(batch(engine, ENTRIES[:10]), 10)
    assert lake.durable() == 10
    lake.write(LakeBatch(), 10)
    assert lake.durable() == 10
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(table, "commit", dying(1, linked=False))
        with pytest.raises(Died):
            lake.write(batch(engine, ENTRIES[10:20]), 20)
    assert Lake(tmp_path).durable() == 10


def test_entries_come_back_as_they_went_in(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    write_all(lake, ENTRIES, 20)
    for _ in range(2):
        assert [entry for part in lake.entries(1) for entry in part] == ENTRIES
        assert [entry for part in lake.entries(33) for entry in part] == ENTRIES[32:]
        assert list(lake.entries(len(ENTRIES) + 1)) == []
        lake.compact()


def test_an_entry_of_any_kind_comes_back_as_that_kind(tmp_path: Path) -> None:
    entries = [Entry(n, kind, "home", "test", "topic", b"1", START) for n, kind in enumerate(Kind, 1)]
    Lake(tmp_path).write(LakeBatch(entries=entries), len(entries))
    assert [entry.kind for part in Lake(tmp_path).entries(1) for entry in part] == list(Kind)


def test_system_rows_are_kept_once(tmp_path: Path) -> None:
    lake, engine = Lake(tmp_path), Engine()
    made = batch(engine, ENTRIES[:10])
    made.system.append({"time": START, "received": 10, "p50_ms": 0.4})
    for _ in range(2):
        lake.write(made, 10)
    con = connect(tmp_path, tail=[])
    assert con.execute("SELECT received, p50_ms, rate FROM system").fetchall() == [(10, 0.4, None)]
    con.close()


def test_others_read_the_tables(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    write_all(lake, ENTRIES, 40)
    lake.compact()
    silver = DeltaTable(tmp_path / "lake" / "silver")
    rows = silver.to_pyarrow_table()
    assert rows.num_rows == sum(part.rows for part in lake._tables["silver"].parts.values())
    assert rows.schema.field("time").type == pa.timestamp("us", "UTC")
    assert silver.history(1)[0]["operation"] in {"OPTIMIZE", "VACUUM END"}
    assert duckdb.from_arrow(rows).aggregate("count(DISTINCT day)").fetchall() == [(3,)]


def test_sizes_are_those_on_disk(tmp_path: Path) -> None:
    lake = Lake(tmp_path)
    write_all(lake, ENTRIES, 40)
    files = list((tmp_path / "lake").glob("*/day=*/*.parquet"))
    assert lake.size_bytes() == sum(file.stat().st_size for file in files)
    assert sum(lake.files().values()) == len(files)
