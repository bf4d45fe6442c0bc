"""kill -9 while a subscriber is away: it gets all that was acknowledged to the publisher, QoS 2 once."""

import random
import socket
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

import pytest

from home_process import await_port, ports
from homestream.init import init
from homestream.wire.packets import (
    PUBACK,
    PUBCOMP,
    PUBREC,
    PUBREL,
    Ack,
    Connack,
    Connect,
    Disconnect,
    Filter,
    Subscribe,
    encode,
    publish,
)
from homestream.wire.reader import Batch, Reader, Topics

pytestmark = pytest.mark.crash

KILLS = 6
#: Sent while the subscriber is away, each time; less than a session may queue.
AWAY = 300
LAUNCH = """
import sys
from contextlib import suppress
from pathlib import Path
from homestream import keep, run
keep.TICK_S, keep.FLUSH_S, keep.SNAPSHOT_S = 0.05, 0.1, 0.2
run.up(Path(sys.argv[1]))
"""


class Device:
    """A plain client on a blocking socket."""

    def __init__(self, port: int, password: str, name: str, clean: bool) -> None:
        self.connect = Connect(name, clean, 60, user="device", password=password.encode())
        self.link = socket.create_connection(("127.0.0.1", port), timeout=10)
        self.reader = Reader(Topics(), level=4)
        self.found: list[object] = []
        self.link.sendall(encode(self.connect))
        answer = self.next()
        assert isinstance(answer, Connack) and answer.code == 0
        self.present = answer.session_present

    def next(self, seconds: float = 10.0) -> object | None:
        """The next packet; None when none comes in time."""
        self.link.settimeout(seconds)
        while not self.found:
            try:
                data = self.link.recv(65_536)
            except TimeoutError:
                return None
            if not data:
                raise ConnectionError
            self.found += self.reader.feed(data)
        return self.found.pop(0)

    def __enter__(self) -> "Device":
        return self

    def __exit__(self, *_: object) -> None:
        self.link.close()

    def send(self, *raw: bytes) -> None:
        self.link.sendall(b"".join(raw))


def sent(port: int, password: str, numbers: list[int]) -> set[int]:
    """Publish numbers, QoS 1, until done or the server is gone; those that were acknowledged."""
    acknowledged: set[int] = set()
    with suppress(ConnectionError), Device(port, password, "sender", True) as device:
        for n in numbers:
            device.send(publish("home/lab/count", b"%d" % n, 1 + n % 2, packet_id=n % 60_000 + 1))
            answer = device.next()
            assert isinstance(answer, Ack) and answer.kind in (PUBACK, PUBREC)
            acknowledged.add(n)
            if answer.kind == PUBREC:
                device.send(encode(Ack(PUBREL, answer.packet_id)))
                assert device.next() == Ack(PUBCOMP, answer.packet_id)
    return acknowledged


class Subscriber:
    """What one client got over all its connections, and the QoS 2 ids that it holds."""

    def __init__(self) -> None:
        self.got: list[int] = []
        self.twice: list[int] = []
        self.held: set[int] = set()

    def read(self, port: int, password: str, *, first: bool) -> None:
        """Come, take all, go."""
        with Device(port, password, "reader", False) as device:
            assert device.present is not first
            if first:
                device.send(encode(Subscribe(1, (Filter("home/lab/#", 2),))))
                assert device.next() is not None
            while (packet := device.next(0.5)) is not None:
                if isinstance(packet, Batch):
                    self.take(device, packet)
                elif isinstance(packet, Ack) and packet.kind == PUBREL:
                    self.held.discard(packet.packet_id)
                    device.send(encode(Ack(PUBCOMP, packet.packet_id)))
            device.send(encode(Disconnect()))

    def take(self, device: Device, batch: Batch) -> None:
        for payload, head, packet_id in zip(batch.payloads, batch.heads, batch.ids, strict=True):
            number, known = int.from_bytes(packet_id), int(payload) in self.got
            if head & 4:
                self.twice += [int(payload)] if known and number not in self.held else []
                self.held.add(number)
            if not known:
                self.got.append(int(payload))
            device.send(encode(Ack(PUBREC if head & 4 else PUBACK, number)))


def start(folder: Path, port: int) -> subprocess.Popen[bytes]:
    process = subprocess.Popen([sys.executable, "-c", LAUNCH, str(folder)])
    await_port(port, process)
    return process


def test_who_was_away_gets_all_that_was_acknowledged(tmp_path: Path) -> None:
    folder = tmp_path / "home"
    port, _, _, door = ports()
    password = init(folder, door).device_password
    subscriber, chance = Subscriber(), random.Random(3)
    acknowledged: set[int] = set()
    process = start(folder, port)
    subscriber.read(port, password, first=True)
    for turn in range(KILLS):
        killer = subprocess.Popen(["sh", "-c", f"sleep {chance.uniform(0.1, 0.8)}; kill -9 {process.pid}"])
        acknowledged |= sent(port, password, list(range(turn * AWAY, (turn + 1) * AWAY)))
        killer.wait()
        process.wait()
        process = start(folder, port)
        subscriber.read(port, password, first=False)
    process.terminate()
    assert process.wait(30) == 0
    assert len(acknowledged) > 50
    assert sorted(acknowledged - set(subscriber.got)) == [], "acknowledged and never delivered"
    assert subscriber.got == sorted(subscriber.got)
    assert subscriber.twice == []
