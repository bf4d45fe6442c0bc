"""Streams of readings for the fold's tests, and a reference that computes windows the straightforward way."""

from collections.abc import Iterable
from math import isnan, nan
from typing import NamedTuple

from hypothesis import strategies as st

from homestream.engine.clock import LATENESS, MINUTE, day_end, day_start, hour_end, hour_start
from homestream.engine.energy import counter
from homestream.engine.fact import AnyFact, Window
from homestream.engine.home import HomeFold
from homestream.engine.operator import Operator
from homestream.engine.output import Account, Output, Stored
from homestream.engine.windows import HOLD_MAX, MAX_GAP
from homestream.home import HomeConfig
from homestream.reading import Entry, Kind, Reading

HOME = "h"
DEVICE = "den/x"

#: 2025-03-30 00:00 UTC, an hour before Europe's clocks go forward; and as long before they go back.
SPRING = 1_743_292_800_000
AUTUMN = 1_761_436_800_000


class Run:
    """A home driven by hand; `now` is when things arrive."""

    def __init__(self, zone: str = "UTC", operators: Iterable[Operator] = ()) -> None:
        self.fold = HomeFold(HOME, HomeConfig(id=HOME, timezone=zone), list(operators))
        self.account = Account()
        self.out = Output()
        self.facts: list[AnyFact] = []
        self.seq = 0

    def _entry(self, kind: Kind, arrived: int, topic: str = "", payload: bytes = b"") -> Entry:
        self.seq += 1
        return Entry(self.seq, kind, HOME, "mqtt:x", topic, payload, arrived)

    def _take(self) -> None:
        self.facts += self.fold.stage.facts
        self.fold.stage.facts.clear()

    def read(self, time: int, value: float, metric: str = "temperature", device: str = DEVICE) -> None:
        """One message with one reading, which arrives when the clock is."""
        rows = [[Reading(HOME, device, metric, time, value)]]
        self.fold.step(self._entry(Kind.MESSAGE, max(time, self.fold.now)), rows, self.account, self.out)
        self._take()

    def tick(self, now: int) -> None:
        self.fold.tick(self._entry(Kind.TICK, now))
        self._take()

    def act(self, now: int, name: str, payload: bytes = b"{}") -> None:
        self.fold.act(self._entry(Kind.ACTION, now, name, payload), self.out)
        self._take()

    def windows(self, size: str) -> list[Window]:
        return [fact for fact in self.facts if isinstance(fact, Window) and fact.size == size]


class Event(NamedTuple):
    """Something that happens `after` ms later: a reading `behind` the clock, or a tick (metric "")."""

    after: int
    metric: str
    behind: int
    value: float


def events(
    metrics: tuple[str, ...] = ("temperature", "power", "contact", "energy"),
) -> st.SearchStrategy[Event]:
    """Mostly prompt readings; some late, some at full minutes, some unknown, some far apart."""
    after = st.one_of(
        st.integers(0, 20_000), st.sampled_from([0, 5_000, MINUTE, 10 * MINUTE]), st.integers(0, 7_000_000)
    )
    behind = st.one_of(st.just(0), st.just(0), st.integers(0, 2 * LATENESS), st.integers(0, 20_000_000))
    value = st.one_of(st.integers(0, 8_000).map(lambda n: n / 4), st.just(nan))
    return st.builds(Event, after, st.sampled_from(("", *metrics)), behind, value)


def play(run: Run, start: int, stream: Iterable[Event]) -> int:
    """Drive a home through a stream, then past the last window; when it ended."""
    now = start
    for after, metric, behind, value in stream:
        now += after
        if metric:
            # half of all lateness ends on a full minute, where off-by-ones live
            time = (now - behind) // MINUTE * MINUTE if behind % 2 else now - behind
            run.read(time, value, metric)
        else:
            run.tick(now)
    now = max(now, run.fold.now) + 2 * LATENESS + MINUTE
    run.tick(now)
    return now


def final(windows: Iterable[Window]) -> dict[tuple[str, str, int], Window]:
    """(metric, size, start) -> its highest revision, without those that were corrected to nothing."""
    last: dict[tuple[str, str, int], Window] = {}
    for fact in windows:
        key = (fact.metric, fact.size, fact.start)
        before = last.get(key)
        assert before is None or before.revision < fact.revision, "revisions grow"
        last[key] = fact
    return {key: fact for key, fact in last.items() if fact.count or fact.known or fact.energy}


class Expected(NamedTuple):
    """What a window should say."""

    count: int
    min: float | None
    max: float | None
    sum: float
    twmean: float | None
    last: float | None
    known: int
    energy: float | None


def reference(stored: Iterable[Stored], zone: str, now: int) -> dict[tuple[str, str, int], Expected]:
    """All windows closed at `now`, straight from the readings: every window looks at every reading."""
    history: dict[str, dict[int, float]] = {}
    for _, reading, _, _ in stored:
        history.setdefault(reading.metric, {})[reading.time] = reading.value
    closed = (now - LATENESS) // MINUTE * MINUTE
    where = HomeConfig(timezone=zone).zone
    expected = {}
    for metric, readings in history.items():
        rows = sorted(readings.items())
        begin = rows[0][0] // MINUTE * MINUTE - MINUTE
        spans = [("1m", start, start + MINUTE) for start in range(begin, closed, MINUTE)]
        for size, first, last in (("1h", hour_start, hour_end), ("1d", day_start, day_end)):
            start = first(where, begin)
            while last(where, start) <= closed:
                spans.append((size, start, last(where, start)))
                start = last(where, start)
        for size, start, end in spans:
            window = _window(metric, rows, start, end)
            if window.count or window.known or window.energy:
                expected[metric, size, start] = window
    return expected


def _window(metric: str, rows: list[tuple[int, float]], start: int, end: int) -> Expected:
    inside = [value for time, value in rows if start <= time < end and not isnan(value)]
    hold = MAX_GAP if metric == "power" else HOLD_MAX
    known, integral, held = 0, 0.0, None
    for (time, value), (after, _) in zip(rows, [*rows[1:], (end, 0.0)], strict=True):
        begin, stop = max(time, start), min(after, time + hold, end)
        if begin < stop and not isnan(value):
            known += stop - begin
            integral += value * (stop - begin)
            held = value
    used = None
    if metric == "power":
        used = integral / 3_600_000 if known else None
    if metric == "energy":
        before = counter.fold(None, [row for row in rows if row[0] <= start]).used
        used = sum(counter.fold(None, [row for row in rows if row[0] <= end]).used) - sum(before)
    return Expected(
        len(inside),
        min(inside, default=None),
        max(inside, default=None),
        sum(inside),
        integral / known if known else None,
        inside[-1] if inside else held,
        known,
        used,
    )
