"""kill -9 at random moments under load: nothing acknowledged is missing or there twice, one digest."""

import random
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest

from home_process import await_port, ports
from homestream.engine.fold import Engine
from homestream.init import init
from homestream.lake.connect import connect
from homestream.lake.writer import Lake
from homestream.log.sqlite import SqliteLog
from homestream.replay import LOG_FILE, history
from homestream.system import read_status
from homestream.wire import packets

pytestmark = pytest.mark.crash

KILLS = 20
#: Messages sent and not yet acknowledged, so that a kill always finds some on their way.
WINDOW = 50
#: `up` with its timers wound down, so that a kill also meets flushes, snapshots and trims.
LAUNCH = """
import sys
from pathlib import Path
from homestream import keep, run
keep.TICK_S, keep.FLUSH_S, keep.SNAPSHOT_S, keep.COMPACT_S = 0.05, 0.1, 0.2, 1.0
run.up(Path(sys.argv[1]))
"""


class Sender:
    """A device that sends numbered readings with their time, QoS 1, and repeats what was not acknowledged."""

    def __init__(self, port: int, password: str) -> None:
        self.port, self.password = port, password
        self.next = 0
        self.waiting: dict[int, int] = {}
        self.acknowledged: set[int] = set()
        self.began = int(time.time() * 1000) - 3_600_000

    def send_until(self, end: float) -> None:
        """Send and count acknowledgements until `end` (monotonic) or the server is gone."""
        try:
            with socket.create_connection(("127.0.0.1", self.port), timeout=5) as link:
                link.sendall(packets.encode(self._connect()))
                assert link.recv(4)[3] == 0
                again, self.waiting = list(self.waiting.values()), {}
                for number in again:
                    link.sendall(self._packet(number))
                rest = b""
                while time.monotonic() < end:
                    while len(self.waiting) < WINDOW:
                        link.sendall(self._packet(self.next))
                        self.next += 1
                    rest += link.recv(65536)
                    rest = self._acknowledge(rest)
        except (ConnectionError, TimeoutError):
            return

    def drain(self) -> None:
        """Send again what is unacknowledged, until nothing is."""
        with socket.create_connection(("127.0.0.1", self.port), timeout=20) as link:
            link.sendall(packets.encode(self._connect()))
            assert link.recv(4)[3] == 0
            again, self.waiting = list(self.waiting.values()), {}
            for number in again:
                link.sendall(self._packet(number))
            rest = b""
            while self.waiting:
                rest = self._acknowledge(rest + link.recv(65536))

    def _connect(self) -> packets.Connect:
        return packets.Connect("sender", True, 60, user="device", password=self.password.encode())

    def _packet(self, number: int) -> bytes:
        packet_id = number % 65_000 + 1
        self.waiting[packet_id] = number
        payload = b'{"value": %d, "time": %d}' % (number, self.began + number)
        return packets.publish(f"home/lab/meter{number % 7}/gas", payload, qos=1, packet_id=packet_id)

    def _acknowledge(self, data: bytes) -> bytes:
        whole = len(data) // 4 * 4
        for at in range(0, whole, 4):
            assert data[at] == 0x40
            self.acknowledged.add(self.waiting.pop(int.from_bytes(data[at + 2 : at + 4])))
        return data[whole:]


def start(folder: Path, port: int) -> subprocess.Popen[bytes]:
    """`up` in a process of its own, once it listens."""
    process = subprocess.Popen([sys.executable, "-c", LAUNCH, str(folder)])
    await_port(port, process)
    return process


def test_kill_at_random_moments(tmp_path: Path) -> None:
    folder = tmp_path / "home"
    port, _, _, door = ports()
    password = init(folder, door).device_password
    sender, chance = Sender(port, password), random.Random(20)
    for _ in range(KILLS):
        process = start(folder, port)
        sender.send_until(time.monotonic() + chance.uniform(0.05, 1.0))
        process.kill()
        process.wait()
    process = start(folder, port)
    sender.drain()
    process.send_signal(signal.SIGTERM)
    assert process.wait(30) == 0

    assert len(sender.acknowledged) == sender.next > 1000
    con = connect(folder)
    found = con.execute("SELECT CAST(value AS BIGINT) FROM readings WHERE metric = 'gas'").fetchall()
    numbers = [n for (n,) in found]
    assert sorted(set(range(sender.next)) - set(numbers)) == [], "acknowledged and missing"
    assert len(numbers) == len(set(numbers)), "there twice"
    seqs = con.execute("SELECT count(*), count(DISTINCT seq), min(seq), max(seq) FROM messages").fetchone()
    assert seqs is not None
    assert seqs[0] == seqs[1] == seqs[3] - seqs[2] + 1

    status = read_status(folder)
    uninterrupted = Engine()
    log = SqliteLog(folder / LOG_FILE)
    for entries in history(Lake(folder), log, 1):
        uninterrupted.apply(entries)
    log.close()
    assert status["digest"] == uninterrupted.digest()
    assert status["received"] == status["stored"] + status["duplicate"] + status["rejected"]
    assert status["received"] >= sender.next
