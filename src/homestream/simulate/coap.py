"""Readings over CoAP: confirmable POSTs of JSON to `/readings` and of SenML to `/senml`."""

import asyncio
import json
from collections.abc import Sequence
from urllib.parse import urlsplit

import aiocoap
from aiocoap.numbers.contentformat import ContentFormat

from homestream.errors import HomestreamError
from homestream.simulate import families
from homestream.simulate.faults import Report
from homestream.simulate.sink import Run, login

#: tries of a request before the server counts as gone; each waits for CoAP's own retransmissions
ATTEMPTS = 5
TIMEOUT_S = 20.0
SENML_JSON = ContentFormat(110)


class CoapSink:
    """One request a report, logged in by `?token=USER:PASSWORD`; with several homes the n-th is USER-n."""

    live = True
    families: frozenset[str] = frozenset({"coap", "senml"})

    def __init__(self, target: str) -> None:
        """`target` is coap://[user:password@]host[:port]."""
        self._url = urlsplit(target)
        self._context: aiocoap.Context
        self._logins: dict[str, str] = {}

    async def open(self, run: Run) -> None:
        """Open the socket."""
        for number, home in enumerate(run.homes):
            user = login(self._url.username, number, len(run.homes))
            self._logins[home] = "" if user is None else f"?token={user}:{self._url.password or ''}"
        self._context = await aiocoap.Context.create_client_context()

    async def send(self, home: str, reports: Sequence[Report]) -> None:
        """Post each report; returns when the server has them on disk."""
        await asyncio.gather(*(self._post(home, report) for report in reports))

    async def close(self) -> None:
        """Close the socket."""
        await self._context.shutdown()

    async def _post(self, home: str, report: Report) -> None:
        is_senml = report.device.family == "senml"
        path, form = ("senml", SENML_JSON) if is_senml else ("readings", ContentFormat.JSON)
        body = json.dumps(families.senml(report) if is_senml else families.rows(report)).encode()
        where = f"coap://{self._url.hostname}:{self._url.port or 5683}"
        for _ in range(ATTEMPTS):
            request = aiocoap.Message(
                code=aiocoap.POST,
                uri=f"{where}/{path}{self._logins[home]}",
                payload=body,
                content_format=form,
            )
            try:
                answer = await asyncio.wait_for(self._context.request(request).response, TIMEOUT_S)
            except (aiocoap.error.Error, OSError, TimeoutError):
                await asyncio.sleep(1.0)
                continue
            if answer.code.is_successful():
                return
            if answer.code.class_ == 4:
                raise HomestreamError(f"{where}/{path} answers {answer.code.dotted}; check address and login")
        raise HomestreamError(f"{where} takes nothing; start it with: homestream up")
