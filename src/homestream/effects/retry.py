"""What to do with an owed effect when its turn comes, and when to try again. Pure: time is an argument."""

from typing import NamedTuple

from homestream.effects.outbox import EXPIRED, FAILED, SUPPRESSED, Effect

#: Notifications and webhooks: 1, 2, 4 ... s apart, never more than 5 min, so that a service in trouble is
#: not flooded.
FIRST_DELAY_MS = 1_000
LAST_DELAY_MS = 300_000
#: About 20 min of trying; a service down for longer has lost its urgency.
NOTIFY_TRIES = 12

#: Commands: a device that is awake answers within a second; one that missed it gets it twice more.
COMMAND_DELAY_MS = 3_000
COMMAND_TRIES = 3
#: The engine closes a command at its expiry by a timer, and time moves on with the next tick (5 s).
COMMAND_GRACE_MS = 15_000


class End(NamedTuple):
    """The effect is over: its final state and why."""

    state: str
    reason: str


def judge(effect: Effect, now: int) -> End | None:
    """None: carry it out now. Otherwise how it ends without being carried out."""
    if now <= effect.until and effect.tries < _tries(effect):
        return None
    if effect.tries == 0:
        return End(SUPPRESSED, "its time had passed")
    if now > effect.until:
        return End(EXPIRED, effect.reason or "no answer")
    return End(FAILED, effect.reason)


def next_try(effect: Effect, now: int) -> int:
    """When an effect tried at `now` is due again: to be tried, or to be closed."""
    tried = effect.tries + 1
    if effect.kind == "command":
        return now + COMMAND_DELAY_MS if tried < COMMAND_TRIES else effect.until + COMMAND_GRACE_MS
    if tried >= NOTIFY_TRIES:
        return now
    return now + min(FIRST_DELAY_MS << effect.tries, LAST_DELAY_MS)


def _tries(effect: Effect) -> int:
    return COMMAND_TRIES if effect.kind == "command" else NOTIFY_TRIES
