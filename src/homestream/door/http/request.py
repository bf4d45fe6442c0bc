"""What every request to the HTTP door goes through first: origin, login, body; and how it is refused."""

import base64
import zlib
from collections.abc import Callable

from starlette.requests import Request
from starlette.responses import JSONResponse, Response

from homestream.door.intake import Intake
from homestream.door.login import token
from homestream.door.login.credentials import Principal, TooManyAttempts
from homestream.errors import PeerError

#: A body, and what it inflates to. A batch of 10,000 rows has about 1 MiB.
MAX_BODY = 4 << 20

#: Seconds after which to come again: when the disk fails or is full; when too much is under way.
RETRY_DISK, RETRY_BUSY = "5", "1"


class Refused(PeerError):
    """A request that gets an error's answer; `kept` bytes go to the log with it."""

    def __init__(
        self, status: int, reason: str, kept: bytes | None = None, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(reason)
        self.status = status
        self.kept = kept
        self.headers = headers


def error(status: int, reason: str, headers: dict[str, str] | None = None) -> Response:
    """The answer to what was refused, in the words that Influx's clients look for too."""
    return JSONResponse({"code": "refused", "message": reason, "error": reason}, status, headers)


async def who(intake: Intake, request: Request, said: str | None = None) -> Principal:
    """Whose request that is, by its headers or by the token `said`; `Refused` by 401, 403 or 429."""
    _same_site(request)
    address = request.client.host if request.client is not None else ""
    login = _login(request)
    if login is None and said is not None:
        login = token.login(said)
    try:
        sender = await intake.who(login, address)
    except TooManyAttempts as reason:
        raise Refused(429, str(reason), headers={"Retry-After": "60"}) from None
    if sender is None:
        challenge = {"WWW-Authenticate": 'Basic realm="homestream"'}
        raise Refused(401, "user and password are missing or wrong", headers=challenge)
    return sender


def _same_site(request: Request) -> None:
    """A page of another site must not post with this browser's loopback or remembered login."""
    origin = request.headers.get("origin")
    foreign = origin is not None and origin.partition("://")[2] != request.headers.get("host")
    # A picture or a link sends no origin; browsers say of it what it is.
    if foreign or request.headers.get("sec-fetch-site", "none") not in ("none", "same-origin"):
        raise Refused(403, "a page of another site may not post here")


def _login(request: Request) -> tuple[str, str] | None:
    """User and password: HTTP Basic, `Bearer` or `Token` and a token, or Influx's `u` and `p`."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            user, _, password = base64.b64decode(value.strip(), validate=True).decode().partition(":")
        except ValueError:
            return "", ""
        return user, password
    if scheme.lower() in ("bearer", "token"):
        return token.login(value.strip())
    if "u" in request.query_params:
        return request.query_params["u"], request.query_params.get("p", "")
    return None


async def body(request: Request, hold: Callable[[int], None]) -> bytes:
    """The body, inflated; never more than `MAX_BODY` in memory. `hold` is told of each piece."""
    encoding = request.headers.get("content-encoding", "identity").lower()
    if encoding not in ("identity", "gzip"):
        raise Refused(415, "content encoding is neither gzip nor identity", b"")
    raw = bytearray()
    async for chunk in request.stream():
        hold(len(chunk))
        raw += chunk
        if len(raw) > MAX_BODY:
            raise _too_large()
    return bytes(raw) if encoding == "identity" else _inflated(raw, hold)


def _inflated(raw: bytearray, hold: Callable[[int], None]) -> bytes:
    inflater = zlib.decompressobj(wbits=31)
    try:
        inflated = inflater.decompress(raw, MAX_BODY + 1)
    except zlib.error:
        raise Refused(400, "body is not gzip", bytes(raw)) from None
    hold(len(inflated))
    if len(inflated) > MAX_BODY:
        raise _too_large()
    if not inflater.eof or inflater.unused_data:
        raise Refused(400, "gzip body is cut or has bytes too many", bytes(raw))
    return inflated


def _too_large() -> Refused:
    return Refused(413, f"body of more than {MAX_BODY} bytes; send it in parts", b"")
