"""A home with a bridge, as a whole program: killed at random moments it loses nothing, and it commands."""

import json
import random
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import paho.mqtt.client as paho
import pytest

from broker import Broker
from home_process import ports, running_home, start
from homestream.init import init
from homestream.lake.connect import connect
from homestream.system import read_status

pytestmark = pytest.mark.crash

KILLS = 2
BRIDGE = """
[[bridge]]
name = "attic"
host = "127.0.0.1"
port = {port}
version = "{version}"
"""


@pytest.fixture
def broker(tmp_path: Path) -> Iterator[Broker]:
    made = Broker(tmp_path / "broker").start()
    yield made
    made.stop()


class Device:
    """Publishes numbered messages at QoS 1 until told to stop, and obeys."""

    def __init__(self, broker: Broker) -> None:
        self.sent = 0
        self.heard: list[tuple[str, bytes]] = []
        self._stop = threading.Event()
        self.client = paho.Client(paho.CallbackAPIVersion.VERSION2)
        self.client.on_message = self._obey
        self.client.connect("127.0.0.1", broker.port)
        self.client.subscribe("home/attic/plug/switch/set", 1)
        self.client.loop_start()
        self._thread = threading.Thread(target=self._run)

    def start(self) -> None:
        self._thread.start()

    def stop(self) -> None:
        self._stop.set()
        if self._thread.ident is not None:
            self._thread.join()
        self.client.loop_stop()
        self.client.disconnect()

    def _run(self) -> None:
        while not self._stop.wait(0.001):
            self.client.publish("home/attic/meter/power", f"{self.sent}", 1).wait_for_publish(10)
            self.sent += 1

    def _obey(self, client: paho.Client, _: Any, message: paho.MQTTMessage) -> None:
        self.heard.append((message.topic, message.payload))
        client.publish("home/attic/plug/switch", message.payload, 1)


@pytest.fixture
def device(broker: Broker) -> Iterator[Device]:
    made = Device(broker)
    yield made
    made.stop()


def await_status(folder: Path, connected: bool) -> dict[str, Any]:
    """The bridge's line of the status, once it is as wanted."""
    for _ in range(200):
        if (folder / "status.json").exists():
            (bridge,) = read_status(folder)["bridges"]
            if bridge["connected"] is connected:
                return dict(bridge)
        time.sleep(0.1)
    raise AssertionError(f"the bridge's status is not connected={connected}")


def test_killed_at_random_it_loses_nothing(tmp_path: Path, broker: Broker, device: Device) -> None:
    folder = tmp_path / "home"
    _, http, _, door = ports()
    init(folder, BRIDGE.format(port=broker.port, version="3.1.1") + door)
    dice = random.Random(7)
    process = start(folder, http)
    await_status(folder, True)
    device.start()
    for _ in range(KILLS):
        time.sleep(dice.uniform(0.1, 0.6))
        process.kill()
        process.wait()
        process = start(folder, http)
    device.stop()
    await_status(folder, True)
    time.sleep(1.0)  # what the broker kept
    process.terminate()
    assert process.wait(30) == 0
    assert device.sent > 100
    with connect(folder) as con:
        rows = con.execute(
            "SELECT decode(payload)::INT, source FROM messages WHERE topic LIKE '%meter/power' ORDER BY seq"
        ).fetchall()
    assert {source for _, source in rows} == {"bridge:attic"}
    numbers = [number for number, _ in rows]
    assert sorted(set(numbers)) == list(range(device.sent)), "none is missing"
    assert len(numbers) - device.sent <= KILLS * 30, "again comes only what was on its way"
    state = read_status(folder)
    assert state["received"] == state["stored"] + state["duplicate"] + state["rejected"]


def test_a_command_reaches_a_device_behind_the_broker(tmp_path: Path, broker: Broker, device: Device) -> None:
    toml = BRIDGE.format(port=broker.port, version="5")
    with running_home(tmp_path / "home", toml) as home:
        await_status(home.folder, True)
        device.client.publish("home/attic/plug/switch", b"OFF", 1).wait_for_publish(5)
        with httpx.Client(base_url=f"http://127.0.0.1:{home.http}", auth=("admin", home.admin)) as page:
            value: Any = None
            for _ in range(50):
                value = page.get("/api/view").json()["values"].get("attic/plug")
                if value:
                    break
                time.sleep(0.1)
            assert value["switch"][1] == 0.0
            body = {"metric": "switch", "value": 1}
            assert page.post("/api/devices/attic/plug/command", json=body).is_success
            states = [""]
            for _ in range(50):
                states = [one["state"] for one in page.get("/api/view").json()["commands"]]
                if states == ["confirmed"]:
                    break
                time.sleep(0.1)
        assert states == ["confirmed"]
        assert device.heard == [("home/attic/plug/switch/set", b"ON")]
        (bridge,) = json.loads((home.folder / "status.json").read_text())["bridges"]
        assert bridge["name"] == "attic" and bridge["error"] == ""
        broker.stop()
        assert await_status(home.folder, False)["error"]
        home.stop()
