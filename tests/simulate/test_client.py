"""The simulator's MQTT client loses nothing: what was not acknowledged comes again, marked DUP."""

import asyncio
from dataclasses import dataclass, field

from homestream.simulate.client import WINDOW, Client
from homestream.wire import packets
from homestream.wire.packets import Connect
from homestream.wire.reader import Batch, Reader, Topics


@dataclass
class Server:
    """A broker that acknowledges from its `patient`th connection on; before, it hangs up after `most`."""

    patient: int
    most: int
    came: list[tuple[str, bool]] = field(default_factory=list)
    in_flight: int = 0
    connections: int = 0

    async def serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.connections += 1
        acknowledging = self.connections >= self.patient
        parser, here = Reader(Topics()), 0
        while data := await reader.read(4096):
            for packet in parser.feed(data):
                if isinstance(packet, Connect):
                    writer.write(packets.connack(0))
                elif isinstance(packet, Batch):
                    here += len(packet.topics)
                    self.in_flight = max(self.in_flight, here)
                    self.came += [(t, bool(h & 8)) for t, h in zip(packet.topics, packet.heads, strict=True)]
                    if acknowledging:
                        here = 0
                        writer.write(packet.acknowledgement())
            if not acknowledging and here >= self.most:
                break
        writer.close()


async def test_nothing_is_lost_when_the_server_hangs_up() -> None:
    server = Server(patient=3, most=10)
    async with await asyncio.start_server(server.serve, "127.0.0.1", 0) as listening:
        port = listening.sockets[0].getsockname()[1]
        client = Client("127.0.0.1", port, "test")
        await client.start()
        wanted = [f"t/{n}" for n in range(1000)]
        async with asyncio.timeout(20):
            await client.publish((topic, b"x", False) for topic in wanted)
            await client.drain()
        await client.stop()
    assert server.connections == 3
    assert {topic for topic, _ in server.came} == set(wanted)
    assert client.sent_again >= 10
    first: dict[str, bool] = {}
    for topic, dup in server.came:
        assert first.setdefault(topic, dup) is False or dup, "a message sent again says so"
    # the order in which they first came is the order in which they were given
    assert list(first) == wanted


async def test_no_more_than_the_window_is_in_flight() -> None:
    server = Server(patient=99, most=10**9)
    async with await asyncio.start_server(server.serve, "127.0.0.1", 0) as listening:
        client = Client("127.0.0.1", listening.sockets[0].getsockname()[1], "test")
        await client.start()
        sending = asyncio.create_task(client.publish((f"t/{n}", b"x", False) for n in range(2000)))
        while server.in_flight < WINDOW:
            await asyncio.sleep(0.01)
        await asyncio.sleep(0.05)
        assert server.in_flight == WINDOW
        assert not sending.done()
        sending.cancel()
        await client.stop()
