"""Group commit: order, failure, recovery, bounds."""

import asyncio
import random
import threading
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from homestream.log import committer as limits
from homestream.log.committer import Committer
from homestream.log.sqlite import LogError, SqliteLog
from homestream.reading import Entry, Kind


def entries(*payloads: str) -> list[Entry]:
    return [Entry(0, Kind.MESSAGE, "home", "test", "t", text.encode(), 1) for text in payloads]


class Disk:
    """A log in memory whose disk can be stopped, and fails once for each of `errors`."""

    def __init__(self) -> None:
        self.kept: list[list[Entry]] = []
        self.errors: list[Exception] = []
        self.turning = threading.Event()
        self.turning.set()

    def append(self, entries: Sequence[Entry]) -> int:
        assert self.turning.wait(10)
        if self.errors:
            raise self.errors.pop(0)
        self.kept.append(list(entries))
        return self.end() - len(entries)

    def end(self) -> int:
        return 1 + sum(map(len, self.kept))

    def start(self) -> int:
        return 1

    def read(self, seq: int) -> Iterator[list[Entry]]:
        return iter(self.kept)

    def trim(self, before: int) -> None:
        raise NotImplementedError

    def close(self) -> None:
        self.turning.set()


async def test_what_is_appended_is_on_disk_and_handed_on_with_its_seq(tmp_path: Path) -> None:
    log, seen = SqliteLog(tmp_path / "log.db"), list[Entry]()
    committer = Committer(log, seen.extend)
    await committer.start()
    assert await committer.append(entries("a", "b")) == 1
    assert [e for batch in log.read(1) for e in batch] == seen
    assert await committer.append(entries("c")) == 3
    assert [(e.seq, e.payload) for e in seen] == [(1, b"a"), (2, b"b"), (3, b"c")]
    await committer.stop()
    log.close()


async def test_what_waits_shares_one_commit_and_order_is_kept() -> None:
    disk, seen, told = Disk(), list[Entry](), list[tuple[str, int | LogError]]()
    committer = Committer(disk, seen.extend)
    await committer.start()
    disk.turning.clear()
    first = committer.append(entries("0"))
    await asyncio.sleep(0.05)
    for n in range(1, 50):
        committer.append_nowait(
            entries(f"{n}a", f"{n}b"),
            lambda result, n=n: told.append((f"{n}", result)),  # type: ignore[misc]
        )
    committer.append_nowait([], lambda result: told.append(("nothing", result)))
    disk.turning.set()
    assert await first == 1
    await committer.stop()
    assert [len(batch) for batch in disk.kept] == [1, 98]
    assert told == [(str(n), 2 * n) for n in range(1, 50)] + [("nothing", 100)]
    assert [e.seq for e in seen] == list(range(1, 100))
    assert [e.payload for e in seen[1:5]] == [b"1a", b"1b", b"2a", b"2b"]


async def test_a_failing_disk_is_told_and_recovered_from() -> None:
    disk, seen = Disk(), list[Entry]()
    committer = Committer(disk, seen.extend)
    await committer.start()
    disk.errors = [LogError("no room"), RuntimeError("a bug")]
    with pytest.raises(LogError, match="no room"):
        await committer.append(entries("lost"))
    with pytest.raises(LogError, match="a bug"):
        await committer.append(entries("lost too"))
    assert seen == []
    assert await committer.append(entries("kept")) == 1
    assert [e.payload for e in seen] == [b"kept"]
    await committer.stop()


async def test_a_failed_commit_leaves_no_gap_in_what_gathered_meanwhile() -> None:
    disk, seen = Disk(), list[Entry]()
    committer = Committer(disk, seen.extend)
    await committer.start()
    assert committer.next_seq == 1
    disk.turning.clear()
    disk.errors = [LogError("no room")]
    lost = committer.append(entries("a", "b", "c"))
    await asyncio.sleep(0.05)
    told: list[int | LogError] = []
    ready = [e._replace(seq=committer.next_seq + n) for n, e in enumerate(entries("d", "e"))]
    committer.append_nowait(ready, told.append)
    disk.turning.set()
    with pytest.raises(LogError):
        await lost
    ready = [e._replace(seq=committer.next_seq + n) for n, e in enumerate(entries("f"))]
    committer.append_nowait(ready, told.append)
    assert await committer.append(entries("g")) == 4
    await committer.stop()
    assert told == [1, 3]
    assert [(e.seq, e.payload) for e in seen] == [(1, b"d"), (2, b"e"), (3, b"f"), (4, b"g")]


async def test_a_full_disk_with_the_real_log(tmp_path: Path) -> None:
    log, seen = SqliteLog(tmp_path / "log.db"), list[Entry]()
    committer = Committer(log, seen.extend)
    await committer.start()
    log._db.execute("PRAGMA max_page_count = 20")
    kept = 0
    noise = random.Random(1)
    for _ in range(200):
        payload = noise.randbytes(5_000)
        try:
            await committer.append([Entry(0, Kind.MESSAGE, "home", "test", "t", payload, 1)])
            kept += 1
        except LogError:
            break
    else:
        pytest.fail("the disk was never full")
    log._db.execute("PRAGMA max_page_count = 100000")
    assert await committer.append(entries("after")) == kept + 1
    await committer.stop()
    assert [e.seq for e in seen] == list(range(1, kept + 2))
    assert log.end() == kept + 2
    log.close()


async def test_a_slow_disk_makes_it_full_and_room_is_announced() -> None:
    disk = Disk()
    committer = Committer(disk, lambda _: None)
    await committer.start()
    disk.turning.clear()
    resumed: list[bool] = []
    big = [Entry(0, Kind.MESSAGE, "home", "test", "t", b"x" * (limits.MAX_WAITING_BYTES // 4), 1)]
    futures = []
    while not committer.full:
        futures.append(committer.append(big))
    assert len(futures) == 5
    committer.when_room(lambda: resumed.append(committer.full))
    disk.turning.set()
    await asyncio.gather(*futures)
    await committer.stop()
    assert resumed == [False]


async def test_many_small_entries_make_it_full_too() -> None:
    disk = Disk()
    committer = Committer(disk, lambda _: None)
    await committer.start()
    disk.turning.clear()
    committer.append_nowait(entries("first"), lambda _: None)
    await asyncio.sleep(0.05)
    committer.append_nowait(entries("x") * (limits.MAX_WAITING + 1), lambda _: None)
    assert committer.full
    disk.turning.set()
    await committer.stop()
    assert not committer.full


async def test_a_stopped_committer_takes_nothing() -> None:
    committer = Committer(Disk(), lambda _: None)
    await committer.start()
    await committer.stop()
    with pytest.raises(LogError, match="closing"):
        committer.append(entries("late"))


async def test_one_bad_callback_harms_no_other(caplog: pytest.LogCaptureFixture) -> None:
    disk, told = Disk(), list[int | LogError]()

    def bad(_: int | LogError) -> None:
        raise ValueError("mine")

    committer = Committer(disk, lambda _: None)
    await committer.start()
    disk.turning.clear()
    committer.append_nowait(entries("a"), bad)
    committer.append_nowait(entries("b"), told.append)
    cancelled = committer.append(entries("c"))
    cancelled.cancel()
    disk.turning.set()
    await committer.stop()
    assert told == [2]
    assert "a callback of the log failed" in caplog.text
    assert [e.payload for batch in disk.kept for e in batch] == [b"a", b"b", b"c"]


async def test_it_says_since_when_and_why_it_fails_until_something_is_on_disk_again() -> None:
    disk = Disk()
    committer = Committer(disk, lambda entries: None)
    await committer.start()
    await committer.append(entries("a"))
    assert committer.failing is None
    disk.errors = [LogError("first"), LogError("no room")]
    for _ in range(2):
        with pytest.raises(LogError):
            await committer.append(entries("b"))
    assert committer.failing is not None
    since, why = committer.failing
    assert why == "no room"
    assert 0 <= time.time() * 1000 - since < 10_000
    await committer.append(entries())
    assert committer.failing is not None, "nothing was written: that proves nothing"
    await committer.append(entries("c"))
    assert committer.failing is None
    await committer.stop()
