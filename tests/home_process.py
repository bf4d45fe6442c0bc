"""A real `homestream up` in a process of its own, on free ports, for end-to-end tests."""

import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO

from homestream.init import init

#: A cold start on a busy machine; a warm one takes two seconds.
PATIENCE_S = 30


@dataclass(frozen=True)
class RunningHome:
    """Where it listens and how to log in."""

    folder: Path
    mqtt: int
    http: int
    coap: int
    admin: str
    device: str
    process: subprocess.Popen[bytes]

    def stop(self) -> None:
        """SIGTERM; the exit must be clean."""
        self.process.send_signal(signal.SIGTERM)
        assert self.process.wait(PATIENCE_S) == 0


def free_port() -> int:
    """A port nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def ports() -> tuple[int, int, int, str]:
    """Three free ports, and the `[door]` table that names them."""
    mqtt, http, coap = free_port(), free_port(), free_port()
    return mqtt, http, coap, f"[door]\nmqtt_port = {mqtt}\nhttp_port = {http}\ncoap_port = {coap}\n"


def await_port(port: int, process: subprocess.Popen[bytes]) -> None:
    """Return once somebody listens; AssertionError when the process ended or took too long."""
    end = time.monotonic() + PATIENCE_S
    while time.monotonic() < end:
        assert process.poll() is None, f"the process ended by itself with {process.returncode}"
        try:
            socket.create_connection(("127.0.0.1", port), timeout=1).close()
        except OSError:
            time.sleep(0.05)
        else:
            return
    raise AssertionError(f"nobody listens on {port} after {PATIENCE_S} s")


def start(folder: Path, *listening: int, said: IO[bytes] | None = None) -> subprocess.Popen[bytes]:
    """`up` on a home that is there already, once it is `listening` on these ports. `said`: what it prints."""
    command = [sys.executable, "-m", "homestream", "up", "--home", str(folder)]
    process = subprocess.Popen(command, stdout=said, stderr=said)
    for port in listening:
        await_port(port, process)
    return process


@contextmanager
def running_home(folder: Path, toml: str = "", said: IO[bytes] | None = None) -> Iterator[RunningHome]:
    """A new home, up; killed at the end where the test has not stopped it. `said` takes what it prints."""
    mqtt, http, coap, door = ports()
    made = init(folder, f"{toml}\n{door}")
    process = start(folder, said=said)
    try:
        await_port(http, process)
        await_port(mqtt, process)
        yield RunningHome(folder, mqtt, http, coap, made.admin_password, made.device_password, process)
    finally:
        if process.poll() is None:
            process.kill()
            process.wait()
