"""Facts to act on, and a notification service: a real HTTP server that apprise's json:// talks to."""

import json
import threading
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import pytest

from homestream.engine.fact import Command, Evidence, Notify, Webhook

T = 1_700_000_000_000


class Service(ThreadingHTTPServer):
    """Keeps what it got; answers `status`."""

    daemon_threads = True

    def __init__(self) -> None:
        self.got: list[dict[str, Any]] = []
        self.status = 200
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def url(self) -> str:
        return f"json://127.0.0.1:{self.server_address[1]}/"


class _Handler(BaseHTTPRequestHandler):
    server: Service

    def do_POST(self) -> None:
        self.server.got.append(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Quiet."""


@pytest.fixture
def service() -> Iterator[Service]:
    server = Service()
    thread = threading.Thread(target=server.serve_forever, args=(0.02,))
    thread.start()
    yield server
    server.shutdown()
    thread.join(5)
    server.server_close()


@pytest.fixture(scope="session")
def notify() -> Callable[..., Notify]:
    def make(name: str = "n1", home: str = "home", **change: Any) -> Notify:
        fields = {
            "time": T, "target": "phone", "title": "Iron left on", "text": "1200 W for 10 min",
            "severity": "warning", "act_within": 60_000,
        }  # fmt: skip
        return Notify(home=home, id=name, **(fields | change))

    return make


@pytest.fixture(scope="session")
def webhook() -> Callable[..., Webhook]:
    def make(name: str = "w1", **change: Any) -> Webhook:
        fields = {
            "home": "home", "time": T, "hook": "hub", "alert": "a1", "rule": "Iron left on",
            "key": "laundry/iron", "severity": "warning", "text": "Iron left on · Iron 1240 W",
            "evidence": (Evidence("laundry/iron", "power", T, 1240.0),), "act_within": 60_000,
        }  # fmt: skip
        return Webhook(id=name, **(fields | change))

    return make


@pytest.fixture(scope="session")
def command() -> Callable[..., Command]:
    def make(state: str = "pending", name: str = "c1", **change: Any) -> Command:
        fields = {
            "home": "home", "time": T, "id": name, "device": "laundry/iron", "metric": "switch", "value": 0.0,
            "state": state, "by": "rule", "expires": T + 10_000, "requested": T,
        }  # fmt: skip
        return Command(**(fields | change))

    return make
