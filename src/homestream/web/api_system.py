"""The system about itself, and the report."""

from datetime import datetime
from typing import Annotated, Any

from fastapi import APIRouter, Depends, HTTPException, Query, Response

from homestream.lake import queries
from homestream.web.auth import Person
from homestream.web.deps import Deps, of
from homestream.web.period import Period, ending, latest, moment

router = APIRouter()

#: ms, or a date of the home
When = Annotated[str, Query(max_length=20)]


@router.get("/api/status")
async def status(deps: Annotated[Deps, Depends(of)], _who: Person) -> dict[str, Any]:
    """Accounting by source, latency, rates and sizes."""
    return deps.status()


@router.get("/api/report.pdf")
async def report(
    deps: Annotated[Deps, Depends(of)], _who: Person, since: When = "", until: When = ""
) -> Response:
    """The report as PDF; without a period, on the latest week that holds data."""
    period = await _period(deps, since, until)
    zone = deps.config.zone
    days = [datetime.fromtimestamp(ms / 1000, zone).date() for ms in (period.since, period.until - 1)]
    name = f"home-report-{days[0]}-to-{days[1]}.pdf"
    pdf = await deps.report(period.since, period.until)
    headers = {"Content-Disposition": f'attachment; filename="{name}"'}
    return Response(pdf, media_type="application/pdf", headers=headers)


async def _period(deps: Deps, since: str, until: str) -> Period:
    zone = deps.config.zone
    newest = await _newest(deps)
    try:
        end = moment(until, zone, end=True) if until else newest.until
        week = ending(end, "week", zone).since if until else newest.since
        start = moment(since, zone) if since else week
    except (ValueError, OverflowError):
        raise HTTPException(422, "since and until are ms or dates like 2026-11-22") from None
    if start >= end:
        raise HTTPException(422, "since must be before until")
    return Period(start, end)


async def _newest(deps: Deps) -> Period:
    now = deps.now()
    first, last = await deps.query(queries.span, deps.config.id)
    return latest(now if first is None else first, now if last is None else last, now, deps.config.zone)
