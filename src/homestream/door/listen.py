"""What the listeners share: where they listen, how many may come, and who comes in without a password."""

import asyncio
import socket
import ssl
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from homestream.door.login.attempts import network
from homestream.door.login.credentials import ANONYMOUS, Credentials, Principal
from homestream.door.tls import common_name
from homestream.errors import HomestreamError
from homestream.home import DoorConfig, HomeConfig, duration_ms, is_loopback

__all__ = [
    "ANONYMOUS",
    "Places",
    "http_listeners",
    "listen",
    "nameless",
    "taken",
    "without_password",
]

#: Connections the kernel holds for us while we are busy: a house whose power returns calls all at once.
BACKLOG = 1024


class Places:
    """Connections at once: in all, and from one address, so that one machine cannot take them all."""

    def __init__(self, door: DoorConfig) -> None:
        """All free."""
        self._all, self._each = door.max_connections, door.max_per_address
        self._taken: Counter[str] = Counter()
        self._total = 0

    def take(self, address: str) -> bool:
        """Whether there is room for one more from `address`; then it holds a place until `leave`."""
        peer = network(address)
        if self._total >= self._all or self._taken[peer] >= self._each:
            return False
        self._total += 1
        self._taken[peer] += 1
        return True

    def leave(self, address: str) -> None:
        """One that took a place has gone."""
        peer = network(address)
        self._total -= 1
        self._taken[peer] -= 1
        if not self._taken[peer]:
            del self._taken[peer]


def without_password(
    config: HomeConfig, credentials: Credentials, transport: asyncio.BaseTransport, user: str | None
) -> Principal | None:
    """Whoever a connection shows itself to be: by its certificate, or nameless where that is allowed.

    None: ask for the password of `user`. A page of another site, in a browser on this machine, is not of
    this machine.
    """
    shown = common_name(transport.get_extra_info("peercert"))
    if shown is not None and shown in credentials and user in (None, shown):
        return credentials[shown]
    if user is not None or transport.get_extra_info("foreign"):
        return None
    address = str((transport.get_extra_info("peername") or ("?",))[0])
    return nameless(config, address, tls=transport.get_extra_info("sslcontext") is not None)


def nameless(config: HomeConfig, address: str, *, tls: bool) -> Principal | None:
    """Whoever comes from IP `address` without a name, if `home.toml` lets them in at all."""
    door = config.door
    allowed = door.anonymous == "anywhere" or (door.anonymous and (tls or is_loopback(address)))
    return Principal(ANONYMOUS, config.id, "device") if allowed else None


async def listen(
    door: DoorConfig, factory: Callable[[], asyncio.Protocol], tls: ssl.SSLContext | None
) -> list[asyncio.Server]:
    """MQTT on `mqtt_port`, and on `mqtts_port` where there is a certificate; `HomestreamError` if taken."""
    loop = asyncio.get_running_loop()
    with taken("mqtt_port", door.host, door.mqtt_port):
        servers = [await loop.create_server(factory, door.host, door.mqtt_port, backlog=BACKLOG)]
    if tls is not None:
        host, patience = door.tls_host or door.host, duration_ms(door.connect_timeout) / 1000
        with taken("mqtts_port", host, door.mqtts_port):
            servers.append(
                await loop.create_server(
                    factory,
                    host,
                    door.mqtts_port,
                    backlog=BACKLOG,
                    ssl=tls,
                    ssl_handshake_timeout=patience,
                )
            )
    return servers


def http_listeners(door: DoorConfig) -> list[socket.socket]:
    """Sockets of `http_port` and, where there is a certificate, of `https_port`, in this order."""
    wanted = [("http_port", door.host, door.http_port)]
    if door.certificate:
        wanted.append(("https_port", door.tls_host or door.host, door.https_port))
    listeners = []
    for setting, host, port in wanted:
        with taken(setting, host, port):
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            listeners.append(socket.create_server((host, port), family=family, backlog=BACKLOG))
    return listeners


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
