"""What the page and the report ask of the lake. Each takes a connection with `connect`'s views first.

Times are ms since 1970 UTC, [since, until); `zone` is the home's IANA zone; answers are lists of dicts.
"""

from homestream.lake.devices import devices, span
from homestream.lake.energy import consumption, meters, peak_power, power_mean_day
from homestream.lake.hogs import change, energy_by_device
from homestream.lake.journal import alerts, blind, performance, security_count, security_log
from homestream.lake.meters import always_on, meter_tree
from homestream.lake.runs import appliance_runs
from homestream.lake.series import climate, series

__all__ = [
    "alerts",
    "always_on",
    "appliance_runs",
    "blind",
    "change",
    "climate",
    "consumption",
    "devices",
    "energy_by_device",
    "meter_tree",
    "meters",
    "peak_power",
    "performance",
    "power_mean_day",
    "security_count",
    "security_log",
    "series",
    "span",
]
