"""The door alone: its real log, acknowledged after fsync, against mosquitto in the same run.

Prints a table: messages a second and the ratio; delays from publish to delivery; the memory of idle
connections. Run: `python bench/door.py [SECONDS]`. The load comes from a process of its own, see `load.py`;
`load` is how much of a core that one used, `CPU us` what a message cost the door or the broker, which a busy
machine changes less than it does messages a second.
"""

import asyncio
import json
import os
import resource
import shutil
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import NamedTuple

import uvloop

from homestream.door.login.credentials import Credentials
from homestream.door.mqtt.door import MqttDoor
from homestream.home import DoorConfig, HomeConfig
from homestream.log.committer import Committer
from homestream.log.sqlite import SqliteLog
from homestream.system import rss_bytes, spare_collector

LOAD = Path(__file__).parent / "load.py"

#: (connections, in flight on each, the ratio to mosquitto that the budget asks for)
FLOODS = ((1, 400, 2.0), (1000, 10, 3.0), (1000, 1, 1.0))
RATE = 1000
IDLE = 10_000
#: Seconds for all of them to come in.
PATIENCE_S = 15


async def load(*arguments: object) -> dict[str, float]:
    """What `load.py` measured."""
    command = [sys.executable, str(LOAD), *map(str, arguments)]
    process = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    out, _ = await process.communicate()
    assert process.returncode == 0, "the load failed"
    result: dict[str, float] = json.loads(out.splitlines()[-1])
    return result


@asynccontextmanager
async def door() -> AsyncIterator[int]:
    """Our door with its real log, on the disk of this folder; its port."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        log = SqliteLog(Path(folder) / "log.db")
        committer = Committer(log, lambda entries: None)
        many = {"max_connections": 2 * IDLE, "max_per_address": 2 * IDLE}
        config = HomeConfig(door=DoorConfig(mqtt_port=0, anonymous=True, **many))
        mqtt = MqttDoor(config, committer, Credentials(), lambda: time.time_ns() // 1_000_000)
        await committer.start()
        await mqtt.start()
        spare_collector()
        try:
            yield mqtt.port
        finally:
            await mqtt.stop()
            await committer.stop()
            log.close()


class Served(NamedTuple):
    """What the load measured, and the CPU it cost the other side, seconds."""

    load: dict[str, float]
    cpu: float

    @property
    def columns(self) -> str:
        """As the table has it."""
        rate, share = self.load["rate"], self.load["share"]
        return f"{rate:>10,.0f}{self.cpu / self.load['acknowledged'] * 1e6:>8.1f}{share:>6.2f}"


@asynccontextmanager
async def mosquitto() -> AsyncIterator[tuple[int, int] | None]:
    """Debian's mosquitto, which keeps nothing on disk: its port and process; None where not installed."""
    binary = shutil.which("mosquitto", path="/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin")
    if binary is None:
        yield None
        return
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    process = subprocess.Popen([binary, "-p", str(port)], stderr=subprocess.DEVNULL)
    try:
        await asyncio.sleep(0.5)
        yield port, process.pid
    finally:
        process.terminate()
        process.wait()


async def flood(port: int, process: int, seconds: float, connections: int, in_flight: int) -> Served:
    """What the load measured, and what it cost process id `process`, once all connections were in."""
    command = [sys.executable, str(LOAD), "flood", *map(str, (port, seconds, connections, in_flight))]
    load = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
    assert load.stdout is not None
    await load.stdout.readline()
    before = cpu(process)
    result = await load.stdout.readline()
    used = cpu(process) - before
    assert await load.wait() == 0, "the load failed"
    return Served(json.loads(result), used)


def cpu(process: int) -> float:
    """Seconds of CPU that a process has used."""
    fields = Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


async def floods(seconds: float) -> None:
    columns = f"{'msg/s':>10}{'CPU us':>8}{'load':>6}"
    print(f"{'QoS 1':<26}{columns} {columns:>26}{'ratio':>7}{'asked':>7}   (ours, mosquitto)")
    for connections, in_flight, asked in FLOODS:
        async with door() as port:
            ours = await flood(port, os.getpid(), seconds, connections, in_flight)
        async with mosquitto() as broker:
            theirs = broker and await flood(*broker, seconds, connections, in_flight)
        line = f"{f'{connections:,} x {in_flight} in flight':<26}{ours.columns}"
        if theirs is not None:
            line += f" {theirs.columns:>26}{ours.load['rate'] / theirs.load['rate']:>7.2f}{asked:>7.1f}"
        print(f"{line}   the load alone could do {ours.load['ceiling']:,.0f}", flush=True)


async def delays(seconds: float) -> None:
    async with door() as port:
        ours = await load("paced", port, seconds, RATE)
    async with mosquitto() as broker:
        theirs = await load("paced", broker[0], seconds, RATE) if broker else None
    for name, one in (("ours", ours), ("mosquitto", theirs)):
        if one is not None:
            print(
                f"publish to delivery at {RATE:,} msg/s, {name}: "
                f"p50 {one['p50']:.2f} ms, p99 {one['p99']:.2f} ms "
                f"({one['delivered']:,.0f} of {one['sent']:,.0f})",
                flush=True,
            )


async def idle() -> None:
    async with door() as port:
        before = rss_bytes()
        command = [sys.executable, str(LOAD), "idle", str(port), str(IDLE)]
        pipes = {"stdin": asyncio.subprocess.PIPE, "stdout": asyncio.subprocess.PIPE}
        process = await asyncio.create_subprocess_exec(*command, **pipes)
        assert process.stdout is not None
        try:
            ready = json.loads(await asyncio.wait_for(process.stdout.readline(), PATIENCE_S))
        except TimeoutError:
            process.kill()
            await process.wait()
            print(f"{IDLE:,} idle connections: not all were in after {PATIENCE_S} s")
            return
        after = rss_bytes()
        await process.communicate(b"")  # ends its stdin, and so its waiting
    mb, each = after / 1e6, (after - before) / IDLE / 1e3
    print(
        f"{IDLE:,} idle connections: {mb:.0f} MB resident, {each:.1f} kB each, "
        f"in after {ready['seconds']:.1f} s"
    )


async def main(seconds: float) -> None:
    await floods(seconds)
    await delays(seconds)
    await idle()


if __name__ == "__main__":
    _, most = resource.getrlimit(resource.RLIMIT_NOFILE)
    resource.setrlimit(resource.RLIMIT_NOFILE, (most, most))
    uvloop.run(main(float(sys.argv[1]) if len(sys.argv) > 1 else 3.0))
