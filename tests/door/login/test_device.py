"""`homestream device`: what it writes, and what a device is told to do really works."""

import json
import queue
import re
import shlex
import subprocess
import time
import tomllib
from pathlib import Path

import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from typer.testing import CliRunner

from home_process import running_home
from homestream.cli import app
from homestream.door.login.credentials import Credentials
from homestream.door.login.device import add, known, remove
from homestream.door.login.snippets import SNIPPETS, address
from homestream.door.watch import EVERY_S
from homestream.errors import HomestreamError
from homestream.home import DoorConfig
from homestream.init import init
from homestream.system import read_status


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A home that never ran."""
    init(tmp_path / "home", 'id = "hers"\n[door]\nhost = "192.168.1.2"\nmqtt_port = 1884\nhttp_port = 8081\n')
    return tmp_path / "home"


def test_a_device_is_added_listed_and_taken_out(home: Path) -> None:
    line = ["device", "add", "hub", "--home", str(home), "--only", "zigbee2mqtt/#", "--only", "x/+"]
    done = CliRunner().invoke(app, [*line, "--kind", "zigbee2mqtt"])
    assert done.exit_code == 0
    password = done.stderr.partition("password ")[2].partition(",")[0]
    assert f'server: mqtt://192.168.1.2:1884\n  user: "hub"\n  password: "{password}"' in done.stdout
    who = Credentials.load(home).verify("hub", password)
    assert who == ("hub", "hers", "device", ("zigbee2mqtt/#", "x/+"), ("zigbee2mqtt/#", "x/+"))
    listed = CliRunner().invoke(app, ["device", "list", "--home", str(home)]).stdout.splitlines()
    assert listed == ["admin   admin", "device  device", "device  hub  zigbee2mqtt/# x/+"]
    assert CliRunner().invoke(app, ["device", "remove", "hub", "--home", str(home)]).exit_code == 0
    assert [who.name for who in known(home)] == ["admin", "device"]


@pytest.mark.parametrize("kind", SNIPPETS)
def test_each_kind_is_told_where_to_go_and_who_it_is(home: Path, kind: str) -> None:
    added = add(home, "plug-1", kind)
    assert "192.168.1.2" in added.snippet
    assert "plug-1" in added.snippet
    assert added.warning == ""
    if kind == "tasmota":
        wanted = "MqttHost 192.168.1.2; MqttPort 1884; MqttUser plug-1; MqttPassword {}; Topic plug-1"
        assert wanted.format(added.password) in added.snippet
    if kind == "http":
        telegraf = tomllib.loads(added.snippet.partition("# Telegraf")[2])["outputs"]["influxdb"][0]
        assert telegraf["urls"] == ["http://192.168.1.2:8081"]
        assert telegraf["password"] == added.password


@pytest.mark.parametrize(
    ("name", "only", "reason"),
    [
        ("admin", [], "is a person"),
        ("a b", [], "no device name"),
        ("anonymous", [], "no user name"),
        ("hub", ["a#"], "--only 'a#': wildcard"),
    ],
)
def test_what_cannot_be_added(home: Path, name: str, only: list[str], reason: str) -> None:
    with pytest.raises(HomestreamError, match=reason):
        add(home, name, only=only)
    assert len(known(home)) == 2


@pytest.mark.parametrize("name", ["nobody", "admin"])
def test_what_cannot_be_taken_out(home: Path, name: str) -> None:
    with pytest.raises(HomestreamError, match="device list"):
        remove(home, name)


def test_the_address_others_use() -> None:
    assert address(DoorConfig(host="10.1.2.3")) == "10.1.2.3"
    assert address(DoorConfig(host="0.0.0.0")) not in ("", "0.0.0.0")


def test_while_the_home_is_up_a_new_device_comes_in_and_a_removed_one_goes(tmp_path: Path) -> None:
    with running_home(tmp_path / "home") as home:
        added = {kind: add(home.folder, f"new-{kind}", kind) for kind in ("mqtt", "http", "coap")}
        assert "this machine only" in added["mqtt"].warning
        time.sleep(2 * EVERY_S)
        for one in added.values():
            line = one.snippet.replace("\\\n", "").splitlines()[0]
            command = shlex.split(line.replace("coap-client ", "coap-client-notls "))
            done = subprocess.run(command, check=False, capture_output=True, text=True, timeout=20)
            assert done.returncode == 0, done
            assert not re.search(r"401|4\.01|refused\b", done.stdout.replace('"refused":[]', "")), done
        answers: queue.Queue[bool] = queue.Queue()
        client = paho.Client(CallbackAPIVersion.VERSION2)
        client.on_connect = lambda _client, _data, _flags, reason, _properties: answers.put(reason.is_failure)
        client.username_pw_set("new-mqtt", added["mqtt"].password)
        client.connect("127.0.0.1", home.mqtt)
        client.loop_start()
        assert answers.get(timeout=10) is False
        remove(home.folder, "new-mqtt")
        assert answers.get(timeout=10) is True, "it was sent away, came again by itself, and is nobody"
        client.loop_stop()
        home.stop()
    stored = {row["source"]: row["stored"] for row in read_status(home.folder)["accounts"]}
    assert stored == {"coap:new-coap": 1, "http:new-http": 1, "mqtt:new-mqtt": 1}


def test_a_coap_device_gets_a_key_too_and_loses_it(home: Path) -> None:
    added = add(home, "valve", "coap")
    told = json.loads(added.snippet.splitlines()[-1])
    kept = [json.loads(file.read_text()) for file in (home / "coap").glob("*/settings.json")]
    assert [one["name"] for one in kept] == ["valve"]
    assert told["secret_hex"] == kept[0]["secret_hex"]
    assert (told["sender-id_hex"], told["recipient-id_hex"]) == (
        kept[0]["recipient-id_hex"],
        kept[0]["sender-id_hex"],
    )
    damaged = home / "coap" / "damaged"
    damaged.mkdir()
    (damaged / "settings.json").write_text("{")
    remove(home, "valve")
    assert list((home / "coap").glob("*/settings.json")) == [damaged / "settings.json"]
