"""`/api/v1/hook/DEVICE`: one URL to call, for devices that can neither set headers nor choose a body.

The query string is what happened, see `dialects/hook.py`; `token` is taken out of it before the log sees it.
"""

from urllib.parse import unquote

from starlette.requests import Request

from homestream.dialects.hook import PREFIX


def read(request: Request, body: bytes) -> tuple[str, bytes]:
    """A call -> topic and payload: the body where there is one, else the query string."""
    topic = f"{PREFIX}{request.path_params['device']}"
    return topic, body or query(request)


def query(request: Request) -> bytes:
    """The query string without its token; a second `?` begins what a device has appended."""
    pairs = request.url.query.replace("?", "&").split("&")
    return "&".join(pair for pair in pairs if unquote(pair.partition("=")[0]) != "token").encode()


def token(request: Request) -> str | None:
    """The token of the query string."""
    pairs = (pair.partition("=") for pair in request.url.query.replace("?", "&").split("&"))
    return next((unquote(value) for key, _, value in pairs if unquote(key) == "token"), None)
