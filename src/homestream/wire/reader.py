"""A byte stream -> packets. The hot path: one loop over a whole received buffer, no object per byte.

A run of PUBLISH packets of QoS 0 and 1 becomes one `Batch` of columns, so that what follows (log entries,
acknowledgements) is made by C loops over lists too. Any split of the same stream gives the same packets.
"""

from dataclasses import dataclass, field
from typing import NamedTuple

from homestream.wire import properties as props
from homestream.wire.decode import decode
from homestream.wire.packets import AUTH, CONNECT, PUBACK, PUBREC, Connect, Packet
from homestream.wire.primitives import MalformedPacket, text, varint
from homestream.wire.properties import Properties
from homestream.wire.reasons import Reason
from homestream.wire.topics import MAX_LEVELS, check_topic, depth

#: A packet of more is refused unread. 1 MiB is far above any device's and small enough for thousands.
MAX_PACKET = 1 << 20

#: How much of what broke the protocol is kept to look at.
EVIDENCE = 4096

#: Of CONNECT and AUTH only what comes before their strings, some of which are secrets.
CONNECT_EVIDENCE = 12

#: Topics remembered decoded and checked; at most 1,024 characters each.
MAX_REMEMBERED = 10_000

#: Longer properties, bytes, are not kept to be recognised: every connection keeps its own.
MAX_REPEATED = 256

PUBACK_HEAD = bytes((PUBACK << 4, 2))
PUBREC_HEAD = bytes((PUBREC << 4, 2))

#: First bytes of PUBLISH packets whose message is to be retained.
RETAINING = frozenset(range(0x31, 0x40, 2))


class Violation(NamedTuple):
    """The stream broke the protocol here and is dead: why, its first bytes from there, a `Reason` for 5.0."""

    reason: str
    data: bytes
    code: int = Reason.MALFORMED_PACKET


@dataclass(slots=True)
class Batch:
    """A run of PUBLISH packets as columns. `heads` are their first bytes (QoS, retain).

    `ids` are the packet ids, two bytes each as on the wire, of those that want an acknowledgement, which
    `ack` begins: PUBACK for QoS 1, PUBREC for QoS 2 (then the batch holds that packet alone). `properties`
    has those of a row, by its index, where it has any; topic aliases are resolved already. `held`: nobody
    gets it before it is on disk, see `Exchange.arrived`.
    """

    topics: list[str] = field(default_factory=list)
    payloads: list[bytes] = field(default_factory=list)
    heads: list[int] = field(default_factory=list)
    ids: list[bytes] = field(default_factory=list)
    ack: bytes = PUBACK_HEAD
    properties: dict[int, Properties] = field(default_factory=dict)
    level: int = 4
    held: bool = False

    def acknowledgement(self) -> bytes:
        """All its PUBACK or PUBREC packets, in order."""
        return self.ack + self.ack.join(self.ids) if self.ids else b""


class Topics(dict[bytes, str]):
    """Topic bytes -> checked topic. Share one between connections: the devices of a home repeat theirs."""

    def __init__(self, levels: int = MAX_LEVELS) -> None:
        """`levels` that a topic may have."""
        super().__init__()
        self.levels = levels

    def __missing__(self, raw: bytes) -> str:
        if not raw:
            raise MalformedPacket("topic is empty", Reason.PROTOCOL_ERROR)
        topic = text(raw)
        check_topic(topic, MalformedPacket)
        if depth(topic) > self.levels:
            raise MalformedPacket(f"topic of more than {self.levels} levels", Reason.TOPIC_NAME_INVALID)
        if len(self) >= MAX_REMEMBERED:
            self.clear()
        self[raw] = topic
        return topic


class Reader:
    """Takes what was received, returns the packets that are complete.

    A server's reader learns the protocol level from the CONNECT it reads; with `level` it is a client's, and
    reads what servers send. `level` is 0 until known. `aliases` is the topic alias maximum we told the peer.
    """

    def __init__(
        self, topics: Topics, max_packet: int = MAX_PACKET, *, level: int = 0, aliases: int = 0
    ) -> None:
        self.level = level
        self.max_packet = max_packet
        self._topics = topics
        self._server = not level
        self._max_aliases = aliases
        self._aliases: dict[int, bytes] = {}
        #: the properties that a PUBLISH had last, as bytes and decoded: most devices repeat theirs
        self._block = b"\0"
        self._found: Properties = props.NONE
        self._rest = bytearray()
        self._need = 0
        self._dead = False

    def feed(self, data: bytes) -> list[Packet | Batch | Violation]:
        """Packets in order; a `Violation`, if any, comes last, and nothing comes after it."""
        if self._dead:
            return []
        if self._rest:
            # Gather until the packet is whole: a megabyte sent byte by byte is not copied a million times.
            self._rest += data
            if len(self._rest) < self._need:
                return []
            data = bytes(self._rest)
            self._rest.clear()
        if not self.level and data and data[0] >> 4 != CONNECT:
            self._dead = True
            return [Violation("first packet is not CONNECT", data[:EVIDENCE], Reason.PROTOCOL_ERROR)]
        return self._split(data)

    def _split(self, data: bytes) -> list[Packet | Batch | Violation]:
        found: list[Packet | Batch | Violation] = []
        names = self._topics
        batch: Batch | None = None
        topics: list[str]
        payloads: list[bytes]
        heads: list[int]
        ids: list[bytes]
        pos, size, five = 0, len(data), self.level == 5
        self._need = 0
        try:
            while size - pos >= 2:
                head, length, body = data[pos], data[pos + 1], pos + 2
                if length > 127:
                    length, body = self._length(data, pos, size)
                    if not body:
                        break
                end = body + length
                if end > size:
                    self._need = end - pos
                    break
                if head & 0xF0 != 0x30:
                    batch = None
                    found.append(self._decode(head, data[body:end]))
                    five = self.level == 5
                    pos = end
                    continue
                if batch is None or head & 4:
                    if head & 6 == 6:
                        raise MalformedPacket("PUBLISH of QoS 3")
                    topics, payloads, heads, ids = [], [], [], []
                    ack = PUBREC_HEAD if head & 4 else PUBACK_HEAD
                    batch = Batch(topics, payloads, heads, ids, ack, {}, self.level)
                    found.append(batch)
                after = body + 2
                middle = after + (data[body] << 8 | data[body + 1])
                if middle > end:
                    raise MalformedPacket("packet ends too early")
                name = data[after:middle]
                if head & 6:
                    after = middle + 2
                    packet_id = data[middle:after]
                    if after > end or packet_id == b"\0\0":
                        raise MalformedPacket("PUBLISH without a packet id")
                    ids.append(packet_id)
                else:
                    after = middle
                    if head & 8:
                        raise MalformedPacket("PUBLISH of QoS 0 marked as a duplicate")
                if five:
                    if data[after]:
                        found_here, after, name = self._properties(data, after, end, name)
                        if found_here:
                            batch.properties[len(topics)] = found_here
                    else:
                        after += 1
                    if after > end:
                        raise MalformedPacket("packet ends too early")
                topics.append(names[name])
                payloads.append(data[after:end])
                heads.append(head)
                if head & 4:
                    batch = None
                pos = end
        except (MalformedPacket, IndexError) as error:
            self._dead = True
            reason = str(error) if isinstance(error, MalformedPacket) else "packet ends too early"
            if batch is not None:  # what there is of the broken packet goes
                batch.properties.pop(len(batch.topics), None)
                del batch.ids[sum(head & 6 != 0 for head in batch.heads) :]
            found = [one for one in found if not isinstance(one, Batch) or one.topics]
            kept = CONNECT_EVIDENCE if data[pos] >> 4 in (CONNECT, AUTH) else EVIDENCE
            code = error.code if isinstance(error, MalformedPacket) else Reason.MALFORMED_PACKET
            found.append(Violation(reason, data[pos : pos + kept], code))
            return found
        if pos < size:
            self._rest += data[pos:] if pos else data
        return found

    def _decode(self, head: int, body: bytes) -> Packet:
        if self._server and not self.level and body[:6] == b"\0\4MQTT":
            self.level = 5 if body[6:7] == b"\5" else 4  # even if the rest is wrong: it shapes the answer
        packet = decode(head, body, self.level, server=self._server)
        if isinstance(packet, Connect):
            self.level = packet.level
        return packet

    def _properties(self, data: bytes, pos: int, end: int, name: bytes) -> tuple[Properties, int, bytes]:
        """A PUBLISH's properties, where they end, and the topic: its own, or the one its alias stands for."""
        length, digits = varint(data[pos : min(pos + 4, end)], 0)
        after = pos + digits + length
        if after > end:
            raise MalformedPacket("properties end too early")
        block = data[pos:after]
        if block == self._block:
            found = self._found
        else:
            found, _ = props.decode(block, 0, props.IN_PUBLISH)
            if length <= MAX_REPEATED:
                self._block, self._found = block, found
        if self._server and "subscription_identifier" in found:
            raise MalformedPacket("a client may send no subscription identifier", Reason.PROTOCOL_ERROR)
        if "topic_alias" in found:
            found = dict(found)
            alias = found.pop("topic_alias")
            if not 0 < alias <= self._max_aliases:
                raise MalformedPacket(f"topic alias {alias} is out of range", Reason.TOPIC_ALIAS_INVALID)
            if name:
                self._aliases[alias] = name
            elif alias in self._aliases:
                name = self._aliases[alias]
            else:
                raise MalformedPacket(f"topic alias {alias} is unknown", Reason.PROTOCOL_ERROR)
        return found, after, name

    def _length(self, data: bytes, pos: int, size: int) -> tuple[int, int]:
        """A remaining length of two to four bytes and where the body starts; (0, 0) while incomplete."""
        length = shift = 0
        for at in range(pos + 1, min(pos + 5, size)):
            length |= (data[at] & 127) << shift
            shift += 7
            if data[at] < 128:
                if length > self.max_packet:
                    raise MalformedPacket(
                        f"packet of {length} bytes, more than {self.max_packet}", Reason.PACKET_TOO_LARGE
                    )
                return length, at + 1
        if size >= pos + 5:
            raise MalformedPacket("packet length has more than four bytes")
        return 0, 0
