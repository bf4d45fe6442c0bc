"""The CoAP listener: aiocoap's UDP transport, hardened, with our paths."""

import logging
import socket
from collections.abc import Container
from pathlib import Path
from typing import Any

from aiocoap import Context, Message, error
from aiocoap.numbers.codes import EMPTY
from aiocoap.pipe import Pipe
from aiocoap.resource import Site, WKCResource
from aiocoap.util import socknumbers

from homestream.door.coap.paths import JSON, SENML_CBOR, SENML_JSON, Batches, Commands
from homestream.door.intake import Intake
from homestream.door.listen import taken
from homestream.door.login.device import KEYS
from homestream.home import DoorConfig

#: What a transport may be reached by; others of aiocoap need ports and keys of their own.
TRANSPORTS = ["udp6"]

#: Bytes of a token, and of a message that says no more than that it is there.
LONGEST_TOKEN, HEADER = 8, 4

#: What begins a payload.
MARKER = b"\xff"

_log = logging.getLogger("homestream.coap")


class CoapDoor:
    """Listens on `door.coap_port` between `start` and `stop`."""

    def __init__(self, door: DoorConfig, intake: Intake, folder: Path | None = None) -> None:
        """`folder`: the home's, with the keys of devices that seal their messages."""
        self._door = door
        self._intake = intake
        self._commands = Commands(intake)
        self._site = _Root(None if folder is None else folder / KEYS)
        for path, resource in (
            (".well-known/core", WKCResource(self._site.get_resources_as_linkheader, None)),
            ("readings", Batches(intake, "api/readings", {JSON})),
            ("senml", Batches(intake, "api/senml", {SENML_JSON, SENML_CBOR, JSON})),
            ("devices", self._commands),
        ):
            self._site.add_resource(path.split("/"), resource)

    async def start(self) -> None:
        """Listen; `HomestreamError` where the port is taken."""
        host, port = self._door.host, self._door.coap_port
        with taken("coap_port", host, port):
            # aiocoap shares its port with whoever asks (SO_REUSEPORT): see first that nobody has it.
            family = socket.AF_INET6 if ":" in host else socket.AF_INET
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.bind((host, port))
            self._context = await Context.create_server_context(
                self._site, bind=(host, port), transports=TRANSPORTS, loggername=_log.name
            )
        # Its warnings are of strangers' datagrams, which shall not fill the journal.
        _log.setLevel(logging.ERROR)
        for manager in self._context.request_interfaces:
            self._harden(manager.token_interface.message_interface)

    async def stop(self) -> None:
        """Close the socket."""
        await self._context.shutdown()
        self._site.close()

    @property
    def observers(self) -> int:
        """How many observe the commands of a device."""
        return self._commands.count

    def tell(self, home: str, device: str, payload: bytes) -> None:
        """Tell a device that observes `/devices/DEVICE`."""
        self._commands.tell(home, device, payload)

    def part(self, users: Container[str]) -> None:
        """Tell principals that are gone or no longer what they were nothing more."""
        self._commands.part(users)

    def _harden(self, interface: Any) -> None:
        """Let no datagram, and no peer that has gone, end the service.

        An ICMP error ("nobody listens there") would be put on the socket as an error condition, at which the
        event loop (libuv) stops to watch it for good. What is no CoAP is refused here, so that it is counted:
        some broken options raise what aiocoap does not catch.
        """
        udp = interface.transport.get_extra_info("socket")
        udp.setsockopt(socket.IPPROTO_IPV6, socknumbers.IPV6_RECVERR, 0)
        udp.setsockopt(socket.IPPROTO_IP, socknumbers.IP_RECVERR, 0)
        take = interface.datagram_msg_received

        def received(data: bytes, ancillary: Any, flags: int, address: Any) -> None:
            try:
                message = Message.decode(data)
                # RFC 7252, sections 3 and 4.1: what aiocoap lets pass.
                if data[0] & 15 > LONGEST_TOKEN or (message.code is EMPTY and len(data) > HEADER):
                    raise error.UnparsableMessage
                # Section 3: a payload marker with nothing after it. One byte more tells it from an option.
                if data.endswith(MARKER) and not message.payload and Message.decode(data + b"\0").payload:
                    raise error.UnparsableMessage
            except Exception:
                self._intake.refuse_stranger("coap", address[0], "datagram is no CoAP message", data)
                return
            try:
                take(data, ancillary, flags, address)
            except Exception as reason:
                _log.debug("a datagram that cannot be answered: %r", reason)

        interface.datagram_msg_received = received


class _Root(Site):  # type: ignore[misc]  # aiocoap carries no types
    """All paths, for messages as they are and for those that are sealed."""

    def __init__(self, keys: Path | None) -> None:
        super().__init__()
        self._keys = keys
        self._sealed: Any = None

    async def render_to_pipe(self, request: Pipe) -> None:
        """Called with each request."""
        if request.request.opt.oscore is None:
            await super().render_to_pipe(request)
            return
        if self._sealed is None:
            if self._keys is None or not self._keys.exists():
                raise error.Unauthorized("no device has a key here")
            from homestream.door.coap.oscore import sealed  # its ciphers take 14 MB: only for who uses them

            self._sealed = sealed(self, self._keys)
        await self._sealed.render_to_pipe(request)

    def close(self) -> None:
        """Write down how far each key was used."""
        if self._sealed is not None:
            self._sealed.server_credentials.close()
