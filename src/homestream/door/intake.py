"""Batches that come by HTTP or CoAP: counted, looked through for bad rows, written to the log, answered.

The whole payload goes to the log as it came: the engine refuses the same rows for the same reasons and keeps
them with the books. What is looked at here only tells the sender.
"""

import asyncio
from collections.abc import Callable
from typing import NamedTuple

from homestream import dialects
from homestream.door.credentials import Credentials, Principal
from homestream.door.listen import ANONYMOUS, is_local
from homestream.home import HomeConfig
from homestream.log.committer import Committer
from homestream.log.sqlite import LogError
from homestream.reading import Entry, Kind

#: Rows of one request; more would hold up everybody else's readings while they are looked through.
MAX_ROWS = 10_000

#: Bodies above this are looked through in a thread; below it the hop costs more than the look.
IN_PLACE = 16 << 10

#: How much of what was refused is kept to look at.
EVIDENCE = 4096


class Verdict(NamedTuple):
    """What became of a batch: its rows, and those refused, with their number from 0 and the reason."""

    items: int
    refused: list[tuple[int, str]]


class Intake:
    """What the HTTP and the CoAP door do with a payload once they know whose it is."""

    def __init__(
        self, config: HomeConfig, committer: Committer, credentials: Credentials, clock: Callable[[], int]
    ) -> None:
        """`clock` gives milliseconds since 1970."""
        self._config = config
        self._committer = committer
        self._credentials = credentials
        self._clock = clock

    async def who(self, login: tuple[str, str] | None, address: str) -> Principal | None:
        """Whose request that is; `TooManyAttempts` after too many wrong passwords."""
        if login is None:
            local = self._config.door.anonymous and is_local(address)
            return Principal(ANONYMOUS, self._config.id, "device") if local else None
        return await self._credentials.check(*login, address)

    async def take(self, protocol: str, sender: Principal, topic: str, payload: bytes) -> Verdict:
        """Write a batch to the log and return once it is on disk; `TooMany` or `LogError` if it is not.

        `topic` is `api/readings`, `api/write/PRECISION` or `api/senml`.
        """
        if self._committer.full:
            raise LogError("the disk does not keep up; send it again later")
        source = f"{protocol}:{sender.name}"
        entry = Entry(0, Kind.MESSAGE, sender.home, source, topic, payload, self._clock())
        try:
            if len(payload) > IN_PLACE:
                items, refused = await asyncio.to_thread(dialects.look, self._config, entry, MAX_ROWS)
            else:
                items, refused = dialects.look(self._config, entry, MAX_ROWS)
        except dialects.TooMany as error:
            await self.refuse(protocol, sender, str(error), payload)
            raise
        await self._committer.append([entry._replace(items=items)])
        return Verdict(items, refused)

    async def refuse(self, protocol: str, sender: Principal, reason: str, payload: bytes) -> None:
        """Write to the log that something could not even be taken for a batch."""
        source = f"{protocol}:{sender.name}"
        entry = Entry(0, Kind.REFUSED, sender.home, source, reason, payload[:EVIDENCE], self._clock())
        await self._committer.append([entry])
