"""What there is at the CoAP door: `/readings` and `/senml` take batches, `/devices/NAME` gives commands.

A sender shows who it is by `?token=TOKEN`, or by the key its message is sealed with. 2.04 leaves after fsync;
a refusal carries its reason as diagnostic payload (RFC 7252, section 5.5.2). See docs/coap.md.
"""

import time
from collections.abc import Container
from typing import Any

from aiocoap import Message, error
from aiocoap.numbers import codes
from aiocoap.numbers.contentformat import ContentFormat
from aiocoap.resource import ObservableResource, PathCapable, Resource
from aiocoap.util.linkformat import Link, LinkFormat

from homestream.dialects import TooMany
from homestream.door import senml
from homestream.door.intake import Intake
from homestream.door.login import token
from homestream.door.login.acl import may_subscribe
from homestream.door.login.credentials import Principal, TooManyAttempts
from homestream.door.share import NotAllowed
from homestream.door.underway import Busy
from homestream.errors import PeerError
from homestream.log.sqlite import LogError

#: A body in all its blocks; a constrained device sends a fraction of it.
MAX_BODY = 64 << 10

#: Devices that observe their commands at once; each costs a task.
MAX_OBSERVERS = 2_000

#: Seconds for which a device that comes to observe gets the command it has just missed; an older one has
#: failed by then and must not be obeyed.
COMMAND_S = 10.0

#: Commands remembered for that.
MAX_COMMANDS = 1_000

JSON = ContentFormat.JSON
SENML_JSON = ContentFormat(110)
SENML_CBOR = ContentFormat(112)

#: What a device is told when there is nothing to do.
NOTHING = b"{}"


async def who(intake: Intake, request: Message) -> Principal:
    """Whose request that is, by its seal or its token; 4.01, or 4.29 for one that guesses."""
    sealed = request.remote.authenticated_claims
    if sealed:
        sender = intake.known(sealed[0])
    else:
        tokens = [query[6:] for query in request.opt.uri_query if query.startswith("token=")]
        try:
            login = token.login(tokens[0]) if tokens else None
            sender = await intake.who(login, request.remote.sockaddr[0])
        except TooManyAttempts as reason:
            raise error.TooManyRequests(str(reason)) from None
    if sender is None:
        raise error.Unauthorized("say who you are by ?token=TOKEN")
    return sender


class Batches(Resource):  # type: ignore[misc]  # aiocoap carries no types
    """One path that takes batches."""

    def __init__(self, intake: Intake, topic: str, formats: set[ContentFormat]) -> None:
        super().__init__()
        self._intake = intake
        self._topic = topic
        self._formats = formats
        self.ct = " ".join(str(int(one)) for one in sorted(formats))

    async def needs_blockwise_assembly(self, request: Message) -> bool:
        """Called with each block before it is kept: only a known sender may fill memory, and only so much."""
        sender = await who(self._intake, request)
        block = request.opt.block1
        if (block.start if block is not None else 0) + len(request.payload) > MAX_BODY:
            reason = f"body of more than {MAX_BODY} bytes"
            await self._refuse(sender, reason, request.payload)
            raise error.RequestEntityTooLarge(reason)
        return True

    async def render_post(self, request: Message) -> Message:
        """2.04 once all is stored; 4.00 with the first bad row where some are not, 4.03 where none may be."""
        sender = await who(self._intake, request)
        given = request.opt.content_format
        if (JSON if given is None else given) not in self._formats:
            reason = f"content format is none of {self.ct}"
            await self._refuse(sender, reason, request.payload)
            raise error.UnsupportedContentFormat(reason)
        try:
            with self._intake.under_way.of(sender.name) as hold:
                hold(len(request.payload))
                payload = await self._payload(sender, request)
                verdict = await self._intake.take("coap", sender, self._topic, payload)
        except NotAllowed as reason:
            raise error.Forbidden(str(reason)) from None
        except TooMany as reason:
            raise error.RequestEntityTooLarge(str(reason)) from None
        except Busy as reason:
            raise error.TooManyRequests(str(reason)) from None
        except LogError as reason:
            raise error.ServiceUnavailable(str(reason)) from None
        if verdict.refused:
            row, why = verdict.refused[0]
            raise error.BadRequest(
                f"row {row}: {why}; {verdict.stored} stored, {len(verdict.refused)} refused"
            )
        return Message(code=codes.CHANGED)

    render_put = render_post

    async def _payload(self, sender: Principal, request: Message) -> bytes:
        body: bytes = request.payload
        if request.opt.content_format != SENML_CBOR:
            return body
        try:
            return senml.to_json(body)
        except PeerError as reason:
            await self._refuse(sender, str(reason), body)
            raise error.BadRequest(str(reason)) from None

    async def _refuse(self, sender: Principal, reason: str, payload: bytes) -> None:
        try:
            await self._intake.refuse("coap", sender, reason, payload)
        except LogError as failure:
            raise error.ServiceUnavailable(str(failure)) from None


class Commands(ObservableResource, PathCapable):  # type: ignore[misc]  # aiocoap carries no types
    """`/devices/NAME`: a device observes its own and is told each command; its next reading confirms."""

    def __init__(self, intake: Intake) -> None:
        super().__init__()
        self._intake = intake
        #: (home, device) -> who observes, with the principal it is
        self._observers: dict[tuple[str, str], dict[Any, str]] = {}
        #: (home, device) -> the newest command, and until when it may be told
        self._newest: dict[tuple[str, str], tuple[bytes, float]] = {}

    @property
    def count(self) -> int:
        """How many observe."""
        return sum(map(len, self._observers.values()))

    def tell(self, home: str, device: str, payload: bytes) -> None:
        """Tell a device, now if it observes, and when it comes to observe within `COMMAND_S`."""
        self._newest.pop((home, device), None)
        self._newest[home, device] = payload, time.monotonic() + COMMAND_S
        if len(self._newest) > MAX_COMMANDS:
            del self._newest[next(iter(self._newest))]
        for observer in self._observers.get((home, device), ()):
            observer.trigger(_said(payload))

    def part(self, users: Container[str]) -> None:
        """End what principals observe that are gone or no longer what they were."""
        for observers in self._observers.values():
            for observer, name in observers.items():
                if name in users:
                    observer.trigger(Message(code=codes.UNAUTHORIZED), is_last=True)

    async def needs_blockwise_assembly(self, request: Message) -> bool:
        """No."""
        return False

    async def render_get(self, request: Message) -> Message:
        """The newest command where it is young enough, else nothing."""
        _, at = await self._of(request)
        payload, until = self._newest.get(at, (NOTHING, 0.0))
        return _said(payload if time.monotonic() < until else NOTHING)

    async def add_observation(self, request: Message, serverobservation: Any) -> None:
        """Called with a GET that asks to observe."""
        name, at = await self._of(request)
        if self.count >= MAX_OBSERVERS:
            raise error.ServiceUnavailable("too many observe already")
        self._observers.setdefault(at, {})[serverobservation] = name

        def end() -> None:
            observers = self._observers[at]
            observers.pop(serverobservation, None)
            if not observers:
                del self._observers[at]

        serverobservation.accept(end)

    def get_resources_as_linkheader(self) -> LinkFormat:
        """For `/.well-known/core`."""
        return LinkFormat([Link("", rt="homestream.command", obs=None, ct=str(int(JSON)))])

    async def _of(self, request: Message) -> tuple[str, tuple[str, str]]:
        """Who asks, and of which (home, device)."""
        sender = await who(self._intake, request)
        device = "/".join(request.opt.uri_path)
        if not device:
            raise error.NotFound
        if not may_subscribe(sender, f"devices/{device}"):
            raise error.Forbidden(f"{sender.name} may not observe {device}")
        return sender.name, (sender.home, device)


def _said(payload: bytes) -> Message:
    return Message(code=codes.CONTENT, payload=payload, content_format=JSON)
