"""What outlives a network connection: subscriptions, what is in flight to the client, what waits for it.

QoS 1 is the most a session sends; a subscription asking for 2 is granted 1 (MQTT 3.1.1, section 3.9.3).
"""

from collections import deque
from typing import NamedTuple

from homestream.wire.packets import publish

#: PUBLISH packets sent and not yet acknowledged by the client; more would flood a small device.
WINDOW = 20

#: What waits for a slow or absent client. A full queue gives up its oldest QoS 0 message, else the new one.
MAX_QUEUED = 1_000
MAX_QUEUED_BYTES = 1 << 20

#: Made for the client and not yet taken by the edge: what one call may add up to, as when a subscription
#: brings all retained messages. Beyond it messages queue.
MAX_UNSENT_BYTES = 8 << 20

#: QoS 1 is the most we send.
MAX_QOS = 1

#: Filters of one client; a hub of hubs needs dozens.
MAX_SUBSCRIPTIONS = 1_000

#: In a SUBACK: this filter was not taken.
FAILED = 128


class _Waiting(NamedTuple):
    topic: str
    payload: bytes
    qos: int
    retain: bool


class Session:
    """One client's state. `dropped` counts messages it never got."""

    def __init__(self, client_id: str, clean: bool) -> None:
        self.client_id = client_id
        self.clean = clean
        self.subscriptions: dict[str, int] = {}
        #: QoS 2 packet ids stored, whose PUBREL has not come
        self.received: set[bytes] = set()
        self.dropped = 0
        self._in_flight: dict[int, _Waiting] = {}
        self._queue: deque[_Waiting] = deque()
        self._queued_bytes = 0
        self._out: list[bytes] = []
        self._out_bytes = 0
        self._connected = False
        self._held = False
        self._last_id = 0

    def connect(self) -> None:
        """A network connection is there: send again what it never acknowledged, then what waited."""
        self._connected, self._held = True, False
        for packet_id, message in self._in_flight.items():
            self._emit(publish(*message, dup=True, packet_id=packet_id))
        self._send_queued()

    def disconnect(self) -> None:
        """The network connection is gone; QoS 0 does not wait for the next."""
        self._connected = False
        self._out, self._out_bytes = [], 0
        self._queue = deque(m for m in self._queue if m.qos)
        self._queued_bytes = sum(len(m.payload) for m in self._queue)

    def hold(self) -> None:
        """The peer reads slower than we send: queue from now on."""
        self._held = True

    def release(self) -> None:
        """The peer caught up."""
        self._held = False
        self._send_queued()

    def subscribe(self, wanted: tuple[tuple[str, int], ...]) -> list[tuple[str, int]]:
        """Take filters; each with the QoS granted, or `FAILED`."""
        granted = []
        for name, qos in wanted:
            if name in self.subscriptions or len(self.subscriptions) < MAX_SUBSCRIPTIONS:
                self.subscriptions[name] = min(qos, MAX_QOS)
                granted.append((name, min(qos, MAX_QOS)))
            else:
                granted.append((name, FAILED))
        return granted

    def deliver(self, topic: str, payload: bytes, qos: int, retain: bool = False) -> None:
        """Send a message now, or queue it, or drop it; `qos` 0 or 1."""
        message = _Waiting(topic, payload, qos, retain)
        if not self._queue and self._may_send(message):
            self._send(message)
            return
        if qos or self._connected:
            self._enqueue(message)
        else:
            self.dropped += 1

    def acknowledged(self, packet_id: int) -> None:
        """The client has a QoS 1 message; one that waits may follow."""
        if self._in_flight.pop(packet_id, None) is not None:
            self._send_queued()

    def take(self) -> bytes:
        """Bytes to send now, once; there may be more, so ask until there are none."""
        out = b"".join(self._out)
        self._out, self._out_bytes = [], 0
        self._send_queued()
        return out

    def _may_send(self, message: _Waiting) -> bool:
        if not self._connected or self._held or self._out_bytes > MAX_UNSENT_BYTES:
            return False
        return not message.qos or len(self._in_flight) < WINDOW

    def _send(self, message: _Waiting) -> None:
        if not message.qos:
            self._emit(publish(*message))
            return
        packet_id = self._last_id
        while packet_id == self._last_id or packet_id in self._in_flight:
            packet_id = packet_id % 65_535 + 1
        self._last_id = packet_id
        self._in_flight[packet_id] = message
        self._emit(publish(*message, packet_id=packet_id))

    def _emit(self, packet: bytes) -> None:
        self._out.append(packet)
        self._out_bytes += len(packet)

    def _send_queued(self) -> None:
        while self._queue and self._may_send(self._queue[0]):
            message = self._queue.popleft()
            self._queued_bytes -= len(message.payload)
            self._send(message)

    def _enqueue(self, message: _Waiting) -> None:
        while len(self._queue) >= MAX_QUEUED or self._queued_bytes + len(message.payload) > MAX_QUEUED_BYTES:
            self.dropped += 1
            oldest = next((n for n, m in enumerate(self._queue) if not m.qos), None)
            if oldest is None:
                return
            self._queued_bytes -= len(self._queue[oldest].payload)
            del self._queue[oldest]
        self._queue.append(message)
        self._queued_bytes += len(message.payload)
