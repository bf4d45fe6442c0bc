"""What outlives a network connection: subscriptions, what is in flight to the client, what waits for it.

A message for the client becomes a `Delivery`, which keeps its packet id until it is done with:

```
           window open                 PUBACK
  queue ----------------> in flight ------------> done
    ^                        |  PUBREC             ^
    '-- connection lost -----'-------> released ---'
                                        PUBCOMP
```
"""

from collections import deque
from collections.abc import Iterable
from typing import NamedTuple

from homestream.wire.delivery import Delivery
from homestream.wire.journal import Got
from homestream.wire.message import Message
from homestream.wire.outlet import Outlet
from homestream.wire.packets import PUBREL, Ack
from homestream.wire.subscriptions import Options

#: Packet ids of what the log holds count in the lower half, in the order of the log: after a crash they
#: come out the same, so that a QoS 2 message sent again is known to the client. All others are in the upper.
HALF = 32_767


class Limits(NamedTuple):
    """What a session may hold.

    `in_flight`: sent and not yet acknowledged by the client; more would flood a small device.
    `queued`, `queued_bytes`: what waits for a slow or absent client. A full queue gives up its oldest QoS 0
    message, else the new one.
    `unsent`: bytes made for the client and not yet taken by the edge, as when a subscription brings all
    retained messages. Beyond it messages queue.
    `subscriptions`: filters of one client; a hub of hubs needs dozens.
    """

    in_flight: int = 20
    queued: int = 1_000
    queued_bytes: int = 1 << 20
    unsent: int = 8 << 20
    subscriptions: int = 1_000


LIMITS = Limits()

#: Acknowledgements that may go unrecorded: a crash brings so many messages again, and in a replay so many
#: more seem to wait.
UNRECORDED = 250


class Session:
    """One client's state. `dropped` counts messages it never got; `expiry`: how long it outlives the
    connection, in seconds. Times are ms since 1970."""

    __slots__ = (
        "_held",
        "_ids",
        "_in_flight",
        "_limits",
        "_numbers",
        "_outlet",
        "_queue",
        "_queued_bytes",
        "_released",
        "_seqs",
        "_window",
        "client_id",
        "dropped",
        "expiry",
        "lasting",
        "owner",
        "received",
        "replayed",
        "resumed",
        "subscriptions",
        "unrecorded",
    )

    def __init__(self, client_id: str, expiry: int = 0, limits: Limits = LIMITS) -> None:
        self.client_id = client_id
        self.expiry = expiry
        #: it was to outlive its first connection; so what it gets waits for the disk, all its life
        self.lasting = expiry > 0
        #: the principal that its client logged in as
        self.owner = ""
        self.subscriptions: dict[str, Options] = {}
        #: QoS 2 packet ids stored, whose PUBREL has not come
        self.received: set[bytes] = set()
        self.dropped = 0
        #: the client that came last was told that we remember it
        self.resumed = False
        #: the log is being read again, from a time when the client was there
        self.replayed = False
        #: acknowledgements of the client that the log does not know of
        self.unrecorded = 0
        #: group -> seqs of what it has acknowledged since `got`
        self._seqs: dict[str, list[int]] = {}
        self._limits = limits
        #: packet ids of all that is in flight, released or queued
        self._ids: set[int] = set()
        self._in_flight: dict[int, Delivery] = {}
        self._released: dict[int, None] = {}
        self._queue: deque[Delivery] = deque()
        self._queued_bytes = 0
        self._outlet: Outlet | None = None
        self._held = False
        self._numbers = [0, HALF]
        self._window = limits.in_flight

    def connect(self, outlet: Outlet, window: int) -> None:
        """A network connection is there: send again what it never acknowledged, then what waited.

        `window`: messages it takes unacknowledged.
        """
        self._outlet, self._held, self.replayed = outlet, False, False
        self._window = min(window, self._limits.in_flight)
        for packet_id in self._released:
            outlet.acknowledge(Ack(PUBREL, packet_id))

    def disconnect(self) -> None:
        """The network connection is gone; QoS 0 does not wait for the next."""
        waiting = self.waiting()
        if self.replayed:  # it was there; what of this was sent before the crash nobody knows
            waiting = [delivery._replace(again=True) for delivery in waiting]
        self._outlet, self.replayed = None, False
        self._in_flight.clear()
        self._replace(waiting)

    @property
    def level(self) -> int:
        """Of the protocol that the client speaks; 0 while it is away."""
        return self._outlet.level if self._outlet is not None else 0

    @property
    def ready(self) -> bool:
        """Whether a message would leave at once."""
        return not self._queue and self._may_send(1)

    def hold(self) -> None:
        """The peer reads slower than we send: queue from now on."""
        self._held = True

    def release(self) -> None:
        """The peer caught up."""
        self._held = False

    def deliver(
        self,
        message: Message,
        qos: int,
        now: int,
        *,
        retain: bool = False,
        identifiers: tuple[int, ...] = (),
        group: str = "",
    ) -> None:
        """Send a message now, or queue it, or drop it."""
        if qos:
            packet_id = self._number(lower=bool(message.seq) and not group)
        elif self._outlet is not None:
            packet_id = 0
        else:
            self.dropped += 1
            return
        delivery = Delivery(message, packet_id, qos, retain, identifiers, group)
        if not self._queue and self._may_send(qos):
            self._send(delivery, now)
        else:
            self._enqueue(delivery)

    def acknowledged(self, packet_id: int) -> None:
        """The client is done with a message: PUBACK, PUBCOMP, or a PUBREC that says no."""
        delivery = self._in_flight.pop(packet_id, None)
        if delivery is not None:
            self._note(delivery)
            self._ids.discard(packet_id)
        elif packet_id in self._released:
            del self._released[packet_id]
            self._ids.discard(packet_id)
            self.unrecorded += 1

    @property
    def mute(self) -> bool:
        """Whether a filter of it leaves out its own messages."""
        return any(options.no_local for options in self.subscriptions.values())

    def got(self) -> Got:
        """A record of what the client acknowledged since the last."""
        record = Got(self.client_id, self._seqs, list(self._released))
        self._seqs, self.unrecorded = {}, 0
        return record

    def has(self, packet_id: int) -> bool:
        """PUBREC: the client has a QoS 2 message; from now on only its PUBREL is due. False: no such one."""
        delivery = self._in_flight.pop(packet_id, None)
        if delivery is not None:
            self._note(delivery)
            self._released[packet_id] = None
        return packet_id in self._released

    def forget(self, seqs: set[int], group: str = "") -> None:
        """Drop what was acknowledged before a crash."""
        self._replace(d for d in self._queue if d.group != group or d.message.seq not in seqs)

    def holds(self, released: Iterable[int]) -> None:
        """The client had the messages of these QoS 2 ids before a crash, and of no others."""
        self._released = dict.fromkeys(released)
        self._ids.update(self._released)

    def unshared(self) -> list[Delivery]:
        """What it was to get of shared subscriptions and has not acknowledged, for others to get."""
        return [d for d in (*self._in_flight.values(), *self._queue) if d.group and d.qos]

    def withdraw(self, group: str) -> list[Delivery]:
        """It left a shared subscription: what it was not sent of it yet, for others to get."""
        left = [d for d in self._queue if d.group == group and d.qos]
        self._replace(d for d in self._queue if d.group != group)
        return left

    def waiting(self) -> list[Delivery]:
        """All that it has not acknowledged, in order, as it will be sent again."""
        return [
            *(d._replace(again=True) for d in self._in_flight.values()),
            *(d for d in self._queue if d.qos),
        ]

    @property
    def released(self) -> list[int]:
        """QoS 2 ids that the client has; their PUBCOMP is due."""
        return list(self._released)

    @property
    def numbers(self) -> list[int]:
        """The last packet ids given, of the lower and the upper half."""
        return list(self._numbers)

    def restore(self, waiting: Iterable[Delivery], released: Iterable[int], numbers: list[int]) -> None:
        """Put back what `waiting`, `released` and `numbers` told."""
        self._replace(waiting)
        self.holds(released)
        self._numbers = list(numbers)

    @property
    def has_more(self) -> bool:
        """Whether `take` may have something."""
        return bool(self._queue) or (self._outlet is not None and self._outlet.size > 0)

    def take(self, now: int) -> bytes:
        """Bytes to send now, once; there may be more, so ask until there are none."""
        if self._outlet is None:
            return b""
        self._send_queued(now)
        return self._outlet.take()

    def _may_send(self, qos: int) -> bool:
        if self._outlet is None or self._held or self._outlet.size > self._limits.unsent:
            return False
        return not qos or len(self._in_flight) + len(self._released) < self._window

    def _send(self, delivery: Delivery, now: int) -> None:
        assert self._outlet is not None, "nothing is sent to who is away"
        if (delivery.message.gone(now) and not delivery.again) or not self._outlet.publish(delivery, now):
            self._drop(delivery)
        elif delivery.qos:
            self._in_flight[delivery.packet_id] = delivery

    def _send_queued(self, now: int) -> None:
        while self._queue and self._may_send(self._queue[0].qos):
            delivery = self._queue.popleft()
            self._queued_bytes -= delivery.message.size()
            self._send(delivery, now)

    def _enqueue(self, delivery: Delivery) -> None:
        size = delivery.message.size()
        more = UNRECORDED if self.replayed else 0
        most, most_bytes = self._limits.queued + more, self._limits.queued_bytes << (more > 0)
        while len(self._queue) >= most or self._queued_bytes + size > most_bytes:
            self.dropped += 1
            oldest = next((n for n, d in enumerate(self._queue) if not d.qos), None)
            if oldest is None:
                self._ids.discard(delivery.packet_id)
                return
            self._queued_bytes -= self._queue[oldest].message.size()
            del self._queue[oldest]
        self._queue.append(delivery)
        self._queued_bytes += size

    def _drop(self, delivery: Delivery) -> None:
        self.dropped += 1
        self._ids.discard(delivery.packet_id)
        self._note(delivery)

    def _replace(self, queue: Iterable[Delivery]) -> None:
        self._queue = deque(queue)
        self._queued_bytes = sum(delivery.message.size() for delivery in self._queue)
        self._ids = {d.packet_id for d in self._queue if d.qos}.union(self._in_flight, self._released)

    def _number(self, *, lower: bool) -> int:
        """The next packet id that is free in one half."""
        base = 0 if lower else HALF
        packet_id = self._numbers[not lower]
        for _ in range(HALF):
            packet_id = (packet_id - base) % HALF + base + 1
            if packet_id not in self._ids:
                break
        self._numbers[not lower] = packet_id
        self._ids.add(packet_id)
        return packet_id

    def _note(self, delivery: Delivery) -> None:
        """To be recorded, where a restart would otherwise bring it again."""
        if self.expiry and delivery.message.seq and delivery.qos:
            self._seqs.setdefault(delivery.group, []).append(delivery.message.seq)
            self.unrecorded += 1
