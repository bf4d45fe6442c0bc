"""What the log holds of sessions beside the messages: records, whose fold is the state of an `Exchange`.

A record is a log entry of kind SESSION: topic = its tag, payload = msgpack. Only what must outlive a restart
is recorded, see docs/decisions/mqtt-sessions.md.
"""

from collections.abc import Mapping
from typing import Any

import msgspec

from homestream.wire.subscriptions import Options


class Record(msgspec.Struct, frozen=True, array_like=True):
    """Of one client's session."""

    client: str


class LastWill(msgspec.Struct, frozen=True, array_like=True):
    """A last will of `source`: `head` is the first byte of its PUBLISH; `delay` in seconds."""

    source: str
    topic: str
    payload: bytes
    head: int
    properties: Mapping[str, Any]
    delay: int


class Opened(Record, frozen=True, array_like=True, tag="opened"):
    """A client has come in: its session begins, or goes on unless `fresh`; `expiry` in seconds.

    `owner`: the principal it logged in as.
    """

    fresh: bool
    expiry: int
    owner: str = ""
    will: LastWill | None = None


class Left(Record, frozen=True, array_like=True, tag="left"):
    """Its connection ended; the session goes on for `expiry` seconds, `will` is due before."""

    expiry: int
    will: LastWill | None = None


class Willed(Record, frozen=True, array_like=True, tag="willed"):
    """Its last will was published."""


class Ended(Record, frozen=True, array_like=True, tag="ended"):
    """Its session is over."""


class Subscribed(Record, frozen=True, array_like=True, tag="subscribed"):
    """Filters, each with its options."""

    filters: list[tuple[str, Options]]


class Unsubscribed(Record, frozen=True, array_like=True, tag="unsubscribed"):
    """Filters no longer wanted."""

    filters: list[str]


class Routed(Record, frozen=True, array_like=True, tag="routed"):
    """How to route the messages that follow in the log, where that is not QoS 1 and nothing else.

    `head`: the first byte of their PUBLISH packets; `rows`: place among them -> first byte and properties of
    one that has others. `received`: their QoS 2 packet ids.
    """

    count: int
    head: int
    rows: dict[int, tuple[int, Mapping[str, Any]]]
    received: list[bytes]


class Released(Record, frozen=True, array_like=True, tag="released"):
    """QoS 2 from the client: its PUBREL came, the packet id is free."""

    packet_id: bytes


class Got(Record, frozen=True, array_like=True, tag="got"):
    """QoS 1 and 2 to the client: by shared filter ("" = its own) the seqs of what it acknowledged since.

    `holds`: all QoS 2 packet ids of which it has the message and only the PUBCOMP is due.
    """

    seqs: dict[str, list[int]]
    holds: list[int]


AnyRecord = Opened | Left | Willed | Ended | Subscribed | Unsubscribed | Routed | Released | Got

#: `properties.NONE` is a mapping, but no dict.
_encoder = msgspec.msgpack.Encoder(enc_hook=dict)
_decoder: msgspec.msgpack.Decoder[AnyRecord] = msgspec.msgpack.Decoder(AnyRecord)


def tag(record: AnyRecord) -> str:
    """What kind of record it is, in a word."""
    return str(type(record).__struct_config__.tag)


def encode(record: AnyRecord) -> bytes:
    """The payload of its log entry."""
    return _encoder.encode(record)


def decode(payload: bytes) -> AnyRecord:
    """The inverse; `msgspec.DecodeError` where it is none."""
    return _decoder.decode(payload)
