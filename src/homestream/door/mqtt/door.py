"""The MQTT listener: who is connected, and the rooms of their homes.

What one turn of the loop reads, from all sockets of a home, becomes one append; one callback, after fsync,
writes all acknowledgements and sends the messages to whom they were not passed on at once. Homes are told
apart by who logged in; a topic never leaves its home. See `client` for one connection, `room` for one home.
"""

import asyncio
import ssl
from collections.abc import Callable, Container, Iterable, Mapping

from homestream import __version__
from homestream.door.listen import Places, listen
from homestream.door.login.acl import may_publish
from homestream.door.login.credentials import Credentials, Principal
from homestream.door.mqtt.client import Client
from homestream.door.mqtt.room import Room
from homestream.door.refusals import Refusals
from homestream.home import HomeConfig, duration_ms
from homestream.log.committer import Committer
from homestream.reading import Entry
from homestream.wire.exchange import Exchange
from homestream.wire.message import Message
from homestream.wire.reader import Topics
from homestream.wire.reasons import Reason
from homestream.wire.session import LIMITS, Limits

#: Seconds between looks for silent connections, sessions that are over, last wills that are due.
SWEEP = 1.0

#: Seconds between what we say of ourselves under `$SYS`.
ANNOUNCE = 10.0

#: Seconds in which clients may read our last words when we stop.
PARTING = 1.0

#: Topics remembered as allowed or not, for one principal.
MAX_REMEMBERED = 10_000


class Allowed(dict[str, bool]):
    """Topic -> whether a principal may publish it."""

    def __init__(self, principal: Principal | None) -> None:
        super().__init__()
        self._principal = principal

    def __missing__(self, topic: str) -> bool:
        if len(self) >= MAX_REMEMBERED:
            self.clear()
        self[topic] = self._principal is not None and may_publish(self._principal, topic)
        return self[topic]


def limits(config: HomeConfig) -> Limits:
    """What a session may hold, by the settings."""
    return LIMITS._replace(in_flight=config.door.max_inflight, queued_bytes=config.door.max_queued_bytes)


class MqttDoor:
    """Listens on `config.door.mqtt_port` between `start` and `stop`."""

    def __init__(
        self,
        config: HomeConfig,
        committer: Committer,
        credentials: Credentials,
        clock: Callable[[], int],
        exchanges: Mapping[str, Exchange] | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`clock`: milliseconds since 1970; `exchanges`: home -> what was before, see `sessions`.

        With `tls` it listens on `config.door.mqtts_port` too.
        """
        self.config = config
        self.committer = committer
        self.credentials = credentials
        self.clock = clock
        self._tls = tls
        self._places = Places(config.door)
        #: milliseconds for a peer to introduce itself
        self.patience = duration_ms(config.door.connect_timeout)
        self.topics = Topics(config.door.topic_depth)
        self.clients: set[Client] = set()
        self._rooms = {
            home: Room(home, exchange, committer, clock) for home, exchange in (exchanges or {}).items()
        }
        self._allowed: dict[Principal | None, Allowed] = {}
        self._refusals = Refusals(committer, clock)
        self._announced = 0.0

    async def start(self) -> None:
        """Listen; `HomestreamError` where the port is taken."""
        self.loop = asyncio.get_running_loop()
        self._started = self.loop.time()
        self._servers = await listen(self.config.door, self.client, self._tls)
        self._sweeper = self.loop.create_task(self._sweep())

    async def stop(self) -> None:
        """Take nothing more in, acknowledge what was taken, close. The committer must still be running."""
        for server in self._servers:
            server.close()
        self._sweeper.cancel()
        for client in self.clients:
            client.pause("stopping")
        for room in self._rooms.values():
            room.hand_over()
        await asyncio.gather(self.committer.append([]), return_exceptions=True)
        for client in list(self.clients):
            client.leave(Reason.SERVER_SHUTTING_DOWN, "the server stops")
        await asyncio.gather(self.committer.append([]), return_exceptions=True)
        until = self.loop.time() + PARTING
        while self.clients and self.loop.time() < until:
            await asyncio.sleep(0.01)
        for client in list(self.clients):
            client.drop()
        await self._refusals.close()

    @property
    def port(self) -> int:
        """The port listened on; differs from the configuration's where that is 0."""
        return self.ports[0]

    @property
    def ports(self) -> list[int]:
        """The plain port and, where there is a certificate, the one of TLS."""
        return [int(server.sockets[0].getsockname()[1]) for server in self._servers]

    def client(self) -> asyncio.Protocol:
        """The protocol of one more connection, for a transport of any kind, as a WebSocket's."""
        return Client(self)

    def part(self, users: Container[str]) -> None:
        """Close the connections of principals that are gone or no longer what they were."""
        for client in list(self.clients):
            if client.name in users:
                client.leave(Reason.NOT_AUTHORIZED, "who it is has changed")

    @property
    def exchanges(self) -> dict[str, Exchange]:
        """Home -> its exchange, for what outlives a restart."""
        return {home: room.exchange for home, room in self._rooms.items()}

    @property
    def connected(self) -> int:
        """Clients that are logged in."""
        return sum(len(room.present) for room in self._rooms.values())

    def publish(
        self, topic: str, payload: bytes, qos: int = 1, retain: bool = False, home: str | None = None
    ) -> int:
        """Send to the devices of one home that subscribed; how many they are. Not written to the log."""
        room = self.room(self.config.id if home is None else home)
        sessions = room.exchange.publish(Message(topic, payload, qos, retain), self.clock())
        room.flush(sessions)
        return len(sessions)

    def bridged(self, entries: Iterable[Entry]) -> None:
        """Send what a bridge brought, and what is in the log by now, to those here who subscribed."""
        for entry in entries:
            room = self.room(entry.home)
            room.flush(room.exchange.bridged(entry))

    # For its clients.

    def room(self, home: str) -> Room:
        """The traffic of one home."""
        if home not in self._rooms:
            self._rooms[home] = Room(home, Exchange(limits(self.config)), self.committer, self.clock)
        return self._rooms[home]

    def may_have(self, principal: Principal, client_id: str) -> bool:
        """Whether a client id is free for `principal`: no session of somebody else who still exists."""
        session = self.room(principal.home).exchange.sessions.get(client_id)
        return session is None or session.owner == principal.name or session.owner not in self.credentials

    def admit(self, client: Client, address: str) -> bool:
        """Whether a socket may stay."""
        if not self._places.take(address):
            return False
        self.clients.add(client)
        return True

    def dismiss(self, client: Client, address: str) -> None:
        """A socket is gone."""
        if client in self.clients:
            self.clients.discard(client)
            self._places.leave(address)

    def allowed(self, principal: Principal | None) -> Allowed:
        """What a principal may publish."""
        found = self._allowed.get(principal)
        if found is None:
            found = self._allowed[principal] = Allowed(principal)
        return found

    def refused(self, home: str, source: str, reason: str, evidence: bytes) -> None:
        """Write a refusal to the log; of a flood it is counted, see `refusals`."""
        self._refusals.note(home, source, reason, evidence)

    async def _sweep(self) -> None:
        while True:
            self._announce()
            await asyncio.sleep(SWEEP)
            for client in list(self.clients):
                client.tick()
            for room in list(self._rooms.values()):
                room.sweep()

    def _announce(self) -> None:
        now = self.loop.time()
        if now - self._announced < ANNOUNCE:
            return
        self._announced = now
        for room in self._rooms.values():
            for topic, value in {
                "version": f"homestream {__version__}",
                "uptime": f"{now - self._started:.0f} seconds",
                "clients/connected": len(room.present),
                "messages/received": room.received,
                "messages/stored": room.stored,
            }.items():
                room.announce(f"$SYS/broker/{topic}", str(value))
