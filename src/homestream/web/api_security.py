"""The security log and the alerts of any period."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, Query

from homestream.lake import queries
from homestream.web.auth import Person
from homestream.web.deps import Deps, of
from homestream.web.period import MAX_MS

router = APIRouter()

Time = Annotated[int, Query(ge=0, le=MAX_MS)]


@router.get("/api/security")
async def security(
    deps: Annotated[Deps, Depends(of)],
    _who: Person,
    severity: Literal["", "info", "medium", "high"] = "",
    since: Time = 0,
    until: Time = MAX_MS,
    limit: Annotated[int, Query(ge=1, le=1000)] = 100,
) -> dict[str, Any]:
    """Entries of the security log, newest first."""
    rows = await deps.query(
        queries.security_log, deps.config.id, since, until, deps.config.timezone, severity, limit
    )
    return {"rows": rows}


@router.get("/api/alerts")
async def alerts(
    deps: Annotated[Deps, Depends(of)], _who: Person, since: Time = 0, until: Time = MAX_MS
) -> dict[str, Any]:
    """Alerts opened in a period, each in its final state."""
    return {"rows": await deps.query(queries.alerts, deps.config.id, since, until, deps.config.timezone)}
