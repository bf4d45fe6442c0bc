"""What the listeners share: who counts as local, and what to say of a port that cannot be had."""

import ipaddress
from collections.abc import Iterator
from contextlib import contextmanager

from homestream.errors import HomestreamError

#: The name of a device that came without one, where `home.toml` allows it.
ANONYMOUS = "anonymous"


def is_local(address: str) -> bool:
    """Whether a peer is on this machine, by its IP address."""
    try:
        peer = ipaddress.ip_address(address.split("%", maxsplit=1)[0])
    except ValueError:
        return False
    mapped = getattr(peer, "ipv4_mapped", None)
    return (mapped or peer).is_loopback


@contextmanager
def taken(setting: str, host: str, port: int) -> Iterator[None]:
    """Turn a failed bind into one line that says which `[door]` setting to change."""
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise HomestreamError(
            f"cannot listen on {host}:{port} ({reason}); set another {setting} under [door] in home.toml"
        ) from None
