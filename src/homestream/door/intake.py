"""Batches that come by HTTP or CoAP: counted, looked through for bad rows, written to the log, answered.

The whole payload goes to the log as it came: the engine refuses the same rows for the same reasons and keeps
them with the books. What is looked at here only tells the sender. Rows that are not its sender's to publish
never get there: see `share.py`.
"""

import asyncio
from collections.abc import Awaitable, Callable
from typing import NamedTuple

from homestream.dialects import TooMany
from homestream.door.answers import Answers
from homestream.door.listen import nameless
from homestream.door.login.credentials import Credentials, Principal
from homestream.door.refusals import Refusals
from homestream.door.share import NotAllowed, look
from homestream.door.underway import UnderWay
from homestream.home import HomeConfig
from homestream.log.committer import Committer
from homestream.log.sqlite import LogError
from homestream.reading import Entry, Kind

#: Rows of one request; more would hold up everybody else's readings while they are looked through.
MAX_ROWS = 10_000

#: Bad rows named in one answer; the log keeps them all.
MAX_NAMED = 100

#: Bodies above this are looked through in a thread; below it the hop costs more than the look.
IN_PLACE = 16 << 10


class Verdict(NamedTuple):
    """What became of a batch: how many rows it had and how many are stored; those refused, with their number
    from 0 and the reason.
    """

    items: int
    stored: int
    refused: list[tuple[int, str]]


#: What else goes to the log in one append with a batch, once its verdict is known.
Beside = Callable[[Verdict], Awaitable[list[Entry]]]


class Intake:
    """What the HTTP and the CoAP door do with a payload once they know whose it is."""

    def __init__(
        self,
        config: HomeConfig,
        committer: Committer,
        credentials: Credentials,
        clock: Callable[[], int],
        answers: Answers | None = None,
    ) -> None:
        """`clock` gives milliseconds since 1970; `answers` are those from before."""
        self.clock = clock
        self.answers = answers or Answers()
        self.under_way = UnderWay()
        self._config = config
        self._committer = committer
        self._credentials = credentials
        self._refusals = Refusals(committer, clock)

    async def close(self) -> None:
        """Write what is still to be counted; the doors are closed before, the committer after."""
        await self._refusals.close()

    async def who(self, login: tuple[str, str] | None, address: str) -> Principal | None:
        """Whose request that is; `TooManyAttempts` after too many wrong passwords."""
        if login is None:
            return nameless(self._config, address, tls=False)
        return await self._credentials.check(*login, address)

    def known(self, name: str) -> Principal | None:
        """The principal of that name, for who has shown by other means to be it."""
        return self._credentials.get(name)

    async def take(
        self,
        protocol: str,
        sender: Principal,
        topic: str,
        payload: bytes,
        *,
        whole: bool = False,
        beside: Beside | None = None,
    ) -> Verdict:
        """Write a batch to the log and return once it is on disk; `TooMany`, `NotAllowed` or `LogError` if
        it is not.

        `topic` is one that `dialects.look` knows. With `whole` a bad row has all refused.
        """
        if self._committer.full:
            raise LogError("the disk does not keep up; send it again later")
        source = f"{protocol}:{sender.name}"
        entry = Entry(0, Kind.MESSAGE, sender.home, source, topic, payload, self.clock())
        try:
            if len(payload) > IN_PLACE:
                share = await asyncio.to_thread(look, self._config, sender, entry, MAX_ROWS)
            else:
                share = look(self._config, sender, entry, MAX_ROWS)
        except TooMany as error:
            await self.refuse(protocol, sender, str(error), payload)
            raise
        except NotAllowed as error:
            await self.refuse(protocol, sender, str(error), payload, error.items)
            raise
        items, refused = share.items, share.refused
        if whole and refused:
            row, reason = refused[0]
            await self.refuse(protocol, sender, f"row {row}: {reason}; all refused", payload, items)
            return Verdict(items, 0, refused)
        verdict = Verdict(items, items - len(refused), refused)
        stored = entry._replace(payload=share.payload, items=items - len(share.beside))
        others = self._refusals.several(sender.home, source, share.beside)
        others += [] if beside is None else await beside(verdict)
        await self._committer.append([stored, *others])
        return verdict

    async def refuse(
        self, protocol: str, sender: Principal, reason: str, payload: bytes, items: int = 1
    ) -> None:
        """Write to the log that something could not even be taken for a batch; `LogError` if it is not."""
        await self._refusals.write(sender.home, f"{protocol}:{sender.name}", reason, payload, items)

    def refuse_stranger(self, protocol: str, address: str, reason: str, payload: bytes) -> None:
        """The same of somebody unknown, who waits for no answer."""
        self._refusals.note(self._config.id, f"{protocol}:{address}", reason, payload)
