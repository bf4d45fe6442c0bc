"""What a device and the home have used since a time, from the windows that their series keep.

A device's counter goes before its power. The home is its mains, where there are any; else all devices that
take energy and that no other one counts already. What a counter gained over a silence counts by the share of
that silence.
"""

from collections.abc import Mapping
from math import fsum

from homestream.engine.clock import HOUR
from homestream.engine.series import Series
from homestream.engine.timers import NEVER
from homestream.home import HomeConfig

#: An hour of power is known where no more of it is missing than a lost reading or two.
WHOLE = 0.98


class Ledger:
    """Asked often, it adds up once: what it said stands until the next minute closes."""

    def __init__(self, table: Mapping[tuple[str, str], Series]) -> None:
        """`table` is the home's series by (device, metric)."""
        self._table = table
        self._said: dict[tuple[str, int, int], float | None] = {}

    def forget(self) -> None:
        """Windows have closed, or the configuration is another one."""
        self._said.clear()

    def energy(self, config: HomeConfig, device: str | None, since: int, until: int = NEVER) -> float | None:
        """Wh used by a device, or the home, in closed minutes of [since, until); None where not known."""
        asked = (device or "", since, until)
        if asked not in self._said:
            self._said[asked] = (
                self._device(device, since, until) if device else self._home(config, since, until)
            )
        return self._said[asked]

    def flow(self, config: HomeConfig, device: str, hour: int) -> float | None:
        """Wh that went into a device, less what came out, in the closed local hour that begins at `hour`.

        None where any of that hour is not known: no reading of its counter, or a gap in its power.
        """
        said = config.named(device)
        sign = -1.0 if said is not None and said.produces else 1.0
        for metric in ("energy", "power"):
            series = self._table.get((device, metric))
            wh = None if series is None else _whole(series, hour)
            if wh is None:
                continue
            back = self._table.get((device, "energy_export"))
            if metric == "energy" and back is not None:
                out = _whole(back, hour)
                if out is None:
                    return None
                wh -= out
            return sign * wh
        return None

    def _home(self, config: HomeConfig, since: int, until: int) -> float | None:
        devices = dict.fromkeys(device for device, _ in self._table)
        meters = [device for device in config.mains if device in devices]
        apart = config.apart
        counted = meters or [device for device in devices if device not in apart]
        known = [wh for device in counted if (wh := self._device(device, since, until)) is not None]
        return fsum(known) if known else None

    def _device(self, device: str, since: int, until: int) -> float | None:
        for metric in ("energy", "power"):
            series = self._table.get((device, metric))
            if series is not None and (wh := used(series, since, until)) is not None:
                return wh
        return None


def used(series: Series, since: int, until: int) -> float | None:
    """Wh of a series in [since, until), which begins and ends with windows it keeps; None where unknown.

    Days are kept for a month, hours for two days, minutes for the hour under way.
    """
    days = [(end, wh) for day, (end, wh) in series.days.items() if since <= day and end <= until]
    after = max((end for end, _ in days), default=since)
    parts = [wh for _, wh in days]
    for windows in (series.hours, series.minutes):
        parts += [
            window.energy
            for start, window in windows.items()
            if after <= start < until and window.energy is not None
        ]
    for end, (start, wh, _) in series.unplaced.items():
        if wh and (share := min(end, until) - max(start, since)) > 0:
            parts.append(wh * share / (end - start))
    return fsum(parts) if parts else None


def _whole(series: Series, hour: int) -> float | None:
    window = series.hours.get(hour)
    if window is None or not window.count:
        return None
    if series.counter:
        apart = any(
            wh and start < hour + HOUR and end > hour for end, (start, wh, _) in series.unplaced.items()
        )
        return None if apart else window.energy
    return window.energy if window.known >= WHOLE * HOUR else None
