"""What a report is made of: figures, not yet words. None is *not known*, never zero.

Times are ms since 1970 UTC, energy kWh, power W; shares run from 0 to 1, changes are in percent of the
period before, which is as long and ends where this one begins.
"""

from dataclasses import dataclass
from zoneinfo import ZoneInfo


@dataclass(frozen=True, slots=True)
class Hog:
    """What one device took."""

    name: str
    kwh: float
    cost: float | None = None
    change: float | None = None
    #: so much more or less it may have been, kWh
    error: float = 0.0


@dataclass(frozen=True, slots=True)
class RoomClimate:
    """A room's mean for each local hour of the day, 24 values."""

    room: str
    hours: tuple[float | None, ...]


@dataclass(frozen=True, slots=True)
class Day:
    """Consumption of one local day, or of what of it lies in the period: `length` ms, `whole` or not.

    `known` is the share of that length which was measured.
    """

    start: int
    kwh: float | None
    known: float = 1.0
    length: int = 86_400_000
    whole: bool = True


@dataclass(frozen=True, slots=True)
class SecurityEvent:
    """One entry of the security log."""

    time: int
    text: str
    room: str
    severity: str


@dataclass(frozen=True, slots=True)
class RuleAlerts:
    """The alerts of one rule: how many opened, were acknowledged, are open still; `last` opened when."""

    rule: str
    severity: str
    opened: int
    acknowledged: int
    open: int
    last: int


@dataclass(frozen=True, slots=True)
class BlindDevice:
    """How often, how long in all and how long at most a device was out of sight, ms."""

    name: str
    room: str
    times: int
    total: int
    longest: int


@dataclass(frozen=True, slots=True)
class SourceAccount:
    """The books of one source: received = stored + duplicate + rejected, late among the stored."""

    source: str
    received: int
    stored: int
    duplicate: int
    rejected: int
    late: int


@dataclass(frozen=True, slots=True)
class Performance:
    """How the system itself did: latency from door to facts, readings a second, bytes held.

    `rates` and `tails` are (time, value), evenly spaced over the period: readings a second, p99 latency in
    ms; None while it did not run. `accounts` are since the home began, `total` is of all
    sources in the period.
    """

    p50_ms: float | None = None
    p99_ms: float | None = None
    rate_mean: float | None = None
    rate_peak: float | None = None
    lake_bytes: int | None = None
    log_bytes: int | None = None
    rss_bytes: int | None = None
    rates: tuple[tuple[int, float | None], ...] = ()
    tails: tuple[tuple[int, float | None], ...] = ()
    accounts: tuple[SourceAccount, ...] = ()
    total: SourceAccount | None = None


@dataclass(frozen=True, slots=True)
class ReportData:
    """One home over [since, until)."""

    home: str
    zone: ZoneInfo
    since: int
    until: int
    currency: str = "EUR"
    energy: float | None = None
    cost: float | None = None
    change: float | None = None
    peak: float | None = None
    peak_at: int | None = None
    #: of the rooms, °C and %
    temperature: float | None = None
    humidity: float | None = None
    #: (minute of the local day, mean W), evenly spaced
    mean_day: tuple[tuple[int, float | None], ...] = ()
    #: largest first
    hogs: tuple[Hog, ...] = ()
    #: what the mains measured beyond all devices
    untracked: float | None = None
    #: the load that never goes away, W
    always_on: float | None = None
    climate: tuple[RoomClimate, ...] = ()
    days: tuple[Day, ...] = ()
    #: newest first; `security_total` counts those left out too
    security: tuple[SecurityEvent, ...] = ()
    security_total: int = 0
    alerts: tuple[RuleAlerts, ...] = ()
    blind: tuple[BlindDevice, ...] = ()
    performance: Performance = Performance()

    @property
    def known(self) -> float:
        """The share of the period for which the consumption is known."""
        whole = sum(day.length for day in self.days)
        return sum(day.known * day.length for day in self.days) / whole if whole else 0.0
