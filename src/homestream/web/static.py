"""The page's own files: read once, compressed once, answered from memory.

A request can only name a file that was there at start, so no path leads anywhere else.
"""

import gzip
import hashlib
from dataclasses import dataclass
from pathlib import Path

from fastapi import APIRouter, HTTPException, Request, Response

from homestream.errors import HomestreamError

UI = Path(__file__).parent / "ui"
#: Without the modules from npm there is no page; this one stands for all.
BUILT = UI / "vendor" / "preact.js"

TYPES = {
    ".html": "text/html; charset=utf-8",
    ".css": "text/css; charset=utf-8",
    ".js": "text/javascript; charset=utf-8",
    ".svg": "image/svg+xml",
    ".woff2": "font/woff2",
}
#: Compressed by their own format already.
PACKED = frozenset({".woff2"})
#: Written for readers, sent without what only readers need.
LEAN = frozenset({".js", ".css"})
#: Addresses that are not file names.
PAGES = {"": "index.html", "login": "login.html"}


@dataclass(frozen=True, slots=True)
class Asset:
    """One file, ready to be sent."""

    body: bytes
    gzipped: bytes | None
    type: str
    etag: str


def load(folder: Path = UI) -> dict[str, Asset]:
    """Every file of the page by its address below /."""
    if folder == UI and not BUILT.exists():
        raise HomestreamError(
            "the page's modules are missing; fetch them with: python -m homestream.web.build"
        )
    files = [file for file in sorted(folder.rglob("*")) if file.is_file() and file.suffix in TYPES]
    return {file.relative_to(folder).as_posix(): _asset(file) for file in files}


def routes(assets: dict[str, Asset]) -> APIRouter:
    """GET and HEAD of `assets`; whoever has the newest copy is told so (304)."""
    router = APIRouter()

    @router.api_route("/{path:path}", methods=["GET", "HEAD"])
    async def asset(path: str, request: Request) -> Response:
        found = assets.get(PAGES.get(path, path))
        if found is None:
            raise HTTPException(404, "no such page")
        headers = {"ETag": found.etag, "Cache-Control": "no-cache", "Vary": "Accept-Encoding"}
        if request.headers.get("if-none-match") == found.etag:
            return Response(status_code=304, headers=headers)
        body = found.body
        if found.gzipped and "gzip" in request.headers.get("accept-encoding", ""):
            body, headers["Content-Encoding"] = found.gzipped, "gzip"
        return Response(body, media_type=found.type, headers=headers)

    return router


def lean(source: str) -> str:
    """JavaScript or CSS without indentation and without lines that are only comment: a tenth less to send."""
    lines = (line.strip() for line in source.splitlines())
    return "\n".join(line for line in lines if line and not line.startswith(("// ", "/* ")))


def _asset(file: Path) -> Asset:
    body = file.read_bytes()
    if file.suffix in LEAN:
        body = lean(body.decode()).encode()
    gzipped = None if file.suffix in PACKED else gzip.compress(body, 9, mtime=0)
    etag = '"' + hashlib.sha256(body).hexdigest()[:20] + '"'
    return Asset(body, gzipped, TYPES[file.suffix], etag)
