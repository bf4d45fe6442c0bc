"""A batch of `api/…` cut into its items, and made anew of some of them: for who may send only those."""

from collections.abc import Iterable

from homestream.dialects import influx, line, rows, senml
from homestream.errors import PeerError


def parts(topic: str, payload: bytes) -> list[bytes]:
    """Each item by itself, in their order; `PeerError` where the payload as a whole is no such batch."""
    if topic.startswith(line.PREFIX):
        return influx.parts(payload)
    try:
        return senml.parts(payload) if topic == senml.TOPIC else rows.parts(payload)
    except (TypeError, ValueError, RecursionError):  # of what CBOR and nesting allow, JSON cannot say all
        raise PeerError("its rows cannot be told apart") from None


def joined(topic: str, some: Iterable[bytes]) -> bytes:
    """A payload of those of `parts` that were understood; each is read from it as it was before."""
    return b"[%b]" % b",".join(some) if topic == senml.TOPIC else b"\n".join(some)
