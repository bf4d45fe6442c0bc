"""What a webhook posts, and what comes of each answer; the URL is never told."""

import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, HTTPServer
from typing import Any

import msgspec
import pytest

from homestream.effects.webhook import Poster, RefusedError

Make = Callable[..., Any]


class Hub(HTTPServer):
    """Keeps what it got, and answers `status`."""

    def __init__(self) -> None:
        self.got: list[tuple[str, dict[str, str], bytes]] = []
        self.status = 204
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/secret"


class _Handler(BaseHTTPRequestHandler):
    server: Hub

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.got.append((self.path, dict(self.headers), body))
        self.send_response(self.server.status)
        self.send_header("Location", "/elsewhere")
        self.end_headers()

    do_GET = do_POST

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def hub() -> Iterator[Hub]:
    server = Hub()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.shutdown()
    thread.join(5)
    server.server_close()


def test_the_alert_as_json(hub: Hub, webhook: Make) -> None:
    assert Poster({"hub": hub.url}).send(webhook()) == ""
    [(path, headers, body)] = hub.got
    assert path == "/secret"
    assert (headers["Content-Type"], headers["Idempotency-Key"]) == ("application/json", "w1")
    assert msgspec.json.decode(body) == {
        "id": "w1",
        "home": "home",
        "rule": "Iron left on",
        "device": "laundry/iron",
        "severity": "warning",
        "text": "Iron left on · Iron 1240 W",
        "time": 1_700_000_000_000,
        "evidence": [
            {"device": "laundry/iron", "metric": "power", "time": 1_700_000_000_000, "value": 1240.0}
        ],
    }


@pytest.mark.parametrize("status", [500, 503, 408, 429])
def test_later_it_may_be_taken(hub: Hub, webhook: Make, status: int) -> None:
    hub.status = status
    assert Poster({"hub": hub.url}).send(webhook()) == f"the service answered {status}"


@pytest.mark.parametrize("status", [302, 400, 401, 404])
def test_it_will_never_be_taken(hub: Hub, webhook: Make, status: int) -> None:
    hub.status = status
    with pytest.raises(RefusedError, match=f"the service answered {status}"):
        Poster({"hub": hub.url}).send(webhook())
    assert len(hub.got) == 1


def test_nobody_there(hub: Hub, webhook: Make) -> None:
    url = hub.url
    hub.server_close()
    problem = Poster({"hub": url}).send(webhook())
    assert problem
    assert "secret" not in problem


@pytest.mark.parametrize(
    "url", ["http://me:secret@127.0.0.1/x", "http://127.0.0.1:1/secret token", "http:///secret"]
)
def test_a_url_that_is_none_is_not_told_either(webhook: Make, url: str) -> None:
    problem = Poster({"hub": url}).send(webhook())
    assert problem
    assert "secret" not in problem


def test_none_of_that_name(webhook: Make) -> None:
    with pytest.raises(RefusedError, match="no such webhook: hub"):
        Poster({"other": "http://127.0.0.1/"}).send(webhook())
