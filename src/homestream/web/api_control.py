"""What a person may do: arm and disarm, acknowledge, switch. Each answers once the action is on disk."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, HTTPException
from pydantic import BaseModel, ConfigDict, Field

from homestream.web.auth import Person
from homestream.web.deps import Deps, of

router = APIRouter()


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class ModeBody(_Body):
    """The mode to be in."""

    mode: Literal["disarmed", "home", "night", "away"]


class CommandBody(_Body):
    """A metric of a device and the value it should have, in the metric's unit."""

    metric: str = Field(min_length=1, max_length=100)
    value: float = Field(allow_inf_nan=False, ge=-1e12, le=1e12)


@router.post("/api/mode")
async def mode(body: ModeBody, who: Person, deps: Annotated[Deps, Depends(of)]) -> dict[str, int]:
    """Arm or disarm; the answer's `seq` is the action's place in the log."""
    return {"seq": await deps.act("mode", {"mode": body.mode}, who)}


@router.post("/api/alerts/{alert}/acknowledge")
async def acknowledge(alert: str, who: Person, deps: Annotated[Deps, Depends(of)]) -> dict[str, int]:
    """Say that an alert was seen; 404 for one that is not open or recent."""
    if not any(one["id"] == alert for one in deps.view()["alerts"]):
        raise HTTPException(404, "no such alert")
    return {"seq": await deps.act("acknowledge", {"alert": alert}, who)}


@router.post("/api/devices/{device:path}/command")
async def command(
    device: str, body: CommandBody, who: Person, deps: Annotated[Deps, Depends(of)]
) -> dict[str, Any]:
    """Ask a device for a value; it is pending until the device's own state confirms it."""
    known = next((one for one in deps.view()["devices"] if one["id"] == device), None)
    if known is None:
        raise HTTPException(404, "no such device")
    if body.metric not in known["commands"]:
        raise HTTPException(422, f"{device} takes no command for {body.metric!r}")
    wanted = {"device": device, "metric": body.metric, "value": body.value}
    return {"seq": await deps.act("command", wanted, who)}
