"""Where a home's operators play: what they may see and do, and who hears what in which order.

A Stage is the operators' Context. The fold moves its clock and fills its series; operators are called
through it, so that a fact one of them emits reaches the others once the call that emitted it has returned.
"""

from bisect import bisect_right
from collections import deque
from collections.abc import Iterable, Mapping, Sequence
from math import isnan, nan
from operator import sub
from typing import Any

from homestream.dialects.registry import Device, Registry
from homestream.engine.energy.ledger import Ledger
from homestream.engine.fact import AnyFact, Blind, Mode, Occupancy, Outage, chain
from homestream.engine.operator import Operator
from homestream.engine.series import BEFORE, Series
from homestream.engine.timers import NEVER, Timers
from homestream.engine.view import View
from homestream.engine.windows import power_hold
from homestream.home import HomeConfig
from homestream.reading import Reading


class Stage:
    """Clock, mode, series, timers and facts of one home, with its operators in their fixed order."""

    def __init__(self, home: str, config: HomeConfig, operators: list[Operator]) -> None:
        """A home that has seen nothing; call `configure` before anything else."""
        self.home = home
        self.config = config
        self.now = 0
        self.mode = "disarmed"
        self.occupied: bool | None = None
        self.adopt(Registry())
        self.table: dict[tuple[str, str], Series] = {}
        self.ledger = Ledger(self.table)
        self._of_device: dict[str, list[Series]] = {}
        self.operators = operators
        self.timers = Timers()
        #: a time by which the first timer falls due, not after it
        self.due = BEFORE
        #: concluded, and not yet taken away; the chained digest of all; the page's picture of them
        self.facts: list[AnyFact] = []
        self.digest = bytes(32)
        self.seen = View()
        self._rank = {operator.name: rank for rank, operator in enumerate(operators)}
        self._speaker: Operator | None = None
        self._unsaid: deque[tuple[Operator | None, AnyFact | Reading]] = deque()

    # -- what operators call

    def value(self, device: str, metric: str) -> tuple[int, float] | None:
        """The newest (time, value); NaN is unknown."""
        series = self.table.get((device, metric))
        return None if series is None or series.time == BEFORE else (series.time, series.value)

    def previous(self, device: str, metric: str) -> tuple[int, float] | None:
        """The known (time, value) before the newest."""
        series = self.table.get((device, metric))
        if series is None:
            return None
        before = series.previous()
        if before is None and series.blind is not None and series.before is not None:
            return series.blind, series.before  # unknown for so long that the reading itself is forgotten
        return before

    def heard(self, device: str) -> int:
        """The time of the newest reading of those of the device's series that are known now; 0 for none."""
        newest = 0
        for series in self._of_device.get(device, ()):
            if series.time > newest and series.blind is None:
                newest = series.time
        return newest

    def times(self, device: str, after: int) -> list[int]:
        """When the device gave known readings after a time, ascending, each once; a day back at most."""
        each = [series.known_after(after) for series in self._of_device.get(device, ())]
        return each[0] if len(each) == 1 else sorted(set().union(*each))

    def history(
        self, device: str, metric: str, after: int, upto: int
    ) -> tuple[Sequence[int], Sequence[float]]:
        """The readings in (after, upto], the one before them, and NaN where a value has held too long."""
        series = self.table.get((device, metric))
        if series is None:
            return (), ()
        first = max(bisect_right(series.times, after) - 1, 0)
        last = bisect_right(series.times, upto, first)
        times, values, hold = series.times[first:last], series.values[first:last], series.hold
        if times and upto - times[0] > hold:  # else nothing can have held too long
            gaps = [*map(sub, times[1:], times), upto - times[-1]]
            if max(gaps) > hold:
                for place in [place for place, gap in enumerate(gaps, 1) if gap > hold][::-1]:
                    times.insert(place, times[place - 1] + hold)
                    values.insert(place, nan)
        return times, values

    def energy(self, device: str | None, since: int, until: int | None = None) -> float | None:
        """Wh used by a device or the home, of closed minutes."""
        return self.ledger.energy(self.config, device, since, NEVER if until is None else until)

    def flow(self, device: str, hour: int) -> float | None:
        """Wh into a device, less those out of it, in a closed hour."""
        return self.ledger.flow(self.config, device, hour)

    def readings(self, device: str, metric: str, after: int, upto: int) -> list[tuple[int, float]]:
        """The readings in (after, upto]."""
        series = self.table.get((device, metric))
        return [] if series is None else series.between(after, upto)

    def hour(self, device: str, metric: str, start: int) -> tuple[float, int]:
        """Mean of a closed hour, and how much of it is known."""
        series = self.table.get((device, metric))
        tally = series.hours.get(start) if series is not None else None
        return (tally.integral / tally.known, tally.known) if tally and tally.known else (0.0, 0)

    def series(self) -> list[tuple[str, str]]:
        """All (device, metric) seen, in the order first seen."""
        return list(self.table)

    def emit(self, fact: AnyFact) -> None:
        """Conclude a fact; the other operators hear of it when the one who speaks has returned."""
        self.conclude(fact)
        self.seen.note(fact)
        self._unsaid.append((self._speaker, fact))
        if isinstance(fact, Mode):
            self.mode = fact.mode
        elif isinstance(fact, Occupancy):
            self.occupied = fact.occupied
        elif isinstance(fact, Outage) and fact.state == "silent":
            self._silence(fact.device)

    def ask(self, device: str) -> None:
        """Ask all operators anew which readings of the device they want."""
        for series in self._of_device.get(device, ()):
            self.watch(series)

    def at(self, due: int, operator: str, key: str) -> None:
        """Call that operator's `on_timer` at `due`."""
        self.timers.set(due, self._rank[operator], key)
        self.due = min(self.due, due)

    def cancel(self, operator: str, key: str) -> None:
        """Forget a timer."""
        self.timers.cancel(self._rank[operator], key)

    # -- what the fold calls

    def adopt(self, registry: Registry) -> None:
        """Take the home's registry, an empty or a restored one."""
        self.registry = registry
        self.devices: Mapping[str, Device] = registry.devices
        registry.configure(self.config)

    def configure(self, config: HomeConfig) -> None:
        """Give everyone the configuration; watchers of known series are asked for again."""
        self.config = config
        self.registry.configure(config)
        self.ledger.forget()
        for series in self.table.values():
            self._hold(series)
        for operator in self._each():
            operator.configure(self)
        for series in self.table.values():
            self.watch(series)

    def add(self, series: Series) -> None:
        """Take a series into the table; `watch` it next."""
        self.table[series.device, series.metric] = series
        self._of_device.setdefault(series.device, []).append(series)
        self._hold(series)

    def watch(self, series: Series) -> None:
        """Ask who wants the readings of a series."""
        wanted = [op for op in self.operators if op.wants(self, series.device, series.metric)]
        series.watchers = tuple(wanted)

    def tell(self, series: Series, reading: Reading) -> None:
        """A reading has become the series' newest."""
        for operator in series.watchers:
            self._speaker = operator
            operator.on_reading(self, reading)
            if self._unsaid:
                self._spread()

    def tell_late(self, reading: Reading) -> None:
        """A reading has been stored without moving its series forward, or came late."""
        for operator in self._each():
            operator.on_late(self, reading)

    def act(self, name: str, body: dict[str, Any], by: str, seq: int) -> None:
        """A person or an API acted."""
        for operator in self._each():
            operator.on_action(self, name, body, by, seq)

    def gap(self, since: int, until: int) -> None:
        """The log holds nothing between two times."""
        for operator in self._each():
            operator.on_gap(self, since, until)

    def fire(self) -> None:
        """Call whose timer is first."""
        _, rank, key = self.timers.pop()
        for operator in self._each([self.operators[rank]]):
            operator.on_timer(self, key)

    def announce(self, fact: AnyFact) -> None:
        """Conclude a fact of the fold's own, which all operators hear at once."""
        self.conclude(fact)
        self._unsaid.append((None, fact))
        self._spread()

    def conclude(self, fact: AnyFact) -> None:
        """Add a fact to the digest and the output; nobody is told."""
        self.digest = chain(self.digest, fact)
        self.facts.append(fact)

    def renew(self, series: Series, reading: Reading) -> None:
        """Make a reading the series' newest; unknown opens a blind interval, a known value closes it."""
        before, series.time, series.value = series.value, reading.time, reading.value
        if isnan(reading.value):
            if series.blind is None:
                self.announce(self._blind(series, reading.time, before, "unavailable"))
        elif series.blind is not None:
            closed = self.interval(series, reading.time, reading.value)
            series.blind = None
            self.announce(closed)

    def interval(self, series: Series, end: int | None = None, after: float | None = None) -> Blind:
        """The blind interval a series is in, open or as it ends now."""
        assert series.blind is not None
        return Blind(
            home=self.home,
            time=self.now,
            device=series.device,
            metric=series.metric,
            start=series.blind,
            end=end,
            before=series.before,
            after=after,
            why=series.why,
        )

    def _hold(self, series: Series) -> None:
        """How long its power holds without a new reading, as configured."""
        if series.metric == "power":
            series.hold = power_hold(self.config.named(series.device))

    def _each(self, operators: Iterable[Operator] | None = None) -> Iterable[Operator]:
        """Operators in order, each with the word; what it says is heard before the next has it."""
        for operator in self.operators if operators is None else operators:
            self._speaker = operator
            yield operator
            self._spread()

    def _spread(self) -> None:
        while self._unsaid:
            speaker, said = self._unsaid.popleft()
            if isinstance(said, Reading):
                for operator in self.table[said.device, said.metric].watchers:
                    if operator is not speaker:
                        self._speaker = operator
                        operator.on_reading(self, said)
            else:
                for operator in self.operators:
                    if operator is not speaker:
                        self._speaker = operator
                        operator.on_fact(self, said)

    def _silence(self, device: str) -> None:
        """A silent device's series are unknown from now on, to windows, rules and page alike."""
        for series in self._of_device.get(device, ()):
            if series.blind is None and series.time < self.now:
                blind = self._blind(series, series.time, series.value, "silent")
                series.insert(self.now, nan)
                series.time, series.value = self.now, nan
                self.conclude(blind)
                unknown = Reading(self.home, series.device, series.metric, self.now, nan)
                self._unsaid += [(self._speaker, blind), (self._speaker, unknown)]

    def _blind(self, series: Series, start: int, before: float, why: str) -> Blind:
        series.blind, series.why = start, why
        series.before = None if isnan(before) else before
        return self.interval(series)
