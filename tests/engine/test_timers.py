from hypothesis import given
from hypothesis import strategies as st

from homestream.engine.timers import NEVER, Timers

keys = st.tuples(st.integers(0, 2), st.sampled_from("abc"))
changes = st.lists(st.tuples(keys, st.one_of(st.none(), st.integers(0, 9))))


def fired(timers: Timers) -> list[tuple[int, int, str]]:
    order = []
    while timers.next() != NEVER:
        due = timers.next()
        order.append(timers.pop())
        assert order[-1][0] == due
    return order


@given(changes)
def test_each_timer_fires_once_as_last_set_in_exact_order(
    stream: list[tuple[tuple[int, str], int | None]],
) -> None:
    timers, expected = Timers(), {}
    for (rank, key), due in stream:
        if due is None:
            timers.cancel(rank, key)
            expected.pop((rank, key), None)
        else:
            timers.set(due, rank, key)
            expected[rank, key] = due
    again = Timers()
    again.set(5, 9, "forgotten")
    again.restore(timers.snapshot())
    order = sorted((due, rank, key) for (rank, key), due in expected.items())
    assert fired(timers) == order
    assert fired(again) == order
