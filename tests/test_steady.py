"""The clock of the edge where the machine's own is put right."""

from homestream.engine.fold import Engine
from homestream.reading import Entry, Kind
from homestream.steady import BACK_MS, SteadyClock

NOON = 1_795_521_600_000


def test_it_stands_still_until_a_clock_put_back_has_caught_up() -> None:
    wall = iter([NOON, NOON + 5, NOON - 2_000, NOON + 4, NOON + 6])
    clock = SteadyClock(lambda: next(wall))
    assert [clock() for _ in range(5)] == [NOON, NOON + 5, NOON + 5, NOON + 5, NOON + 6]


def test_a_clock_that_was_wrong_is_followed_back() -> None:
    wall = iter([NOON + 2 * BACK_MS, NOON, NOON + 1])
    clock = SteadyClock(lambda: next(wall))
    assert [clock() for _ in range(3)] == [NOON + 2 * BACK_MS, NOON, NOON + 1]


def test_a_lamp_switched_off_while_the_clock_is_put_back_is_off() -> None:
    wall = iter([NOON, NOON - 1_500, NOON - 1_000])
    clock, engine = SteadyClock(lambda: next(wall)), Engine()
    for seq, state in enumerate((b"OFF", b"ON", b"OFF"), 1):
        engine.apply(
            [Entry(seq, Kind.MESSAGE, "home", "mqtt:device", "home/hall/lamp/switch", state, clock())]
        )
    assert engine.view("home")["values"]["hall/lamp"]["switch"] == [NOON, 0.0]


def test_ticks_of_a_clock_put_back_neither_move_time_nor_harm() -> None:
    engine = Engine()
    for seq, at in enumerate((NOON, NOON - 3_600_000, NOON + 5_000), 1):
        out = engine.apply([Entry(seq, Kind.TICK, "home", "clock", "", b"", at)])
        assert out.rejected == []
    assert engine.now("home") == NOON + 5_000
