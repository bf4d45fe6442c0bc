"""What one evaluation of a condition sees of the home, and how it reads values, ages and times from it."""

from collections.abc import Callable
from datetime import timedelta
from math import isnan

from homestream.engine.operator import Context
from homestream.engine.rules.daytime import instant
from homestream.engine.rules.expression import Ref
from homestream.engine.rules.sun import is_up, rise_and_set
from homestream.engine.wording import local
from homestream.reading import Reading


class Sight:
    """The home as one evaluation sees it.

    `key` is the device that `*` stands for, `trigger` the series whose reading caused the evaluation, `past`
    a reading to be seen instead of the newest of its series.
    """

    __slots__ = ("ctx", "key", "past", "trigger")

    def __init__(
        self,
        ctx: Context,
        key: str,
        trigger: tuple[str, str] | None = None,
        past: Reading | None = None,
    ) -> None:
        self.ctx, self.key = ctx, key
        self.trigger, self.past = trigger, past

    def look(self, device: str, metric: str) -> tuple[int, float] | None:
        """(time, value) of a series; NaN where unknown now, None where never seen."""
        past = self.past
        if past is not None and past.device == device and past.metric == metric:
            return past.time, past.value
        return self.ctx.value(device, metric)


#: A part of a condition: its value, None where unknown. A truth is 1.0 or 0.0.
Value = Callable[[Sight], float | None]


def both(left: Value, right: Value) -> Value:
    """Kleene's `and`: false beats unknown, unknown beats true."""

    def judge(sight: Sight) -> float | None:
        a = left(sight)
        if a == 0:
            return 0.0
        b = right(sight)
        if b == 0:
            return 0.0
        return None if a is None or b is None else 1.0

    return judge


def either(left: Value, right: Value) -> Value:
    """Kleene's `or`: true beats unknown, unknown beats false."""

    def judge(sight: Sight) -> float | None:
        a = left(sight)
        if a:
            return 1.0
        b = right(sight)
        if b:
            return 1.0
        return None if a is None or b is None else 0.0

    return judge


def bound(ref: Ref, sight: Sight) -> str:
    """The device that a reference means."""
    return sight.key if "*" in ref.device else ref.device


def known_value(seen: tuple[int, float] | None) -> float | None:
    """The value of a (time, value), None for never seen and for unknown."""
    return None if seen is None or isnan(seen[1]) else seen[1]


def is_unknown(seen: tuple[int, float] | None) -> float | None:
    """Whether a series that was seen is unknown now."""
    # A series that never was is no lost one: a rule must not fire before its device first speaks.
    return None if seen is None else float(isnan(seen[1]))


def spoken(ctx: Context, device: str, metric: str) -> tuple[int, float] | None:
    """The last known (time, value) of a series."""
    seen = ctx.value(device, metric)
    return ctx.previous(device, metric) if seen is not None and isnan(seen[1]) else seen


def age(sight: Sight, device: str, metric: str) -> float | None:
    """Seconds since the last known value."""
    seen = spoken(sight.ctx, device, metric)
    return None if seen is None else (sight.ctx.now - seen[0]) / 1000


def changed(sight: Sight, device: str, metric: str) -> float | None:
    """Whether the reading that caused this evaluation changed the last known value of the series."""
    value = known_value(sight.look(device, metric))
    before = sight.ctx.previous(device, metric)
    if value is None or before is None:
        return None
    return float(sight.trigger == (device, metric) and value != before[1])


def time_of_day(sight: Sight) -> float:
    """Seconds on the home's wall clock since midnight."""
    at = local(sight.ctx, sight.ctx.now)
    return at.hour * 3600 + at.minute * 60 + at.second + at.microsecond / 1e6


def weekday(sight: Sight) -> float:
    """1 (Monday) to 7, at the home."""
    return float(local(sight.ctx, sight.ctx.now).isoweekday())


def sun_up(sight: Sight) -> float | None:
    """Whether the sun shows at the home; None where the home is not known."""
    config = sight.ctx.config
    if config.latitude is None or config.longitude is None:
        return None
    return float(is_up(sight.ctx.now, config.latitude, config.longitude))


def sun_time(sight: Sight, *, rising: bool) -> float | None:
    """Seconds on the wall clock from today's midnight to sunrise or sunset; None where there is none."""
    config = sight.ctx.config
    if config.latitude is None or config.longitude is None:
        return None
    today = local(sight.ctx, sight.ctx.now).date()
    times = rise_and_set(today, config.zone, config.latitude, config.longitude)
    if times is None:
        return None
    at = local(sight.ctx, times[0 if rising else 1])
    return (at.date() - today).days * 86_400.0 + at.hour * 3600 + at.minute * 60


def period_start(ctx: Context, period: str) -> int:
    """When the local day, week (from Monday) or month under way began, ms."""
    today = local(ctx, ctx.now).date()
    back = {"day": 0, "week": today.weekday(), "month": today.day - 1}[period]
    return instant(today - timedelta(days=back), 0, ctx.config.zone)
