"""A real mosquitto of a test's own, on loopback, with its state in a folder."""

import os
import socket
import subprocess
import time
from pathlib import Path

from home_process import free_port

MOSQUITTO = Path("/usr/sbin/mosquitto")


class Broker:
    """Not started yet; what it knew is there again after a restart."""

    def __init__(self, folder: Path, *lines: str) -> None:
        """`lines` are settings of its own configuration file; default: everybody may come."""
        assert MOSQUITTO.exists(), "make test-setup installs it"
        self.port, self.folder = free_port(), folder
        folder.mkdir()
        settings = [f"listener {self.port} 127.0.0.1", *(lines or ("allow_anonymous true",))]
        settings += ["persistence true", f"persistence_location {folder}/", "max_queued_messages 0"]
        if os.geteuid() == 0:
            settings.append("user root")
        (folder / "mosquitto.conf").write_text("\n".join(settings) + "\n")
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> "Broker":
        """Returns once it listens."""
        command = [str(MOSQUITTO), "-c", str(self.folder / "mosquitto.conf")]
        self._process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        for _ in range(500):
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
            except OSError:
                time.sleep(0.01)
            else:
                return self
        raise AssertionError("mosquitto does not come up")

    def stop(self) -> None:
        """SIGTERM; it writes down what it knows."""
        if self._process is not None:
            self._process.terminate()
            self._process.wait(10)
