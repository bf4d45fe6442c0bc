"""What a person may do: arm and disarm, acknowledge, switch. Each answers once the action is on disk."""

from typing import Annotated, Any, Literal

from fastapi import APIRouter, Depends, HTTPException, Request
from pydantic import BaseModel, ConfigDict, Field

from homestream.engine.safety.zones import zone_of
from homestream.engine.wording import called
from homestream.web.auth import Person
from homestream.web.code import LONGEST, Code, WrongCode
from homestream.web.deps import Deps, of

router = APIRouter()


class _Body(BaseModel):
    model_config = ConfigDict(extra="forbid", strict=True)


class ModeBody(_Body):
    """The mode to be in; `code` where one is set and the home is armed."""

    mode: Literal["disarmed", "home", "night", "away"]
    code: str = Field(default="", max_length=LONGEST)


class BypassBody(_Body):
    """Whether a device is left out until the home is disarmed; `code` as for a mode."""

    bypass: bool
    code: str = Field(default="", max_length=LONGEST)


class CommandBody(_Body):
    """A metric of a device and the value it should have, in the metric's unit."""

    metric: str = Field(min_length=1, max_length=100)
    value: float = Field(allow_inf_nan=False, ge=-1e12, le=1e12)


@router.post("/api/mode")
async def mode(
    body: ModeBody, who: Person, request: Request, deps: Annotated[Deps, Depends(of)]
) -> dict[str, Any]:
    """Arm or disarm; the answer's `seq` is the action's place in the log, `warnings` what stands open.

    Leaving an armed mode for less than `away` takes the code, where one is set: 403 without, 429 after too
    many wrong ones.
    """
    view = deps.view()
    action: dict[str, Any] = {"mode": body.mode}
    if body.mode not in ("away", view["mode"]) and await _by_code(request, deps, body.code, who):
        action["code"] = True
    warnings = _warnings(deps, view, body.mode)
    return {"seq": await deps.act("mode", action, who), "warnings": warnings}


@router.post("/api/devices/{device:path}/bypass")
async def bypass(
    device: str, body: BypassBody, who: Person, request: Request, deps: Annotated[Deps, Depends(of)]
) -> dict[str, int]:
    """Leave a device out of this or the next arming, or take it back in; 404 for one that is not known."""
    if not any(one["id"] == device for one in deps.view()["devices"]):
        raise HTTPException(404, "no such device")
    if body.bypass:
        await _by_code(request, deps, body.code, who)
    return {"seq": await deps.act("bypass", {"device": device, "bypass": body.bypass}, who)}


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


@router.post("/api/groups/{group}/command")
async def command_group(
    group: str, body: CommandBody, who: Person, deps: Annotated[Deps, Depends(of)]
) -> dict[str, int]:
    """Ask all devices of a group for a value; the fact `group` says who obeyed. 404 for no such group."""
    members = deps.config.group.get(group)
    if not members:
        raise HTTPException(404, "no such group")
    able = {one["id"] for one in deps.view()["devices"] if body.metric in one["commands"]}
    if missing := [member for member in members if member not in able]:
        raise HTTPException(422, f"{', '.join(missing)}: no command for {body.metric!r}")
    return {"seq": await deps.act("command", {"group": group, **body.model_dump()}, who)}


async def _by_code(request: Request, deps: Deps, code: str, who: str) -> bool:
    """Whether it took the code, and that was right; 403 where it was not, 429 while none can be tried."""
    asked: Code = request.app.state.code
    if deps.view()["mode"] == "disarmed" or not asked.needed:
        return False
    if not code:
        raise HTTPException(403, "the code is needed")
    try:
        await asked.check(code)
    except WrongCode as wrong:
        if wrong.tries:
            await deps.act("wrong_code", {"count": wrong.tries}, who)
        raise HTTPException(429 if "wait" in str(wrong) else 403, str(wrong)) from None
    return True


def _warnings(deps: Deps, view: dict[str, Any], mode: str) -> list[str]:
    """What stands open, or is not seen, of all that this mode watches: it is armed once it is shut."""
    found = []
    for device in view["devices"]:
        newest = view["values"].get(device["id"], {}).get("contact")
        name, room = device["name"], device["room"]
        if newest and mode in zone_of(deps.config, device["id"], name, room, "contact").armed:
            word = {None: "is not seen", 1: "is open"}.get(newest[1])
            found += [f"{called(name, room)} {word}"] if word else []
    return found
