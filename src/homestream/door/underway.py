"""Bytes of requests under way: of each sender, and of all, only so many at once."""

from collections.abc import Callable, Iterator
from contextlib import contextmanager

from homestream.errors import PeerError

#: Of one sender: four of the largest bodies. Of all: what a small machine can spare.
MAX_SHARE, MAX_ALL = 16 << 20, 64 << 20


class Busy(PeerError):
    """Too much is under way; a second later there is room again."""


class UnderWay:
    """How much is held, and for whom."""

    def __init__(self) -> None:
        self._shares: dict[str, int] = {}
        self._all = 0

    @contextmanager
    def of(self, sender: str) -> Iterator[Callable[[int], None]]:
        """Within it, call what it gives with each count of bytes more; `Busy` where they are too many."""
        held = 0

        def hold(count: int) -> None:
            nonlocal held
            held += count
            self._all += count
            self._shares[sender] = self._shares.get(sender, 0) + count
            if self._shares[sender] > MAX_SHARE or self._all > MAX_ALL:
                raise Busy("too much is under way; send it again in a second")

        try:
            yield hold
        finally:
            self._all -= held
            self._shares[sender] = self._shares.get(sender, 0) - held
            if not self._shares[sender]:
                del self._shares[sender]
