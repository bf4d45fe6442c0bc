"""A message on its way from who published it to who subscribed."""

from typing import NamedTuple

from homestream.wire.properties import NONE, Properties

#: Properties that travel with a message (MQTT 5.0, section 3.3.2.3); its expiry travels as a time.
FORWARDED = (
    "payload_format_indicator",
    "content_type",
    "response_topic",
    "correlation_data",
    "user_property",
)

#: What one queued message costs beside its bytes.
OVERHEAD = 200


class Message(NamedTuple):
    """As it was published. `expires` in ms since 1970, 0 = never; `seq` in the log, 0 = not in it."""

    topic: str
    payload: bytes
    qos: int
    retain: bool = False
    properties: Properties = NONE
    expires: int = 0
    seq: int = 0

    def gone(self, now: int) -> bool:
        """Whether it has expired."""
        return 0 < self.expires <= now

    def size(self) -> int:
        """Bytes it takes while it waits, about."""
        return OVERHEAD + len(self.topic) + len(self.payload)


def message(
    topic: str, payload: bytes, head: int, properties: Properties = NONE, now: int = 0, seq: int = 0
) -> Message:
    """A message from the parts of its PUBLISH packet, `head` being the first byte, that came at `now`."""
    if not properties:
        return Message(topic, payload, head >> 1 & 3, bool(head & 1), NONE, 0, seq)
    lasts = properties.get("message_expiry_interval")
    kept = {name: properties[name] for name in FORWARDED if name in properties}
    expires = 0 if lasts is None else max(now + lasts * 1000, 1)
    return Message(topic, payload, head >> 1 & 3, bool(head & 1), kept or NONE, expires, seq)
