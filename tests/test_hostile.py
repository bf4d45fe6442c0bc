"""What strangers, broken devices and hostile names do to a running home: nothing but a line in its books.

One home for all tests, in order: the last one stops it and looks at the books. A neighbour publishes all the
while on one connection, and must notice nothing.
"""

import asyncio
import contextlib
import gzip
import io
import json
import random
import socket
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote

import aiocoap
import httpx
import psutil
import pytest
from pypdf import PdfReader

from home_process import RunningHome, running_home
from homestream.lake.connect import connect
from homestream.system import read_status
from homestream.wire import packets
from homestream.wire.packets import Connect, publish

#: How much resident memory all of this may cost at its peak: the series limit fills about half of it.
GROWTH_BYTES = 250 << 20
#: The neighbour's longest wait for an acknowledgement; two cores are busy with tests as well.
PATIENCE_S = 5.0
#: A password in a notification's address, which nobody may ever read again.
SECRET = "hunter2-of-the-hook"
TOML = f'[notify]\nhook = "json://user:{SECRET}@127.0.0.1:9/{SECRET}"'

HTML = "<script>alert(1)</script>"
SQL = "lab/'; DROP TABLE messages; --"
TYPST = 'lab/#panic("out") $x$ *b*'


class Neighbour(threading.Thread):
    """A device that does as it should, on one connection."""

    def __init__(self, home: RunningHome) -> None:
        super().__init__(daemon=True)
        self.link = mqtt(home, "neighbour")
        self.process = psutil.Process(home.process.pid)
        self.before = self.peak = self.process.memory_info().rss
        self.sent, self.longest, self.stopping, self.trouble = 0, 0.0, threading.Event(), ""

    def run(self) -> None:
        try:
            while not self.stopping.wait(0.05):
                began = time.monotonic()
                self.sent += 1
                self.link.sendall(publish("home/hall/bell/power", b"%d" % self.sent, 1, packet_id=7))
                assert self.link.recv(4) == b"\x40\x02\x00\x07"
                self.longest = max(self.longest, time.monotonic() - began)
                self.peak = max(self.peak, self.process.memory_info().rss)
        except (OSError, AssertionError) as error:
            self.trouble = repr(error)


@dataclass
class Scene:
    """A running home, an admin's session, the neighbour, and connections that never finish a sentence."""

    home: RunningHome
    page: httpx.Client
    neighbour: Neighbour
    lorises: list[socket.socket]
    said: Path


def mqtt(home: RunningHome, name: str) -> socket.socket:
    """A connection that is let in."""
    link = socket.create_connection(("127.0.0.1", home.mqtt), timeout=PATIENCE_S)
    link.sendall(packets.encode(Connect(name, True, 0, user="device", password=home.device.encode())))
    assert link.recv(4) == packets.connack(packets.ACCEPTED)
    return link


def told(home: RunningHome, topic: str, payload: bytes) -> bytes:
    """What the MQTT door answers to one QoS 1 message: an acknowledgement, or b"" where it closes."""
    with mqtt(home, "hostile") as link:
        try:
            link.sendall(publish(topic, payload, 1, packet_id=3))
            return link.recv(4)
        except ConnectionError:
            return b""


def post(home: RunningHome, content: bytes, path: str = "/api/v1/readings", **headers: str) -> httpx.Response:
    """A device posts."""
    return httpx.post(
        f"http://127.0.0.1:{home.http}{path}",
        content=content,
        headers={"content-type": "application/json", **headers},
        auth=("device", home.device),
        timeout=20,
    )


def raw_http(home: RunningHome, request: bytes) -> bytes:
    """The answer to these very bytes, up to 64 kB; what came before a reset."""
    answer = b""
    with socket.create_connection(("127.0.0.1", home.http), timeout=PATIENCE_S) as link:
        try:
            link.sendall(request)
            link.shutdown(socket.SHUT_WR)
            while len(answer) < 65_536 and (more := link.recv(65_536)):
                answer += more
        except OSError:
            pass
    return answer


async def coap(home: RunningHome, payload: bytes, token: str | None = None) -> aiocoap.Message:
    """The CoAP door's answer."""
    context = await aiocoap.Context.create_client_context()
    token = f"device:{home.device}" if token is None else token
    uri = f"coap://127.0.0.1:{home.coap}/readings?token={token}"
    try:
        message = aiocoap.Message(code=aiocoap.POST, uri=uri, payload=payload, content_format=50)
        return await asyncio.wait_for(context.request(message).response, 20)
    finally:
        await context.shutdown()


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("hostile")
    with (
        (folder / "said").open("wb") as said,
        running_home(folder / "home", TOML, said) as home,
        httpx.Client(base_url=f"http://127.0.0.1:{home.http}", timeout=20) as page,
    ):
        page.headers["Origin"] = str(page.base_url).rstrip("/")
        page.post("/api/login", json={"user": "admin", "password": home.admin}).raise_for_status()
        neighbour = Neighbour(home)
        neighbour.start()
        lorises = []
        for port, half in ((home.http, b"GET / HTTP/1.1\r\nX-Slow: 1"), (home.mqtt, b"\x10\x40\x00\x04MQ")):
            for _ in range(150):
                lorises.append(socket.create_connection(("127.0.0.1", port), timeout=1))
                lorises[-1].sendall(half)
        yield Scene(home, page, neighbour, lorises, folder / "said")
        neighbour.stopping.set()
        neighbour.join()
        for link in (*lorises, neighbour.link):
            link.close()


@pytest.fixture(autouse=True)
def untouched(scene: Scene) -> Iterator[None]:
    """The process lives and the neighbour's connection works, after each test."""
    yield
    sent = scene.neighbour.sent
    end = time.monotonic() + PATIENCE_S
    while scene.home.process.poll() is None and scene.neighbour.sent < sent + 2 and time.monotonic() < end:
        time.sleep(0.02)
    assert scene.neighbour.trouble == ""
    if scene.home.process.poll() is None:
        assert scene.neighbour.sent >= sent + 2
        assert scene.neighbour.longest < PATIENCE_S


@pytest.mark.parametrize(
    "path",
    [
        "/../../etc/passwd",
        "/..%2f..%2f..%2fetc%2fpasswd",
        "/%2e%2e/%2e%2e/%2e%2e/etc/passwd",
        "/vendor/../../../../../etc/passwd",
        "//etc/passwd",
        "/..\\..\\etc\\passwd",
        "/home.toml",
        "/%00",
        "/api/devices/../../etc/passwd/command",
    ],
)
def test_no_path_leads_out_of_the_page(scene: Scene, path: str) -> None:
    answer = raw_http(scene.home, f"GET {path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n".encode())
    assert answer[9:12] in (b"404", b"400", b"405"), answer[:200]
    assert b"root:" not in answer


def test_names_are_data_in_api_lake_and_report(scene: Scene) -> None:
    home, now = scene.home, int(time.time() * 1000)
    assert told(home, f"home/{HTML}/x/temperature", b"21.5")[:1] == b"\x40"
    assert told(home, "/etc/passwd", b"root")[:1] == b"\x40"
    assert told(home, "home/../../etc/shadow/temperature", b"21")[:1] == b"\x40"
    names = [SQL, TYPST, f"lab/{HTML}", "lab/../../etc/passwd"]
    rows = [
        {"device": name, "metric": "energy", "value": 1000 + 500 * hour, "time": now - 3_600_000 * (4 - hour)}
        for name in names
        for hour in range(4)
    ]
    assert post(home, json.dumps(rows).encode()).json() == {"stored": 16, "refused": []}

    answer = scene.page.get("/api/view")
    assert answer.headers["content-type"] == "application/json"
    assert answer.headers["x-content-type-options"] == "nosniff"
    devices = {device["id"]: device for device in answer.json()["devices"]}
    assert devices.keys() >= {*names, f"{HTML}/x"}
    policy = scene.page.get("/").headers["content-security-policy"]
    assert "script-src 'self';" in policy
    assert "unsafe" not in policy

    asked = f"device={quote(SQL)}&metric=energy&since={now - 86_400_000}&until={now}"
    assert sum(row["max"] > 0 for row in scene.page.get(f"/api/history/series?{asked}").json()["rows"]) == 4
    pdf = scene.page.get("/api/report.pdf")
    assert pdf.status_code == 200, pdf.text
    text = "".join(page.extract_text() for page in PdfReader(io.BytesIO(pdf.content)).pages)
    assert "<script>alert" in text
    assert '#panic("out") $x$ *b*' in text


@pytest.mark.parametrize("value", ["1e999", "-1e999", "9" * 400, '"NaN"', "true", "[1]", "{}", '"x"', "null"])
def test_a_value_that_is_none_is_refused_or_unknown(scene: Scene, value: str) -> None:
    answer = post(scene.home, b'{"device": "lab/odd", "metric": "power", "value": %s}' % value.encode())
    view = scene.page.get("/api/view")
    assert answer.status_code in (200, 400), answer.text
    if answer.status_code == 400:
        assert answer.json()["refused"][0]["reason"]
    assert "Infinity" not in view.text
    held = view.json()["values"].get("lab/odd", {}).get("power", [0, None])[1]
    assert held is None or held in (0, 1)


@pytest.mark.parametrize(
    "body",
    [
        b"NaN",
        b'{"device": "lab/odd", "metric": "power", "value": NaN}',
        b'{"device": 7, "metric": ["power"], "value": 1}',
        b'{"device": "%s", "metric": "power", "value": 1}' % (b"x" * 5000),
        b'{"device": "lab/\\ud800", "metric": "power", "value": 1}',
        b"[" * 100_000,
        b'{"device":' * 50_000,
        b"\x00\xff\xfe",
        b"",
    ],
    ids=range(9),
)
def test_bodies_that_make_no_sense_are_refused_with_a_reason(scene: Scene, body: bytes) -> None:
    answer = post(scene.home, body)
    assert answer.status_code == 400
    assert answer.json()["refused"][0]["reason"]
    assert told(scene.home, "home/lab/odd", body)[:1] == b"\x40"
    by_coap = asyncio.run(coap(scene.home, body[:1000]))
    assert by_coap.code == aiocoap.BAD_REQUEST
    assert by_coap.payload


@pytest.mark.parametrize(
    "time_", ['"yesterday"', "1e300", "-9e15", "9e18", '"0001-01-01"', '"9999-12-31T23:59:59Z"', "-1"]
)
def test_a_time_that_cannot_be_leaves_the_lake_writable(scene: Scene, time_: str) -> None:
    row = b'{"device": "lab/late", "metric": "power", "value": 5, "time": %s}' % time_.encode()
    answer = post(scene.home, row)
    assert answer.status_code in (200, 400)
    assert scene.page.get("/api/history/hogs").status_code == 200


def test_ten_megabytes_are_too_many_for_every_door(scene: Scene) -> None:
    home, big = scene.home, b"1" * 10_000_000
    assert told(home, "home/lab/odd/power", big) == b""
    head = b"POST /api/v1/readings HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\nAuthorization: "
    login = httpx.BasicAuth("device", home.device)._auth_header.encode()
    for length in (
        b"Content-Length: 10000000\r\n\r\n" + big,
        b"Transfer-Encoding: chunked\r\n\r\n989680\r\n" + big,
    ):
        answer = raw_http(home, head + login + b"\r\n" + length)
        assert answer[9:12] in (b"413", b""), answer[:100]  # a client that has not read yet sees a reset
    assert post(home, b"1" * (4 << 20) + b"1").status_code == 413
    assert asyncio.run(coap(home, big[:200_000])).code == aiocoap.REQUEST_ENTITY_TOO_LARGE
    assert scene.page.post("/api/mode", content=big[:100_000]).status_code == 413


def test_a_gzip_bomb_does_not_go_off(scene: Scene) -> None:
    bomb = gzip.compress(bytes(150 << 20), 1)
    answer = post(scene.home, bomb, **{"content-encoding": "gzip"})
    assert answer.status_code == 413
    assert post(scene.home, bomb[:5000], **{"content-encoding": "gzip"}).status_code in (400, 413)
    assert post(scene.home, b"plain", **{"content-encoding": "gzip"}).status_code == 400


def test_an_endless_head_ends(scene: Scene) -> None:
    for endless in (b"GET /" + b"x" * 20_000_000, b"GET / HTTP/1.1\r\nX: " + b"y" * 20_000_000):
        assert raw_http(scene.home, endless)[9:12] in (b"431", b"")
    assert raw_http(scene.home, b"GET / HTTP/1.1\r\n" + b"A: b\r\n" * 2_000_000)[9:12] in (b"431", b"")


def test_random_bytes_on_every_port(scene: Scene) -> None:
    chance = random.Random(5)
    for n in range(100):
        noise = chance.randbytes(chance.randrange(1, 400))
        for port in (scene.home.mqtt, scene.home.http):
            with socket.create_connection(("127.0.0.1", port), timeout=1) as link:
                link.sendall(noise if n % 2 else noise[: n + 1])
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as link:
            link.sendto(noise if n % 2 else b"\x40\x02" + noise, ("127.0.0.1", scene.home.coap))
    assert told(scene.home, "home/lab/odd/power", b"1")[:1] == b"\x40"
    assert asyncio.run(
        coap(scene.home, b'{"device":"lab/odd","metric":"power","value":1}')
    ).code.is_successful()


def test_topics_and_filters_out_of_bounds(scene: Scene) -> None:
    assert told(scene.home, "x" * 60_000, b"1") == b""
    assert told(scene.home, "a/" * 200, b"1") == b""
    with mqtt(scene.home, "filters") as link:
        link.sendall(packets.encode(packets.Subscribe(1, (packets.Filter("a/#/b", 1),))))
        assert link.recv(100) in (b"", b"\x90\x03\x00\x01\x80")


def test_wrong_passwords(scene: Scene) -> None:
    home = scene.home
    hello = Connect("stranger", True, 0, user="admin", password=b"guess")
    with socket.create_connection(("127.0.0.1", home.mqtt), timeout=PATIENCE_S) as link:
        link.sendall(packets.encode(hello))
        assert link.recv(4)[3] in (packets.BAD_LOGIN, packets.NOT_AUTHORISED)
    codes = [
        httpx.post(f"http://127.0.0.1:{home.http}/api/v1/readings", auth=("nobody", f"{n}")).status_code
        for n in range(12)
    ]
    assert codes[0] == 401
    assert codes[-1] == 429
    login = {"user": "device", "password": home.device}
    assert scene.page.post("/api/login", json=login).status_code == 401  # a device is no person
    assert asyncio.run(coap(home, b"{}", "device:guess")).code == aiocoap.UNAUTHORIZED
    assert httpx.get(f"http://127.0.0.1:{home.http}/api/view").status_code == 401


def test_a_flood_of_invented_names_meets_the_limits(scene: Scene) -> None:
    refused: list[dict[str, Any]] = []
    for part in range(3):
        rows = [{"device": f"flood/{part}-{n}", "power": 1, "voltage": 2, "current": 3} for n in range(2_500)]
        assert post(scene.home, json.dumps(rows).encode()).status_code == 200  # the door knows no limit
    rows = [{"device": "flood/0-0", "metric": f"made_up_{n}", "value": 1} for n in range(300)]
    post(scene.home, json.dumps(rows).encode())
    end = time.monotonic() + 20
    while not refused and time.monotonic() < end:
        accounts = scene.page.get("/api/status").json()["accounts"]
        refused = [row for row in accounts if row["source"] == "http:device" and row["rejected"] > 2_500]
    assert refused
    assert len(scene.page.get("/api/view").json()["devices"]) <= 5_000


def test_clients_that_never_read(scene: Scene) -> None:
    home = scene.home
    deaf = mqtt(home, "deaf")
    deaf.sendall(packets.encode(packets.Subscribe(1, (packets.Filter("#", 1),))))
    viewer = socket.create_connection(("127.0.0.1", home.http), timeout=1)
    cookie = "; ".join(f"{name}={value}" for name, value in scene.page.cookies.items())
    viewer.sendall(
        f"GET /live HTTP/1.1\r\nHost: 127.0.0.1:{home.http}\r\nOrigin: http://127.0.0.1:{home.http}\r\n"
        f"Cookie: {cookie}\r\nConnection: Upgrade\r\nUpgrade: websocket\r\nSec-WebSocket-Version: 13\r\n"
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==\r\n\r\n".encode()
    )
    assert b"101" in viewer.recv(12)
    asking = socket.create_connection(("127.0.0.1", home.http), timeout=0.5)
    ask = f"GET /api/view HTTP/1.1\r\nHost: x\r\nCookie: {cookie}\r\n\r\n".encode()
    with contextlib.suppress(TimeoutError):  # when it no longer reads us, as it should
        for _ in range(500):
            asking.sendall(ask * 100)
    with mqtt(home, "loud") as loud:
        for n in range(1, 301):
            loud.sendall(publish("home/lab/loud", b"x" * 50_000, 1, packet_id=n))
            assert loud.recv(4)[:1] == b"\x40"
    for link in (deaf, viewer, asking):
        scene.lorises.append(link)
    assert scene.page.get("/api/view").status_code == 200


def test_who_never_finishes_a_sentence_is_shown_out(scene: Scene) -> None:
    waiting, end = [link for link in scene.lorises if link.gettimeout() == 1][:300], time.monotonic() + 15
    for link in waiting:
        link.settimeout(max(end - time.monotonic(), 0.1))
        with contextlib.suppress(ConnectionError):
            assert link.recv(1) == b""


def test_it_stops_cleanly_and_its_books_add_up(scene: Scene) -> None:
    home, neighbour = scene.home, scene.neighbour
    grown = neighbour.peak - neighbour.before
    public = scene.page.get("/api/status").text + scene.page.get("/api/view").text
    neighbour.stopping.set()
    neighbour.join()
    assert neighbour.trouble == ""
    home.stop()
    accounts = read_status(home.folder)["accounts"]
    for row in accounts:
        assert row["received"] == row["stored"] + row["duplicate"] + row["rejected"], row
    con = connect(home.folder)
    kept = con.execute("SELECT count(*) FROM readings WHERE device = 'hall/bell'").fetchone()
    assert kept == (neighbour.sent,)
    (reasons,) = con.execute(
        "SELECT count(*) FROM events WHERE kind = 'rejected' AND text = ''"
    ).fetchone() or (1,)
    assert reasons == 0
    said = scene.said.read_text(errors="replace")
    log = b"".join(file.read_bytes() for file in home.folder.glob("log.db*"))
    for secret in (SECRET, home.admin, home.device, "argon2"):
        assert secret not in said
        assert secret not in public
        assert secret not in (home.folder / "status.json").read_text()
        assert secret.encode() not in log
    assert "Traceback" not in said
    assert len(said) < 50_000, "strangers must not fill the journal"
    assert grown < GROWTH_BYTES, f"{grown >> 20} MB"
