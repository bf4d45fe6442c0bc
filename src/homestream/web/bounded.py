"""uvicorn's HTTP/1.1 with bounds it lacks: how large a request's head may be, how long a peer may take.

Before a request's head is whole nobody has asked who sends it, so it must cost next to nothing.
"""

import asyncio
from collections.abc import Sequence
from typing import Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol, RequestResponseCycle

from homestream.door.listen import Places

#: Request line and headers; browsers send about 2 kB, other servers take 8 to 64 KiB.
MAX_HEAD = 64 << 10

#: Seconds for the head, from the connection or from its first byte, and for the body after it: 4 MiB at
#: 0.3 Mbit/s.
HEAD_S, BODY_S = 10.0, 120.0

#: Seconds that a peer may leave our answer unread.
UNREAD_S = 60.0


class BoundedHttp(HttpToolsProtocol):
    """One connection."""

    _in_head = True
    _head = 0
    _patience: asyncio.TimerHandle | None = None
    _unread: asyncio.TimerHandle | None = None
    _cycles: Sequence[RequestResponseCycle] = ()
    _address: str | None = None

    def __init__(self, *, places: Places, **given: Any) -> None:
        """`places` are shared by all connections; `given` is uvicorn's."""
        super().__init__(**given)
        self._places = places

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for the first request."""
        super().connection_made(transport)
        address = str((transport.get_extra_info("peername") or ("?",))[0])
        if not self._places.take(address):
            transport.abort()
            return
        self._address = address
        #: for the routes to see; `scope["state"]` is a copy of it
        self.app_state = {**self.app_state, "peercert": transport.get_extra_info("peercert")}
        self._wait(HEAD_S)

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait no more."""
        self._leave()
        self._wait(None)
        self._read()
        self._forget()
        super().connection_lost(exc)

    def pause_writing(self) -> None:
        """The peer does not read."""
        super().pause_writing()
        self._unread = self.loop.call_later(UNREAD_S, self._give_up)

    def resume_writing(self) -> None:
        """It does."""
        self._read()
        super().resume_writing()

    def shutdown(self) -> None:
        """Stopping waits for answers under way, but not for a peer that leaves its own unread."""
        super().shutdown()
        if self._unread is not None:
            self._give_up()

    def data_received(self, data: bytes) -> None:
        """Parse; 431 where that still leaves no whole head."""
        self._head += len(data)
        super().data_received(data)
        if self._in_head and self._head > MAX_HEAD and not self.transport.is_closing():
            self.transport.write(b"HTTP/1.1 431 \r\nconnection: close\r\ncontent-length: 0\r\n\r\n")
            self.transport.close()

    def handle_websocket_upgrade(self) -> None:
        """A WebSocket has its own patience, and MQTT in it its own places."""
        self._leave()
        self._wait(None)
        super().handle_websocket_upgrade()

    def on_message_begin(self) -> None:
        """The first bytes of a request."""
        super().on_message_begin()
        self._wait(HEAD_S)

    def on_headers_complete(self) -> None:
        """The body follows."""
        self._in_head, self._head = False, 0
        self._wait(BODY_S)
        super().on_headers_complete()
        if self.cycle is not None:
            under_way = [cycle for cycle in self._cycles if not cycle.response_complete]
            self._cycles = [*under_way, self.cycle]

    def on_message_complete(self) -> None:
        """The request is whole; the next one may follow."""
        self._in_head, self._head = True, 0
        self._wait(None)
        super().on_message_complete()

    def _leave(self) -> None:
        if self._address is not None:
            self._places.leave(self._address)
        self._address = None

    def _give_up(self) -> None:
        self._forget()  # aborting wakes who writes, and only then says that the connection is lost
        self.transport.abort()

    def _forget(self) -> None:
        """Nobody is there to read: uvicorn knows that of the newest request only, others follow in a row."""
        for cycle in self._cycles:
            cycle.disconnected = True

    def _read(self) -> None:
        if self._unread is not None:
            self._unread.cancel()
        self._unread = None

    def _wait(self, seconds: float | None) -> None:
        if self._patience is not None:
            self._patience.cancel()
        self._patience = None if seconds is None else self.loop.call_later(seconds, self.transport.close)
