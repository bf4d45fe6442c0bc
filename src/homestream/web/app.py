"""The one web application: page, API and the door's HTTP routes, behind one guard."""

import asyncio
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager, suppress
from functools import partial

import uvicorn
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse

from homestream.door.listen import Places
from homestream.home import DoorConfig
from homestream.log.sqlite import LogError
from homestream.web import (
    api_backtest,
    api_control,
    api_history,
    api_live,
    api_security,
    api_system,
    auth,
    static,
)
from homestream.web.bounded import BoundedHttp
from homestream.web.code import Code
from homestream.web.deps import Deps
from homestream.web.guard import Guard
from homestream.web.session import Sessions

__all__ = ["Deps", "create_app", "server_config"]

#: A reason is read by a person.
LONGEST_REASON = 300

#: WebSocket frames of the page are a few words; beside them go MQTT packets, with a little around each.
AROUND = 4096


def create_app(deps: Deps) -> FastAPI:
    """Page and API of one home; while its lifespan lasts, the hub sends."""

    @asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        hub = asyncio.create_task(deps.hub.run())
        try:
            yield
        finally:
            await app.state.backtest.stop()
            hub.cancel()
            with suppress(asyncio.CancelledError):
                await hub

    # No generated documentation pages: they load scripts from elsewhere.
    app = FastAPI(title="Homestream", lifespan=lifespan, openapi_url=None)
    app.state.deps = deps
    app.state.sessions = Sessions(deps.folder / "state", deps.credentials.mark)
    app.state.backtest = api_backtest.Job()
    app.state.code = Code(deps.folder)
    app.include_router(deps.ingest)
    for module in (auth, api_live, api_control, api_history, api_security, api_system, api_backtest):
        app.include_router(module.router)
    app.include_router(static.routes(static.load()))
    app.add_middleware(Guard)
    app.add_exception_handler(RequestValidationError, _refused)
    app.add_exception_handler(LogError, _not_kept)
    return app


async def _refused(_request: Request, error: Exception) -> JSONResponse:
    """422 in one line, and without the input: it may hold a password, or a NaN that JSON cannot."""
    assert isinstance(error, RequestValidationError)
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"][1:]) or first["loc"][0]
    return JSONResponse({"detail": f"{where}: {first['msg']}"[:LONGEST_REASON]}, 422)


async def _not_kept(_request: Request, error: Exception) -> JSONResponse:
    """503 for an action that did not reach the disk, and so did not happen."""
    return JSONResponse({"detail": str(error)}, 503, {"Retry-After": "5"})


def server_config(
    app: FastAPI, door: DoorConfig, places: Places, tls: ssl.SSLContext | None = None, port: int = 0
) -> uvicorn.Config:
    """How the application is to be served; with `tls` as HTTPS, beside another that runs its lifespan."""
    return uvicorn.Config(
        app,
        host=door.host,
        port=port,
        ssl_context_factory=None if tls is None else lambda _config, _default: tls,
        lifespan="on" if tls is None else "off",
        http=partial(BoundedHttp, places=places),  # type: ignore[arg-type]  # it is only ever called
        # its warnings are of strangers' requests, which shall not fill the journal
        log_level="error",
        access_log=False,
        server_header=False,
        # Deflating each frame anew for each viewer would cost more than all else the hub does.
        ws_per_message_deflate=False,
        ws_max_size=door.max_packet + AROUND,
        # A dead page is noticed by its missing pong.
        ws_ping_interval=20,
        ws_ping_timeout=20,
        timeout_graceful_shutdown=3,
    )
