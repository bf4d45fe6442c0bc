"""Payloads of real families through real clients into a real home: every count adds up."""

import asyncio
import json
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import aiocoap
import aiomqtt
import httpx
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion

from home_process import RunningHome, running_home
from homestream.lake.connect import connect
from homestream.system import read_status

GOLDEN = Path(__file__).parent / "dialects" / "golden"
DATA = Path(__file__).parent.parent.parent / "shared" / "data"
#: Families that speak MQTT.
FAMILIES = ("plain", "tasmota", "zigbee2mqtt")


@pytest.fixture
def home(tmp_path: Path) -> Iterator[RunningHome]:
    with running_home(tmp_path / "home", 'timezone = "Europe/Berlin"') as home:
        yield home


def golden(family: str) -> list[tuple[str, bytes]]:
    """Topic and payload of each of a family's own fixtures."""
    found = []
    for file in sorted((GOLDEN / family).glob("*.json")):
        for message in json.loads(file.read_text())["messages"]:
            payload = message["payload"]
            found.append(
                (message["topic"], (payload if isinstance(payload, str) else json.dumps(payload)).encode())
            )
    assert found
    return found


def publish_all(home: RunningHome, messages: list[tuple[str, bytes]]) -> None:
    """By paho, QoS 1, each waited for."""
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id="families")
    client.username_pw_set("device", home.device)
    client.connect("127.0.0.1", home.mqtt)
    client.loop_start()
    for sent in [client.publish(topic, payload, qos=1) for topic, payload in messages]:
        sent.wait_for_publish(20)
    client.disconnect()
    client.loop_stop()


def books(home: RunningHome) -> dict[str, dict[str, int]]:
    """The accounts by source after a clean stop; each adds up."""
    home.stop()
    accounts = {row["source"]: row for row in read_status(home.folder)["accounts"]}
    for row in accounts.values():
        assert row["received"] == row["stored"] + row["duplicate"] + row["rejected"], row
    return accounts


def test_own_fixtures_of_every_family(home: RunningHome) -> None:
    messages = [message for family in FAMILIES for message in golden(family)]
    publish_all(home, messages)
    account = books(home)["mqtt:device"]
    assert account["received"] == len(messages)
    assert account["stored"] > 0
    assert account["rejected"] > 0
    con = connect(home.folder)
    kept = con.execute("SELECT count(*) FROM events WHERE kind = 'rejected'").fetchone()
    assert kept == (account["rejected"],)
    plug = con.execute(
        "SELECT DISTINCT metric FROM readings WHERE device = 'shelf' ORDER BY metric"
    ).fetchall()
    assert plug == [("brightness",), ("switch",)]


def test_every_client_and_protocol(home: RunningHome) -> None:
    if shutil.which("mosquitto_pub") is None:
        pytest.skip("mosquitto_pub is missing: run `make test-setup`, or apt-get install mosquitto-clients")
    login = ["-h", "127.0.0.1", "-p", str(home.mqtt), "-u", "device", "-P", home.device]
    topic = "home/attic/probe"
    subprocess.run(
        ["mosquitto_pub", *login, "-q", "1", "-t", f"{topic}/temperature", "-m", "18.5"], check=True
    )
    asyncio.run(_speak(home, topic))
    coap = shutil.which("coap-client") or shutil.which("coap-client-notls")
    if coap is not None:
        url = f"coap://127.0.0.1:{home.coap}/readings?token=device:{home.device}"
        body = '{"device":"attic/probe","metric":"power","value":7}'
        subprocess.run([coap, "-m", "post", "-t", "50", "-e", body, url], check=True, timeout=20)
    accounts = books(home)
    assert accounts["mqtt:device"]["stored"] == 2
    assert accounts["http:device"]["stored"] == 4
    assert accounts["coap:device"]["stored"] == 1 + (coap is not None)
    found = connect(home.folder).execute("SELECT DISTINCT device || '.' || metric FROM readings").fetchall()
    wanted = {"temperature", "humidity", "illuminance", "voltage", "current", "pressure"} | (
        {"power"} if coap else set()
    )
    assert {row[0] for row in found} >= {f"attic/probe.{metric}" for metric in wanted}


async def _speak(home: RunningHome, topic: str) -> None:
    """aiomqtt, httpx (JSON, NDJSON, line protocol) and aiocoap, one after the other."""
    async with aiomqtt.Client("127.0.0.1", home.mqtt, username="device", password=home.device) as client:
        await client.publish(f"{topic}/humidity", "55", qos=1)
    row: dict[str, Any] = {"device": "attic/probe", "metric": "illuminance", "value": 120}
    async with httpx.AsyncClient(
        base_url=f"http://127.0.0.1:{home.http}", auth=("device", home.device)
    ) as web:
        one = await web.post("/api/v1/readings", json=row)
        lines = "\n".join(json.dumps({**row, "metric": "voltage", "value": value}) for value in (229, 231))
        two = await web.post(
            "/api/v1/readings", content=lines, headers={"content-type": "application/x-ndjson"}
        )
        three = await web.post(
            "/write?precision=s", content=f"probe,device=attic/probe current=1.5 {int(time.time())}"
        )
        assert (one.status_code, two.status_code, three.status_code) == (200, 200, 204)
    context = await aiocoap.Context.create_client_context()
    request = aiocoap.Message(
        code=aiocoap.POST,
        uri=f"coap://127.0.0.1:{home.coap}/readings?token=device:{home.device}",
        payload=json.dumps({**row, "metric": "pressure", "value": 1013}).encode(),
        content_format=50,
    )
    answer = await asyncio.wait_for(context.request(request).response, 10)
    assert answer.code == aiocoap.CHANGED
    await context.shutdown()


@pytest.mark.real_data
@pytest.mark.parametrize("family", ["zigbee2mqtt", "tasmota"])
def test_payloads_of_real_devices(home: RunningHome, family: str) -> None:
    folder = DATA / f"payloads_{family}"
    if not folder.is_dir():
        pytest.skip("../shared/data is not beside the project: the payloads of real devices were not sent")
    lines = [
        json.loads(line) for file in sorted(folder.glob("*.jsonl")) for line in file.read_text().splitlines()
    ]
    messages = [(row["topic"], row["payload"].encode()) for row in lines if publishable(row["topic"])]
    assert len(messages) > 100
    publish_all(home, messages)
    account = books(home)["mqtt:device"]
    assert account["received"] == len(messages)
    kept = connect(home.folder).execute("SELECT count(*) FROM events WHERE kind = 'rejected'").fetchone()
    assert kept == (account["rejected"],)


def publishable(topic: str | None) -> bool:
    """Rows whose source shows a real topic, not a label or a filter."""
    return bool(topic) and not set("<#+ ") & set(topic or "")
