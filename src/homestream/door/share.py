"""What of a batch is its sender's, where its list of topics does not cover the path as a whole: row by row.

A row is judged as the MQTT message `home/DEVICE/METRIC` would be, so that one list holds at every door. The
rows that stay go to the log as a batch of their own; each other is a refusal, with its number and reason.
"""

from collections.abc import Iterator
from typing import NamedTuple

from homestream import dialects
from homestream.dialects.parts import joined, parts
from homestream.dialects.registry import Registry
from homestream.door.login.acl import may_publish
from homestream.door.login.credentials import Principal
from homestream.errors import PeerError
from homestream.home import HomeConfig
from homestream.reading import Entry


class NotAllowed(PeerError):
    """Nothing in a batch of so many `items` is its sender's to publish."""

    def __init__(self, reason: str, items: int) -> None:
        super().__init__(reason)
        self.items = items


class Share(NamedTuple):
    """A batch looked through: how many rows it had, those refused with their number from 0 and the reason,
    and what goes to the log: `payload`, and beside it the refusals that are not in it, with their evidence.
    """

    items: int
    refused: list[tuple[int, str]]
    payload: bytes
    beside: list[tuple[str, bytes]]


def look(config: HomeConfig, sender: Principal, entry: Entry, most: int) -> Share:
    """Which rows of a message of `api/…` will be refused, and why; `NotAllowed` where none is left for it.

    `TooMany` where there are more than `most`.
    """
    items, refused = dialects.look(config, entry, most)
    denied = [] if may_publish(sender, entry.topic) else list(_denied(config, sender, entry, items))
    if not denied:
        return Share(items, refused, entry.payload, [])
    refused = sorted(refused + denied)
    if len(refused) == items:
        raise NotAllowed(denied[0][1], items)
    try:
        texts = parts(entry.topic, entry.payload)
    except PeerError as error:
        raise NotAllowed(str(error), items) from None
    reasons = dict(refused)
    kept = [text for n, text in enumerate(texts) if n not in reasons]
    beside = [(f"row {n}: {reason}", texts[n]) for n, reason in refused]
    return Share(items, refused, joined(entry.topic, kept), beside)


def _denied(config: HomeConfig, sender: Principal, entry: Entry, items: int) -> Iterator[tuple[int, str]]:
    """The rows with a reading that is not its sender's to publish."""
    rows = dialects.decode(Registry(), config, entry._replace(items=items))
    for n, row in enumerate(rows):
        if isinstance(row, dialects.Refusal):
            continue
        topics = (f"home/{reading.device}/{reading.metric}" for reading in row)
        if (topic := next((one for one in topics if not may_publish(sender, one)), None)) is not None:
            yield n, f"{sender.name} may not publish {topic}"
