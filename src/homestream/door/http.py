"""The HTTP listener's routes: JSON and NDJSON readings, Influx line protocol, SenML.

Every 2xx leaves after fsync. A batch with bad rows stores the good ones and names the bad. The routes are
mounted into the one application of `web/app.py`.
"""

import base64
import zlib
from collections.abc import Awaitable, Callable

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from homestream.dialects import TooMany
from homestream.door import senml
from homestream.door.credentials import Credentials, Principal, TooManyAttempts
from homestream.door.intake import Intake, Verdict
from homestream.errors import PeerError
from homestream.home import HomeConfig
from homestream.log.committer import Committer
from homestream.log.sqlite import LogError

#: A body, and what it inflates to. A batch of 10,000 rows has about 1 MiB.
MAX_BODY = 4 << 20

#: Bad rows named in one answer; the log keeps them all.
MAX_NAMED = 100

JSON_TYPES = {"application/json", "application/x-ndjson", "application/ndjson", "application/jsonl"}
SENML_TYPES = {"application/senml+json", "application/json"}
SENML_CBOR = "application/senml+cbor"

#: What `/ping` says: the line protocol and the paths of Influx, and none of its queries.
INFLUX_VERSION = "homestream"

#: `precision=` of Influx 1 and 2 -> ours
PRECISIONS = {"": "ns", "ns": "ns", "n": "ns", "us": "us", "u": "us", "µ": "us", "ms": "ms", "s": "s"}


class _Refused(PeerError):
    """A request that gets an error's answer; `kept` bytes go to the log with it."""

    def __init__(
        self, status: int, reason: str, kept: bytes | None = None, headers: dict[str, str] | None = None
    ) -> None:
        super().__init__(reason)
        self.status = status
        self.kept = kept
        self.headers = headers


def ingest_routes(
    config: HomeConfig, committer: Committer, credentials: Credentials, clock: Callable[[], int]
) -> list[Route]:
    """The ingest routes, for `Starlette(routes=...)` or `FastAPI(routes=...)`; `clock` in ms since 1970."""
    intake = Intake(config, committer, credentials, clock)
    return [
        Route("/ping", _ping, methods=["GET"]),
        *(
            Route(path, _endpoint(intake, read, answer), methods=["POST"])
            for path, read, answer in (
                ("/api/v1/readings", _readings, _answer),
                ("/api/v1/senml", _senml, _answer),
                ("/write", _write, _answer_influx),
                ("/api/v2/write", _write, _answer_influx),
            )
        ),
    ]


async def _ping(_request: Request) -> Response:
    """Influx's clients ask whether somebody is there, and of which version, before they write."""
    return Response(status_code=204, headers={"X-Influxdb-Version": INFLUX_VERSION})


#: A request and its body -> topic and payload for the log.
_Read = Callable[[Request, bytes], tuple[str, bytes]]
_Answer = Callable[[Verdict], Response]


def _endpoint(intake: Intake, read: _Read, answer: _Answer) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        sender = None
        try:
            _same_origin(request)
            sender = await _who(intake, request)
            topic, payload = read(request, await _body(request))
            return answer(await intake.take("http", sender, topic, payload))
        except _Refused as error:
            if sender is not None and error.kept is not None:
                try:
                    await intake.refuse("http", sender, str(error), error.kept)
                except LogError as failure:
                    return _error(503, str(failure), {"Retry-After": "5"})
            return _error(error.status, str(error), error.headers)
        except TooMany as error:
            return _error(413, str(error))
        except LogError as error:
            return _error(503, str(error), {"Retry-After": "5"})
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is there to read it

    return endpoint


def _same_origin(request: Request) -> None:
    """A page of another site must not post with this browser's loopback or remembered login."""
    origin = request.headers.get("origin")
    if origin is not None and origin.partition("://")[2] != request.headers.get("host"):
        raise _Refused(403, "a page of another site may not post here")


async def _who(intake: Intake, request: Request) -> Principal:
    address = request.client.host if request.client is not None else ""
    try:
        sender = await intake.who(_login(request), address)
    except TooManyAttempts as error:
        raise _Refused(429, str(error), headers={"Retry-After": "60"}) from None
    if sender is None:
        challenge = {"WWW-Authenticate": 'Basic realm="homestream"'}
        raise _Refused(401, "user and password are missing or wrong", headers=challenge)
    return sender


def _login(request: Request) -> tuple[str, str] | None:
    """User and password: HTTP Basic, `Bearer` or `Token` USER:PASSWORD, or Influx's `u` and `p`."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    if scheme.lower() == "basic":
        try:
            value = base64.b64decode(value, validate=True).decode()
        except ValueError:
            return "", ""
    if scheme.lower() in ("basic", "bearer", "token"):
        user, _, password = value.strip().partition(":")
        return user, password
    if "u" in request.query_params:
        return request.query_params["u"], request.query_params.get("p", "")
    return None


async def _body(request: Request) -> bytes:
    """The body, inflated; never more than `MAX_BODY` in memory."""
    encoding = request.headers.get("content-encoding", "identity").lower()
    if encoding not in ("identity", "gzip"):
        raise _Refused(415, "content encoding is neither gzip nor identity", b"")
    too_large = _Refused(413, f"body of more than {MAX_BODY} bytes; send it in parts", b"")
    body = bytearray()
    async for chunk in request.stream():
        body += chunk
        if len(body) > MAX_BODY:
            raise too_large
    if encoding == "identity":
        return bytes(body)
    inflater = zlib.decompressobj(wbits=31)
    try:
        inflated = inflater.decompress(body, MAX_BODY + 1)
    except zlib.error:
        raise _Refused(400, "body is not gzip", bytes(body)) from None
    if len(inflated) > MAX_BODY:
        raise too_large
    if not inflater.eof or inflater.unused_data:
        raise _Refused(400, "gzip body is cut or has bytes too many", bytes(body))
    return inflated


def _readings(request: Request, body: bytes) -> tuple[str, bytes]:
    _expect(request, JSON_TYPES)
    return "api/readings", body


def _senml(request: Request, body: bytes) -> tuple[str, bytes]:
    if _expect(request, SENML_TYPES | {SENML_CBOR}) != SENML_CBOR:
        return "api/senml", body
    try:
        return "api/senml", senml.to_json(body)
    except PeerError as error:
        raise _Refused(400, str(error), body) from None


def _write(request: Request, body: bytes) -> tuple[str, bytes]:
    asked = request.query_params.get("precision", "")
    if asked not in PRECISIONS:
        raise _Refused(400, "precision is none of ns, us, ms, s", body)
    return f"api/write/{PRECISIONS[asked]}", body


def _expect(request: Request, types: set[str]) -> str:
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given not in types:
        raise _Refused(415, f"content type {given or 'missing'!r} is none of {', '.join(sorted(types))}", b"")
    return given


def _answer(verdict: Verdict) -> Response:
    """200 all stored, 207 some, 400 none."""
    stored = verdict.items - len(verdict.refused)
    status = 400 if not stored else 207 if verdict.refused else 200
    return JSONResponse({"stored": stored, "refused": _named(verdict)}, status)


def _answer_influx(verdict: Verdict) -> Response:
    """204 all stored, else 400 as Influx says a partial write: the good points are stored."""
    if not verdict.refused:
        return Response(status_code=204)
    row, reason = verdict.refused[0]
    text = f"partial write: row {row}: {reason}; dropped={len(verdict.refused)}"
    body = {"code": "invalid", "message": text, "error": text, "refused": _named(verdict)}
    return JSONResponse(body, 400)


def _named(verdict: Verdict) -> list[dict[str, int | str]]:
    return [{"row": row, "reason": reason} for row, reason in verdict.refused[:MAX_NAMED]]


def _error(status: int, reason: str, headers: dict[str, str] | None = None) -> Response:
    return JSONResponse({"code": "refused", "message": reason, "error": reason}, status, headers)
