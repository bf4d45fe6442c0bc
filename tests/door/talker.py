"""A client of either version for whole conversations: it acknowledges what it hears, and remembers it."""

import asyncio
from collections.abc import Awaitable, Callable
from contextlib import suppress
from typing import Any, NamedTuple

from tests.door.conftest import Doors, Peer

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
    Ping,
    Pong,
    Suback,
    Subscribe,
    Unsuback,
    Unsubscribe,
    encode,
    publish,
)
from homestream.wire.reader import Batch, Reader, Topics

Join = Callable[..., Awaitable[Peer]]


class Heard(NamedTuple):
    """One message, as it came."""

    topic: str
    payload: bytes
    qos: int
    retain: bool
    dup: bool
    properties: dict[str, Any]


class Talker:
    """`connack` is how it was welcomed. With `answers` off it acknowledges nothing."""

    connack: Connack

    def __init__(self, peer: Peer, level: int) -> None:
        self.peer, self.level, self.answers = peer, level, True
        self._reader = Reader(Topics(), level=level, aliases=10)
        self._packets: list[Any] = []
        self._heard: list[Heard] = []
        self._last_id = 0

    @classmethod
    async def come(
        cls, join: Join, doors: Doors, name: str, level: int, *, clean: bool = True, **more: Any
    ) -> "Talker":
        """Connected, whatever the answer; `keep` (seconds) and what else CONNECT takes."""
        connect = Connect(name, clean, more.pop("keep", 60), level, **more)
        talker = cls(await join(doors, connect), level)
        talker.connack = await talker.until(Connack)
        return talker

    async def until(self, kind: type | int) -> Any:
        """The next packet of a type, or Ack of a kind; messages on the way are taken note of."""
        while True:
            while not self._packets:
                data = await asyncio.wait_for(self.peer.reader.read(65_536), 5)
                assert data, "closed"
                self._packets += self._reader.feed(data)
            packet = self._packets.pop(0)
            if isinstance(packet, Batch):
                self._take(packet)
            elif isinstance(packet, Ack) and packet.kind == PUBREL:
                self.send(Ack(PUBCOMP, packet.packet_id))
            elif packet.kind == kind if isinstance(packet, Ack) else isinstance(packet, kind):  # type: ignore[arg-type]
                return packet

    def send(self, packet: Any) -> None:
        self.peer.send(encode(packet, self.level))

    async def subscribe(self, *filters: Filter, **properties: Any) -> tuple[int, ...]:
        self.send(Subscribe(1, filters, properties))
        codes: tuple[int, ...] = (await self.until(Suback)).codes
        return codes

    async def unsubscribe(self, *names: str) -> None:
        self.send(Unsubscribe(1, names, {}))
        await self.until(Unsuback)

    async def say(
        self, topic: str, payload: bytes = b"", qos: int = 1, *, retain: bool = False, **properties: Any
    ) -> None:
        """Publish, and wait until it is acknowledged; QoS 0 is not."""
        self._last_id += 1
        said = {"packet_id": self._last_id, "level": self.level, "properties": properties}
        self.peer.send(publish(topic, payload, qos, retain, **said))
        if qos == 1:
            await self.until(PUBACK)
        elif qos == 2:
            await self.until(PUBREC)
            self.send(Ack(PUBREL, self._last_id))
            await self.until(PUBCOMP)

    async def heard(self, count: int) -> list[Heard]:
        """So many messages, and none more until a ping is answered."""
        end = asyncio.get_running_loop().time() + 5
        while True:
            self.send(Ping())
            await self.until(Pong)
            if len(self._heard) >= count:
                break
            assert asyncio.get_running_loop().time() < end, self._heard
            await asyncio.sleep(0.01)
        heard, self._heard = self._heard, []
        assert len(heard) == count, heard
        return heard

    async def leave(self, **properties: Any) -> None:
        """Say goodbye; whatever was on its way is not looked at."""
        self.send(Disconnect(0, properties))
        with suppress(ConnectionResetError):
            await asyncio.wait_for(self.peer.reader.read(), 5)
        await self.peer.close()

    async def turned_out(self, code: int) -> None:
        """Closed by the door; with DISCONNECT and its code where the version has that."""
        if self.level == 5:
            assert (await self.until(Disconnect)).code == code
        await self.peer.closed()

    def lose(self) -> None:
        """Gone without a word."""
        self.peer.writer.transport.abort()

    def _take(self, batch: Batch) -> None:
        ids = iter(batch.ids)
        for n, (topic, payload, head) in enumerate(
            zip(batch.topics, batch.payloads, batch.heads, strict=True)
        ):
            qos = head >> 1 & 3
            properties = dict(batch.properties.get(n, {}))
            self._heard.append(Heard(topic, payload, qos, bool(head & 1), bool(head & 8), properties))
            if qos and self.answers:
                self.send(Ack(PUBACK if qos == 1 else PUBREC, int.from_bytes(next(ids))))
