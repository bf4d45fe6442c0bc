"""The operator of anomalies: what is unusual is found and explained; what cannot be, the dialects refuse.

Spikes are looked for in each reading, rest in looks of ten minutes, drift and counters that stand when an
hour's window has closed: what costs is done seldom.
"""

from math import isnan
from typing import Any, Final

from typing_extensions import override

from homestream.engine.alert import Alerts
from homestream.engine.anomaly.drift import DRIFTS, ENOUGH_MS, Profile
from homestream.engine.anomaly.spike import SPIKES, Usual
from homestream.engine.anomaly.stuck import RESTS_BELOW, Rest
from homestream.engine.clock import LATENESS, MINUTE, hour_end, hour_start
from homestream.engine.fact import Anomaly, AnyFact, Evidence
from homestream.engine.operator import Context
from homestream.engine.quiet import Quiet
from homestream.engine.wording import amount, label, local, span
from homestream.reading import Reading

LOOK_MS: Final = 10 * MINUTE
#: One alert of a kind and series in so long, however often it leaps.
COOLDOWN_MS: Final = 3_600_000
#: A counter that stands while so much went through it is dead: coarse ones count in steps of 10 Wh, Wh.
STANDS_WH: Final = 100.0

#: Kind -> (rule, severity).
RULES = {
    "spike": ("Unusual value", "info"),
    "stuck": ("Sensor stuck", "warning"),
    "drift": ("Unusual for the hour", "info"),
}

Series = tuple[str, str]
_LOOK, _HOUR = "look", "hour"


class Anomalies(Quiet):
    """The anomalies of one home."""

    name = "anomaly"

    def __init__(self) -> None:
        self._usual: dict[Series, Usual] = {}
        self._rests: dict[Series, Rest] = {}
        self._profiles: dict[Series, Profile] = {}
        #: energy counters that stand still while power flows
        self._standing: set[Series] = set()
        #: when an alert last opened, by kind and series
        self._told: dict[str, int] = {}
        self._alerts = Alerts()
        self._begun = False

    @override
    def wants(self, ctx: Context, device: str, metric: str) -> bool:
        return metric in SPIKES

    @override
    def on_reading(self, ctx: Context, reading: Reading) -> None:
        _, device, metric, time, value = reading
        if isnan(value):
            return
        usual = self._usual.get((device, metric))
        if usual is None:
            usual = self._usual[device, metric] = Usual(metric)
        found = usual.judge(time, value)
        if found == "spike":
            text = f"{amount(metric, value)}, usual {_range(metric, usual.low, usual.high)}"
            self._tell(ctx, "spike", reading, usual.low, usual.high, text)
        elif found:
            self._over(ctx, "spike", (device, metric), time)

    @override
    def on_fact(self, ctx: Context, fact: AnyFact) -> None:
        """With the first fact, that of the first device, looking begins."""
        if not self._begun:
            self._begun, now = True, max(ctx.now, fact.time)
            ctx.at(now // LOOK_MS * LOOK_MS + LOOK_MS + LATENESS, self.name, _LOOK)
            ctx.at(hour_end(ctx.config.zone, now) + LATENESS, self.name, _HOUR)

    @override
    def on_timer(self, ctx: Context, key: str) -> None:
        if key == _LOOK:
            for device, metric in ctx.series():
                if metric in RESTS_BELOW:
                    self._look(ctx, device, metric)
            ctx.at(ctx.now + LOOK_MS, self.name, _LOOK)
        else:
            end = ctx.now - LATENESS
            start = hour_start(ctx.config.zone, end - 1)
            hour = local(ctx, start).weekday() * 24 + local(ctx, start).hour
            for device, metric in ctx.series():
                if metric in DRIFTS:
                    self._judge_hour(ctx, (device, metric), start, end, hour)
                elif metric == "energy":
                    self._count(ctx, (device, metric), start, end)
            ctx.at(hour_end(ctx.config.zone, end) + LATENESS, self.name, _HOUR)

    def _look(self, ctx: Context, device: str, metric: str) -> None:
        end = ctx.now - LATENESS
        newest = ctx.value(device, metric)
        if newest is None or newest[0] <= end - LOOK_MS:
            return
        rest = self._rests.get((device, metric))
        if rest is None:
            rest = self._rests[device, metric] = Rest()
        found = rest.look(ctx.readings(device, metric, end - LOOK_MS, end))
        below = RESTS_BELOW[metric]
        if found == "stuck" and (below is None or abs(rest.value) >= below):
            value = amount(metric, rest.value)
            text = f"{value} for {span(rest.length)}, lately never longer than {span(int(rest.longest))}"
            reading = Reading(ctx.home, device, metric, rest.last, rest.value)
            self._tell(ctx, "stuck", reading, rest.value, rest.value, text)
        elif found == "over":
            self._over(ctx, "stuck", (device, metric), ctx.now)

    def _judge_hour(self, ctx: Context, series: Series, start: int, end: int, hour: int) -> None:
        mean, known = ctx.hour(*series, start)
        if known < ENOUGH_MS:
            return
        profile = self._profiles.get(series)
        if profile is None:
            profile = self._profiles[series] = Profile(series[1])
        found = profile.judge(hour, mean)
        if found == "drift":
            device, metric = series
            usual, when = _range(metric, profile.low, profile.high), local(ctx, start)
            text = f"{amount(metric, mean)}, usual {usual} on {when:%A} from {when:%H:%M}"
            reading = Reading(ctx.home, device, metric, end, mean)
            self._tell(ctx, "drift", reading, profile.low, profile.high, text)
        elif found:
            self._over(ctx, "drift", series, ctx.now)

    def _count(self, ctx: Context, series: Series, start: int, end: int) -> None:
        """A counter of energy that stands still, though its own meter says that power flows."""
        device, metric = series
        newest = ctx.value(*series)
        if newest is None or newest[0] < start:
            return
        watts, known = ctx.hour(device, "power", start)
        used = watts * known / 3_600_000
        if used < STANDS_WH and series not in self._standing:
            return
        values = {value for _, value in ctx.readings(device, metric, start, end)}
        if len(values) == 1 and used >= STANDS_WH:
            if series not in self._standing:
                self._standing.add(series)
                value = values.pop()
                text = f"{amount(metric, value)} for {span(end - start)}, while {used:.0f} Wh went through"
                self._tell(ctx, "stuck", Reading(ctx.home, device, metric, end, value), value, value, text)
        elif len(values) > 1 and series in self._standing:
            self._standing.discard(series)
            self._over(ctx, "stuck", series, ctx.now)

    def _tell(self, ctx: Context, kind: str, reading: Reading, low: float, high: float, text: str) -> None:
        """State the anomaly, and open an alert unless there was one a moment ago."""
        _, device, metric, time, value = reading
        ctx.emit(
            Anomaly(
                home=ctx.home,
                time=time,
                device=device,
                metric=metric,
                kind=kind,
                value=value,
                low=low,
                high=high,
                text=text,
            )
        )
        rule, severity = RULES[kind]
        key = f"{device}.{metric}"
        told = self._told.get(f"{kind} {key}", -COOLDOWN_MS)
        if time - told >= COOLDOWN_MS and self._alerts.get(rule, key) is None:
            self._told[f"{kind} {key}"] = time
            self._alerts.open(
                ctx,
                rule=rule,
                key=key,
                severity=severity,
                text=f"{rule} · {label(ctx, device)} {metric.replace('_', ' ')} {text}",
                time=time,
                evidence=(Evidence(device, metric, time, value),),
            )

    def _over(self, ctx: Context, kind: str, series: Series, time: int) -> None:
        alert = self._alerts.get(RULES[kind][0], f"{series[0]}.{series[1]}")
        if alert is not None:
            self._alerts.clear(ctx, alert, time)

    @override
    def on_action(self, ctx: Context, name: str, body: dict[str, Any], by: str, seq: int) -> None:
        if name == "acknowledge":
            self._alerts.acknowledge(ctx, body, by)

    @override
    def snapshot(self) -> Any:
        return {
            "usual": [[*series, usual.snapshot()] for series, usual in self._usual.items()],
            "rests": [[*series, rest.snapshot()] for series, rest in self._rests.items()],
            "profiles": [[*series, profile.snapshot()] for series, profile in self._profiles.items()],
            "standing": sorted(map(list, self._standing)),
            "told": self._told,
            "alerts": self._alerts.snapshot(),
            "begun": self._begun,
        }

    @override
    def restore(self, state: Any) -> None:
        self._usual, self._rests, self._profiles = {}, {}, {}
        for device, metric, figures in state["usual"]:
            usual = self._usual[device, metric] = Usual(metric)
            usual.restore(figures)
        for device, metric, figures in state["rests"]:
            rest = self._rests[device, metric] = Rest()
            rest.restore(figures)
        for device, metric, figures in state["profiles"]:
            profile = self._profiles[device, metric] = Profile(metric)
            profile.restore(figures)
        self._standing = {(device, metric) for device, metric in state["standing"]}
        self._told, self._begun = dict(state["told"]), state["begun"]
        self._alerts.restore(state["alerts"])


def _range(metric: str, low: float, high: float) -> str:
    return f"{amount(metric, low)} to {amount(metric, high)}"
