"""End to end in a real browser: a reading on its tile, a lamp switched, a door that raises an alert."""

import re
import threading
from collections.abc import Iterator
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from playwright.sync_api import expect

from browser import open_tab
from home_process import RunningHome, running_home

pytestmark = pytest.mark.browser

TOML = """
name = "Test home"
timezone = "Europe/Berlin"
rooms = ["kitchen", "hall"]
[security]
exit_delay = "0s"
entry_delay = "0s"
"""


class Device:
    """A paho client that speaks the plain dialect; a lamp that obeys once it is let to."""

    def __init__(self, home: RunningHome) -> None:
        self.may_obey = threading.Event()
        self.client = paho.Client(CallbackAPIVersion.VERSION2, client_id="test-device")
        self.client.username_pw_set("device", home.device)
        self.client.on_message = self._told
        self.client.connect("127.0.0.1", home.mqtt)
        self.client.subscribe("home/kitchen/lamp/switch/set", qos=1)
        self.client.loop_start()

    def say(self, topic: str, payload: str) -> None:
        """Publish with QoS 1 and wait for the acknowledgement."""
        self.client.publish(topic, payload, qos=1).wait_for_publish(10)

    def _told(self, _client: object, _data: object, message: paho.MQTTMessage) -> None:
        threading.Thread(target=self._obey, args=(message.payload.decode(),), daemon=True).start()

    def _obey(self, payload: str) -> None:
        assert self.may_obey.wait(10)
        self.say("home/kitchen/lamp/switch", payload)

    def close(self) -> None:
        self.client.disconnect()
        self.client.loop_stop()


@pytest.fixture
def home(tmp_path: Path) -> Iterator[RunningHome]:
    with running_home(tmp_path / "home", TOML) as home:
        yield home


def test_reading_lamp_and_door(home: RunningHome, tmp_path: Path) -> None:
    origin = f"http://127.0.0.1:{home.http}"
    device = Device(home)
    device.say("home/kitchen/lamp/switch", "OFF")
    device.say("home/kitchen/climate/temperature", "21.3")
    device.say("home/hall/front_door/contact", "closed")
    with open_tab(tmp_path / "profile", origin) as tab:
        tab.log_in(origin, home.admin)
        page = tab.page
        climate = page.locator("li").filter(has_text="Climate")
        expect(climate).to_contain_text("21.3")
        device.say("home/kitchen/climate/temperature", "22.7")
        expect(climate).to_contain_text("22.7", timeout=3000)

        lamp = page.locator("li").filter(has_text="Lamp").locator("button.tile-main")
        expect(lamp).to_contain_text("Off")
        lamp.click()
        expect(lamp).to_contain_text(re.compile("Turning on"))
        device.may_obey.set()
        expect(lamp).to_contain_text(re.compile("^Lamp\\s*On$"), timeout=5000)

        page.get_by_role("button", name=re.compile("^Security")).click()
        page.get_by_role("menuitemradio", name=re.compile("Armed away")).click()
        expect(page.get_by_role("button", name=re.compile("Armed away"))).to_be_visible()
        device.say("home/hall/front_door/contact", "open")
        alert = page.locator("#alerts li").filter(has_text="Opened unexpectedly")
        expect(alert).to_be_visible(timeout=3000)
        alert.get_by_role("button", name=re.compile("Acknowledge")).click()
        expect(alert).to_contain_text("Acknowledged", timeout=3000)
        page.screenshot(path=tmp_path / "live.png")
        assert tab.errors == []
        assert tab.outside == []
    device.close()
    home.stop()
