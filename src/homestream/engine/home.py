"""The fold of one home: its entries, one after the other, become readings and facts.

`step` takes a message's readings, `tick` the time, `act` what a person did. The path of one reading: find
its series; move the clock, which fires timers and closes windows that are due by then; append it to the
series, or put it in the place of its newest where that has the same time; tell the operators that watch it.
What is not the plain case (late, out of order, unknown, the first after a blind interval) goes through
`_place`.
"""

from array import array
from collections.abc import Sequence
from math import isnan, nan
from typing import Any, Final

import msgspec

from homestream.dialects.port import Row
from homestream.dialects.registry import Registry
from homestream.engine.clock import AHEAD, LATENESS
from homestream.engine.devices import Introductions
from homestream.engine.operator import GAP_MS, Operator
from homestream.engine.output import Account, Output, rejected
from homestream.engine.rollup import Rollup
from homestream.engine.series import BEFORE, Series
from homestream.engine.stage import Stage
from homestream.engine.timers import NEVER
from homestream.engine.view import View
from homestream.home import HomeConfig
from homestream.reading import Entry, Reading

#: Series of one home: 300 devices with 30 metrics each; a flood of invented names must not fill the memory.
MAX_SERIES: Final = 10_000

#: No sensor means a number beyond this, and sums of what is within never overflow.
HUGE: Final = 1e15
LEAST: Final = -HUGE


class HomeFold:
    """All running state of one home; `stage` is what its operators see of it."""

    def __init__(
        self, home: str, config: HomeConfig, operators: list[Operator], *, windows: bool = True
    ) -> None:
        """A home that has seen nothing; `operators` are called in the order given.

        Without `windows` nothing is rolled up: for a back-test of rules that ask for none.
        """
        self.stage = Stage(home, config, operators)
        self.stage.configure(config)
        self.watermark = BEFORE
        self._rollup = Rollup(home, config.zone, self.stage.conclude, self.stage.announce)
        self._windows = windows
        self._devices = Introductions(self.stage.registry)
        #: arrival of the newest entry, and whether a tick was among them
        self._heard = 0
        self._ticked = False

    @property
    def now(self) -> int:
        """The home's clock, ms; 0 before it has seen anything."""
        return self.stage.now

    @property
    def config(self) -> HomeConfig:
        """The home's configuration as last seen in the log."""
        return self.stage.config

    @property
    def registry(self) -> Registry:
        """The home's devices; the dialects fill it."""
        return self.stage.registry

    def step(self, entry: Entry, rows: Sequence[Row], account: Account, out: Output) -> None:
        """A message: `rows` is what its items were decoded to, one Row for each of `entry.items`."""
        seq, arrived = entry.seq, entry.arrived
        stage, stored = self.stage, out.readings
        if arrived > self._heard:
            # `_hear`, written out: each message comes by here
            if self._ticked and arrived - self._heard > GAP_MS:
                self._hear(arrived)
            else:
                self._heard = arrived
        if stage.registry.version != self._devices.version:
            self._introduce(arrived)
        account.received += entry.items
        table, limit = stage.table, arrived + AHEAD
        for number, row in enumerate(rows):
            if not isinstance(row, list):
                account.rejected += 1
                out.rejected.append(rejected(entry, number, row.reason))
                continue
            fresh = not row  # an item knowingly ignored counts as stored
            late = full = False
            for reading in row:
                _, device, metric, time, value = reading
                series = table.get((device, metric)) or self._learn(device, metric)
                if series is None:
                    full = True
                    continue
                to = time if time < limit else limit
                if to >= stage.due and to > stage.now:
                    self.advance(to)
                if series.time <= time > self.watermark and LEAST < value < HUGE and series.blind is None:
                    corrects = time == series.time  # as of devices that send no time, twice within a ms
                    if corrects:
                        if value == series.value:
                            continue
                        series.values[-1] = value
                    else:
                        if to > stage.now:
                            stage.now = to
                            self.watermark = to - LATENESS
                        series.times.append(time)
                        series.values.append(value)
                        series.time = time
                    series.value = value
                    stored.append((seq, reading, False, corrects))
                    fresh = True
                    if series.watchers:
                        stage.tell(series, reading)
                        if stage.due <= stage.now:
                            self.advance(stage.now)
                else:
                    placed = self._place(series, reading, to, seq, out)
                    if placed is not None:
                        fresh = True
                        late = late or placed
            if fresh:
                account.stored += 1
                if late:
                    account.late += 1
            elif full:
                account.rejected += 1
                out.rejected.append(rejected(entry, number, f"more than {MAX_SERIES} series in this home"))
            else:
                account.duplicate += 1

    def tick(self, entry: Entry) -> None:
        """It is now `entry.arrived`."""
        self._hear(entry.arrived)
        self._ticked = True
        self.advance(entry.arrived)

    def act(self, entry: Entry, out: Output) -> None:
        """A person or an API did something; what cannot be understood is rejected, with the reason."""
        self._hear(entry.arrived)
        self.advance(entry.arrived)
        try:
            body = msgspec.json.decode(entry.payload or b"{}", type=dict[str, Any])
            config = HomeConfig.model_validate(body) if entry.topic == "configure" else None
        except ValueError as error:  # what msgspec and pydantic raise
            reason = f"{entry.topic}: {' '.join(str(error).split())}"[:200]
            out.rejected.append(rejected(entry, 0, reason))
            return
        if config is None:
            by = entry.source.partition(":")[2] or entry.source
            self.stage.act(entry.topic, body, by, entry.seq)
        else:
            self.stage.configure(config)
            self._rollup.configure(config.zone)
            self._introduce(entry.arrived)
        self.advance(entry.arrived)

    def pour(self, series: Series, times: "array[int]", values: "array[float]") -> None:
        """Many readings of a series that nobody would react to, as so many `step`s: for back-tests.

        Each later than the one before, known, of a series that is known; no timer due by then. Call
        `advance` with the newest time next.
        """
        series.times.extend(times)
        series.values.extend(values)
        series.time, series.value = times[-1], values[-1]

    def attend(self, arrived: int) -> None:
        """Ticks came up to `arrived`, none was missed, as so many `tick`s: for back-tests; `advance` next."""
        self._heard, self._ticked = max(self._heard, arrived), True

    def view(self) -> dict[str, Any]:
        """The page's picture of all that is true now; unknown values are None."""
        stage = self.stage
        values: dict[str, dict[str, Any]] = {}
        for series in stage.table.values():
            value = None if isnan(series.value) else series.value
            values.setdefault(series.device, {})[series.metric] = [series.time, value]
        apart = self.config.apart
        return {
            "home": {
                "id": stage.home,
                "name": self.config.name,
                "timezone": self.config.timezone,
                "rooms": self._rooms(),
                "currency": self.config.tariff.currency,
            },
            "now": stage.now,
            "mode": stage.mode,
            "occupied": stage.occupied,
            "devices": [
                {
                    "id": device.id,
                    "room": device.room,
                    "name": device.name,
                    "metrics": list(device.metrics),
                    "commands": list(device.commands),
                    "available": device.available,
                    "mains": device.id in self.config.mains,
                    "apart": device.id in apart,
                }
                for device in stage.registry
            ],
            "values": values,
            "blind": [
                msgspec.to_builtins(stage.interval(series))
                for series in stage.table.values()
                if series.blind is not None
            ],
            **stage.seen.picture(),
        }

    def snapshot(self) -> Any:
        """All running state as builtins; between two entries only, when no fact waits to be taken away."""
        stage = self.stage
        operators = {operator.name: operator.snapshot() for operator in stage.operators}
        return self._state([series.snapshot() for series in stage.table.values()], operators)

    def freeze(self) -> Any:
        """As `snapshot`, of now for good and quickly made: its series are yet to be asked for theirs."""
        stage = self.stage
        encoded = {
            operator.name: msgspec.Raw(msgspec.msgpack.encode(operator.snapshot()))
            for operator in stage.operators
        }
        return self._state([series.freeze() for series in stage.table.values()], encoded)

    def _state(self, series: list[Any], operators: dict[str, Any]) -> Any:
        stage = self.stage
        return {
            "home": stage.home,
            "config": stage.config.model_dump_json(by_alias=True),
            "clock": [stage.now, self.watermark, stage.due, self._heard, self._ticked],
            "mode": stage.mode,
            "occupied": stage.occupied,
            "digest": stage.digest,
            "registry": stage.registry.snapshot(),
            "series": series,
            "rollup": self._rollup.snapshot(),
            "order": [operator.name for operator in stage.operators],
            "timers": stage.timers.snapshot(),
            "view": stage.seen.snapshot(),
            "operators": operators,
        }

    @classmethod
    def restore(cls, state: Any, operators: list[Operator]) -> "HomeFold":
        """The inverse of `snapshot`; an operator it knows nothing of starts afresh."""
        config = HomeConfig.model_validate_json(state["config"])
        fold = cls(state["home"], config, operators)
        stage = fold.stage
        stage.adopt(Registry.restore(state["registry"]))
        for row in state["series"]:
            stage.add(Series.restore(row))
        for operator in operators:
            if operator.name in state["operators"]:
                operator.restore(state["operators"][operator.name])
        for series in stage.table.values():
            stage.watch(series)
        stage.now, fold.watermark, stage.due, fold._heard, fold._ticked = state["clock"]
        stage.mode, stage.occupied, stage.digest = state["mode"], state["occupied"], state["digest"]
        # timers name their operator by its place, which another program may have given to another one
        places = {operator.name: place for place, operator in enumerate(operators)}
        timers = [(due, places.get(state["order"][place]), key) for due, place, key in state["timers"]]
        stage.timers.restore([timer for timer in timers if timer[1] is not None])
        stage.seen = View.restore(state["view"])
        stage.facts.clear()  # what configuring concluded is in the state already
        fold._rollup.restore(state["rollup"])
        fold._devices = Introductions(stage.registry)
        return fold

    def _rooms(self) -> list[str]:
        """Rooms as configured, then those that devices are in, in the order learned."""
        rooms = dict.fromkeys(self.config.rooms)
        rooms.update(dict.fromkeys(device.room for device in self.registry if device.room))
        return list(rooms)

    def _place(self, series: Series, reading: Reading, to: int, seq: int, out: Output) -> bool | None:
        """A reading that is not the plain case, the clock at `to`: whether it is late; None: a duplicate."""
        stage, time = self.stage, reading.time
        if not (isnan(reading.value) or LEAST < reading.value < HUGE):
            reading = reading._replace(value=nan)
        if to > stage.now:
            self.advance(to)
        index, what = series.insert(time, reading.value)
        if what == "duplicate":
            return None
        late = time < self.watermark
        out.readings.append((seq, reading, late, what == "correction"))
        self._rollup.touch(series, index, stage.now)
        newest = time >= series.time
        if newest:
            stage.renew(series, reading)
        if newest and not late:
            stage.tell(series, reading)
        else:
            stage.tell_late(reading)
        if stage.due <= stage.now:
            self.advance(stage.now)
        return late

    def _learn(self, device: str, metric: str) -> Series | None:
        """A series seen for the first time; None when there are too many."""
        if len(self.stage.table) >= MAX_SERIES:
            return None
        series = Series(device, metric)
        self.stage.add(series)
        self.stage.watch(series)
        return series

    def _introduce(self, arrived: int) -> None:
        for fact in self._devices.due(self.stage.home, self.stage.now or arrived):
            self.stage.announce(fact)

    def _hear(self, arrived: int) -> None:
        """Note that the log was written at `arrived`; where ticks were missed before, say so."""
        if arrived > self._heard:
            since, self._heard = self._heard, arrived
            if self._ticked and arrived - since > GAP_MS:
                self.stage.gap(since, arrived)

    def advance(self, to: int) -> None:
        """Move the clock, with all that falls due on the way in order of time, windows before timers."""
        stage, rollup, timers = self.stage, self._rollup, self.stage.timers
        if to < stage.due:  # as most ticks
            if to > stage.now:
                stage.now = to
                self.watermark = to - LATENESS
            return
        if rollup.due == NEVER and self._windows:
            rollup.start(to - LATENESS)
        while (due := min(rollup.due, timers.next())) <= to:
            stage.now = max(stage.now, due)
            self.watermark = stage.now - LATENESS
            if rollup.due == due:
                rollup.close(stage.now, stage.table.values())
                stage.ledger.forget()
                if rollup.due <= to:
                    rollup.skip(to - LATENESS, stage.table.values())
            else:
                stage.fire()
        stage.due = due
        stage.now = max(stage.now, to)
        self.watermark = stage.now - LATENESS
