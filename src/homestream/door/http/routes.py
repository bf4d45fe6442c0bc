"""The HTTP listener's routes: JSON and NDJSON readings, Influx line protocol, SenML, webhooks.

Every 2xx leaves after fsync. A batch with bad rows stores the good ones and names the bad. The routes are
mounted into the one application of `web/app.py`. See docs/http.md.
"""

from collections.abc import Awaitable, Callable
from typing import NamedTuple

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from homestream.dialects import TooMany
from homestream.door import senml
from homestream.door.answers import MAX_KEY, Answer, OtherBody, digest
from homestream.door.http import hook, influx
from homestream.door.http.request import RETRY_BUSY, RETRY_DISK, Refused, body, error, who
from homestream.door.intake import MAX_NAMED, Intake, Verdict
from homestream.door.login.credentials import Principal
from homestream.door.share import NotAllowed
from homestream.door.underway import Busy
from homestream.errors import PeerError
from homestream.log.sqlite import LogError
from homestream.reading import Entry

JSON_TYPES = {"application/json", "application/x-ndjson", "application/ndjson", "application/jsonl"}
SENML_TYPES = {"application/senml+json", "application/json"}
SENML_CBOR = "application/senml+cbor"


class Form(NamedTuple):
    """How one path reads its requests and words its answers.

    `read`: a request and its body -> topic and payload for the log. `answer`: request, payload and verdict
    -> what is said. `whole`: whether a request wants all rows stored or none. `token`: where else than in
    its headers a request may show who it is from.
    """

    read: Callable[[Request, bytes], tuple[str, bytes]]
    answer: Callable[[Request, bytes, Verdict], Awaitable[Response]]
    whole: Callable[[Request], bool] = lambda request: False
    token: Callable[[Request], str | None] = lambda request: None


def ingest_routes(intake: Intake) -> list[Route]:
    """The ingest routes, for `Starlette(routes=...)` or `FastAPI(routes=...)`."""
    by_line = Form(influx.read, influx.answer)
    posts = {
        "/api/v1/readings": Form(_readings, _answer),
        "/api/v1/senml": Form(_senml, _answer),
        "/write": by_line,
        "/api/v2/write": by_line,
        "/api/v3/write_lp": Form(influx.read_v3, influx.answer_v3, influx.wants_whole),
    }
    calls = Form(hook.read, _answer, token=hook.token)
    return [
        *(Route(path, _endpoint(intake, form), methods=["POST"]) for path, form in posts.items()),
        Route("/api/v1/hook/{device:path}", _endpoint(intake, calls), methods=["GET", "POST"]),
        *influx.routes(intake),
    ]


def _endpoint(intake: Intake, form: Form) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        sender = None
        try:
            sender = await who(intake, request, form.token(request))
            with intake.under_way.of(sender.name) as hold:
                topic, payload = form.read(request, await body(request, hold))
                return await _take(intake, form, request, sender, topic, payload)
        except Refused as refused:
            if sender is not None and refused.kept is not None:
                try:
                    await intake.refuse("http", sender, str(refused), refused.kept)
                except LogError as failure:
                    return error(503, str(failure), {"Retry-After": RETRY_DISK})
            return error(refused.status, str(refused), refused.headers)
        except NotAllowed as reason:
            return error(403, str(reason))
        except TooMany as reason:
            return error(413, str(reason))
        except Busy as reason:
            return error(429, str(reason), {"Retry-After": RETRY_BUSY})
        except LogError as reason:
            return error(503, str(reason), {"Retry-After": RETRY_DISK})
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is there to read it

    return endpoint


async def _take(
    intake: Intake, form: Form, request: Request, sender: Principal, topic: str, payload: bytes
) -> Response:
    """Store a batch and word the answer; once only for each `Idempotency-Key`."""
    key = request.headers.get("idempotency-key", "")
    if not key:
        verdict = await intake.take("http", sender, topic, payload, whole=form.whole(request))
        return await form.answer(request, payload, verdict)
    if len(key) > MAX_KEY:
        raise Refused(400, f"Idempotency-Key has more than {MAX_KEY} characters", payload)
    asked, known = (sender.home, f"http:{sender.name}", key), digest(topic, payload)
    try:
        before = await intake.answers.begin(*asked, known, intake.clock())
    except OtherBody as reason:
        raise Refused(422, str(reason), payload) from None
    if before is not None:
        return Response(before.body, before.status, media_type="application/json" if before.body else None)
    made: list[Answer] = []

    async def beside(verdict: Verdict) -> list[Entry]:
        said = await form.answer(request, payload, verdict)
        made.append(Answer(*asked, known, intake.clock(), said.status_code, bytes(said.body)))
        return [made[0].entry()]

    try:
        verdict = await intake.take("http", sender, topic, payload, whole=form.whole(request), beside=beside)
        if made:
            intake.answers.add(made[0])
        return await form.answer(request, payload, verdict)
    finally:
        intake.answers.end(*asked)


def _readings(request: Request, body: bytes) -> tuple[str, bytes]:
    _expect(request, JSON_TYPES)
    return "api/readings", body


def _senml(request: Request, body: bytes) -> tuple[str, bytes]:
    if _expect(request, SENML_TYPES | {SENML_CBOR}) != SENML_CBOR:
        return "api/senml", body
    try:
        return "api/senml", senml.to_json(body)
    except PeerError as reason:
        raise Refused(400, str(reason), body) from None


def _expect(request: Request, types: set[str]) -> str:
    given = request.headers.get("content-type", "").partition(";")[0].strip().lower()
    if given not in types:
        raise Refused(415, f"content type {given or 'missing'!r} is none of {', '.join(sorted(types))}", b"")
    return given


async def _answer(_request: Request, _payload: bytes, verdict: Verdict) -> Response:
    """200 all stored, 207 some, 400 none."""
    status = 400 if not verdict.stored else 207 if verdict.refused else 200
    named = [{"row": row, "reason": reason} for row, reason in verdict.refused[:MAX_NAMED]]
    return JSONResponse({"stored": verdict.stored, "refused": named}, status)
