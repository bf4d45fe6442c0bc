"""Readings as JSON rows by `POST /api/v1/readings`; a batch that fails is sent again until it is taken."""

import asyncio
import base64
import http.client
import json
import time
from collections.abc import Sequence
from urllib.parse import SplitResult, unquote, urlsplit

from homestream.errors import HomestreamError
from homestream.simulate import families
from homestream.simulate.faults import Report
from homestream.simulate.sink import Run, login

PATH = "/api/v1/readings"
TIMEOUT_S = 10.0
#: waits between attempts, s; about the time a server needs to start again
RETRIES = (0.2, 0.5, 1.0, 2.0, 4.0, 8.0, 16.0)


class HttpSink:
    """One kept-alive connection a home; with several homes the n-th logs in as USER-n."""

    live = True
    families: frozenset[str] = frozenset({"http"})

    def __init__(self, target: str) -> None:
        """`target` is http[s]://[user:password@]host[:port][/path]."""
        self._url = urlsplit(target)
        self._homes: dict[str, _Poster] = {}

    async def open(self, run: Run) -> None:
        """Make ready; the first send connects."""
        for number, home in enumerate(run.homes):
            user = unquote(self._url.username) if self._url.username is not None else None
            self._homes[home] = _Poster(self._url, login(user, number, len(run.homes)))

    async def send(self, home: str, reports: Sequence[Report]) -> None:
        """Post one array of rows; returns when the server has it on disk."""
        body = json.dumps([row for report in reports for row in families.rows(report)]).encode()
        await asyncio.to_thread(self._homes[home].post, body)

    async def close(self) -> None:
        """Close the connections."""
        for poster in self._homes.values():
            poster.close()


class _Poster:
    """Blocking; one request at a time."""

    def __init__(self, url: SplitResult, user: str | None) -> None:
        kind = http.client.HTTPSConnection if url.scheme == "https" else http.client.HTTPConnection
        self._connection = kind(url.hostname or "127.0.0.1", url.port, timeout=TIMEOUT_S)
        self._where = f"{url.scheme}://{url.hostname}:{url.port or kind.default_port}"
        self._path = url.path if url.path not in ("", "/") else PATH
        self._headers = {"Content-Type": "application/json"}
        if user is not None:
            secret = base64.b64encode(f"{user}:{unquote(url.password or '')}".encode()).decode()
            self._headers["Authorization"] = f"Basic {secret}"

    def post(self, body: bytes) -> None:
        for pause in (*RETRIES, None):
            status = self._once(body)
            if 200 <= status < 300:
                return
            if status and status < 500 and status not in (408, 429):
                raise HomestreamError(f"{self._where}{self._path} answers {status}; check address and login")
            if pause is None:
                raise HomestreamError(f"{self._where} takes nothing; start it with: homestream up")
            time.sleep(pause)

    def _once(self, body: bytes) -> int:
        """The status, or 0 where the connection failed."""
        try:
            self._connection.request("POST", self._path, body, self._headers)
            answer = self._connection.getresponse()
            answer.read()
            return answer.status
        except (OSError, http.client.HTTPException):
            self._connection.close()
            return 0

    def close(self) -> None:
        self._connection.close()
