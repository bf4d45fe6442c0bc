"""A run of a home's entries in columns: of what is dull only times and values, of the rest the entries.

*Given* to the engine as it came is an entry that is an action, that made no reading, an unknown, a late, a
first one or one that is not dull (`interest.py`), that told of a device, or that came around a time in which
the hub was down.
"""

from array import array
from bisect import bisect_left
from collections.abc import Callable, Iterator
from math import nan
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

from homestream.backtest.interest import Interest
from homestream.backtest.sameness import Test
from homestream.engine.clock import AHEAD
from homestream.engine.home import HUGE
from homestream.reading import Entry, Kind

#: An entry asked for by itself is read with so many more: those that follow are likely to be asked for next.
MORE = 512

SeriesKey = tuple[str, str]

#: Gives the entries of these seqs, int64; ticks are left out.
Read = Callable[[pa.Int64Array], list[Entry]]


class Column(NamedTuple):
    """The readings of one series in a stretch, in order of `seqs`, those of their entries."""

    seqs: "array[int]"
    times: "array[int]"
    values: "array[float]"


class Stretch(NamedTuple):
    """Entry i has `seqs[i]` and tells the time `times[i]`: a tick its own, a message its newest reading's.

    `clocks[i]` is the newest time so far, `ticks[i]` 1 for a tick; `given` are the places of what is given.
    `held` has entries by seq, as far as read, and `read` gives more.
    """

    seqs: "array[int]"
    times: "array[int]"
    clocks: "array[int]"
    ticks: bytes
    given: list[int]
    columns: dict[SeriesKey, Column]
    held: dict[int, Entry]
    read: Read

    def next_given(self, place: int) -> int:
        """The first place from this one on that is given; the end where there is none."""
        after = bisect_left(self.given, place)
        return self.given[after] if after < len(self.given) else len(self.seqs)

    def entry(self, place: int) -> Entry:
        """The entry at a place."""
        seq = self.seqs[place]
        if self.ticks[place]:
            return Entry(seq, Kind.TICK, "", "clock", "", b"", self.times[place])
        if seq not in self.held:
            wanted = pa.array(self.seqs[place : place + MORE], pa.int64())
            self.held.update((entry.seq, entry) for entry in self.read(wanted))
        return self.held[seq]


class Readings(NamedTuple):
    """The readings of a stretch: by series, and the time that each entry tells with them, in order of seq.

    `given` are the seqs of the entries with a reading that is not dull.
    """

    columns: dict[SeriesKey, Column]
    seqs: pa.Int64Array
    times: pa.Int64Array
    given: pa.Int64Array


def readings_of(rows: pa.Table, interest: Interest, *, tracked: bool) -> Readings:
    """From rows of seq, device, metric (both dictionaries), time (ms), value and odd (late, a correction).

    `tracked`: the home has trackers of people.
    """
    rows = _by_series(rows)
    seqs, times, values, odd = (_whole(rows[name]) for name in ("seq", "time", "value", "odd"))
    columns: dict[SeriesKey, Column] = {}
    dull = [pa.array([], pa.bool_())]
    for key, start, end in _series(rows):
        span = slice(start, end)
        kept = array_of("q", seqs[span]), array_of("q", times[span]), array_of("d", values[span])
        columns[key] = Column(*kept)
        dull.append(
            _dull(seqs[span], times[span], values[span], odd[span], interest.tests(*key, tracked=tracked))
        )
    order = pc.sort_indices(seqs)
    seqs, times, given = seqs.take(order), times.take(order), pc.invert(pa.concat_arrays(dull)).take(order)
    again = pc.equal(seqs[1:], seqs[:-1])
    # of an entry with several times only the engine knows between which of them a timer falls due
    apart = pc.and_(again, pc.not_equal(times[1:], times[:-1]))
    given = pc.unique(pa.concat_arrays([seqs.filter(given), seqs[1:].filter(apart)]))
    last = pa.concat_arrays([pc.invert(again), pa.array([True] * min(len(seqs), 1), pa.bool_())])
    return Readings(columns, seqs.filter(last), times.filter(last), given)


def stretch_of(readings: Readings, entries: pa.Table, read: Read, told: pa.Int64Array) -> Stretch:
    """From a home's entries of seq, tick and arrived (ms), in order of seq; `told` are given as well."""
    seqs, ticks, arrived = (_whole(entries[name]) for name in ("seq", "tick", "arrived"))
    spoke = pc.is_in(seqs, readings.seqs)
    silent = pc.invert(pc.or_(spoke, ticks))
    # a reading of the future moves the clock no further than the fold lets it
    moved = pc.min_element_wise(readings.times, pc.add(arrived.filter(spoke), AHEAD))
    times = pc.replace_with_mask(pc.if_else(ticks, arrived, 0), spoke, moved)
    more = pc.is_in(seqs, pa.concat_arrays([readings.given, told]))
    given = pc.indices_nonzero(pc.or_(silent, more)).to_pylist()
    return Stretch(
        seqs=array_of("q", seqs),
        times=array_of("q", times),
        clocks=array_of("q", pc.cumulative_max(times)),
        ticks=array_of("b", ticks.cast(pa.int8())).tobytes(),
        given=given,
        columns=readings.columns,
        held={entry.seq: entry for entry in read(seqs.take(pa.array(given, pa.int64())))},
        read=read,
    )


def _dull(seqs: Any, times: Any, values: Any, odd: Any, tests: list[Test] | None) -> pa.BooleanArray:
    """Which readings of a series are dull; they are in order of seq."""
    size = len(seqs)
    if tests is None or size < 2:
        return pa.array([False] * size, pa.bool_())
    sound = pc.and_not(pc.fill_null(pc.less(pc.abs(values), HUGE), False), odd)
    newest = pc.cumulative_max(times)
    ahead = pc.and_(pc.greater(times[1:], newest[:-1]), pc.greater(seqs[1:], seqs[:-1]))
    plain = pc.and_(sound, pa.concat_arrays([pa.array([True]), ahead]))
    found = pc.and_(plain[1:], plain[:-1])
    for test in tests:
        found = pc.and_(found, pc.fill_null(test.same(plain, times, values), False))
    return pa.concat_arrays([pa.array([False]), found])


def _by_series(rows: pa.Table) -> pa.Table:
    """Rows by series, and within it in order of seq and time; as a day of silver nearly always is."""
    rows = rows.unify_dictionaries().combine_chunks()
    device, metric = (_whole(rows[name]) for name in ("device", "metric"))
    width = len(metric.dictionary) if rows.num_rows else 1
    series = pc.add(pc.multiply(device.indices.cast(pa.int64()), width), metric.indices.cast(pa.int64()))
    order = [("series", "ascending"), ("seq", "ascending"), ("time", "ascending")]
    rows = rows.append_column("series", series)
    return rows.take(pc.sort_indices(rows, order))


def _series(rows: pa.Table) -> Iterator[tuple[SeriesKey, int, int]]:
    """(series, from which row, to which) of rows by series."""
    series = _whole(rows["series"])
    if not len(series):
        return
    starts = [
        0,
        *(place + 1 for place in pc.indices_nonzero(pc.not_equal(series[1:], series[:-1])).to_pylist()),
    ]
    for start, end in zip(starts, [*starts[1:], len(series)], strict=True):
        yield (rows["device"][start].as_py(), rows["metric"][start].as_py()), start, end


def array_of(kind: str, values: Any) -> "array[Any]":
    """An Arrow array as one of Python's; null is NaN."""
    if values.null_count:
        values = values.fill_null(nan)
    made = array(kind)
    first, size = values.offset, made.itemsize
    if len(values):
        made.frombytes(memoryview(values.buffers()[1])[first * size : (first + len(values)) * size])
    return made


def _whole(column: pa.ChunkedArray) -> Any:
    """A column in one piece."""
    return column.combine_chunks()
