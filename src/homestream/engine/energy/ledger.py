"""What a device and the home have used since a time, from the windows that their series keep.

A device's counter goes before its power. The home is its mains, where there are any; else all devices that
no other one counts already. What a counter gained over a silence counts by the share of that silence.
"""

from collections.abc import Mapping
from math import fsum

from homestream.engine.series import Series
from homestream.engine.timers import NEVER
from homestream.home import HomeConfig


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

    def _home(self, config: HomeConfig, since: int, until: int) -> float | None:
        devices = dict.fromkeys(device for device, _ in self._table)
        meters = [device for device in config.mains if device in devices]
        counted = meters or [d for d in devices if (said := config.named(d)) is None or not said.parent]
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
