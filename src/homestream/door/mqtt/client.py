"""One MQTT connection: a socket on one side, `wire.Connection` and a `Member` of its home on the other.

It works over any asyncio transport: TCP, TLS, or a WebSocket's.
"""

import asyncio
import secrets
from functools import partial
from typing import TYPE_CHECKING, cast

from homestream.door.listen import without_password
from homestream.door.login.attempts import TooManyAttempts
from homestream.door.login.credentials import Principal
from homestream.door.mqtt.member import Member
from homestream.wire.connection import (
    Closed,
    Connection,
    Event,
    Held,
    Login,
    Released,
    State,
    Unwanted,
    Wanted,
)
from homestream.wire.packets import Connect
from homestream.wire.reader import Batch
from homestream.wire.reasons import Reason
from homestream.wire.session import UNRECORDED
from homestream.wire.topics import depth

if TYPE_CHECKING:
    from homestream.door.mqtt.door import MqttDoor

#: Bytes written to a peer that does not read, before its subscriptions queue, and before we stop reading.
HIGH_WATER = 256 << 10
MAX_UNREAD = 1 << 20

#: Seconds that a closed connection may take to read our last bytes, while what it sends is read and ignored.
LINGER = 5.0


class Client(asyncio.Protocol):
    """One socket."""

    __slots__ = (
        "_address",
        "_connection",
        "_door",
        "_lingering",
        "_member",
        "_pauses",
        "_slow",
        "_task",
        "_time",
        "_transport",
        "name",
    )

    def __init__(self, door: "MqttDoor") -> None:
        limits = door.config.door
        self._door = door
        self._time = door.loop.time
        self._connection = Connection(
            self._time() * 1000, door.topics, limits.max_packet, limits.max_inflight, door.patience
        )
        self._member: Member | None = None
        #: the principal's name, once known
        self.name = ""
        #: why we do not read
        self._pauses: set[str] = set()
        #: the peer reads slower than we write
        self._slow = False
        self._task: asyncio.Task[None] | None = None
        self._lingering: asyncio.TimerHandle | None = None

    # What the transport calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A socket is there."""
        self._transport = cast(asyncio.Transport, transport)
        self._address = str((transport.get_extra_info("peername") or ("?",))[0])
        if not self._door.admit(self, self._address):
            self._connection.leave(Reason.QUOTA_EXCEEDED, "too many connections")
            self._transport.abort()
            return
        self._transport.set_write_buffer_limits(high=HIGH_WATER)

    def data_received(self, data: bytes) -> None:
        """Bytes came."""
        connection = self._connection
        events = connection.receive(data, self._time() * 1000)
        if len(events) == 1 and isinstance(events[0], Batch):
            self._store(events[0])  # most often: messages, and nothing to answer before they are on disk
        else:
            if events or connection.has_more:
                self.handle(events)
            session = connection.session
            if session is not None and session.unrecorded >= UNRECORDED and self._member is not None:
                self._member.room.acknowledge(session)
        if self._slow and self._transport.get_write_buffer_size() > MAX_UNREAD:
            self.pause("unread")

    def pause_writing(self) -> None:
        """The peer reads slower than we write."""
        self._slow = True
        if self._connection.session is not None:
            self._connection.session.hold()

    def resume_writing(self) -> None:
        """The peer caught up."""
        self._slow = False
        if self._connection.session is not None and self._connection.state is State.OPEN:
            self._connection.session.release()
        self._resume("unread")
        self.flush()

    def connection_lost(self, exc: Exception | None) -> None:
        """The socket is gone."""
        self.handle(self._connection.eof())
        self._door.dismiss(self, self._address)
        if self._lingering is not None:
            self._lingering.cancel()

    # What the door calls.

    def flush(self) -> None:
        """Send what there is to send."""
        connection, transport = self._connection, self._transport
        while connection.has_more and not transport.is_closing():
            out = connection.take(self._door.clock())
            if not out:
                break
            transport.write(out)  # may call pause_writing, and then nothing more is taken

    def tick(self) -> None:
        """Close what has been silent too long."""
        if "log" not in self._pauses:  # then it is we who do not listen
            self.handle(self._connection.tick(self._time() * 1000))

    def leave(self, code: Reason, reason: str, *, will: bool = False) -> None:
        """Close from our side; see `Connection.leave`."""
        self.handle(self._connection.leave(code, reason, will=will))

    def drop(self) -> None:
        """Close the socket whatever the peer does."""
        self._transport.abort()

    def pause(self, why: str) -> None:
        """Read no more until that reason is gone."""
        self._pauses.add(why)
        if not self._transport.is_closing():
            self._transport.pause_reading()

    def handle(self, events: list[Event]) -> None:
        """Do what the connection's events say, then send what there is to send."""
        for event in events:
            if isinstance(event, Login):
                self._login(event.connect)
            elif isinstance(event, Closed):
                self._close(event)
            elif isinstance(event, Batch):
                self._store(event)
            else:
                assert self._member is not None, "the others are events of an open connection"
                self._serve(self._member, event)
        self.flush()

    # The rest is its own.

    def _store(self, batch: Batch) -> None:
        assert self._member is not None, "only an open connection brings messages"
        self._member.store(batch)
        committer = self._door.committer
        if committer.full and "log" not in self._pauses:
            self.pause("log")
            committer.when_room(partial(self._resume, "log"))

    def _serve(self, member: Member, event: Event) -> None:
        match event:
            case Wanted():
                member.subscribe(event)
            case Unwanted():
                member.unsubscribe(event)
            case Released(packet_id):
                member.release(packet_id)
            case Held(packet_id):
                member.hold(packet_id)

    def _resume(self, why: str) -> None:
        self._pauses.discard(why)
        if not self._pauses and not self._transport.is_closing():
            self._transport.resume_reading()

    def _login(self, connect: Connect) -> None:
        door = self._door
        shown = without_password(door.config, door.credentials, self._transport, connect.user)
        if shown is not None or connect.user is None:
            self._decide(connect, shown)
            return
        password = (connect.password or b"").decode(errors="surrogateescape")
        known = door.credentials.cached(connect.user, password)
        if known is not None:
            self._decide(connect, known)
            return
        self.pause("login")
        self._task = door.loop.create_task(self._verify(connect, connect.user, password))

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
            code = Reason.NOT_AUTHORIZED if connect.user is None else Reason.BAD_USER_NAME_OR_PASSWORD
            self.handle(self._connection.refuse(code))
            return
        door, room = self._door, self._door.room(principal.home)
        nameless = not connect.client_id and connect.level < 5 and (not connect.clean or connect.level == 3)
        if nameless or not door.may_have(principal, connect.client_id):
            self.handle(self._connection.refuse(Reason.CLIENT_IDENTIFIER_NOT_VALID))
            return
        if connect.will is not None and depth(connect.will.topic) > door.topics.levels:
            self.handle(self._connection.refuse(Reason.TOPIC_NAME_INVALID))
            return
        self.name = principal.name
        assigned = "" if connect.client_id else f"auto-{secrets.token_hex(8)}"
        self._member = Member(
            connect.client_id or assigned,
            principal,
            room,
            self._connection,
            self,
            door.allowed(principal),
            door.refused,
            door.topics.levels,
        )
        self._member.enter(connect, assigned, self._entered)
        if self._connection.state is State.DECIDING:
            self.pause("session")

    def _entered(self, events: list[Event]) -> None:
        self.handle(events)
        self._resume("session")

    def _close(self, closed: Closed) -> None:
        member = self._member
        if closed.violation is not None:
            home = self._door.config.id if member is None else member.room.home
            source = f"mqtt:{self._address}" if member is None else member.source
            self._door.refused(home, source, closed.reason, closed.violation)
        if member is not None:
            member.go(closed)
        self.flush()
        if closed.ours and not self._transport.is_closing() and self._transport.can_write_eof():
            self._transport.write_eof()
            self._transport.resume_reading()
        else:
            self._transport.close()
        self._lingering = self._door.loop.call_later(LINGER, self._transport.abort)
