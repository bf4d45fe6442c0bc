"""Carries out what the outbox owes, one task an effect, until told to stop."""

import asyncio
import contextlib
import logging
import sqlite3
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial

from homestream.dialects.registry import Registry
from homestream.effects import command, retry
from homestream.effects.notify import Notifier
from homestream.effects.outbox import FAILED, SENT, Effect, Outbox
from homestream.effects.webhook import Poster
from homestream.engine.fact import AnyFact, Command, Notify, Webhook
from homestream.errors import HomestreamError
from homestream.home import HomeConfig

log = logging.getLogger(__name__)

#: Notifications under way at once; a hanging service takes one place, not all.
SENDERS = 4
#: Effects taken up at once, so that a flood waits on disk and not in memory.
BATCH = 100
#: The longest nap, ms: the clock may run faster than ours (`demo --speed`).
NAP_MS = 1_000
#: How long stopping waits for what is under way, s. What it leaves is owed still, and sent by the next run.
DRAIN_S = 5.0
#: The door takes a message in well under a millisecond; one that hangs this long, s, is tried again.
PUBLISH_S = 5.0
#: After a notification the next to its target waits this long, ms, for others to come with it. The first,
#: and what is critical, wait for nothing.
GATHER_MS = 10_000
#: How often old effects are forgotten, ms.
FORGET_EVERY_MS = 3_600_000


class Effects:
    """The effects of all homes: `add` what the engine concluded, `run` to carry it out, `stop` to end.

    `registry` gives a home's devices (None: not known); `publish` is the MQTT door's; `clock` says the time
    in ms, the same that the facts' times come from. `add` and `stop` are called on the event loop's thread.
    """

    def __init__(
        self,
        outbox: Outbox,
        config: HomeConfig,
        registry: Callable[[str], Registry | None],
        publish: command.Publish,
        clock: Callable[[], int],
    ) -> None:
        self._outbox, self._registry, self._publish, self._clock = outbox, registry, publish, clock
        self.configure(config)
        #: when a target, by (home, name), was last told something
        self._told: dict[tuple[str, str], int] = {}
        self._wake = asyncio.Event()
        self._stopping = False
        self._under_way: dict[tuple[str, str, str], asyncio.Task[None]] = {}
        self._senders = ThreadPoolExecutor(SENDERS, thread_name_prefix="notify")
        self._forgotten = 0

    def configure(self, config: HomeConfig) -> None:
        """Take other targets and webhooks; `ConfigError` for a URL that cannot be read, the old ones stay."""
        self._notifier, self._poster = Notifier(config.notify), Poster(config.webhook)

    def add(self, facts: Sequence[tuple[int, AnyFact]]) -> None:
        """Owe the effects among (seq, fact); on disk when it returns. Facts without effect cost nothing.

        `sqlite3.Error` where the disk fails: nothing was taken, call again.
        """
        if self._outbox.add(facts):
            self._wake.set()

    async def run(self) -> None:
        """Carry out what is owed, also from before a crash; returns after `stop`."""
        try:
            while not self._stopping:
                self._wake.clear()
                nap = NAP_MS
                try:
                    self._start(self._clock())
                    nap = self._nap()
                except sqlite3.Error as error:
                    log.warning("the outbox cannot be read or written: %s", error)
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(self._wake.wait(), nap / 1000)
            if self._under_way:
                await asyncio.wait(self._under_way.values(), timeout=DRAIN_S)
        finally:
            for task in self._under_way.values():
                task.cancel()
            self._senders.shutdown(wait=False, cancel_futures=True)

    def stop(self) -> None:
        """Begin nothing more; `run` returns when what is under way has ended or `DRAIN_S` has passed."""
        self._stopping = True
        self._wake.set()

    def _start(self, now: int) -> None:
        told: dict[tuple[str, str], list[Effect]] = {}
        for effect in self._outbox.due(now, BATCH):
            if _key(effect) in self._under_way:
                continue
            end = retry.judge(effect, now)
            if end is not None:
                self._outbox.settle(effect, end.state, end.reason, now, tried=False)
            elif isinstance(effect.fact, Notify):
                told.setdefault((effect.home, effect.fact.target), []).append(effect)
            else:
                self._begin([effect])
        for target, effects in told.items():
            self._tell(target, effects, now)
        if now - self._forgotten >= FORGET_EVERY_MS:
            self._outbox.forget(now)
            self._forgotten = now

    def _tell(self, target: tuple[str, str], effects: list[Effect], now: int) -> None:
        """All that is due to a target goes as one, at once or when enough time has passed since the last."""
        free = self._told.get(target, 0) + GATHER_MS
        urgent = any(isinstance(one.fact, Notify) and one.fact.severity == "critical" for one in effects)
        if now >= free or urgent:
            self._told[target] = now
            self._begin(effects)
            return
        for effect in effects:
            self._outbox.postpone(effect, min(free, effect.until))

    def _begin(self, effects: list[Effect]) -> None:
        task = asyncio.create_task(self._carry_out(effects))
        for effect in effects:
            self._under_way[_key(effect)] = task
        task.add_done_callback(partial(self._done, effects))

    def _done(self, effects: list[Effect], _: asyncio.Task[None]) -> None:
        for effect in effects:
            del self._under_way[_key(effect)]
        self._wake.set()

    def _nap(self) -> int:
        due = self._outbox.next_due()
        # What is under way is due as well, and wakes us when it is done.
        if due is None or self._under_way:
            return NAP_MS
        return min(max(due - self._clock(), 1), NAP_MS)

    async def _carry_out(self, effects: list[Effect]) -> None:
        impossible, problem = False, ""
        try:
            problem = await self._leave([effect.fact for effect in effects])
        except HomestreamError as error:
            impossible, problem = True, str(error)
        except Exception as error:  # whatever a service's code raises, the next effect must have its turn
            log.warning("%s %s: %r", effects[0].kind, effects[0].id, error)
            problem = str(error) or type(error).__name__

        first = effects[0].fact
        if problem and isinstance(first, Notify):  # nothing was told
            self._told.pop((first.home, first.target), None)
        # Not recorded is not done: leaving now would carry it out again at once, and again.
        for effect in effects:
            while not self._recorded(effect, impossible, problem):
                await asyncio.sleep(NAP_MS / 1000)

    async def _leave(self, facts: list[Notify | Command | Webhook]) -> str:
        """One command, one webhook, or what is for one target; "" or why it was not taken."""
        in_thread = partial(asyncio.get_running_loop().run_in_executor, self._senders)
        match facts[0]:
            case Command() as fact:
                registry = self._registry(fact.home) or Registry()
                async with asyncio.timeout(PUBLISH_S):
                    await command.send(fact, registry, self._publish)
                return ""
            case Webhook() as fact:
                return await in_thread(self._poster.send, fact)
            case _:
                return await in_thread(self._notifier.send, [f for f in facts if isinstance(f, Notify)])

    def _recorded(self, effect: Effect, impossible: bool, problem: str) -> bool:
        now = self._clock()
        try:
            if impossible:
                self._outbox.settle(effect, FAILED, problem, now)
            elif not isinstance(effect.fact, Command) and not problem:
                self._outbox.settle(effect, SENT, "", now)
            else:
                self._outbox.retry(effect, retry.next_try(effect, now), problem)
        except sqlite3.Error as error:
            log.warning("the outbox cannot be written: %s", error)
            return False
        return True


def _key(effect: Effect) -> tuple[str, str, str]:
    return effect.kind, effect.home, effect.id
