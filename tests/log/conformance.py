"""What every implementation of `log.port.Log` must hold. A check takes a function that opens the same log."""

from collections.abc import Callable, Iterable

import pytest

from homestream.log.port import Log
from homestream.reading import Entry, Kind

Open = Callable[[], Log]


def message(payload: bytes = b"21.5", items: int = 1) -> Entry:
    """A message as the door makes it, not yet placed."""
    return Entry(
        0, Kind.MESSAGE, "home", "mqtt:kitchen", "home/kitchen/oven/power", payload, 1_700_000_000_000, items
    )


def messages(count: int, start: int = 0) -> list[Entry]:
    return [message(b"%d" % n) for n in range(start, start + count)]


def placed(entries: Iterable[Entry], first: int) -> list[Entry]:
    """The entries as the log gives them back."""
    return [entry._replace(seq=seq) for seq, entry in enumerate(entries, first)]


def read(log: Log, seq: int = 1) -> list[Entry]:
    return [entry for batch in log.read(seq) for entry in batch]


def an_empty_log_starts_at_one(open_log: Open) -> None:
    log = open_log()
    assert (log.start(), log.end(), read(log)) == (1, 1, [])
    log.close()


def what_was_appended_is_read_in_order(open_log: Open) -> None:
    log = open_log()
    assert log.append(messages(3)) == 1
    assert log.append(messages(2, 3)) == 4
    assert log.end() == 6
    assert list(log.read(1)) == [placed(messages(3), 1), placed(messages(2, 3), 4)]
    log.close()


def every_kind_and_odd_text_come_back(open_log: Open) -> None:
    log = open_log()
    entries = [
        Entry(0, Kind.TICK, "", "clock", "", b"", 0),
        Entry(0, Kind.ACTION, "héme", "page:ann", "mode", b'{"mode":"away"}', 1),
        Entry(0, Kind.REFUSED, "home", "mqtt:10.0.0.9", "half a packet", bytes(range(256)), 2, 1),
        message(b"\x00" * 1_000_000, items=50_000),
    ]
    log.append(entries)
    assert read(log) == placed(entries, 1)
    assert all(isinstance(entry.kind, Kind) for entry in read(log))
    log.close()


def a_read_may_start_inside_a_batch(open_log: Open) -> None:
    log = open_log()
    log.append(messages(5))
    log.append(messages(5, 5))
    assert [entry.seq for entry in read(log, 4)] == [4, 5, 6, 7, 8, 9, 10]
    assert read(log, 11) == []
    log.close()


def a_read_ends_where_the_log_ended_when_called(open_log: Open) -> None:
    log = open_log()
    log.append(messages(2))
    batches = log.read(1)
    log.append(messages(2, 2))
    assert [entry.seq for batch in batches for entry in batch] == [1, 2]
    log.close()


def an_empty_append_writes_nothing(open_log: Open) -> None:
    log = open_log()
    log.append(messages(2))
    assert log.append([]) == 3
    assert log.end() == 3
    log.close()


def a_trim_keeps_all_at_or_above_it(open_log: Open) -> None:
    log = open_log()
    for start in (0, 3, 6):
        log.append(messages(3, start))
    log.trim(6)
    assert log.start() <= 6
    assert [entry.seq for entry in read(log, 6)] == [6, 7, 8, 9]
    log.trim(7)
    assert log.start() == 7
    assert [entry.seq for entry in read(log)] == [7, 8, 9]
    log.close()


def a_trim_beyond_the_end_keeps_counting(open_log: Open) -> None:
    log = open_log()
    log.append(messages(3))
    log.trim(1000)
    assert (log.start(), log.end()) == (4, 4)
    assert log.append(messages(1)) == 4
    log.close()


def a_seq_is_never_used_twice_over_restarts(open_log: Open) -> None:
    log = open_log()
    log.append(messages(3))
    log.trim(log.end())
    log.close()
    log = open_log()
    assert (log.start(), log.end()) == (4, 4)
    assert log.append(messages(2)) == 4
    log.close()
    log = open_log()
    assert [entry.seq for entry in read(log)] == [4, 5]
    log.close()


def a_second_reader_sees_what_is_committed(open_log: Open) -> None:
    log, reader = open_log(), open_log()
    log.append(messages(3))
    assert read(reader) == placed(messages(3), 1)
    log.append(messages(1, 3))
    assert reader.end() == 5
    log.close()
    reader.close()


CHECKS = [
    an_empty_log_starts_at_one,
    what_was_appended_is_read_in_order,
    every_kind_and_odd_text_come_back,
    a_read_may_start_inside_a_batch,
    a_read_ends_where_the_log_ended_when_called,
    an_empty_append_writes_nothing,
    a_trim_keeps_all_at_or_above_it,
    a_trim_beyond_the_end_keeps_counting,
    a_seq_is_never_used_twice_over_restarts,
    a_second_reader_sees_what_is_committed,
]

every_log = pytest.mark.parametrize("check", CHECKS, ids=lambda check: check.__name__)
