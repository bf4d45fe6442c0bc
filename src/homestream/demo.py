"""`homestream demo`: the whole pipeline, with a simulated family whose devices speak over real sockets."""

import asyncio
import json
import signal
import sys
import time
from pathlib import Path
from typing import Any

from rich.console import Console

from homestream.errors import HomestreamError
from homestream.homefile import FILE
from homestream.init import init, local_timezone
from homestream.keep import status
from homestream.parts import Parts
from homestream.run import Beside, up
from homestream.simulate.demo import demo_home_toml
from homestream.simulate.past import backfill

#: The demonstration is open to whoever reads this: it listens on loopback alone, and its data are made up.
LOGINS = Path("state") / "demo.json"
#: Simulated past, so that the page has something to show from the first second.
PAST_DAYS = 14
SEED = 1
#: How long the simulator may take to deliver what is under way.
STOP_S = 15.0
REFRESH_S = 1.0

_say = Console(stderr=True, highlight=False)


def demo(folder: Path, seconds: float | None, speed: float) -> dict[str, Any]:
    """Run until `seconds` have passed or Ctrl-C; returns the home's books and the digest of its facts."""
    logins = prepare(folder)
    ready = _live(logins, seconds, speed)
    final = up(folder, ready)
    names = ("received", "stored", "duplicate", "rejected", "late", "digest", "p50_ms", "p99_ms", "rss_bytes")
    return {name: final[name] for name in names}


def prepare(folder: Path) -> dict[str, str]:
    """Make the home where there is none; its logins."""
    if (folder / FILE).exists():
        try:
            logins: dict[str, str] = json.loads((folder / LOGINS).read_text(encoding="utf-8"))
        except FileNotFoundError:
            raise HomestreamError(f"{folder} is a home of yours, not a demo; choose another --home") from None
        return logins
    _say.print(f"[bold]Homestream[/] is making a demonstration home in [bold]{folder}[/]")
    timezone = local_timezone()
    made = init(folder, demo_home_toml(timezone))
    with _say.status(f"living its last {PAST_DAYS} days, so that there is something to see …"):
        backfill(folder, PAST_DAYS, SEED, time.time_ns() // 1_000_000)
    logins = {"admin": made.admin_password, "device": made.device_password}
    (folder / LOGINS).parent.mkdir(exist_ok=True)
    (folder / LOGINS).touch(mode=0o600)
    (folder / LOGINS).write_text(json.dumps(logins), encoding="utf-8")
    return logins


def _live(logins: dict[str, str], seconds: float | None, speed: float) -> Beside:
    async def live(parts: Parts) -> None:
        door, password = parts.config.door, logins["device"]
        port = parts.mqtt.port
        targets = [
            f"mqtt://device:{password}@{door.host}:{port}",
            f"http://device:{password}@{door.host}:{door.http_port}",
            f"coap://device:{password}@{door.host}:{door.coap_port}",
        ]
        _say.print(f"\n  page   [bold]http://{door.host}:{door.http_port}/[/]")
        _say.print(f"  login  [bold]admin[/]  {logins['admin']}")
        _say.print(f"  devices speak MQTT {port}, HTTP {door.http_port}, CoAP {door.coap_port}")
        _say.print("  stop   Ctrl-C\n" if seconds is None else f"  ends by itself after {seconds:g} s\n")
        simulator = await _start(targets, speed, parts.config.timezone)
        try:
            await _watch(parts, simulator, seconds)
        finally:
            await _end(simulator)

    return live


async def _start(targets: list[str], speed: float, timezone: str) -> asyncio.subprocess.Process:
    """The devices are another process, so that they share nothing with the pipeline but sockets."""
    arguments = ["simulate", "--to", ",".join(targets), "--speed", f"{speed:g}", "--seed", str(SEED)]
    command = [sys.executable, "-m", "homestream", *arguments, "--timezone", timezone, "--showcase"]
    return await asyncio.create_subprocess_exec(*command, start_new_session=True)


async def _watch(parts: Parts, simulator: asyncio.subprocess.Process, seconds: float | None) -> None:
    """Show how it goes until the time is over; a simulator that ends by itself is a mistake of ours."""
    until = None if seconds is None else time.monotonic() + seconds
    with _say.status("starting …") as line:
        while until is None or time.monotonic() < until:
            now = status(parts, running=True)
            p50 = "" if now["p50_ms"] is None else f" · {now['p50_ms']:.1f} ms median from packet to fact"
            line.update(
                f"{now['received']:,} received · {now['rate']:.0f}/s{p50} · {now['viewers']} watching"
            )
            if simulator.returncode is not None:
                raise HomestreamError(f"the simulated devices stopped ({simulator.returncode}); see above")
            await asyncio.sleep(REFRESH_S)


async def _end(simulator: asyncio.subprocess.Process) -> None:
    if simulator.returncode is not None:
        return
    simulator.send_signal(signal.SIGTERM)
    try:
        await asyncio.wait_for(simulator.wait(), STOP_S)
    except TimeoutError:
        simulator.kill()
        await simulator.wait()
