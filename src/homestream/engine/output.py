"""What a run of entries makes: the engine's only way out."""

from dataclasses import dataclass, field
from typing import NamedTuple

from homestream.engine.fact import AnyFact
from homestream.reading import Entry, Reading

#: A reading that was new: the seq of its entry, the reading, whether it was late (below the watermark), and
#: whether it corrects an older one. A bare tuple, since there is one for every reading.
Stored = tuple[int, Reading, bool, bool]


class Rejected(NamedTuple):
    """One item that was refused; `row` counts from 0 within its message."""

    seq: int
    home: str
    source: str
    topic: str
    row: int
    reason: str
    payload: bytes
    arrived: int


@dataclass
class Output:
    """Readings, facts and rejections of one `apply`, each in the order of their entries."""

    readings: list[Stored] = field(default_factory=list)
    facts: list[tuple[int, AnyFact]] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)


@dataclass
class Account:
    """The books of one (home, source); received = stored + duplicate + rejected, late among the stored."""

    received: int = 0
    stored: int = 0
    duplicate: int = 0
    rejected: int = 0
    late: int = 0


#: So much of a refused message is kept with its reason.
KEPT = 4096


def rejected(entry: Entry, row: int, reason: str) -> Rejected:
    """The record of one refused item of an entry."""
    seq, _, home, source, topic, payload, arrived, _ = entry
    return Rejected(seq, home, source, topic, row, reason, payload[:KEPT], arrived)
