"""Who asks: by the session's cookie (the page) or by HTTP Basic (a script)."""

from base64 import b64decode
from typing import Annotated

from fastapi import APIRouter, Depends, HTTPException, Request, Response
from pydantic import BaseModel, ConfigDict, Field
from starlette.requests import HTTPConnection

from homestream.door.login.attempts import WINDOW_S, TooManyAttempts
from homestream.door.login.credentials import MAX_PASSWORD
from homestream.web.deps import Deps
from homestream.web.guard import SAFE
from homestream.web.session import LIFETIME_S, Sessions

router = APIRouter()


class Login(BaseModel):
    """The form."""

    model_config = ConfigDict(extra="forbid", strict=True)

    user: str = Field(max_length=MAX_PASSWORD)
    password: str = Field(max_length=MAX_PASSWORD)


def logged_in(connection: HTTPConnection) -> str | None:
    """Whose session the cookie opens; None for none, also once its name or password is another's."""
    sessions: Sessions = connection.app.state.sessions
    return sessions.name(connection.cookies.get(sessions.cookie, ""))


async def person(request: Request) -> str:
    """The asking person as a log source, `page:NAME` or `http:NAME`; 401 where nobody is known."""
    name = logged_in(request)
    if name is not None:
        # A cookie travels by itself, so a change must prove that our page asked for it.
        if request.method not in SAFE and "origin" not in request.headers:
            raise HTTPException(403, "a change by cookie must say its Origin")
        return f"page:{name}"
    scheme, _, encoded = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            name, _, password = b64decode(encoded, validate=True).decode().partition(":")
        except ValueError:
            raise HTTPException(400, "Authorization is no Basic user:password") from None
        if await _admit(request, name, password):
            return f"http:{name}"
    raise HTTPException(401, "log in first")


#: Written as the type of a route's parameter, it makes the route ask who is there.
Person = Annotated[str, Depends(person)]


@router.post("/api/login")
async def login(form: Login, request: Request, response: Response) -> dict[str, str]:
    """A session's cookie for a right name and password, 401 else, 429 after too many wrong ones."""
    if not await _admit(request, form.user, form.password):
        raise HTTPException(401, "wrong name or password")
    sessions: Sessions = request.app.state.sessions
    response.set_cookie(
        sessions.cookie,
        sessions.open(form.user),
        max_age=LIFETIME_S,
        path="/",
        httponly=True,
        samesite="strict",
        secure=request.url.scheme == "https",
    )
    return {"user": form.user}


@router.post("/api/logout")
async def logout(request: Request, response: Response, _who: Person) -> dict[str, str]:
    """Forget the session, here and in the browser."""
    sessions: Sessions = request.app.state.sessions
    sessions.close(request.cookies.get(sessions.cookie, ""))
    response.delete_cookie(sessions.cookie, path="/", httponly=True, samesite="strict")
    return {}


async def _admit(request: Request, name: str, password: str) -> bool:
    """Whether this is an admin of this home; 429 for an address that keeps guessing."""
    deps: Deps = request.app.state.deps
    address = request.client.host if request.client else ""
    try:
        who = await deps.credentials.check(name, password, address)
    except TooManyAttempts as error:
        raise HTTPException(429, str(error), {"Retry-After": str(int(WINDOW_S))}) from None
    return who is not None and who.role == "admin" and who.home == deps.config.id
