"""Whole chains through a running home: what a client was told holds, whatever happens in between."""

import asyncio
import json
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import aiocoap
import httpx
import paho.mqtt.client as paho
import pytest
from aiocoap.numbers import codes
from aiocoap.oscore import FilesystemSecurityContext, NotAProtectedMessage
from typer.testing import CliRunner

from broker import Broker
from home_process import RunningHome, running_home, start
from homestream.cli import app
from homestream.lake.connect import connect
from homestream.system import read_status

#: Two bridges to one broker; of each room the one that is named so.
BRIDGES = """
[[bridge]]
name = "attic"
host = "127.0.0.1"
port = {port}
version = "3.1.1"
topics = ["home/attic/#"]

[[bridge]]
name = "cellar"
host = "127.0.0.1"
port = {port}
topics = ["home/cellar/#"]
"""


def until(condition: Callable[[], Any]) -> Any:
    """What it gives, once that is true."""
    end = time.monotonic() + 20
    while not (found := condition()):
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.05)
    return found


def post(home: RunningHome, key: str, rows: object) -> tuple[int, bytes]:
    """Readings by HTTP, to be stored once for this key; status and body of the answer."""
    url, headers = f"http://127.0.0.1:{home.http}/api/v1/readings", {"Idempotency-Key": key}
    answer = httpx.post(url, json=rows, headers=headers, auth=("device", home.device), timeout=20)
    return answer.status_code, answer.content


def test_a_request_that_comes_again_after_kill_9_is_stored_once(tmp_path: Path) -> None:
    """Asked again after an answer, it is the same answer; asked again after none, one is made."""
    answers: dict[int, tuple[int, bytes]] = {}

    def row(number: int) -> object:
        good = {"device": "hall/meter", "metric": "gas", "value": number}
        return good if number % 3 else [good, {"device": "hall/meter"}]

    def send(home: RunningHome) -> None:
        for number in range(1, 100_000):
            try:
                answers[number] = post(home, f"key-{number}", row(number))
            except httpx.TransportError:
                return

    with running_home(tmp_path / "home") as home:
        client = threading.Thread(target=send, args=(home,))
        client.start()
        until(lambda: len(answers) > 20)
        home.process.kill()
        home.process.wait()
        client.join(20)
        again = start(home.folder, home.http)
        try:
            last = max(answers) + 1
            repeated = {number: post(home, f"key-{number}", row(number)) for number in range(1, last + 1)}
            other, _ = post(home, "key-1", row(2))
            again.terminate()
            assert again.wait(30) == 0
        finally:
            again.kill()
    assert {number: repeated[number] for number in answers} == answers
    assert {status for status, _ in repeated.values()} == {200, 207}
    assert other == 422
    asked = "SELECT payload FROM messages WHERE topic = 'api/readings' ORDER BY seq"
    stored = [json.loads(payload) for (payload,) in connect(home.folder).execute(asked).fetchall()]
    assert stored == [row(number) for number in range(1, last + 1)]


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    """A mosquitto that has devices already."""
    made = Broker(tmp_path / "broker").start()
    yield made
    made.stop()


def received(home: RunningHome) -> list[int]:
    """How many messages each bridge brought; nothing while one is not connected."""
    try:
        answer = httpx.get(f"http://127.0.0.1:{home.http}/api/status", auth=("admin", home.admin), timeout=20)
    except httpx.TransportError:
        return []  # it is not up yet
    status = answer.raise_for_status().json()
    if not all(bridge["connected"] for bridge in status["bridges"]):
        return []
    counts = {one["source"]: one["received"] for one in status["accounts"]}
    return [counts.get(f"bridge:{bridge['name']}", 0) for bridge in status["bridges"]]


def test_from_a_broker_over_the_bridge_to_who_subscribed_here(tmp_path: Path, broker: Broker) -> None:
    """Before 5.0 a broker says again to a bridge that comes back what it retained: counted as a duplicate."""
    heard: dict[str, list[bytes]] = {"attic": [], "cellar": []}
    granted = threading.Event()
    device = paho.Client(paho.CallbackAPIVersion.VERSION2)
    panel = paho.Client(paho.CallbackAPIVersion.VERSION2, client_id="panel", clean_session=False)
    panel.on_message = lambda *event: heard[event[2].topic.split("/")[1]].append(event[2].payload)
    panel.on_subscribe = lambda *_: granted.set()

    def say(value: bytes) -> None:
        for room in heard:
            device.publish(f"home/{room}/meter/power", value, 1, retain=True)
        until(lambda: all(value in told for told in heard.values()))

    with running_home(tmp_path / "home", BRIDGES.format(port=broker.port)) as home:
        panel.username_pw_set("device", home.device)
        device.connect("127.0.0.1", broker.port)
        panel.connect("127.0.0.1", home.mqtt)
        device.loop_start()
        panel.loop_start()
        try:
            panel.subscribe("home/+/meter/power", 1)
            assert granted.wait(10)
            until(lambda: received(home) == [0, 0])
            say(b"7")
            say(b"8")
            home.stop()
            process = start(home.folder, home.mqtt)
            try:
                until(lambda: received(home) == [3, 2])
                say(b"9")
                process.terminate()
                assert process.wait(30) == 0
            finally:
                process.kill()
        finally:
            panel.loop_stop()
            device.loop_stop()
    assert heard == {"attic": [b"7", b"8", b"8", b"9"], "cellar": [b"7", b"8", b"9"]}
    known = {one["source"]: one for one in read_status(home.folder)["accounts"]}
    counted = [
        [known[f"bridge:{room}"][name] for name in ("received", "stored", "duplicate")] for room in heard
    ]
    assert counted == [[4, 3, 1], [3, 3, 0]]
    for room in heard:
        asked = f"SELECT value FROM readings WHERE device = '{room}/meter' ORDER BY seq"
        assert connect(home.folder).execute(asked).fetchall() == [(7.0,), (8.0,), (9.0,)]


def test_a_device_taken_out_is_refused_at_once_though_it_seals_what_it_says(tmp_path: Path) -> None:
    line = ["--home", str(tmp_path / "home")]

    async def ask(home: RunningHome) -> None:
        made = CliRunner().invoke(app, ["device", "add", "probe", "--kind", "coap", *line])
        keys = tmp_path / "device"
        keys.mkdir()
        (keys / "settings.json").write_text(made.stdout.splitlines()[-1])
        context = await aiocoap.Context.create_client_context(transports=["oscore", "udp6"])
        where = f"coap://127.0.0.1:{home.coap}"
        context.client_credentials[f"{where}/*"] = FilesystemSecurityContext(str(keys))

        async def post(celsius: float) -> aiocoap.Message:
            payload = json.dumps({"device": "garden/probe", "temperature": celsius}).encode()
            uri = f"{where}/readings"
            message = aiocoap.Message(code=aiocoap.POST, uri=uri, payload=payload, content_format=50)
            return await asyncio.wait_for(context.request(message).response, 10)

        try:
            end = time.monotonic() + 10
            while (answer := await post(7.5)).code != codes.CHANGED:
                assert time.monotonic() < end, f"it is not let in: {answer}"
                await asyncio.sleep(0.1)
            assert CliRunner().invoke(app, ["device", "remove", "probe", *line]).exit_code == 0
            end = time.monotonic() + 5
            with pytest.raises(NotAProtectedMessage) as refused:  # none that it could read: its key is gone
                while time.monotonic() < end:
                    await post(8.5)
                    await asyncio.sleep(0.1)
            assert refused.value.plain_message.code == codes.UNAUTHORIZED
        finally:
            await context.shutdown()

    with running_home(tmp_path / "home") as home:
        asyncio.run(ask(home))
