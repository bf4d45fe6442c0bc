"""What the listeners share: who comes in without a name, and what to say of a port that cannot be had."""

from collections.abc import Iterator
from contextlib import contextmanager

from homestream.door.credentials import ANONYMOUS, Principal
from homestream.errors import HomestreamError
from homestream.home import HomeConfig, is_loopback

__all__ = ["ANONYMOUS", "is_local", "nameless", "taken"]

is_local = is_loopback


def nameless(config: HomeConfig, address: str, *, tls: bool) -> Principal | None:
    """Whoever comes from IP `address` without a name, if `home.toml` lets them in at all."""
    door = config.door
    allowed = door.anonymous == "anywhere" or (door.anonymous and (tls or is_loopback(address)))
    return Principal(ANONYMOUS, config.id, "device") if allowed else None


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
