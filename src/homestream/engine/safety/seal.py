"""The hash chain of the security log: each entry carries the hash of the one before and its own."""

import hashlib
from collections.abc import Iterable

import msgspec

from homestream.engine.fact import Security, encode


def seal(entry: Security, previous: str) -> Security:
    """`entry` chained to the entry whose hash is `previous` ("" for the first of a home)."""
    bare = msgspec.structs.replace(entry, previous=previous, hash="")
    return msgspec.structs.replace(bare, hash=_hash(bare))


def verify(entries: Iterable[Security]) -> int | None:
    """The index of the first entry that was altered, or that follows one removed; None where all are whole.

    `entries` are those of one home, in the order written. The first may be any: a log kept for a year
    begins somewhere.
    """
    previous = None
    for index, entry in enumerate(entries):
        if previous is not None and entry.previous != previous:
            return index
        if entry.hash != _hash(msgspec.structs.replace(entry, hash="")):
            return index
        previous = entry.hash
    return None


def _hash(bare: Security) -> str:
    return hashlib.sha256(bare.previous.encode() + encode(bare)).hexdigest()
