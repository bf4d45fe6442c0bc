"""The functions of conditions: unknown, age, changed, the windows, session, energy."""

from collections.abc import Callable

from homestream.engine.clock import DAY, LATENESS, MINUTE, day_start
from homestream.engine.rules.expression import (
    Compare,
    ExpressionError,
    Node,
    Number,
    Ref,
    Span,
    Text,
    Word,
)
from homestream.engine.rules.lookback import (
    MEASURES,
    History,
    Stretch,
    longest,
    percentile,
    session,
    sliding,
    tumbling,
)
from homestream.engine.rules.names import Uses, device_id, nearest
from homestream.engine.rules.sight import (
    Sight,
    Value,
    age,
    bound,
    changed,
    is_unknown,
    period_start,
)
from homestream.home import duration_ms
from homestream.reading import Reading

#: A longer window would keep more readings than a rule is worth; days are in the roll-ups.
MAX_WINDOW_MS = DAY
#: A longer window is measured once a minute, not at each reading.
HEARD_MS = 60 * MINUTE

PERIODS = ("day", "week", "month")
FUNCTIONS = ("unknown", "age", "changed", *MEASURES, "percentile", "session", "energy")

Arguments = tuple[Node | Span, ...]
Compile = Callable[[Node, Uses], Value]
Measure = Callable[[Stretch], float | None]


def call(uses: Uses, function: str, arguments: Arguments, compiled: Compile) -> Value:
    """What a call means; `compiled` makes a function of a condition within it."""
    if function not in FUNCTIONS:
        raise ExpressionError(f"no function {function!r}{nearest(function, FUNCTIONS)}")
    if function == "energy":
        return _energy(uses, arguments)
    if function == "session":
        return _session(uses, arguments, compiled)
    series = arguments[0]
    if not isinstance(series, Ref):
        raise ExpressionError(f"{function} takes a series, as {function}(laundry/iron.power)")
    if function in MEASURES:
        return _window(uses, function, series, MEASURES[function], arguments[1:])
    if function == "percentile":
        share = arguments[1] if len(arguments) > 1 else None
        if not isinstance(share, Number) or not 0 <= share.value <= 100:
            raise ExpressionError('percentile takes a number from 0 to 100: percentile(x, 95, "10m")')
        part = share.value / 100
        return _window(uses, "percentile", series, lambda of: percentile(of, part), arguments[2:])
    if len(arguments) > 1:
        raise ExpressionError(f"{function} takes one series and nothing more")
    ref = uses.series(series)
    if function == "unknown":
        return lambda sight: is_unknown(sight.look(bound(ref, sight), ref.metric))
    if function == "age":
        uses.timed = True
        return lambda sight: age(sight, bound(ref, sight), ref.metric)
    uses.momentary = True
    return lambda sight: changed(sight, bound(ref, sight), ref.metric)


def _window(uses: Uses, function: str, series: Ref, measure: Measure, arguments: Arguments) -> Value:
    """A measure of a sliding, hopping or session window."""
    uses.timed = True
    match arguments:
        case (Text(text),):
            size = window_ms(text, function)
            ref = uses.series(series, heard=size <= HEARD_MS)

            def value(sight: Sight) -> float | None:
                now = sight.ctx.now
                return measure(sliding(_history(sight, ref, now - size, now), now - size, now))

            return value
        case (Text(text), Span("every", step)):
            size, every = window_ms(text, function), window_ms(step, function)
            if every < MINUTE:
                raise ExpressionError("every is a minute or more")
            ref = uses.series(series, heard=False)

            def value_of_last(sight: Sight) -> float | None:
                # As all windows of the engine, it closes when no reading in it is expected any more.
                closed = sight.ctx.now - LATENESS
                midnight = day_start(sight.ctx.config.zone, closed)
                end = closed - (closed - midnight) % every
                return measure(tumbling(_history(sight, ref, end - size - 1, end - 1), end - size, end))

            return value_of_last
        case (Span("session", pause),):
            gap = window_ms(pause, function)
            ref = uses.series(series, heard=False)

            def value_of_session(sight: Sight) -> float | None:
                now = sight.ctx.now
                found = session(_history(sight, ref, now - MAX_WINDOW_MS, now), gap, now)
                if found is None:
                    return 0.0 if function == "count" else None
                return measure(found)

            return value_of_session
    last = "95, " if function == "percentile" else ""
    raise ExpressionError(
        f'{function} takes a series and a duration: {function}(x, {last}"10m"), '
        f'{function}(x, {last}"1h", every "5m") or {function}(x, {last}session "10m")'
    )


def _history(sight: Sight, ref: Ref, after: int, upto: int) -> History:
    return sight.ctx.history(bound(ref, sight), ref.metric, after, upto)


def _session(uses: Uses, arguments: Arguments, compiled: Compile) -> Value:
    """For how many seconds a condition on one series has gone on."""
    match arguments:
        case (Compare() | Ref() as condition, Text(pause)):
            gap = window_ms(pause, "session")
        case _:
            raise ExpressionError('session takes a condition and a pause: session(x > 5, "10m")')
    inner = Uses(uses.config)
    judge = compiled(condition, inner)
    if len(inner.refs) != 1 or inner.timed or inner.of_home:
        raise ExpressionError('session looks at one series: session(x > 5, "10m")')
    ref = uses.series(inner.refs[0], heard=False)
    uses.timed = True

    def gone_on(sight: Sight) -> float | None:
        ctx, device, now = sight.ctx, bound(ref, sight), sight.ctx.now
        times, values = _history(sight, ref, now - MAX_WINDOW_MS, now)
        if not times:
            return None
        truths = (
            (
                time,
                bool(judge(Sight(ctx, sight.key, past=Reading(ctx.home, device, ref.metric, time, value)))),
            )
            for time, value in zip(reversed(times), reversed(values), strict=True)
        )
        return longest(truths, gap, now) / 1000

    return gone_on


def _energy(uses: Uses, arguments: Arguments) -> Value:
    """KWh since the local day, week or month began, of a device or of the home."""
    *devices, period = arguments
    if not isinstance(period, Text) or period.value not in PERIODS or len(devices) > 1:
        near = nearest(period.value, PERIODS) if isinstance(period, Text) else ""
        raise ExpressionError(
            f'energy takes "day", "week" or "month", and a device before it if need be{near}'
        )
    name = devices[0] if devices else Text("")
    if not isinstance(name, (Word, Text)) or "*" in name.value:
        raise ExpressionError('energy takes one device: energy(laundry/iron, "day")')
    device, since = device_id(uses.config, name.value) if name.value else "", period.value
    uses.timed = True
    if (device, since) not in uses.budgets:
        uses.budgets.append((device, since))

    def kwh(sight: Sight) -> float | None:
        used = sight.ctx.energy(device or None, period_start(sight.ctx, since))
        return None if used is None else used / 1000

    return kwh


def window_ms(text: str, function: str) -> int:
    """A window's duration, ms."""
    ms = duration(text)
    if not 0 < ms <= MAX_WINDOW_MS:
        raise ExpressionError(f"{function} looks back over at most 24h")
    return ms


def duration(text: str) -> int:
    """`10m` -> ms."""
    try:
        return duration_ms(text)
    except ValueError as error:
        raise ExpressionError(str(error)) from None
