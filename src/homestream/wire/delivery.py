"""A message for one client."""

from typing import NamedTuple

from homestream.wire.message import Message


class Delivery(NamedTuple):
    """`group` is the shared filter it came by, `again` that it may have been sent before."""

    message: Message
    packet_id: int
    qos: int
    retain: bool = False
    identifiers: tuple[int, ...] = ()
    group: str = ""
    again: bool = False
