"""The door alone: one connection, 400 QoS 1 messages in flight, acknowledged after fsync; against mosquitto.

Prints messages a second and the ratio. Run: `python bench/door.py [SECONDS]`. The load comes from a process
of its own that sends prebuilt bytes and counts acknowledgements.
"""

import asyncio
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import uvloop

from homestream.door.credentials import Credentials
from homestream.door.mqtt import MqttDoor
from homestream.home import DoorConfig, HomeConfig
from homestream.log.committer import Committer
from homestream.log.sqlite import SqliteLog
from homestream.wire.packets import Connect, encode, publish

IN_FLIGHT = 400


def load(port: int, seconds: float) -> float:
    """Messages acknowledged a second, with `IN_FLIGHT` unacknowledged at any time."""
    rooms = [f"home/room{n % 8}/sensor{n % 60}/temperature" for n in range(IN_FLIGHT)]
    ring = [publish(topic, b"21.%d" % n, 1, packet_id=n + 1) for n, topic in enumerate(rooms)]
    starts = [0]
    for packet in ring + ring:
        starts.append(starts[-1] + len(packet))
    stream = memoryview(b"".join(ring + ring))
    with socket.create_connection(("127.0.0.1", port)) as peer:
        peer.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        peer.sendall(encode(Connect("bench", True, 0)))
        assert peer.recv(4) == b"\x20\x02\x00\x00", "the login was refused"
        peer.sendall(stream[: starts[IN_FLIGHT]])
        acknowledged = at = rest = 0
        begin = time.perf_counter()
        while (spent := time.perf_counter() - begin) < seconds:
            rest += len(peer.recv(65_536))
            count, rest = divmod(rest, 4)
            acknowledged += count
            peer.sendall(stream[starts[at] : starts[at + count]])
            at = (at + count) % IN_FLIGHT
    return acknowledged / spent


async def measure(port: int, seconds: float) -> float:
    """`load` in its own process."""
    process = await asyncio.create_subprocess_exec(
        sys.executable, __file__, "--load", str(port), str(seconds), stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    return float(out)


async def door(seconds: float) -> float:
    """Our door with its real log."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        log = SqliteLog(Path(folder) / "log.db")
        committer = Committer(log, lambda entries: None)
        config = HomeConfig(door=DoorConfig(mqtt_port=0, anonymous=True))
        mqtt = MqttDoor(config, committer, Credentials(), lambda: time.time_ns() // 1_000_000)
        await committer.start()
        await mqtt.start()
        rate = await measure(mqtt.port, seconds)
        await mqtt.stop()
        await committer.stop()
        log.close()
    return rate


async def mosquitto(seconds: float) -> float | None:
    """The same load on mosquitto, which keeps nothing on disk; None where it is not installed."""
    binary = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    if binary is None:
        return None
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen([binary, "-p", str(port)], stderr=subprocess.DEVNULL)
    try:
        await asyncio.sleep(0.5)
        return await measure(port, seconds)
    finally:
        process.terminate()
        process.wait()


def main() -> None:
    if sys.argv[1:2] == ["--load"]:
        print(load(int(sys.argv[2]), float(sys.argv[3])))
        return
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 3.0
    ours = uvloop.run(door(seconds))
    print(f"door alone, QoS 1 after fsync, {IN_FLIGHT} in flight: {ours:,.0f} msg/s")
    theirs = uvloop.run(mosquitto(seconds))
    if theirs is None:
        print("mosquitto is not installed: no ratio")
    else:
        print(f"mosquitto, same load, nothing on disk: {theirs:,.0f} msg/s; ratio {ours / theirs:.1f}")


if __name__ == "__main__":
    main()
