"""The engine over a stretch of history: what is given it sees, what is dull it is only told to keep.

Dull readings are poured into their series, up to the next entry that is given or the next timer that falls
due, whichever comes first. So holds, silences and cool-downs end when they would have, and find the series
as they would have. A series that is blind, or that somebody listens to of whom it is not known what is dull
to them, is not poured into: its entry is given after all.
"""

from bisect import bisect_left
from collections.abc import Callable, Sequence

from homestream.backtest.stretch import Column, SeriesKey, Stretch
from homestream.engine.fact import AnyFact
from homestream.engine.fold import Engine
from homestream.engine.home import HomeFold
from homestream.engine.operator import Operator
from homestream.engine.series import Series
from homestream.engine.timers import NEVER
from homestream.reading import Entry

#: Operators of whom `interest.py` knows what is dull to them.
KNOWN = frozenset(("rules", "presence", "security"))


class Drive:
    """One engine on its way through the history of one home; `heard` is told each fact."""

    def __init__(
        self,
        engine: Engine,
        home: str,
        heard: Callable[[AnyFact], None],
        seen: Callable[[Entry], Entry],
    ) -> None:
        """`engine` is new; `seen` is what it is to see for an entry."""
        self._engine, self._home, self._heard, self._seen = engine, home, heard, seen
        #: entries of a new part of history count on from here
        self._base = 0

    def apply(self, entries: Sequence[Entry]) -> None:
        """Entries as they came; their seqs go on from those of the part of history under way."""
        moved = [self._seen(entry)._replace(seq=self._base + entry.seq) for entry in entries]
        for _, fact in self._engine.apply(moved).facts:
            self._heard(fact)

    def begin(self) -> None:
        """A part of history begins whose seqs start anew."""
        self._base = self._engine.last_seq

    def run(self, stretch: Stretch) -> None:
        """All of a stretch."""
        place, end = 0, len(stretch.seqs)
        cursors = [_Cursor(key, column) for key, column in stretch.columns.items()]
        while place < end:
            fold = self._engine.homes.get(self._home)
            if fold is not None:
                stop = stretch.next_given(place)
                due = bisect_left(stretch.clocks, fold.stage.due, place, stop)
                place = self._pour(fold, stretch, cursors, place, due)
                if place == due < stop:
                    if stretch.ticks[place]:
                        fold.attend(stretch.times[place])
                        place += 1
                    # else the reading that moves the clock is poured next
                    self._advance(fold, stretch.clocks[due])
                    continue
            if place < end:
                self.apply([stretch.entry(place)])
                place += 1
        if fold := self._engine.homes.get(self._home):
            for series in fold.stage.table.values():
                series.expire(fold.now)

    def _pour(self, fold: HomeFold, stretch: Stretch, cursors: list["_Cursor"], place: int, stop: int) -> int:
        """Keep the readings of the entries from `place` to `stop`, or to one that must be given after all."""
        if place == stop:
            return stop
        low, high = stretch.seqs[place], stretch.seqs[stop - 1] + 1
        waiting: list[tuple[_Cursor, Series]] = []
        for cursor in cursors:
            seqs, at = cursor.seqs, cursor.at
            while seqs[at] < low:
                at += 1  # of entries that were given
            cursor.at = at
            if seqs[at] < high:
                series = cursor.series = cursor.series or fold.stage.table.get(cursor.key)
                if series is None or series.blind is not None or not cursor.answered(series):
                    high = seqs[at]
                else:
                    waiting.append((cursor, series))
        if high <= stretch.seqs[stop - 1]:
            stop = bisect_left(stretch.seqs, high, place, stop)
        for cursor, series in waiting:
            at = cursor.at
            end = cursor.at = bisect_left(cursor.seqs, high, at)
            if at < end:
                fold.pour(series, cursor.times[at:end], cursor.values[at:end])
        if place < stop:
            tick = stretch.ticks.rfind(1, place, stop)
            if tick >= 0:
                fold.attend(stretch.times[tick])
            self._advance(fold, stretch.clocks[stop - 1])
        return stop

    def _advance(self, fold: HomeFold, to: int) -> None:
        fold.advance(to)
        if fold.stage.facts:
            for fact in fold.stage.facts:
                self._heard(fact)
            fold.stage.facts.clear()


class _Cursor:
    """Where in the column of a series what is not yet kept begins; `seqs` end with one beyond all."""

    __slots__ = ("_known", "_watchers", "at", "key", "seqs", "series", "times", "values")

    def __init__(self, key: SeriesKey, column: Column) -> None:
        self.key, self.at = key, 0
        self.seqs, self.times, self.values = column.seqs[:], column.times, column.values
        self.seqs.append(NEVER)
        self.series: Series | None = None
        self._watchers: tuple[Operator, ...] | None = None
        self._known = False

    def answered(self, series: Series) -> bool:
        """Whether nobody listens but those of whom it is known what is dull to them."""
        if series.watchers is not self._watchers:
            self._watchers = series.watchers
            self._known = all(watcher.name in KNOWN for watcher in series.watchers)
        return self._known
