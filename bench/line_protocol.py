"""The HTTP door alone: line protocol, batches of 5,000, each answered 204 after fsync.

Prints points a second, and how many take a second of the server's CPU. Run: `python bench/line_protocol.py
[SECONDS]`. The load comes from a process of its own that sends prebuilt bodies on several connections.
"""

import asyncio
import socket
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import uvicorn
import uvloop
from fastapi import APIRouter, FastAPI

from homestream.door.http.routes import ingest_routes
from homestream.door.intake import Intake
from homestream.door.listen import Places
from homestream.door.login.credentials import Credentials
from homestream.home import DoorConfig, HomeConfig
from homestream.log.committer import Committer
from homestream.log.sqlite import SqliteLog
from homestream.web.app import server_config
from homestream.web.guard import Guard

BATCH = 5_000
CONNECTIONS = 4
LINES = {
    "1 field": "power,device=laundry/plug{} power=41.{} 17676071{:05}000000",
    "2 fields": "climate,device=attic/box{},room=attic temperature=21.{},humidity=40 17676071{:05}000000",
}


def request(line: str) -> bytes:
    """One POST, whole."""
    body = "\n".join(line.format(n % 50, n % 10, n) for n in range(BATCH)).encode()
    return b"POST /write HTTP/1.1\r\nHost: bench\r\nContent-Length: %d\r\n\r\n" % len(body) + body


def post(port: int, whole: bytes, until: float) -> int:
    """Batches answered 204 on one connection until then."""
    answered = 0
    with socket.create_connection(("127.0.0.1", port)) as peer:
        while time.monotonic() < until:
            peer.sendall(whole)
            answer = b""
            while not answer.endswith(b"\r\n\r\n"):
                answer += peer.recv(4096)
            assert answer.startswith(b"HTTP/1.1 204"), answer
            answered += 1
    return answered


def load(port: int, line: str, seconds: float) -> float:
    """Points a second, answered on `CONNECTIONS` connections."""
    whole, begin = request(line), time.monotonic()
    with ThreadPoolExecutor(CONNECTIONS) as pool:
        answered = sum(pool.map(lambda _: post(port, whole, begin + seconds), range(CONNECTIONS)))
    return answered * BATCH / (time.monotonic() - begin)


async def measure(line: str, seconds: float) -> tuple[float, float]:
    """Points a second, and points a CPU second of the door with its real log."""
    with tempfile.TemporaryDirectory(dir=Path.cwd()) as folder:
        log = SqliteLog(Path(folder) / "log.db")
        committer = Committer(log, lambda entries: None)
        config = HomeConfig(door=DoorConfig(anonymous=True))
        app = FastAPI()
        intake = Intake(config, committer, Credentials(), lambda: time.time_ns() // 1_000_000)
        app.include_router(APIRouter(routes=[*ingest_routes(intake)]))
        app.add_middleware(Guard)
        await committer.start()
        with socket.create_server(("127.0.0.1", 0)) as listener:
            server = uvicorn.Server(server_config(app, config.door, Places(config.door)))
            serving = asyncio.create_task(server.serve([listener]))
            cpu = time.process_time()
            command = (sys.executable, __file__, "--load", str(listener.getsockname()[1]), line, str(seconds))
            loader = await asyncio.create_subprocess_exec(*command, stdout=asyncio.subprocess.PIPE)
            out, _ = await loader.communicate()
            cpu = time.process_time() - cpu
            server.should_exit = True
            await serving
        await committer.stop()
        stored = (log.end() - 1) * BATCH
        log.close()
    return float(out), stored / cpu


def main() -> None:
    if sys.argv[1:2] == ["--load"]:
        print(load(int(sys.argv[2]), sys.argv[3], float(sys.argv[4])))
        return
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 3.0
    print(f"HTTP line protocol, batches of {BATCH}, {CONNECTIONS} connections, 204 after fsync:")
    for name, line in LINES.items():
        rate, per_cpu = uvloop.run(measure(line, seconds))
        print(f"points of {name}: {rate:,.0f} points/s; {per_cpu:,.0f} a CPU second of the server")


if __name__ == "__main__":
    main()
