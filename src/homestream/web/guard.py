"""What holds for every request, before any route sees it: origin, size, security headers.

A plain ASGI wrapper, so that no route can be added without it.
"""

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
#: Requests of the page are a few words; devices' batches go by DEVICES and have their own limit.
LARGEST = 64 * 1024
#: Where devices post; the door's routes look after sizes themselves.
DEVICES = ("/api/v1/", "/api/v2/", "/api/v3/", "/write")
#: A WebSocket that asks for a login of its own and for no cookie, so any page may open it.
OPEN = "/mqtt"

HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; "
    "img-src 'self' data:; font-src 'self'; connect-src 'self'; form-action 'self'; base-uri 'none'; "
    "frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Opener-Policy": "same-origin",
    "Cross-Origin-Resource-Policy": "same-origin",
    "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
}


def same_origin(headers: Headers) -> bool:
    """Whether a request comes from our own page, or from no page at all (a script sends no Origin)."""
    origin = headers.get("origin")
    return origin is None or origin.partition("://")[2] == headers.get("host")


class Guard:
    """Refuses foreign origins on unsafe methods and on WebSockets, and bodies that are too large."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """One request."""
        if scope["type"] not in ("http", "websocket"):
            await self.app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        if scope["type"] == "websocket":
            if scope["path"] == OPEN or (same_origin(headers) and "origin" in headers):
                await self.app(scope, receive, send)
            else:
                await send({"type": "websocket.close", "code": 1008})
            return

        async def send_guarded(message: Message) -> None:
            if message["type"] == "http.response.start":
                out = MutableHeaders(scope=message)
                for name, value in HEADERS.items():
                    out[name] = value
                if scope["path"].startswith("/api/"):
                    out.setdefault("Cache-Control", "no-store")
            await send(message)

        refusal = _refusal(scope, headers)
        if refusal is None:
            await self.app(scope, receive, send_guarded)
        else:
            await refusal(scope, receive, send_guarded)


def _refusal(scope: Scope, headers: Headers) -> JSONResponse | None:
    if scope["method"] in SAFE:
        return None
    if not same_origin(headers):
        return JSONResponse({"detail": "this request comes from another site"}, 403)
    if scope["path"].startswith(DEVICES):
        return None
    if "transfer-encoding" in headers:
        return JSONResponse({"detail": "say Content-Length"}, 411)
    length = headers.get("content-length", "0")
    if not length.isdigit() or int(length) > LARGEST:
        return JSONResponse({"detail": f"larger than {LARGEST} bytes"}, 413)
    return None
