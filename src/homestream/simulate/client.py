"""A small MQTT 3.1.1 client for the simulated devices: nothing it was given is lost.

QoS 1 with a window: a message stays here until its PUBACK has come, and is sent again, marked DUP, after
each reconnect. Built on `homestream.wire.packets`; used by the simulator alone.
"""

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

from homestream.errors import HomestreamError
from homestream.wire import packets
from homestream.wire.packets import Ack, Connect, Filter, Subscribe, Will

#: messages sent and not yet acknowledged; a server that commits in groups fills its group from these
WINDOW = 400
KEEP_ALIVE_S = 30
#: first and longest wait between attempts to connect, s
BACK_OFF = (0.2, 5.0)
#: at the first start the server may still be coming up; after this it is not there
PATIENCE_S = 15.0
_REFUSALS = {packets.BAD_LOGIN: "user or password is wrong", packets.NOT_AUTHORISED: "not authorised"}


class Client:
    """One connection that comes back by itself. `on_message(topic, payload)` gets what was subscribed to."""

    def __init__(
        self,
        host: str,
        port: int,
        client_id: str,
        user: str | None = None,
        password: str | None = None,
        will: Will | None = None,
    ) -> None:
        self.host, self.port = host, port
        secret = password.encode() if password is not None else None
        self._connect = Connect(client_id, True, KEEP_ALIVE_S, 4, will, user, secret)
        self.on_message: Callable[[str, bytes], None] = lambda topic, payload: None
        self.filters: tuple[str, ...] = ()
        self.sent_again = 0
        self._waiting: deque[tuple[str, bytes, bool]] = deque()
        self._flying: dict[int, tuple[str, bytes, bool]] = {}
        self._last_id = 0
        self._room = asyncio.Event()
        self._open = asyncio.Event()
        self._writer: asyncio.StreamWriter | None = None
        self._task: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Connect; HomestreamError where nobody answers within `PATIENCE_S` or the login is refused."""
        self._task = asyncio.create_task(self._keep())
        opened = asyncio.create_task(self._open.wait())
        await asyncio.wait([self._task, opened], timeout=PATIENCE_S, return_when=asyncio.FIRST_COMPLETED)
        if not opened.done():
            opened.cancel()
            if self._task.done():
                self._task.result()
            await self.stop()
            raise HomestreamError(
                f"no MQTT server answers at {self.host}:{self.port}; start it with: homestream up"
            )

    async def publish(self, messages: Iterable[tuple[str, bytes, bool]]) -> None:
        """Take messages (topic, payload, retain); returns when all but the last `WINDOW` are acknowledged."""
        self._waiting.extend(messages)
        self._pump()
        while self._waiting:
            self._room.clear()
            await self._or_failed(self._room.wait())

    async def drain(self) -> None:
        """Wait until everything is acknowledged."""
        while self._waiting or self._flying:
            self._room.clear()
            await self._or_failed(self._room.wait())

    async def stop(self) -> None:
        """Say goodbye and close; call `drain` first where nothing may be lost."""
        if self._writer is not None and self._open.is_set():
            self._writer.write(packets.encode(packets.Disconnect()))
        if self._task is not None:
            self._task.cancel()
            await asyncio.gather(self._task, return_exceptions=True)

    async def _or_failed(self, wait: Any) -> None:
        """Wait, unless the connection's task has ended with an error for good."""
        assert self._task is not None
        waiter = asyncio.ensure_future(wait)
        await asyncio.wait([waiter, self._task], return_when=asyncio.FIRST_COMPLETED)
        if not waiter.done():
            waiter.cancel()
            self._task.result()

    async def _keep(self) -> None:
        """Connect, read until the connection breaks, and again."""
        pause = BACK_OFF[0]
        while True:
            try:
                reader, self._writer = await asyncio.open_connection(self.host, self.port)
            except OSError:
                await asyncio.sleep(pause)
                pause = min(pause * 2, BACK_OFF[1])
                continue
            pinger = asyncio.create_task(self._ping(self._writer))
            try:
                self._writer.write(packets.encode(self._connect))
                await self._read(reader)
            except (OSError, asyncio.IncompleteReadError):
                await asyncio.sleep(BACK_OFF[0])
            finally:
                self._open.clear()
                pinger.cancel()
                self._writer.close()
            pause = BACK_OFF[0]

    async def _ping(self, writer: asyncio.StreamWriter) -> None:
        while True:
            await asyncio.sleep(KEEP_ALIVE_S / 2)
            writer.write(packets.encode(packets.Ping()))

    async def _read(self, reader: asyncio.StreamReader) -> None:
        buffer = bytearray()
        while True:
            data = await reader.read(1 << 16)
            if not data:
                raise ConnectionResetError("the server closed the connection")
            buffer += data
            while (packet := _split(buffer)) is not None:
                self._take(*packet)

    def _take(self, head: int, body: bytes) -> None:
        kind = head >> 4
        if kind == packets.CONNACK:
            if body[1]:
                why = _REFUSALS.get(body[1], f"code {body[1]}")
                raise HomestreamError(f"the MQTT server at {self.host}:{self.port} refuses the login: {why}")
            self._opened()
        elif kind == packets.PUBACK:
            self._flying.pop(int.from_bytes(body[:2]), None)
            self._pump()
            self._room.set()
        elif kind == packets.PUBLISH:
            start = 2 + int.from_bytes(body[:2])
            topic = body[2:start].decode()
            if head & 6:
                self._write(packets.encode(Ack(packets.PUBACK, int.from_bytes(body[start : start + 2]))))
                start += 2
            self.on_message(topic, body[start:])

    def _opened(self) -> None:
        """Subscribe again and send again what was never acknowledged, in the order first sent."""
        if self.filters:
            wanted = tuple(Filter(name, 1) for name in self.filters)
            self._write(packets.encode(Subscribe(self._next_id(), wanted)))
        for packet_id, (topic, payload, retain) in self._flying.items():
            self._write(packets.publish(topic, payload, 1, retain, dup=True, packet_id=packet_id))
        self.sent_again += len(self._flying)
        self._open.set()
        self._pump()

    def _pump(self) -> None:
        """Send what waits while there is room in the window."""
        out = []
        while self._waiting and len(self._flying) < WINDOW and self._open.is_set():
            packet_id = self._next_id()
            topic, payload, retain = self._flying[packet_id] = self._waiting.popleft()
            out.append(packets.publish(topic, payload, 1, retain, packet_id=packet_id))
        if out:
            self._write(b"".join(out))
        if not self._waiting:
            self._room.set()

    def _write(self, data: bytes) -> None:
        if self._writer is not None:
            self._writer.write(data)

    def _next_id(self) -> int:
        while True:
            self._last_id = self._last_id % 65_535 + 1
            if self._last_id not in self._flying:
                return self._last_id


def _split(buffer: bytearray) -> tuple[int, bytes] | None:
    """Take the first whole packet off the buffer: its first byte and its body; None while incomplete."""
    length = shift = 0
    for at in range(1, min(5, len(buffer))):
        length |= (buffer[at] & 127) << shift
        shift += 7
        if buffer[at] < 128:
            end = at + 1 + length
            if len(buffer) < end:
                return None
            head, body = buffer[0], bytes(buffer[at + 1 : end])
            del buffer[:end]
            return head, body
    return None
