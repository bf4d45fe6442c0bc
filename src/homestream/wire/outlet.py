"""What is on its way to one connected client: packets made for it, and not yet taken by the edge."""

from typing import Any

from homestream.wire.delivery import Delivery
from homestream.wire.packets import Ack, encode, publish
from homestream.wire.properties import NONE, Properties

#: Topics that we abbreviate for a 5.0 client that allows it, at most; it has to remember them.
MAX_ALIASES = 64


class Outlet:
    """Packets for one network connection of protocol `level`.

    `max_packet`: bytes of one the client takes, 0 = any; `aliases`: topics that may be abbreviated.
    """

    __slots__ = ("_aliases", "_free", "_max_packet", "_packets", "level", "size")

    def __init__(self, level: int, max_packet: int = 0, aliases: int = 0) -> None:
        self.level = level
        #: bytes not yet taken
        self.size = 0
        self._packets: list[bytes] = []
        self._max_packet = max_packet
        self._aliases: dict[str, int] = {}
        self._free = min(aliases, MAX_ALIASES)

    def publish(self, delivery: Delivery, now: int) -> bool:
        """Add a PUBLISH; False where the client does not take one so large. `now` in ms since 1970."""
        message, packet_id, qos, retain, _, _, again = delivery
        if self.level == 5:
            topic, properties = self._describe(delivery, now)
        else:
            topic, properties = message.topic, NONE
        packet = publish(
            topic,
            message.payload,
            qos,
            retain,
            dup=again,
            packet_id=packet_id,
            level=self.level,
            properties=properties,
        )
        if 0 < self._max_packet < len(packet):
            return False
        if self._free and message.topic not in self._aliases:
            self._aliases[message.topic] = len(self._aliases) + 1
            self._free -= 1
        self._add(packet)
        return True

    def acknowledge(self, ack: Ack) -> None:
        """Add an acknowledgement."""
        self._add(encode(ack, self.level))

    def take(self) -> bytes:
        """What was added, once."""
        if not self._packets:
            return b""
        out = b"".join(self._packets)
        self._packets.clear()
        self.size = 0
        return out

    def _describe(self, delivery: Delivery, now: int) -> tuple[str, Properties]:
        """Topic and properties of a PUBLISH as 5.0 has them."""
        message, identifiers = delivery.message, delivery.identifiers
        alias = self._aliases.get(message.topic, 0)
        fresh = len(self._aliases) + 1 if self._free and not alias else 0
        if not (message.properties or message.expires or identifiers or alias or fresh):
            return message.topic, NONE
        properties: dict[str, Any] = dict(message.properties)
        if message.expires:
            properties["message_expiry_interval"] = max(-(-(message.expires - now) // 1000), 1)
        if identifiers:
            properties["subscription_identifier"] = list(identifiers)
        if alias or fresh:
            properties["topic_alias"] = alias or fresh
        return "" if alias else message.topic, properties

    def _add(self, packet: bytes) -> None:
        self._packets.append(packet)
        self.size += len(packet)
