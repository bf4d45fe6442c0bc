"""When windows close, and when they are stated again.

The watermark passes minute after minute; at each, every series that is known or was read states its minute,
at a full local hour its hour, at local midnight its day. A reading that comes after its minute was closed
marks the minutes it touches; they, their hours and days are stated again, with a higher revision, when the
next minute closes, so that a device that empties its memory costs one revision and not a thousand.
"""

from collections.abc import Callable, Iterable
from math import fsum
from typing import Any
from zoneinfo import ZoneInfo

from homestream.engine import windows
from homestream.engine.clock import HISTORY, LATENESS, MINUTE, day_end, day_start, hour_end, hour_start
from homestream.engine.energy import counter
from homestream.engine.fact import Anomaly, Unplaced, Window
from homestream.engine.series import HOME_HISTORY, MAX_HISTORY, SPARE, Series
from homestream.engine.timers import NEVER
from homestream.engine.windows import Tally


class Rollup:
    """The windows of one home. `opened` is the start of the first minute not yet closed."""

    def __init__(
        self,
        home: str,
        zone: ZoneInfo,
        state: Callable[[Window | Unplaced], None],
        flag: Callable[[Anomaly], None],
    ) -> None:
        """Nothing is open until `start`.

        `state` is told each window and each draw that none holds, `flag` each glitch of a counter.
        """
        self.home = home
        self.zone = zone
        self.opened = 0
        self.hour = self.hour_end = 0
        self.day = self.day_end = 0
        #: when the clock has to call `close`
        self.due = NEVER
        self._state = state
        self._flag = flag

    def start(self, watermark: int) -> None:
        """Open the first windows."""
        self._open(watermark // MINUTE * MINUTE)
        self.hour, self.day = hour_start(self.zone, self.opened), day_start(self.zone, self.opened)
        self.configure(self.zone)

    def configure(self, zone: ZoneInfo) -> None:
        """Take the home's zone; hours and days under way end where the new zone says."""
        self.zone = zone
        if self.due != NEVER:
            self.hour_end, self.day_end = hour_end(zone, self.opened), day_end(zone, self.opened)

    def touch(self, series: Series, index: int, now: int) -> None:
        """Mark the closed minutes that the reading at `index` of the series' history changes."""
        time = series.times[index]
        if time > self.opened or time < now - HISTORY or hour_start(self.zone, time) < series.floor:
            return
        more = index + 1 < len(series.times)
        until = min(series.times[index + 1] if more else self.opened, time + series.hold, self.opened)
        series.dirty.update(range(time // MINUTE * MINUTE, until, MINUTE))
        if series.counter:
            series.dirty.add(_counted_in(time))

    def close(self, now: int, all_series: Iterable[Series]) -> None:
        """Close the minute whose end the watermark has reached, then move on to the next that matters."""
        table = list(all_series)
        for series in table:
            if series.dirty:
                self._revise(series, now)
        start, end = self.opened, self.opened + MINUTE
        most = min(MAX_HISTORY, HOME_HISTORY // max(len(table), 1))
        for series in table:
            # `_speaks`, written out: most of what a reading costs, it costs here
            if series.time >= start or (series.blind is None and series.time + series.hold > start):
                self._close_minute(series, start, end, now)
                if len(series.times) > most + SPARE:
                    series.shrink(most, end)
        if end >= self.hour_end:
            for series in table:
                self._close_hour(series, end, now)
            self.hour, self.hour_end = end, hour_end(self.zone, end)
        if end >= self.day_end:
            for series in table:
                self._close_day(series, self.day, end, now)
            self.day, self.day_end = end, day_end(self.zone, end)
        self._open(end)

    def skip(self, watermark: int, all_series: Iterable[Series]) -> None:
        """Where every series is silent up to `watermark`, move on to the end of the hour, day or silence."""
        table = list(all_series)
        if any(series.dirty or _speaks(series, self.opened) for series in table):
            return
        if any(series.minutes for series in table):
            last = self.hour_end
        elif any(max(series.hours, default=0) >= self.day for series in table):
            last = self.day_end
        else:
            self.start(max(watermark, self.opened))
            return
        self._open(max(min(last - MINUTE, watermark // MINUTE * MINUTE), self.opened))
        if self.opened >= self.hour_end:
            self.hour, self.hour_end = hour_start(self.zone, self.opened), hour_end(self.zone, self.opened)

    def _open(self, start: int) -> None:
        self.opened = start
        self.due = start + MINUTE + LATENESS

    def _close_minute(self, series: Series, start: int, end: int, now: int) -> None:
        tally = windows.measure(series.times, series.values, start, end, series.hold)
        if series.counter:
            series.meter, used, apart, glitches = counter.fold(series.meter, series.between(start, end))
            tally.energy = fsum(used)
            if apart:
                self._set_apart(series, apart, start, end, now)
            for glitch in glitches:
                self._flag(_anomaly(self.home, series, glitch, now))
        elif series.metric == "power":
            tally.energy = windows.energy_of_power(tally)
        if tally:
            series.minutes[start] = tally
            self._state(windows.fact(self.home, series.device, series.metric, "1m", start, tally, now, 0))

    def _close_hour(self, series: Series, end: int, now: int) -> None:
        minutes, series.minutes = series.minutes, {}
        hour = windows.merge(minutes[start] for start in sorted(minutes))
        if hour:
            series.hours[self.hour] = hour
            self._tell(series, "1h", self.hour, hour, now)
        if series.counter:
            series.checkpoints[end] = series.meter
        series.expire(now)

    def _close_day(self, series: Series, start: int, end: int, now: int) -> None:
        day = windows.merge(series.hours[hour] for hour in sorted(series.hours) if start <= hour < end)
        if day:
            self._tell(series, "1d", start, day, now)
            if day.energy is not None:
                series.days[start] = end, day.energy

    def _set_apart(
        self, series: Series, draws: Iterable[counter.Draw], after: int, upto: int, now: int
    ) -> None:
        """State the draws in (after, upto] that belong to no window, and take back those that are no more."""
        apart = {draw.time: draw for draw in draws}
        for end in sorted({*apart, *(end for end in series.unplaced if after < end <= upto)}):
            draw = apart.get(end)
            since, wh, revision = series.unplaced.get(end, (0, 0.0, -1))
            if draw is None:
                draw = counter.Draw(since, end, 0.0)
            if (draw.since, draw.wh) == (since, wh):
                continue
            series.unplaced[end] = draw.since, draw.wh, revision + 1
            self._state(
                Unplaced(
                    home=self.home,
                    time=now,
                    device=series.device,
                    metric=series.metric,
                    start=draw.since,
                    end=end,
                    energy=draw.wh,
                    revision=revision + 1,
                )
            )

    def _tell(self, series: Series, size: str, start: int, tally: Tally, now: int, revision: int = 0) -> None:
        self._state(windows.fact(self.home, series.device, series.metric, size, start, tally, now, revision))

    def _tell_again(self, series: Series, size: str, start: int, tally: Tally, now: int) -> None:
        revision = series.revised.get((size, start), 0) + 1
        series.revised[size, start] = revision
        self._tell(series, size, start, tally, now, revision)

    def _revise(self, series: Series, now: int) -> None:
        """State again every minute marked dirty, with the hours and days they belong to."""
        used = self._recount(series, now) if series.counter else {}
        dirty, series.dirty = sorted(series.dirty), set()
        hours: dict[int, int] = {}
        end = 0
        for start in dirty:
            tally = self._remeasure(series, start, used)
            if start >= self.hour:
                series.minutes[start] = tally
            elif start >= end:
                end = hour_end(self.zone, start)
                hours[hour_start(self.zone, start)] = end
            self._tell_again(series, "1m", start, tally, now)
        days: dict[int, int] = {}
        for hour, end in hours.items():
            minutes = [self._remeasure(series, start, used) for start in range(hour, end, MINUTE)]
            series.hours[hour] = windows.merge(minutes)
            self._tell_again(series, "1h", hour, series.hours[hour], now)
            days[day_start(self.zone, hour)] = day_end(self.zone, hour)
        for day, end in days.items():
            if end <= self.day:
                parts = [series.hours[hour] for hour in sorted(series.hours) if day <= hour < end]
                whole = windows.merge(parts)
                self._tell_again(series, "1d", day, whole, now)
                if whole.energy is not None:
                    series.days[day] = end, whole.energy

    def _remeasure(self, series: Series, start: int, used: dict[int, list[float]]) -> Tally:
        tally = windows.measure(series.times, series.values, start, start + MINUTE, series.hold)
        if series.counter:
            tally.energy = fsum(used.get(start, ()))
        elif series.metric == "power":
            tally.energy = windows.energy_of_power(tally)
        return tally

    def _recount(self, series: Series, now: int) -> dict[int, list[float]]:
        """Wh used by minute, from the hour of the first dirty minute on; more minutes may become dirty.

        What a late reading does to a counter's reference may outlast the next reading (a dip, a glitch); it
        is followed from hour to hour until the reference is again what it was.
        """
        dirty = sorted(series.dirty)
        since = hour_start(self.zone, dirty[0])
        known = [at for at in series.checkpoints if at <= since]
        at = max(known) if known else series.floor - 1
        meter, settled = series.checkpoints.get(at), True
        used: dict[int, list[float]] = {}
        for end in sorted({self.opened, *(later for later in series.checkpoints if later > at)}):
            before = series.checkpoints.get(end, series.meter)
            if settled and not any(at <= minute < end for minute in dirty):
                meter = before
            else:
                draws: list[counter.Draw] = []
                for time, value in series.between(at, end):
                    minute = _counted_in(time)
                    meter, more, apart, _ = counter.fold(meter, ((time, value),))
                    draws += apart
                    used.setdefault(minute, []).extend(more)
                    if minute > dirty[0]:
                        series.dirty.add(minute)
                self._set_apart(series, draws, at, end, now)
                settled = meter == before
                if end in series.checkpoints:
                    series.checkpoints[end] = meter
            at = end
        series.meter = meter
        return used

    def snapshot(self) -> Any:
        """Builtins only."""
        return [self.opened, self.hour, self.hour_end, self.day, self.day_end, self.due]

    def restore(self, state: Any) -> None:
        """The inverse of `snapshot`."""
        self.opened, self.hour, self.hour_end, self.day, self.day_end, self.due = state


def _speaks(series: Series, since: int) -> bool:
    """Whether the series has anything to say of the time from `since` on: a reading, or a value held."""
    return series.time >= since or (series.blind is None and series.time + series.hold > since)


def _counted_in(time: int) -> int:
    """The minute a counter's reading closes: one at the full minute tells of the minute before."""
    return (time - 1) // MINUTE * MINUTE


def _anomaly(home: str, series: Series, glitch: counter.Glitch, now: int) -> Anomaly:
    text = (
        f"{glitch.value:.0f} Wh cannot be: between {glitch.low:.0f} and {glitch.high:.0f} Wh were possible "
        "since the last reading; kept out of the energy"
    )
    return Anomaly(
        home=home,
        time=now,
        device=series.device,
        metric=series.metric,
        kind="range",
        value=glitch.value,
        low=glitch.low,
        high=glitch.high,
        text=text,
    )
