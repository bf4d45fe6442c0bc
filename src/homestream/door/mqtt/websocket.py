"""MQTT over WebSocket (5.0 section 6) at `/mqtt` of the HTTP ports, for browsers and what only they let out.

A WebSocket looks to the door like any other transport: bytes come in as they came in binary frames, however
the packets are cut, and go out the same way; what the peer does not read holds us up, and what we do not
read holds up the peer. A browser sends no certificate and no cookie that counts here: it logs in by MQTT.
"""

import asyncio
import ssl
from collections.abc import Callable
from contextlib import suppress
from typing import cast

from starlette.routing import WebSocketRoute
from starlette.websockets import WebSocket, WebSocketDisconnect

PATH = "/mqtt"

#: Of them a client offers one; the second is what 3.1 clients say.
SUBPROTOCOLS = ("mqtt", "mqttv3.1")

#: Bytes that wait for a slow peer before the protocol is asked to pause, where it sets no limit of its own.
HIGH_WATER = 64 << 10


def websocket_route(client: Callable[[], asyncio.Protocol]) -> WebSocketRoute:
    """The route; `client` makes the protocol of one more connection."""

    async def endpoint(websocket: WebSocket) -> None:
        offered = [name for name in websocket.scope["subprotocols"] if name in SUBPROTOCOLS]
        if not offered:
            await websocket.close()  # before it is accepted: 403
            return
        await websocket.accept(offered[0])
        await _serve(websocket, client())

    return WebSocketRoute(PATH, endpoint)


async def _serve(websocket: WebSocket, client: asyncio.Protocol) -> None:
    transport = _Transport(websocket, client)
    client.connection_made(transport)
    tasks = [asyncio.create_task(work) for work in (transport.receive(), transport.send())]
    transport.ends = tasks
    try:
        await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        client.connection_lost(None)


class _Transport(asyncio.Transport):
    """What the protocol writes to."""

    def __init__(self, websocket: WebSocket, client: asyncio.Protocol) -> None:
        address = websocket.client
        state = websocket.scope.get("state", {})
        super().__init__(
            {
                "peername": tuple(address) if address is not None else None,
                "sslcontext": ssl.SSLContext if websocket.url.scheme == "wss" else None,
                "peercert": state.get("peercert"),
                "foreign": _foreign(websocket),
            }
        )
        self._websocket = websocket
        self._client = client
        #: what to cancel for an abort
        self.ends: list[asyncio.Task[None]] = []
        self._out: list[bytes] = []
        self._waiting = 0
        self._high = HIGH_WATER
        self._full = False
        self._closing = False
        self._wake = asyncio.Event()
        self._reading = asyncio.Event()
        self._reading.set()

    # What the protocol calls.

    def write(self, data: bytes | bytearray | memoryview) -> None:
        """Send, as soon as the peer takes it."""
        if self._closing or not data:
            return
        self._out.append(bytes(data))
        self._waiting += len(data)
        self._wake.set()
        if self._waiting > self._high and not self._full:
            self._full = True
            self._client.pause_writing()

    def close(self) -> None:
        """Send what waits, then say goodbye."""
        self._closing = True
        self._wake.set()

    def abort(self) -> None:
        """Say nothing more."""
        self._closing = True
        for task in self.ends:
            task.cancel()
        self._out.clear()
        self._wake.set()

    def can_write_eof(self) -> bool:
        """A WebSocket is closed both ways."""
        return False

    def is_closing(self) -> bool:
        """Whether nothing more can be written."""
        return self._closing

    def pause_reading(self) -> None:
        """Take no more frames."""
        self._reading.clear()

    def resume_reading(self) -> None:
        """Take them again."""
        self._reading.set()

    def set_write_buffer_limits(self, high: int | None = None, low: int | None = None) -> None:
        """Pause the protocol beyond `high` bytes; it goes on when all are sent."""
        self._high = HIGH_WATER if high is None else high

    def get_write_buffer_size(self) -> int:
        """Bytes that the peer has not taken."""
        return self._waiting

    # What runs for it.

    async def receive(self) -> None:
        """Frames to the protocol, until the peer has gone."""
        while True:
            await self._reading.wait()
            message = await self._websocket.receive()
            if message["type"] == "websocket.disconnect":
                return
            if message.get("bytes") is None:
                self.close()  # text: 5.0 section 6 closes on it
                return
            await self._reading.wait()  # paused while this frame was on its way
            if not self._closing:
                self._client.data_received(cast(bytes, message["bytes"]))

    async def send(self) -> None:
        """What was written to the peer, until there is nothing and never will be."""
        with suppress(WebSocketDisconnect, RuntimeError):  # it has gone; `receive` knows
            while True:
                await self._wake.wait()
                self._wake.clear()
                while self._out:
                    out, self._out = self._out, []
                    await self._websocket.send_bytes(b"".join(out))
                    self._waiting -= sum(map(len, out))
                    if self._full and self._waiting <= self._high // 2:
                        self._full = False
                        self._client.resume_writing()
                if self._closing:
                    await self._websocket.close()
                    return


def _foreign(websocket: WebSocket) -> bool:
    """Whether a page of another site asks: this machine's own browser must not let it in without a login."""
    origin = websocket.headers.get("origin")
    return origin is not None and origin.partition("://")[2] != websocket.headers.get("host")
