"""A bridge to an existing broker: its messages go into our log, our commands to its devices.

The broker gets its acknowledgement when a message is on our disk, and keeps our session while we are away, so
that neither a crash of ours nor a lost connection loses any. It goes on to those who subscribed at our own
door. Nothing that came from a broker, or from a client of ours, is sent to one: bridges make no loops. Who
bridges the same topics from that broker to our door as well would make one; one way is enough.
"""

import asyncio
import contextlib
import logging
import ssl
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path
from typing import Any

from homestream.errors import ConfigError, PeerError
from homestream.home_bridge import BridgeConfig
from homestream.log.committer import Committer
from homestream.log.sqlite import LogError
from homestream.reading import Entry, Kind
from homestream.wire.client import Client, Closed, Event, Granted, State, Welcome
from homestream.wire.packets import Connect
from homestream.wire.primitives import MalformedPacket, text
from homestream.wire.properties import NONE
from homestream.wire.reader import EVIDENCE, MAX_PACKET, MAX_REMEMBERED, Batch, Topics
from homestream.wire.reasons import Reason
from homestream.wire.topics import check_topic

#: Seconds; half of it without an answer, and a connection that only seems to be there is given up.
KEEP_ALIVE = 60

#: Seconds for which a 5.0 broker keeps our session and what it queues for us: a holiday with the plug out.
SESSION = 14 * 86_400

#: Seconds between attempts to connect: the first, growing by 2, the most.
BACK_OFF = 1.0
MAX_BACK_OFF = 60.0

#: Seconds that a connection must have held to count as good, so that the next attempt comes soon again.
STEADY = 30.0

#: Seconds for TCP and TLS to be there.
CONNECT = 15.0

#: Seconds after which a command is not delivered any more (5.0): longer than a command lives in the engine.
EXPIRY = 30

#: Bytes of one packet, as of cameras that publish pictures. What is above a log entry's size is refused in
#: the books, not by closing: before 5.0 a broker would send it again and again.
MAX_BRIDGED = 64 << 20

#: Bytes from one read of the socket; and seconds between looks at the clock.
READ = 1 << 16
BEAT = 1.0

_log = logging.getLogger(__name__)


class AnyTopics(Topics):
    """Topics as brokers let them pass; the door's finer rules are judged message by message."""

    def __missing__(self, raw: bytes) -> str:
        topic = text(raw)
        if not topic or "+" in topic or "#" in topic:
            raise MalformedPacket("topic is empty or has a wildcard")
        if len(self) >= MAX_REMEMBERED:
            self.clear()
        self[raw] = topic
        return topic


class Bridge:
    """One `[[bridge]]`. `start` it on the event loop; `stop` it before the committer."""

    def __init__(
        self,
        config: BridgeConfig,
        home: str,
        folder: Path,
        committer: Committer,
        clock: Callable[[], int],
        route: Callable[[Iterable[Entry]], None],
    ) -> None:
        """`folder`: where PEM files are; `clock`: ms since 1970; `route` takes what is in the log, with seq.

        `ConfigError` where a file cannot be read.
        """
        self.config = config
        self.connected = False
        #: since when it is as it is, ms; and what went wrong last, "" if nothing
        self.since = clock()
        self.error = ""
        self._home, self._source = home, f"bridge:{config.name}"
        self._committer, self._clock, self._route = committer, clock, route
        self._tls = _context(config, folder) if config.tls else None
        self._topics = AnyTopics()
        self._client: Client | None = None
        self._writer: asyncio.StreamWriter | None = None
        self._asked = False
        self._refused = False

    def start(self) -> None:
        """Begin to connect, and go on until `stop`."""
        self._loop = asyncio.get_running_loop()
        self._task = self._loop.create_task(self._run())

    async def stop(self) -> None:
        """Take nothing more in, acknowledge what was taken, close. The committer must still be running."""
        self._task.cancel()
        await asyncio.gather(self._task, return_exceptions=True)

    def publish(self, topic: str, payload: bytes, qos: int) -> bool:
        """Send a message to the broker's devices; False where it cannot go now."""
        sent = self._client is not None and self._client.publish(topic, payload, qos, EXPIRY, self._now())
        self._flush()
        return sent

    def status(self) -> dict[str, Any]:
        """For `homestream status`: name, connected, since (ms), error."""
        return {
            "name": self.config.name,
            "connected": self.connected,
            "since": self.since,
            "error": self.error,
        }

    async def _run(self) -> None:
        pause = BACK_OFF
        while True:
            begun = self._now()
            self._refused = False
            try:
                await self._connect()
            except (OSError, TimeoutError) as error:  # SSLError is an OSError
                self._tell(_reason(error))
            except Exception as bug:  # a mistake of ours; a bridge that ended for good would be the worse one
                self._tell(repr(bug))
                _log.exception("bridge %s", self.config.name)
            self._turn(False)
            if self._now() - begun > STEADY * 1000:
                pause = BACK_OFF
            await asyncio.sleep(MAX_BACK_OFF if self._refused else pause)
            pause = min(pause * 2, MAX_BACK_OFF)

    async def _connect(self) -> None:
        async with asyncio.timeout(CONNECT):
            reader, writer = await asyncio.open_connection(*self.config.where, ssl=self._tls)
        client = Client(self._hello(), self._topics, MAX_BRIDGED, self._now())
        self._client, self._writer = client, writer
        try:
            self._flush()
            await self._listen(reader, client)
        finally:
            await self._leave(client, writer)

    async def _listen(self, reader: asyncio.StreamReader, client: Client) -> None:
        """Read until one side closes."""
        while client.state is not State.CLOSED:
            try:
                async with asyncio.timeout(BEAT):
                    data = await reader.read(READ)
            except TimeoutError:
                self._handle(client, client.tick(self._now()))
                continue
            if not data:
                self._tell("the server closed the connection")
                return
            self._handle(client, client.receive(data, self._now()) + client.tick(self._now()))
            if self._committer.full:
                room = asyncio.Event()
                self._committer.when_room(room.set)
                await room.wait()

    async def _leave(self, client: Client, writer: asyncio.StreamWriter) -> None:
        """Acknowledge what is on its way to the disk, say goodbye, close."""
        try:
            with contextlib.suppress(LogError):
                await self._committer.append([])
        finally:  # also when we are stopped while we wait
            client.leave(Reason.SUCCESS, "")
            self._flush()
            self._client = self._writer = None
            writer.close()
        with contextlib.suppress(OSError):
            await writer.wait_closed()

    def _handle(self, client: Client, events: list[Event]) -> None:
        for event in events:
            match event:
                case Batch():
                    self._store(client, event)
                case Welcome(present):
                    self._turn(True)
                    if present and self._asked:
                        client.expect(self.config.topics)
                    else:
                        client.subscribe(self.config.topics)
                case Granted(refused):
                    self._asked = True
                    for name, why in refused:
                        self._tell(f"the broker does not let us have {name!r}: {why}")
                case Closed(reason, refused):
                    self._refused = refused
                    self._tell(reason)
        self._flush()

    def _store(self, client: Client, batch: Batch) -> None:
        now, entries = self._clock(), []
        for topic, payload, head in zip(batch.topics, batch.payloads, batch.heads, strict=True):
            kind = Kind.RETAINED if head & 1 else Kind.MESSAGE
            entry = Entry(0, kind, self._home, self._source, topic, payload, now)
            if why := _unfit(topic, payload):
                entry = entry._replace(kind=Kind.REFUSED, topic=why, payload=payload[:EVIDENCE])
            entries.append(entry)
        self._committer.append_nowait(entries, partial(self._stored, client, batch, entries))

    def _stored(self, client: Client, batch: Batch, entries: list[Entry], result: int | LogError) -> None:
        if isinstance(result, LogError):  # the broker keeps them, and sends them again to the next connection
            self._tell(f"not stored: {result}")
            client.leave(Reason.QUOTA_EXCEEDED, "not stored")
            return
        client.stored(batch)
        self._flush()
        numbered = (entry._replace(seq=seq) for seq, entry in enumerate(entries, result))
        self._route(entry for entry in numbered if entry.kind is not Kind.REFUSED)

    def _flush(self) -> None:
        if self._client is None or self._writer is None:
            return
        if (out := self._client.take()) and not self._writer.is_closing():
            self._writer.write(out)

    def _turn(self, connected: bool) -> None:
        if connected != self.connected:
            self.connected, self.since = connected, self._clock()
        if connected:
            self.error = ""

    def _tell(self, error: str) -> None:
        """Say what is wrong, once."""
        if error != self.error:
            self.error = error
            host, port = self.config.where
            _log.warning("bridge %s (%s:%d): %s", self.config.name, host, port, error)

    def _hello(self) -> Connect:
        config, five = self.config, self.config.version == "5"
        client_id = config.client_id or f"homestream-{self._home}-{config.name}"
        password = config.password.encode() if config.password else None
        ours = {"session_expiry_interval": SESSION, "maximum_packet_size": MAX_BRIDGED}
        level, properties = (5, ours) if five else (4, NONE)
        return Connect(client_id, False, KEEP_ALIVE, level, None, config.user or None, password, properties)

    def _now(self) -> int:
        return int(self._loop.time() * 1000)


def _unfit(topic: str, payload: bytes) -> str:
    """Why a message is not for the log; "" where it is."""
    try:
        check_topic(topic)
    except PeerError as error:
        return str(error)
    return f"message of {len(payload)} bytes, more than {MAX_PACKET}" if len(payload) > MAX_PACKET else ""


def _context(config: BridgeConfig, folder: Path) -> ssl.SSLContext:
    try:
        context = ssl.create_default_context(cafile=folder / config.ca if config.ca else None)
        if config.certificate:
            context.load_cert_chain(folder / config.certificate, folder / config.key)
    except OSError as error:  # SSLError is one
        names = ", ".join(name for name in (config.ca, config.certificate, config.key) if name)
        raise ConfigError(
            f"bridge {config.name}: {names}: {_reason(error)}; see ca, certificate and key in [[bridge]]"
        ) from None
    return context


def _reason(error: Exception) -> str:
    if isinstance(error, TimeoutError):
        return "no answer"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {error.verify_message}"
    if isinstance(error, ssl.SSLError):
        return f"TLS: {(error.reason or str(error)).replace('_', ' ').lower()}"
    return getattr(error, "strerror", None) or str(error)
