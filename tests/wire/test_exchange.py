"""Who gets what within one home."""

from homestream.wire import exchange as limits
from homestream.wire.exchange import Exchange
from homestream.wire.packets import publish
from homestream.wire.reader import Batch
from homestream.wire.session import Session


def joined(exchange: Exchange, client_id: str, *filters: tuple[str, int], clean: bool = True) -> Session:
    session, present = exchange.open(client_id, clean)
    assert not present
    session.connect()
    exchange.subscribe(session, session.subscribe(filters))
    return session


def test_a_batch_reaches_whom_it_concerns() -> None:
    exchange = Exchange()
    lamp, page = joined(exchange, "lamp", ("home/+/lamp/switch", 0)), joined(exchange, "page", ("home/#", 1))
    batch = Batch(["home/a/lamp/switch", "home/a/power"], [b"ON", b"5"], [0x32, 0x30], [b"\0\1"])
    assert set(exchange.route(batch)) == {lamp, page}
    assert lamp.take() == publish("home/a/lamp/switch", b"ON")
    assert page.take() == publish("home/a/lamp/switch", b"ON", 1, packet_id=1) + publish("home/a/power", b"5")
    exchange.unsubscribe(page, ["home/#"])
    assert exchange.publish("home/b/x", b"", 1, False) == []


def test_retained_messages_come_with_the_subscription() -> None:
    exchange = Exchange({"old": (b"kept", 1)})
    exchange.route(Batch(["a", "b", "b"], [b"1", b"2", b"3"], [0x31, 0x33, 0x33]))
    exchange.publish("c", b"4", 0, True)
    assert exchange.retained == {"old": (b"kept", 1), "a": (b"1", 0), "b": (b"3", 1), "c": (b"4", 0)}
    one = joined(exchange, "one", ("b", 1), ("nothing", 1))
    assert one.take() == publish("b", b"3", 1, True, packet_id=1)
    every = joined(exchange, "every", ("#", 0))
    assert every.take() == b"".join(publish(t, p, 0, True) for t, (p, _) in exchange.retained.items())
    exchange.publish("b", b"", 0, True)
    assert "b" not in exchange.retained


def test_retained_messages_are_bounded() -> None:
    exchange = Exchange()
    for n in range(limits.MAX_RETAINED + 10):
        exchange.publish(f"t/{n}", b"x", 0, True)
    assert len(exchange.retained) == limits.MAX_RETAINED
    exchange = Exchange()
    for n in range(100):
        exchange.publish(f"t/{n}", b"x" * 1_000_000, 0, True)
    assert sum(len(p) for p, _ in exchange.retained.values()) <= limits.MAX_RETAINED_BYTES


def test_a_session_that_stays_is_found_again() -> None:
    exchange = Exchange()
    first = joined(exchange, "c", ("t", 1), clean=False)
    first.disconnect()
    exchange.close(first)
    exchange.publish("t", b"away", 1, False)
    again, present = exchange.open("c", False)
    assert present and again is first
    again.connect()
    assert again.take() == publish("t", b"away", 1, packet_id=1)


def test_a_clean_start_forgets() -> None:
    exchange = Exchange()
    first = joined(exchange, "c", ("t", 1), clean=False)
    exchange.close(first)
    again, present = exchange.open("c", True)
    assert not present and again is not first
    exchange.close(again)
    assert exchange.publish("t", b"", 1, False) == []


def test_those_away_are_bounded() -> None:
    exchange = Exchange()
    for n in range(limits.MAX_AWAY + 5):
        exchange.close(joined(exchange, f"c{n}", ("t", 1), clean=False))
    assert len(exchange.publish("t", b"", 1, False)) == limits.MAX_AWAY
