"""What goes wrong around a running home: a full disk, a kill, another home.toml, clients that send on."""

import json
import resource
import signal
import stat
import subprocess
import threading
import time
from pathlib import Path

import httpx
import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from home_process import RunningHome, ports, running_home, start
from homestream.init import init
from homestream.lake.connect import connect
from homestream.replay import replay
from homestream.system import read_status

#: A file may be no larger than this: what a full disk does to every write, without needing root.
FULL = 0
#: Longer than a home's ticks are apart, so that a restart is a gap in its clock.
PAUSE_S = 8.0


def post(home: RunningHome, number: int) -> int:
    """A reading by HTTP; the answer's status."""
    row = {"device": "hall/meter", "metric": "gas", "value": number}
    url = f"http://127.0.0.1:{home.http}/api/v1/readings"
    return httpx.post(url, json=row, auth=("device", home.device), timeout=20).status_code


def limit_files(process: subprocess.Popen[bytes], size: int) -> None:
    """From now on the process can write no file beyond `size` bytes."""
    resource.prlimit(process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))


def stop(process: subprocess.Popen[bytes]) -> None:
    """SIGTERM, and a clean end."""
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0


def test_a_full_disk_acknowledges_nothing_and_recovers_by_itself(tmp_path: Path) -> None:
    with (tmp_path / "said").open("wb") as said, running_home(tmp_path / "home", "", said) as home:
        admin = {"auth": ("admin", home.admin), "timeout": 20}
        page = f"http://127.0.0.1:{home.http}"
        assert post(home, 1) == 200
        limit_files(home.process, FULL)
        refused = [n for n in range(2, 12) if post(home, n) == 503]
        assert refused == list(range(2, 12))
        armed = httpx.post(f"{page}/api/mode", json={"mode": "away"}, **admin)
        assert armed.status_code == 503
        assert "disk" in armed.json()["detail"]
        assert httpx.get(f"{page}/api/view", **admin).json()["mode"] == "disarmed"
        (trouble,) = httpx.get(f"{page}/api/status", **admin).json()["troubles"]
        assert trouble["what"] == "log"
        assert trouble["text"].startswith("Nothing can be stored; devices are not acknowledged")
        client = paho.Client(CallbackAPIVersion.VERSION2, client_id="during")
        client.username_pw_set("device", home.device)
        client.connect("127.0.0.1", home.mqtt)
        client.loop_start()
        sent = client.publish("home/hall/lamp/power", "7", qos=1)
        time.sleep(1.5)
        assert not sent.is_published()
        limit_files(home.process, resource.RLIM_INFINITY)
        sent.wait_for_publish(10)  # the client sends again by itself
        assert sent.is_published()
        client.disconnect()
        client.loop_stop()
        assert post(home, 12) == 200
        assert httpx.get(f"{page}/api/status", **admin).json()["troubles"] == []
        home.stop()
    con = connect(home.folder)
    kept = con.execute("SELECT value FROM readings WHERE metric = 'gas' ORDER BY time").fetchall()
    assert kept == [(1.0,), (12.0,)]
    assert replay(home.folder).digest() == read_status(home.folder)["digest"]


def test_a_disk_still_full_while_stopping_loses_nothing(tmp_path: Path) -> None:
    with (tmp_path / "said").open("wb") as said, running_home(tmp_path / "home", "", said) as home:
        assert [post(home, n) for n in range(5)] == [200] * 5
        limit_files(home.process, FULL)
        home.stop()
    again = start(home.folder, home.mqtt)
    stop(again)
    status = read_status(home.folder)
    assert sum(row["stored"] for row in status["accounts"]) == 5
    assert connect(home.folder).execute("SELECT count(*) FROM readings").fetchone() == (5,)
    assert replay(home.folder).digest() == status["digest"]


def test_stopping_while_clients_send_keeps_all_that_was_acknowledged(tmp_path: Path) -> None:
    acknowledged: list[int] = []

    def send(home: RunningHome, first: int) -> None:
        with httpx.Client(auth=("device", home.device), timeout=20) as client:
            url = f"http://127.0.0.1:{home.http}/api/v1/readings"
            try:
                for n in range(first, first + 100_000):
                    row = {"device": "hall/meter", "metric": "gas", "value": n}
                    if client.post(url, json=row).status_code == 200:
                        acknowledged.append(n)
            except httpx.TransportError:
                return

    with running_home(tmp_path / "home") as home:
        clients = [threading.Thread(target=send, args=(home, n * 100_000)) for n in range(1, 4)]
        for client in clients:
            client.start()
        time.sleep(1.5)
        home.stop()
        for client in clients:
            client.join(20)
    payloads = connect(home.folder).execute("SELECT payload FROM messages WHERE kind = 'message'").fetchall()
    stored = {json.loads(payload)["value"] for (payload,) in payloads}
    status = read_status(home.folder)
    assert len(acknowledged) > 50
    assert set(acknowledged) <= stored
    assert status["received"] == status["stored"] + status["duplicate"] + status["rejected"]


def test_a_restart_with_another_home_toml_is_no_storm(tmp_path: Path) -> None:
    """Killed with devices on the air, up again after a pause, with a rule and a name it did not have."""
    folder = tmp_path / "home"
    mqtt, http, _, door = ports()
    made = init(folder, f'name = "Before"\n{door}')
    client = paho.Client(CallbackAPIVersion.VERSION2, client_id="house")
    client.username_pw_set("device", made.device_password)
    client.reconnect_delay_set(1, 1)
    process = start(folder, mqtt)
    client.connect("127.0.0.1", mqtt)
    client.loop_start()
    speaking = threading.Event()

    def speak() -> None:
        while not speaking.wait(0.25):
            for n in range(10):
                client.publish(f"home/hall/probe{n}/temperature", "21.5", qos=1)
            client.publish("home/hall/door/contact", "closed", qos=1)
            client.publish("home/hall/pir/motion", "OFF", qos=1)

    device = threading.Thread(target=speak)
    device.start()
    time.sleep(6)
    process.kill()
    process.wait()
    rule = '[[rule]]\nname = "Warm"\nwhen = "hall/probe0.temperature > 20"\n'
    (folder / "home.toml").write_text(f'name = "After"\n{door}\n{rule}', encoding="utf-8")
    time.sleep(PAUSE_S)
    process = start(folder, mqtt)
    time.sleep(7)
    view = httpx.get(f"http://127.0.0.1:{http}/api/view", auth=("admin", made.admin_password)).json()
    speaking.set()
    device.join()
    client.loop_stop()
    stop(process)
    assert view["home"]["name"] == "After"
    assert [alert["rule"] for alert in view["alerts"]] == ["Warm"]
    assert view["security"] == []
    assert view["blind"] == []
    con = connect(folder)
    told = con.execute("SELECT DISTINCT kind FROM events WHERE kind IN ('outage', 'security')").fetchall()
    assert told == []
    assert replay(folder).digest() == read_status(folder)["digest"]
    configured = con.execute("SELECT payload FROM messages WHERE topic = 'configure' ORDER BY seq").fetchall()
    assert [json.loads(payload)["name"] for (payload,) in configured] == ["Before", "After"]


def test_secrets_are_for_their_owner_alone(tmp_path: Path) -> None:
    with running_home(tmp_path / "home") as home:
        url = f"http://127.0.0.1:{home.http}/api/login"
        assert httpx.post(url, json={"user": "admin", "password": home.admin}).status_code == 200
        for name in ("home.toml", "credentials.toml", "state/sessions.json"):
            assert stat.S_IMODE((home.folder / name).stat().st_mode) == 0o600, name
        home.stop()
