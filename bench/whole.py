"""The whole path: MQTT QoS 1 in, acknowledged after fsync, rules on, facts known, in the lake.

    python bench/whole.py [SECONDS]

A real `homestream up`; its devices are another process. First as fast as acknowledgements come back (400 in
flight), timed until all of it is in the lake and `up` has ended; then 1,000 messages a second for the latency
from arrival to facts. Last, a simulated home of about 60 devices at its own pace: memory and CPU.
"""

import json
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import psutil
from deltalake import DeltaTable

sys.path.insert(0, str(Path(__file__).parent.parent / "tests"))

from home_process import RunningHome, running_home
from homestream.lake.writer import Lake
from homestream.system import read_status
from homestream.wire.packets import Connect, encode, publish

RULES = """
[[rule]]
name = "High consumption"
when = "room1/meter1.power > 3000"
for = "1m"
[[rule]]
name = "Too warm"
when = "*.temperature > 60"
until = "*.temperature < 50"
"""
IN_FLIGHT = 400
#: A fleet's worth, so that a series speaks no oftener than its clock of milliseconds tells apart.
SERIES = 2_000
METRICS = ("temperature", "humidity", "power", "illuminance")


@contextmanager
def link(home: RunningHome) -> Iterator[socket.socket]:
    """A device's connection, logged in."""
    with socket.create_connection(("127.0.0.1", home.mqtt), timeout=30) as peer:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        peer.sendall(encode(Connect("bench", True, 0, user="device", password=home.device.encode())))
        assert peer.recv(4) == b"\x20\x02\x00\x00", "the login was refused"
        yield peer


def packets(number: int, count: int) -> bytes:
    """`count` readings from the `number`th on, of SERIES series."""
    made = []
    for n in range(number, number + count):
        meter = n % SERIES // 4
        topic = f"home/room{meter % 6}/meter{meter}/{METRICS[n % 4]}"
        made.append(publish(topic, b"%.2f" % (n % 97 / 3), 1, packet_id=n % 65_000 + 1))
    return b"".join(made)


def flood(home: RunningHome, seconds: float) -> int:
    """Messages acknowledged in `seconds`, with IN_FLIGHT on their way."""
    blocks = [packets(n * 100, 100) for n in range(650)]
    with link(home) as peer:
        for block in blocks[:4]:
            peer.sendall(block)
        sent, received, end = 4, 0, time.monotonic() + seconds
        while received < sent * 400:
            received += len(peer.recv(65_536))
            while time.monotonic() < end and sent * 100 - received // 4 <= IN_FLIGHT - 100:
                peer.sendall(blocks[sent % 650])
                sent += 1
    return sent * 100


def paced(home: RunningHome, seconds: float, rate: int) -> None:
    """`rate` messages a second in steps of 10 ms."""
    step = rate // 100
    with link(home) as peer:
        for n in range(int(seconds * 100)):
            due = time.monotonic() + 0.01
            peer.sendall(packets(n * step, step))
            received = 0
            while received < step * 4:
                received += len(peer.recv(65_536))
            time.sleep(max(due - time.monotonic(), 0))


@contextmanager
def fresh_home(rules: str = "") -> Iterator[RunningHome]:
    """A new home in a folder of this disk, gone afterwards."""
    with (
        tempfile.TemporaryDirectory(dir=Path.cwd()) as folder,
        running_home(Path(folder) / "home", rules) as home,
    ):
        yield home


def whole_path(seconds: float) -> None:
    """The rate through everything, until it is in the lake; and what it takes there."""
    with fresh_home(RULES) as home:
        begin = time.monotonic()
        sent = flood(home, seconds)
        acknowledged = time.monotonic() - begin
        used = psutil.Process(home.process.pid).cpu_times()
        home.process.terminate()
        assert home.process.wait(300) == 0
        spent = time.monotonic() - begin
        status = read_status(home.folder)
        assert status["received"] == sent == status["stored"] + status["duplicate"] + status["rejected"]
        print(f"whole path: {sent / acknowledged:,.0f} readings/s acknowledged ({sent:,} in all)")
        print(f"  {sent / spent:,.0f}/s until all is in the lake and the program has ended")
        print(f"  {sent / (used.user + used.system):,.0f} per CPU-second of `up`, its start counted in")
        print(f"  latency at saturation p50 {status['p50_ms']:.1f} ms, p99 {status['p99_ms']:.1f} ms")
        Lake(home.folder).compact()
        silver = DeltaTable(home.folder / "lake" / "silver")
        size = sum(Path(uri.removeprefix("file://")).stat().st_size for uri in silver.file_uris())
        print(f"  at rest {size / silver.count():.2f} bytes a reading in silver after compaction")


def latency(seconds: float) -> None:
    """Arrival to facts at a pace that leaves room."""
    for rate in (1_000, 10_000):
        with fresh_home(RULES) as home:
            paced(home, seconds, rate)
            home.stop()
            status = read_status(home.folder)
            print(f"  latency at {rate:,}/s p50 {status['p50_ms']:.1f} ms, p99 {status['p99_ms']:.1f} ms")


def one_home(seconds: float) -> None:
    """Memory and CPU of `up` with the simulated home at its own pace."""
    with fresh_home() as home:
        who = f"device:{home.device}@127.0.0.1"
        to = f"mqtt://{who}:{home.mqtt},http://{who}:{home.http},coap://{who}:{home.coap}"
        devices = subprocess.Popen([sys.executable, "-m", "homestream", "simulate", "--to", to])
        try:
            time.sleep(10)
            process = psutil.Process(home.process.pid)
            before, begin = process.cpu_times(), time.monotonic()
            time.sleep(seconds)
            after, spent = process.cpu_times(), time.monotonic() - begin
            cpu = (after.user + after.system - before.user - before.system) / spent
            memory = process.memory_info()
            status: dict[str, Any] = json.loads((home.folder / "status.json").read_text())
            print(
                f"one home, {status['rate']:.1f} messages/s: {memory.rss / 1e6:.0f} MB resident, of which "
                f"{memory.shared / 1e6:.0f} MB library files; {cpu * 100:.1f} % of a core over {spent:.0f} s"
            )
        finally:
            devices.terminate()
            devices.wait(30)


def main() -> None:
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 5.0
    whole_path(seconds)
    latency(seconds)
    one_home(seconds * 6)


if __name__ == "__main__":
    main()
