"""What a kWh costs in each hour: from the series of prices where that is known, else by band, else flat.

An hour in which the band changes costs its mean, minute by minute; so cost is exact to the hour.
"""

from math import fsum

from homestream.home import BandConfig, HomeConfig, TariffConfig

DAYS = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")

#: What tells of energy.
ENERGY = ("power", "energy", "energy_export")


def week(tariff: TariffConfig) -> list[float]:
    """The price of each local hour of a week, Monday's first hour first: 168 values."""
    return [
        fsum(_price(tariff, day, hour * 60 + minute) for minute in range(60)) / 60
        for day in DAYS
        for hour in range(24)
    ]


def price_series(tariff: TariffConfig) -> tuple[str, str]:
    """Device and metric of the series of prices; empty without one."""
    device, _, metric = tariff.price.rpartition(".")
    return device, metric


def priced_metrics(config: HomeConfig) -> tuple[str, ...]:
    """What `hours` must hold for `priced`."""
    _, metric = price_series(config.tariff)
    return (*ENERGY, metric) if metric else ENERGY


def priced(config: HomeConfig) -> str:
    """CTE (after those of `hours`) `priced`: the columns of `hours`, and the price of a kWh in each.

    Parameters: $zone, and $price_device where there is a series.
    """
    tariff = config.tariff
    if not tariff.band and not tariff.price:
        return f", priced AS (SELECT *, {tariff.per_kwh!r}::DOUBLE AS price FROM hours)"
    rows = ", ".join(f"({slot}, {price!r}::DOUBLE)" for slot, price in enumerate(week(tariff)))
    local = "timezone($zone, start)"
    slot = f"(isodow({local}) - 1) * 24 + hour({local})"
    _, metric = price_series(tariff)
    known = f"SELECT start, twmean FROM hours WHERE device = $price_device AND metric = '{metric}'"
    return f""", week(slot, usual) AS (VALUES {rows}), prices AS (
        {known if metric else "SELECT start, twmean FROM hours WHERE false"}
    ), priced AS (
        SELECT hours.*, coalesce(prices.twmean, week.usual) AS price
        FROM hours JOIN week ON week.slot = {slot} LEFT JOIN prices ON prices.start = hours.start
    )"""


def _price(tariff: TariffConfig, day: str, minute: int) -> float:
    return next((b.per_kwh for b in tariff.band if _within(b, day, minute)), tariff.per_kwh)


def _within(band: BandConfig, day: str, minute: int) -> bool:
    begin, end = _minute(band.begin), _minute(band.end)
    inside = begin <= minute < end if begin < end else minute >= begin or minute < end
    return inside and (not band.days or day in band.days)


def _minute(text: str) -> int:
    hour, minute = text.split(":")
    return int(hour) * 60 + int(minute)
