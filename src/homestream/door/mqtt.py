"""The MQTT listener: sockets on one side, `wire.Connection` and the committer on the other.

One read of a socket becomes one append of all its messages; one callback, after fsync, writes all their
acknowledgements at once and routes them to subscribers. Homes are told apart by who logged in; a topic
never leaves its home.
"""

import asyncio
import secrets
import ssl
from collections.abc import Callable, Container, Iterable, Mapping
from functools import partial
from itertools import count, repeat
from typing import cast

from homestream.door.credentials import Credentials, Principal, TooManyAttempts
from homestream.door.listen import Places, listen, without_password
from homestream.home import HomeConfig
from homestream.log.committer import Committer
from homestream.log.sqlite import LogError
from homestream.reading import Entry, Kind
from homestream.wire import packets
from homestream.wire.connection import Closed, Connection, Event, Login, State, Subscribed, Unsubscribed
from homestream.wire.exchange import Exchange, Retained
from homestream.wire.packets import Connect
from homestream.wire.reader import MAX_PACKET, Batch, Topics
from homestream.wire.session import Session

#: Bytes written to a peer that does not read, before its subscriptions queue, and before we stop reading.
HIGH_WATER = 256 << 10
MAX_UNREAD = 1 << 20

#: Seconds that a closed connection may take to read our last bytes.
LINGER = 5.0

#: Broken packets written to the log a minute: a stranger shall not fill the disk. More are only closed.
MAX_REFUSALS = 600

#: Seconds between looks for silent connections.
SWEEP = 1.0

#: An Entry from one iterable without a Python frame each.
_entry = cast(Callable[[tuple[object, ...]], Entry], partial(tuple.__new__, Entry))


class MqttDoor:
    """Listens on `config.door.mqtt_port` between `start` and `stop`."""

    def __init__(
        self,
        config: HomeConfig,
        committer: Committer,
        credentials: Credentials,
        clock: Callable[[], int],
        retained: Mapping[str, Retained] | None = None,
        tls: ssl.SSLContext | None = None,
    ) -> None:
        """`clock`: milliseconds since 1970; `retained` (home -> topic -> payload, QoS): from before.

        With `tls` it listens on `config.door.mqtts_port` too.
        """
        self.config = config
        self.committer = committer
        self.credentials = credentials
        self.clock = clock
        self.places = Places(config.door)
        self.topics = Topics()
        self.clients: set[_Client] = set()
        #: (home, client id) -> the connection that has the session
        self.present: dict[tuple[str, str], _Client] = {}
        self._exchanges = {home: Exchange(topics) for home, topics in (retained or {}).items()}
        self._tls = tls
        self._refusals = 0
        self._refusals_since = 0.0

    async def start(self) -> None:
        """Listen; `HomestreamError` where the port is taken."""
        self.loop = asyncio.get_running_loop()
        self._servers = await listen(self.config.door, self.client, self._tls)
        self._sweeper = self.loop.create_task(self._sweep())

    async def stop(self) -> None:
        """Take nothing more in, acknowledge what was taken, close. The committer must still be running."""
        for server in self._servers:
            server.close()
        self._sweeper.cancel()
        for client in self.clients:
            client.pause("stopping")
        await asyncio.gather(self.committer.append([]), return_exceptions=True)
        for client in list(self.clients):
            client.leave("the server stops")

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
        return _Client(self)

    def part(self, names: Container[str]) -> None:
        """Close the connections of principals that are gone or no longer what they were."""
        for client in list(self.clients):
            if client.name in names:
                client.leave("who it is has changed")

    @property
    def retained(self) -> dict[str, Retained]:
        """Home -> topic -> (payload, QoS), as they stand."""
        return {home: exchange.retained for home, exchange in self._exchanges.items()}

    def publish(
        self, topic: str, payload: bytes, qos: int = 1, retain: bool = False, home: str | None = None
    ) -> int:
        """Send to the devices of one home that subscribed; how many they are. Not written to the log."""
        home = self.config.id if home is None else home
        sessions = self.exchange(home).publish(topic, payload, qos, retain)
        self.flush(home, sessions)
        return len(sessions)

    def exchange(self, home: str) -> Exchange:
        """The routes of one home."""
        return self._exchanges.setdefault(home, Exchange())

    def flush(self, home: str, sessions: Iterable[Session]) -> None:
        """Send what sessions have to send, where their clients are there."""
        for session in sessions:
            if (client := self.present.get((home, session.client_id))) is not None:
                client.flush()

    def refused(self, entry: Entry) -> None:
        """Write a refusal to the log, if there are not too many."""
        now = self.loop.time()
        if now - self._refusals_since > 60.0:
            self._refusals, self._refusals_since = 0, now
        self._refusals += 1
        if self._refusals <= MAX_REFUSALS:
            self.committer.append_nowait([entry], lambda _: None)

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP)
            for client in list(self.clients):
                client.tick()


class _Client(asyncio.Protocol):
    """One socket."""

    def __init__(self, door: MqttDoor) -> None:
        self._door = door
        self._connection = Connection(self._now(), door.topics, MAX_PACKET)
        self._pauses: set[str] = set()
        self._home = door.config.id
        self._source = "mqtt:?"
        #: the principal's, once it is in
        self.name: str | None = None
        self._task: asyncio.Task[None] | None = None
        self._lingering: asyncio.TimerHandle | None = None

    # What the transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport = cast(asyncio.Transport, transport)
        self._address = str((transport.get_extra_info("peername") or ("?",))[0])
        self._source = f"mqtt:{self._address}"
        if not self._door.places.take(self._address):
            self._connection.leave("too many connections")
            self._transport.abort()
            return
        self._transport.set_write_buffer_limits(high=HIGH_WATER)
        self._door.clients.add(self)

    def data_received(self, data: bytes) -> None:
        self._handle(self._connection.receive(data, self._now()))
        if self._transport.get_write_buffer_size() > MAX_UNREAD:
            self.pause("unread")

    def pause_writing(self) -> None:
        if self._connection.session is not None:
            self._connection.session.hold()

    def resume_writing(self) -> None:
        if self._connection.session is not None and self._connection.state is State.OPEN:
            self._connection.session.release()
        self._resume("unread")
        self.flush()

    def connection_lost(self, exc: Exception | None) -> None:
        self.lost()
        if self in self._door.clients:
            self._door.clients.discard(self)
            self._door.places.leave(self._address)
        if self._lingering is not None:
            self._lingering.cancel()

    # What the door calls.

    def flush(self) -> None:
        while (out := self._connection.take()) and not self._transport.is_closing():
            self._transport.write(out)  # may call pause_writing, and then nothing more is taken

    def tick(self) -> None:
        if "log" not in self._pauses:  # then it is we who do not listen
            self._handle(self._connection.tick(self._now()))

    def lost(self) -> None:
        self._handle(self._connection.eof())

    def leave(self, reason: str) -> None:
        self._handle(self._connection.leave(reason))

    def pause(self, why: str) -> None:
        self._pauses.add(why)
        if not self._transport.is_closing():
            self._transport.pause_reading()

    # The rest is its own.

    def _resume(self, why: str) -> None:
        self._pauses.discard(why)
        if not self._pauses and not self._transport.is_closing():
            self._transport.resume_reading()

    def _now(self) -> int:
        return int(self._door.loop.time() * 1000)

    def _handle(self, events: list[Event]) -> None:
        for event in events:
            match event:
                case Batch():
                    self._store(event)
                case Login(connect):
                    self._login(connect)
                case Subscribed(filters):
                    self._door.exchange(self._home).subscribe(self._session, filters)
                case Unsubscribed(filters):
                    self._door.exchange(self._home).unsubscribe(self._session, filters)
                case Closed():
                    self._close(event)
        self.flush()

    @property
    def _session(self) -> Session:
        assert self._connection.session is not None, "events of an open connection have a session"
        return self._connection.session

    def _store(self, batch: Batch) -> None:
        committer = self._door.committer
        rows = zip(
            count(committer.next_seq),
            repeat(Kind.MESSAGE),
            repeat(self._home),
            repeat(self._source),
            batch.topics,
            batch.payloads,
            repeat(self._door.clock()),
            repeat(1),
            strict=False,
        )
        committer.append_nowait(list(map(_entry, rows)), partial(self._committed, batch))
        if committer.full and "log" not in self._pauses:
            self.pause("log")
            committer.when_room(partial(self._resume, "log"))

    def _committed(self, batch: Batch, result: int | LogError) -> None:
        if isinstance(result, LogError):
            self._handle(self._connection.lost(batch))
            return
        self._connection.stored(batch)
        self.flush()
        self._door.flush(self._home, self._door.exchange(self._home).route(batch))

    def _login(self, connect: Connect) -> None:
        door = self._door
        shown = without_password(door.config, door.credentials, self._transport, connect.user)
        if shown is not None or connect.user is None:
            self._decide(connect, shown)
            return
        password = (connect.password or b"").decode(errors="surrogateescape")
        known = self._door.credentials.cached(connect.user, password)
        if known is not None:
            self._decide(connect, known)
            return
        self.pause("login")
        self._task = self._door.loop.create_task(self._verify(connect, connect.user, password))

    async def _verify(self, connect: Connect, user: str, password: str) -> None:
        try:
            principal = await self._door.credentials.check(user, password, self._address)
        except TooManyAttempts:
            principal = None
        self._decide(connect, principal)
        self._resume("login")

    def _decide(self, connect: Connect, principal: Principal | None) -> None:
        if self._connection.state is not State.DECIDING:
            return  # it left while we were looking
        if principal is None:
            code = packets.NOT_AUTHORISED if connect.user is None else packets.BAD_LOGIN
            self._handle([self._connection.refuse(code)])
            return
        if not connect.client_id and (not connect.clean or connect.level == 3):
            self._handle([self._connection.refuse(packets.BAD_CLIENT_ID)])
            return
        client_id = connect.client_id or f"auto-{secrets.token_hex(8)}"
        self.name, self._home, self._source = principal.name, principal.home, f"mqtt:{principal.name}"
        if (before := self._door.present.get((self._home, client_id))) is not None:
            before.lost()
        session, present = self._door.exchange(self._home).open(client_id, connect.clean)
        self._door.present[self._home, client_id] = self
        self._handle(self._connection.accept(session, present, connect))

    def _close(self, closed: Closed) -> None:
        session = self._connection.session
        if session is not None:
            del self._door.present[self._home, session.client_id]
            self._door.exchange(self._home).close(session)
        if closed.violation is not None:
            arrived = self._door.clock()
            self._door.refused(
                Entry(0, Kind.REFUSED, self._home, self._source, closed.reason, closed.violation, arrived)
            )
        if closed.will is not None:
            will = closed.will
            self._store(Batch([will.topic], [will.payload], [0x30 | will.qos << 1 | will.retain]))
        self.flush()
        self._transport.close()
        self._lingering = self._door.loop.call_later(LINGER, self._transport.abort)
