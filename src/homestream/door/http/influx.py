"""What clients of InfluxDB find: its three write paths, and the few questions they ask before they write.

InfluxDB 1 and 2 say a partial write by 400 and a text, InfluxDB 3 Core by 400 and the bad lines. `db`, `rp`,
`org` and `bucket` are read by nobody: the home is the sender's. `no_sync` changes nothing: all is on disk
when we answer.
"""

import asyncio
from collections.abc import Awaitable, Callable
from urllib.parse import parse_qs

from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from homestream.dialects.influx import where
from homestream.door.http.request import RETRY_BUSY, Refused, body, who
from homestream.door.intake import MAX_NAMED, Intake, Verdict
from homestream.door.underway import Busy

#: What we say when asked for a version: the line protocol and the paths of Influx, and none of its queries.
VERSION = "homestream"

#: `precision=` of Influx 1 and 2 -> ours
PRECISIONS = {
    "": "ns", "ns": "ns", "n": "ns", "us": "us", "u": "us", "µ": "us", "ms": "ms", "s": "s", "m": "m",
    "h": "h",
}  # fmt: skip
#: `precision=` of Influx 3 -> ours
PRECISIONS_3 = {
    "": "auto", "auto": "auto", "nanosecond": "ns", "microsecond": "us", "millisecond": "ms", "second": "s",
    "ns": "ns", "n": "ns", "us": "us", "u": "us", "ms": "ms", "s": "s",
}  # fmt: skip
#: The words that an InfluxQL statement begins with and that a home has nothing to do for.
SET_UP = ("create", "alter", "grant")
NO_QUERIES = "no InfluxQL here; ask by homestream query, or see the page"


def read(request: Request, payload: bytes) -> tuple[str, bytes]:
    """`/write` and `/api/v2/write` -> topic and payload."""
    return f"api/write/{_precision(request, payload, PRECISIONS)}", payload


def read_v3(request: Request, payload: bytes) -> tuple[str, bytes]:
    """`/api/v3/write_lp` -> topic and payload."""
    if not request.query_params.get("db"):
        raise Refused(400, "db is missing", payload)
    for flag in ("accept_partial", "no_sync"):
        if request.query_params.get(flag, "true") not in ("true", "false"):
            raise Refused(400, f"{flag} is neither true nor false", payload)
    return f"api/write/{_precision(request, payload, PRECISIONS_3)}", payload


def wants_whole(request: Request) -> bool:
    """Whether one bad line shall have all refused."""
    return request.query_params.get("accept_partial") == "false"


async def answer(_request: Request, _payload: bytes, verdict: Verdict) -> Response:
    """204 all stored, else 400 as Influx 1 and 2 say a partial write."""
    if not verdict.refused:
        return Response(status_code=204)
    row, reason = verdict.refused[0]
    text = f"partial write: row {row}: {reason}; dropped={len(verdict.refused)}"
    named = [{"row": row, "reason": reason} for row, reason in verdict.refused[:MAX_NAMED]]
    return JSONResponse({"code": "invalid", "message": text, "error": text, "refused": named}, 400)


async def answer_v3(request: Request, payload: bytes, verdict: Verdict) -> Response:
    """204 all stored, else 400 with the bad lines, or the first where none is stored for it."""
    if not verdict.refused:
        return Response(status_code=204)
    whole = wants_whole(request)
    refused = verdict.refused[: 1 if whole else MAX_NAMED]
    lines = await asyncio.to_thread(where, payload, [row for row, _ in refused])
    lines += [(1, "")] * (len(refused) - len(lines))  # an empty body is one row, of no line
    data = [
        {"original_line": text, "line_number": line, "error_message": reason}
        for (line, text), (_, reason) in zip(lines, refused, strict=True)
    ]
    if whole:
        return JSONResponse({"error": "parsing failed for write_lp endpoint", "data": data[0]}, 400)
    return JSONResponse({"error": "partial write of line protocol occurred", "data": data}, 400)


def routes(intake: Intake) -> list[Route]:
    """What Influx's clients and Telegraf ask beside writing."""
    return [
        Route("/ping", _ping, methods=["GET"]),
        Route("/health", _health, methods=["GET"]),
        Route("/query", _query(intake), methods=["GET", "POST"]),
    ]


async def _ping(_request: Request) -> Response:
    """Whether somebody is there, and of which version."""
    return Response(status_code=204, headers={"X-Influxdb-Version": VERSION, "X-Influxdb-Build": "OSS"})


async def _health(_request: Request) -> Response:
    """The same, of Influx 2."""
    says = {"name": "homestream", "message": "ready for writes", "status": "pass", "checks": []}
    return JSONResponse({**says, "version": VERSION, "commit": ""})


def _query(intake: Intake) -> Callable[[Request], Awaitable[Response]]:
    async def query(request: Request) -> Response:
        """InfluxQL as far as a client sets up what it will write to: done, for there is nothing to do."""
        try:
            sender = await who(intake, request)
            with intake.under_way.of(sender.name) as hold:
                form = parse_qs((await body(request, hold)).decode(errors="replace"))
        except Refused as refused:
            return JSONResponse({"error": str(refused)}, refused.status, refused.headers)
        except Busy as reason:
            return JSONResponse({"error": str(reason)}, 429, {"Retry-After": RETRY_BUSY})
        except ClientDisconnect:
            return Response(status_code=400)  # nobody is there to read it
        asked = request.query_params.get("q") or form.get("q", [""])[0]
        results: list[dict[str, object]] = []
        for number, statement in enumerate(asked.strip().strip(";").split(";")):
            words = statement.lower().split()
            result: dict[str, object] = {"statement_id": number}
            if words[:2] == ["show", "databases"]:
                names = {"name": "databases", "columns": ["name"], "values": [[sender.home]]}
                result["series"] = [names]
            elif not words or words[0] not in SET_UP:
                result["error"] = NO_QUERIES
            results.append(result)
        return JSONResponse({"results": results})

    return query


def _precision(request: Request, payload: bytes, known: dict[str, str]) -> str:
    asked = request.query_params.get("precision", "")
    if asked not in known:
        raise Refused(400, f"precision is none of {', '.join(filter(None, known))}", payload)
    return known[asked]
