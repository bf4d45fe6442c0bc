"""The CoAP listener: POST or PUT of JSON to /readings and of SenML (JSON, CBOR) to /senml.

A sender shows who it is by `?token=USER:PASSWORD`. 2.04 leaves after fsync; a refusal carries its reason as
diagnostic payload (RFC 7252, section 5.5.2).
"""

import logging
import socket
from collections.abc import Callable
from typing import Any

from aiocoap import Context, Message, error
from aiocoap.numbers import codes
from aiocoap.numbers.contentformat import ContentFormat
from aiocoap.resource import Resource, Site, WKCResource
from aiocoap.util import socknumbers

from homestream.dialects import TooMany
from homestream.door import senml
from homestream.door.credentials import Credentials, Principal, TooManyAttempts
from homestream.door.intake import Intake
from homestream.door.listen import taken
from homestream.errors import PeerError
from homestream.home import HomeConfig
from homestream.log.committer import Committer
from homestream.log.sqlite import LogError

#: A body in all its blocks; a constrained device sends a fraction of it.
MAX_BODY = 64 << 10

#: What a transport may be reached by; others of aiocoap need ports and keys of their own.
TRANSPORTS = ["udp6"]

JSON = ContentFormat.JSON
SENML_JSON = ContentFormat(110)
SENML_CBOR = ContentFormat(112)

_log = logging.getLogger("homestream.coap")


class CoapDoor:
    """Listens on `config.door.coap_port` between `start` and `stop`."""

    def __init__(
        self, config: HomeConfig, committer: Committer, credentials: Credentials, clock: Callable[[], int]
    ) -> None:
        """`clock` gives milliseconds since 1970."""
        self._config = config
        self._intake = Intake(config, committer, credentials, clock)

    async def start(self) -> None:
        """Listen; `HomestreamError` where the port is taken."""
        site = Site()
        site.add_resource([".well-known", "core"], WKCResource(site.get_resources_as_linkheader, None))
        site.add_resource(["readings"], _Resource(self._intake, "api/readings", {JSON}))
        site.add_resource(["senml"], _Resource(self._intake, "api/senml", {SENML_JSON, SENML_CBOR, JSON}))
        door = self._config.door
        with taken("coap_port", door.host, door.coap_port):
            # aiocoap shares its port with whoever asks (SO_REUSEPORT): see first that nobody has it.
            family = socket.AF_INET6 if ":" in door.host else socket.AF_INET
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.bind((door.host, door.coap_port))
            self._context = await Context.create_server_context(
                site, bind=(door.host, door.coap_port), transports=TRANSPORTS, loggername=_log.name
            )
        # Its warnings are of strangers' datagrams, which shall not fill the journal.
        _log.setLevel(logging.ERROR)
        for manager in self._context.request_interfaces:
            _harden(manager.token_interface.message_interface)

    async def stop(self) -> None:
        """Close the socket."""
        await self._context.shutdown()


def _harden(interface: Any) -> None:
    """Let no datagram, and no peer that has gone, end the service.

    An ICMP error ("nobody listens there") would be put on the socket as an error condition, at which the
    event loop (libuv) stops to watch it for good. Some broken options raise what aiocoap does not catch.
    """
    udp = interface.transport.get_extra_info("socket")
    udp.setsockopt(socket.IPPROTO_IPV6, socknumbers.IPV6_RECVERR, 0)
    udp.setsockopt(socket.IPPROTO_IP, socknumbers.IP_RECVERR, 0)
    take = interface.datagram_msg_received

    def received(*datagram: Any) -> None:
        try:
            take(*datagram)
        except Exception as reason:
            _log.debug("a datagram that is no CoAP: %r", reason)

    interface.datagram_msg_received = received


class _Resource(Resource):  # type: ignore[misc]  # aiocoap carries no types
    """One path that takes batches."""

    def __init__(self, intake: Intake, topic: str, formats: set[ContentFormat]) -> None:
        super().__init__()
        self._intake = intake
        self._topic = topic
        self._formats = formats
        self.ct = " ".join(str(int(one)) for one in sorted(formats))

    async def needs_blockwise_assembly(self, request: Message) -> bool:
        """Called with each block before it is kept: only a known sender may fill memory, and only so much."""
        await self._who(request)
        block = request.opt.block1
        if (block.start if block is not None else 0) + len(request.payload) > MAX_BODY:
            raise error.RequestEntityTooLarge(f"body of more than {MAX_BODY} bytes")
        return True

    async def render_post(self, request: Message) -> Message:
        sender = await self._who(request)
        given = request.opt.content_format
        if (JSON if given is None else given) not in self._formats:
            raise error.UnsupportedContentFormat(f"content format is none of {self.ct}")
        try:
            payload = await self._payload(sender, request)
            verdict = await self._intake.take("coap", sender, self._topic, payload)
        except TooMany as reason:
            raise error.RequestEntityTooLarge(str(reason)) from None
        except LogError as reason:
            raise error.ServiceUnavailable(str(reason)) from None
        if verdict.refused:
            row, why = verdict.refused[0]
            stored = verdict.items - len(verdict.refused)
            raise error.BadRequest(f"row {row}: {why}; {stored} stored, {len(verdict.refused)} refused")
        return Message(code=codes.CHANGED)

    render_put = render_post

    async def _payload(self, sender: Principal, request: Message) -> bytes:
        body: bytes = request.payload
        if request.opt.content_format != SENML_CBOR:
            return body
        try:
            return senml.to_json(body)
        except PeerError as reason:
            await self._intake.refuse("coap", sender, str(reason), body)
            raise error.BadRequest(str(reason)) from None

    async def _who(self, request: Message) -> Principal:
        tokens = [query[6:] for query in request.opt.uri_query if query.startswith("token=")]
        user, _, password = tokens[0].partition(":") if tokens else ("", "", "")
        try:
            sender = await self._intake.who((user, password) if tokens else None, request.remote.sockaddr[0])
        except TooManyAttempts as reason:
            raise error.TooManyRequests(str(reason)) from None
        if sender is None:
            raise error.Unauthorized("say who you are by ?token=USER:PASSWORD")
        return sender
