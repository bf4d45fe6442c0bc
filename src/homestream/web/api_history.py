"""What was: series, consumption, energy hogs, climate. All times are ms UTC, days are the home's."""

from collections.abc import Callable
from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, HTTPException, Query

from homestream.engine.windows import HOLD_MAX, power_hold
from homestream.lake import queries
from homestream.web.auth import Person
from homestream.web.deps import Deps, of
from homestream.web.period import MAX_MS, By, Period, ending

router = APIRouter(prefix="/api/history")

Home = Annotated[Deps, Depends(of)]
Until = Annotated[int | None, Query(ge=0, le=MAX_MS)]
Time = Annotated[int, Query(ge=0, le=MAX_MS)]
Name = Annotated[str, Query(min_length=1, max_length=200)]

#: More points than a wide screen has pixels help nobody.
POINTS = 2000

#: Runs are found reading by reading: a month of 5 s data are half a million.
LONGEST_RUNS_MS = 31 * 86_400_000


@router.get("/series")
async def series(
    deps: Home,
    _who: Person,
    device: Name,
    metric: Name,
    since: Time,
    until: Time,
    points: Annotated[int, Query(ge=2, le=POINTS)] = 600,
) -> dict[str, Any]:
    """One series, thinned to `points` rows of time, min, max and mean; nulls where it fell silent."""
    if since >= until:
        raise HTTPException(422, "since must be before until")
    hold = power_hold(deps.config.named(device)) if metric == "power" else HOLD_MAX
    rows = await deps.query(queries.series, deps.config.id, device, metric, since, until, points, hold)
    return {"since": since, "until": until, "rows": rows}


@router.get("/consumption")
async def consumption(deps: Home, _who: Person, by: By = "week", until: Until = None) -> dict[str, Any]:
    """The home's kWh: a day by hour, a week or a month by day, and those of the period before."""
    step = "hour" if by == "day" else "day"
    more = (step, deps.config)
    period, rows = await _newest(deps, queries.consumption, by, until, *more)
    earlier = await _over(deps, queries.consumption, ending(period.since, by, deps.config.zone), *more)
    return {**_answer(period, rows), "step": step, "earlier": earlier}


@router.get("/hogs")
async def hogs(deps: Home, _who: Person, by: By = "week", until: Until = None) -> dict[str, Any]:
    """Devices by kWh, with cost, standby share, the change against the period before, and how sure that is.

    `home` is the whole: kwh, export_kwh, cost (with the standing charge), and untracked, what the mains
    measured beyond all devices (None where nothing measures the whole).
    """
    period, rows = await _newest(deps, queries.energy_by_device, by, until, deps.config)
    days = await _over(deps, queries.consumption, period, "day", deps.config)
    tree = await _over(deps, queries.meter_tree, period, deps.config)
    sums = {name: sum(day[name] for day in days) for name in ("kwh", "export_kwh", "cost")}
    return {**_answer(period, rows), "home": {**sums, "untracked": tree[0]["untracked"] if tree else None}}


@router.get("/meters")
async def meters(deps: Home, _who: Person, by: By = "week", until: Until = None) -> dict[str, Any]:
    """The meter tree, parents first: kwh net through each, and what of it no meter below it took.

    `always_on` is the load that never goes away, from the nights of the period; None where not known.
    """
    period, rows = await _newest(deps, queries.meter_tree, by, until, deps.config)
    return {
        **_answer(period, rows),
        "always_on": await _over(deps, queries.always_on, period, deps.config),
    }


@router.get("/runs")
async def runs(deps: Home, _who: Person, device: Name, since: Time, until: Time) -> dict[str, Any]:
    """When an appliance ran: start, end (null while it runs), kwh and peak of each run."""
    if not 0 < until - since <= LONGEST_RUNS_MS:
        raise HTTPException(422, "since must be before until, by 31 days at most")
    rows = await deps.query(queries.appliance_runs, deps.config.id, device, since, until, deps.config)
    return {"since": since, "until": until, "rows": rows}


@router.get("/climate")
async def climate(
    deps: Home,
    _who: Person,
    metric: Literal["temperature", "humidity", "carbon_dioxide"] = "temperature",
    by: By = "week",
    until: Until = None,
) -> dict[str, Any]:
    """Each room's mean by local hour of the day."""
    return _answer(*await _newest(deps, queries.climate, by, until, metric))


async def _over(deps: Deps, function: Callable[..., Any], period: Period, *more: Any) -> Any:
    config = deps.config
    return await deps.query(function, config.id, period.since, period.until, config.timezone, *more)


async def _newest(
    deps: Deps, function: Callable[..., Any], by: By, until: int | None, *more: Any
) -> tuple[Period, Any]:
    """The period asked for; without `until` the running one, or where that is empty the last with data."""
    zone = deps.config.zone
    period = ending(deps.now() if until is None else until, by, zone)
    rows = await _over(deps, function, period, *more)
    if not rows and until is None:
        _first, last = await deps.query(queries.span, deps.config.id)
        if last is not None and last < period.since:
            period = ending(last + 1, by, zone)
            rows = await _over(deps, function, period, *more)
    return period, rows


def _answer(period: Period, rows: Any) -> dict[str, Any]:
    return {"since": period.since, "until": period.until, "rows": rows}
