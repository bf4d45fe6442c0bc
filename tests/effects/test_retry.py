from hypothesis import given
from hypothesis import strategies as st

from homestream.effects import retry
from homestream.effects.outbox import Effect
from homestream.engine.fact import Notify

T = 1_700_000_000_000
FACT = Notify(home="home", time=T, id="n1", target="phone", title="", text="", severity="info", act_within=0)


def owed(kind: str, tries: int, until: int = T + 60_000) -> Effect:
    return Effect(kind, "home", "n1", 1, T, until, T, tries, "owed", "", None, FACT)


kinds = st.sampled_from(["notify", "command"])


def test_in_time_it_is_carried_out() -> None:
    assert retry.judge(owed("notify", 0), T + 60_000) is None


def test_too_old_at_its_first_turn_is_suppressed() -> None:
    assert retry.judge(owed("notify", 0), T + 60_001) == ("suppressed", "its time had passed")


def test_tried_in_vain_until_its_time_ran_out_is_expired() -> None:
    effect = owed("command", 3)._replace(reason="door closed")
    assert retry.judge(effect, T + 60_001) == ("expired", "door closed")


def test_a_notification_that_is_never_taken_fails() -> None:
    effect = owed("notify", retry.NOTIFY_TRIES, until=T + 10**9)._replace(reason="down")
    assert retry.judge(effect, T) == ("failed", "down")


def test_a_command_goes_out_three_times_three_seconds_apart_and_then_waits_for_the_engine() -> None:
    turns = [retry.next_try(owed("command", tries, until=T + 10_000), T) for tries in range(3)]
    assert turns == [T + 3_000, T + 3_000, T + 10_000 + retry.COMMAND_GRACE_MS]


def test_back_off_doubles_up_to_five_minutes() -> None:
    delays = [retry.next_try(owed("notify", tries), T) - T for tries in range(retry.NOTIFY_TRIES - 1)]
    assert delays[:4] == [1_000, 2_000, 4_000, 8_000]
    assert delays == sorted(delays) and delays[-1] == retry.LAST_DELAY_MS


@given(kinds, st.integers(0, 10**8), st.integers(0, 10**7))
def test_every_effect_ends_after_a_bounded_number_of_turns(kind: str, life: int, start: int) -> None:
    effect, now, turns = owed(kind, 0, until=T + life), T + start, 0
    while (end := retry.judge(effect, now)) is None:
        effect, now = effect._replace(tries=effect.tries + 1), max(now, retry.next_try(effect, now))
        turns += 1
        assert turns <= retry.NOTIFY_TRIES
    assert end.state in {"suppressed", "expired", "failed"}
    assert (end.state == "suppressed") == (turns == 0)
