"""Values that are not usual: spikes. What cannot be at all, the dialects refuse.

Each series of a climate or grid quantity keeps its usual level and spread, as exponentially weighted means
of the value and of its absolute deviation; what an outlier adds is cut off, so that one spike does not make
the next usual. A spike leaps: what gets there step by step is a shower or a sunny morning. Switched
quantities (power, current, light) leap by nature and are not judged. Method: robust EWMA, as in Gelper,
Fried, Croux, "Robust forecasting with exponential and Holt-Winters smoothing" (2010), simplified.
"""

from math import isnan
from typing import Any

from typing_extensions import override

from homestream.engine.alert import Alerts
from homestream.engine.fact import Anomaly, Evidence
from homestream.engine.operator import Context
from homestream.engine.quiet import Quiet
from homestream.engine.wording import amount, label
from homestream.reading import Reading

#: Metric -> the smallest deviation worth a word; below it lie a sensor's steps and a room's ordinary day.
SPIKES = {
    "temperature": 2.5,
    "humidity": 12.0,
    "pressure": 4.0,
    "carbon_dioxide": 400.0,
    "pm25": 40.0,
    "volatile_organic_compounds": 400.0,
    "voltage": 15.0,
    "frequency": 0.5,
}

#: Readings before a series is judged.
WARM = 24
#: Deviation over usual deviation that makes a spike; beyond half of it, it is cut off for learning.
SPIKE = 6.0
#: Weight of the newest reading: the level is that of some 32 readings.
WEIGHT = 1 / 32
#: So many outliers in a row are the new usual, and the level moves there.
MOVED = 24
#: After so long without a reading the level may be anywhere: take it anew, keep the spread.
STALE_MS = 30 * 60_000
#: One alert a series in so long, however often it leaps.
COOLDOWN_MS = 3_600_000

RULE = "Unusual value"


class Usual:
    """Level and spread of one series; `odd` counts outliers in a row, `told` is when an alert last opened."""

    __slots__ = ("count", "floor", "last", "level", "odd", "spread", "time", "told")

    def __init__(self, metric: str) -> None:
        self.floor = SPIKES[metric]
        self.level = self.spread = self.last = 0.0
        self.count = self.time = self.odd = self.told = 0

    def learn(self, value: float, most: float) -> None:
        """Move level and spread towards `value`; what is off by more than `most` counts as off by that."""
        if not self.count:
            self.level = value
        off = value - self.level
        if self.count < WARM:
            self.count += 1
            weight = 1 / self.count
        else:
            weight = WEIGHT
            off = -most if off < -most else most if off > most else off
        self.level += weight * off
        self.spread += weight * (abs(off) - self.spread)


class Anomalies(Quiet):
    """The anomalies of one home."""

    name = "anomaly"

    def __init__(self) -> None:
        self._usual: dict[tuple[str, str], Usual] = {}
        self._alerts = Alerts()

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
        if time - usual.time > STALE_MS and usual.count:
            usual.level, usual.odd, usual.last = value, 0, value
        leap, usual.last, usual.time = abs(value - usual.last), value, time
        reach = max(usual.floor, SPIKE * usual.spread)
        far = not -reach <= value - usual.level <= reach
        if not far or usual.count < WARM or (leap < reach / 2 and not usual.odd):
            if usual.odd:
                usual.odd = 0
                self._over(ctx, reading)
        else:
            usual.odd += 1
            if usual.odd == 1:
                self._tell(ctx, reading, usual, reach)
            elif usual.odd >= MOVED:
                usual.level, usual.odd = value, 0
                self._over(ctx, reading)
        usual.learn(value, reach / 2)

    def _tell(self, ctx: Context, reading: Reading, usual: Usual, reach: float) -> None:
        _, device, metric, time, value = reading
        low, high = usual.level - reach, usual.level + reach
        text = f"{amount(metric, value)}, usual {amount(metric, low)} to {amount(metric, high)}"
        ctx.emit(
            Anomaly(
                home=ctx.home,
                time=time,
                device=device,
                metric=metric,
                kind="spike",
                value=value,
                low=low,
                high=high,
                text=text,
            )
        )
        if time - usual.told >= COOLDOWN_MS and self._alerts.get(RULE, _key(reading)) is None:
            usual.told = time
            self._alerts.open(
                ctx,
                rule=RULE,
                key=_key(reading),
                severity="info",
                text=f"{RULE} · {label(ctx, device)} {metric.replace('_', ' ')} {text}",
                time=time,
                evidence=(Evidence(device, metric, time, value),),
            )

    def _over(self, ctx: Context, reading: Reading) -> None:
        alert = self._alerts.get(RULE, _key(reading))
        if alert is not None:
            self._alerts.clear(ctx, alert, reading.time)

    @override
    def on_action(self, ctx: Context, name: str, body: dict[str, Any], by: str, seq: int) -> None:
        if name == "acknowledge":
            self._alerts.acknowledge(ctx, body, by)

    @override
    def snapshot(self) -> Any:
        rows = [
            [*series, *(getattr(usual, name) for name in Usual.__slots__)]
            for series, usual in self._usual.items()
        ]
        return {"usual": rows, "alerts": self._alerts.snapshot()}

    @override
    def restore(self, state: Any) -> None:
        self._usual = {}
        for device, metric, *values in state["usual"]:
            usual = self._usual[device, metric] = Usual(metric)
            for name, value in zip(Usual.__slots__, values, strict=True):
                setattr(usual, name, value)
        self._alerts.restore(state["alerts"])


def _key(reading: Reading) -> str:
    return f"{reading.device}.{reading.metric}"
