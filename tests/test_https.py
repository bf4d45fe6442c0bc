"""Page, API and MQTT over WebSocket by TLS: a real home, clients of other makers, certificates renewed."""

import asyncio
import json
import shutil
import ssl
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import httpx
import paho.mqtt.client as paho
import pytest
from paho.mqtt.enums import CallbackAPIVersion
from websockets.asyncio.client import connect

from certificates import authority, signed
from home_process import PATIENCE_S, await_port, free_port
from homestream.door.login.credentials import Credentials
from homestream.door.tls import common_name
from homestream.init import Made, init
from homestream.wire.packets import Connect, encode

ROW = {"device": "hall/lamp", "metric": "power", "value": 7}


@dataclass(frozen=True)
class Secure:
    """A home that is up, its ports, and what its authority signed."""

    made: Made
    https: int
    mqtts: int
    signed: Path

    @property
    def folder(self) -> Path:
        return self.made.folder

    @property
    def url(self) -> str:
        return f"https://localhost:{self.https}"

    def trusted(self, name: str = "") -> ssl.SSLContext:
        """Trusts the authority, and shows the certificate of `name`."""
        context = ssl.create_default_context(cafile=self.signed / "ca.pem")
        if name:
            context.load_cert_chain(self.signed / f"{name}.pem", self.signed / f"{name}.key")
        return context

    def use(self, name: str) -> None:
        """Put the certificate of `name` in the place of the home's."""
        for end in ("pem", "key"):
            shutil.copy(self.signed / f"{name}.{end}", self.folder / f"server.{end}")


@pytest.fixture(scope="module")
def home(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Secure]:
    folder, certificates = tmp_path_factory.mktemp("home"), tmp_path_factory.mktemp("certificates")
    ca = authority(certificates)
    for name in ("hub", "renewed", "porch"):
        signed(certificates, name, ca)
    ports = {f"{name}_port": free_port() for name in ("mqtt", "mqtts", "http", "https", "coap")}
    files = 'certificate = "server.pem"\nkey = "server.key"\nclient_ca = "ca.pem"\n'
    made = init(folder, "[door]\n" + files + "".join(f"{name} = {port}\n" for name, port in ports.items()))
    Credentials.load(folder).add("porch", "home", "device")
    shutil.copy(ca, folder / "ca.pem")
    home = Secure(made, ports["https_port"], ports["mqtts_port"], certificates)
    home.use("hub")
    process = subprocess.Popen([sys.executable, "-m", "homestream", "up", "--home", str(folder)])
    try:
        await_port(home.https, process)
        await_port(home.mqtts, process)
        yield home
    finally:
        process.terminate()
        assert process.wait(PATIENCE_S) == 0


def test_page_and_api(home: Secure) -> None:
    with httpx.Client(base_url=home.url, verify=home.trusted(), timeout=20) as client:
        assert "<html" in client.get("/").text
        login = {"user": "admin", "password": home.made.admin_password}
        answer = client.post("/api/login", json=login, headers={"Origin": home.url})
        assert answer.is_success
        assert "Secure" in answer.headers["set-cookie"]
        assert client.get("/api/view").json()["home"]["id"] == "home"
        device = ("device", home.made.device_password)
        assert client.post("/api/v1/readings", json=ROW, auth=device).json()["stored"] == 1
        live = asyncio.run(first_frame(home, answer.headers["set-cookie"].partition(";")[0]))
        assert live["type"] == "view"


async def first_frame(home: Secure, cookie: str) -> dict[str, object]:
    """Of the live page."""
    url = home.url.replace("https", "wss") + "/live"
    async with connect(
        url, ssl=home.trusted(), origin=home.url, additional_headers={"Cookie": cookie}
    ) as live:
        frame: dict[str, object] = json.loads(await asyncio.wait_for(live.recv(), 10))
        return frame


def test_who_does_not_trust_or_does_not_encrypt_gets_nothing(home: Secure) -> None:
    with pytest.raises(httpx.ConnectError, match="CERTIFICATE_VERIFY_FAILED"):
        httpx.get(home.url)
    with pytest.raises(httpx.RemoteProtocolError):
        httpx.get(home.url.replace("https", "http"))


@pytest.mark.parametrize("by", ["password", "certificate"])
def test_mqtt_over_websocket(home: Secure, by: str) -> None:
    heard, done = list[bytes](), threading.Event()
    client = paho.Client(CallbackAPIVersion.VERSION2, transport="websockets")
    if by == "password":
        client.username_pw_set("device", home.made.device_password)
    client.tls_set_context(home.trusted("porch" if by == "certificate" else ""))
    client.on_connect = lambda c, *_: c.subscribe(f"home/{by}/#", 1)
    client.on_subscribe = lambda c, *_: c.publish(f"home/{by}/lamp/power", "7", qos=1)
    client.on_message = lambda c, _, message: (heard.append(message.payload), done.set())
    client.connect("localhost", home.https)
    client.loop_start()
    assert done.wait(10)
    client.disconnect()
    client.loop_stop()
    assert heard == [b"7"]


async def test_a_renewed_certificate_is_shown_to_who_comes_and_who_is_there_stays(home: Secure) -> None:
    url = home.url.replace("https", "wss") + "/mqtt"

    async def shown() -> set[str]:
        """The names in the certificates that new connections by HTTPS, WebSocket and MQTT get."""
        names = set()
        async with connect(url, ssl=home.trusted(), subprotocols=["mqtt"]) as peer:
            names.add(common_name(peer.transport.get_extra_info("peercert")))
        async with (
            httpx.AsyncClient(verify=home.trusted()) as client,
            client.stream("GET", home.url) as answer,
        ):
            tls = answer.extensions["network_stream"].get_extra_info("ssl_object")
            names.add(common_name(tls.getpeercert()))
        _, writer = await asyncio.open_connection("localhost", home.mqtts, ssl=home.trusted())
        names.add(common_name(writer.get_extra_info("peercert")))
        writer.close()
        return {str(name) for name in names}

    assert await shown() == {"hub"}
    async with connect(url, ssl=home.trusted(), subprotocols=["mqtt"]) as there:
        login = Connect("there", True, 0, user="device", password=home.made.device_password.encode())
        await there.send(encode(login))
        shutil.copy(home.signed / "renewed.pem", home.folder / "server.pem")
        await asyncio.sleep(1.5)  # looked at each second, and no pair with the key that is there
        assert await shown() == {"hub"}
        home.use("renewed")
        end = time.monotonic() + 20
        while (names := await shown()) != {"renewed"}:
            assert time.monotonic() < end, names
            await asyncio.sleep(0.2)
        await asyncio.wait_for(await there.ping(), 10)
        home.use("hub")
