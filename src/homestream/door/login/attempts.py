"""How often a wrong password may be offered: counted per address and name, so that nobody locks out another.

Somebody who guesses from one address neither hinders the owner of the name elsewhere nor the other names at
the same address; names that nobody has share one count.
"""

import ipaddress

from homestream.errors import PeerError

#: Wrong passwords in `WINDOW_S` seconds, where the settings do not say.
MAX_ATTEMPTS = 10
WINDOW_S = 60.0

#: (address, name) pairs watched at once; the oldest is forgotten.
MAX_WATCHED = 10_000


class TooManyAttempts(PeerError):
    """Too many wrong passwords came from there; `str(error)` says to wait."""


class Attempts:
    """Wrong passwords of the last minute. `now` is any clock in seconds that does not jump."""

    def __init__(self, most: int = MAX_ATTEMPTS) -> None:
        """`most` in `WINDOW_S`."""
        self._most = most
        self._failures: dict[tuple[str, str], list[float]] = {}

    def begin(self, address: str, name: str, now: float) -> None:
        """Count an attempt before its password is looked at, so that many at once do not slip through."""
        watched = network(address), name
        failures = [at for at in self._failures.pop(watched, []) if now - at < WINDOW_S]
        tired = len(failures) >= self._most
        self._failures[watched] = failures if tired else [*failures, now]
        if len(self._failures) > MAX_WATCHED:
            del self._failures[next(iter(self._failures))]
        if tired:
            raise TooManyAttempts("too many wrong passwords; wait a minute")

    def good(self, address: str, name: str) -> None:
        """The password was right."""
        self._failures.pop((network(address), name), None)


def network(address: str) -> str:
    """An IPv4 address, or the /64 of an IPv6 one: whoever has one of those addresses has them all."""
    if ":" not in address:
        return address
    try:
        peer = ipaddress.IPv6Address(address.split("%", maxsplit=1)[0])
    except ValueError:
        return address
    return str(peer.ipv4_mapped or ipaddress.IPv6Network((peer, 64), strict=False))
