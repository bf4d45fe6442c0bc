"""What a bridge brought, routed to those at our door: live, and when the log is read again."""

from homestream.reading import Entry, Kind
from homestream.wire.exchange import Exchange
from homestream.wire.journal import Opened, Subscribed
from homestream.wire.state import Replay
from homestream.wire.subscriptions import Options

#: A broker says "retained" to us as who is new, and not of what comes after.
FIRST = Entry(1, Kind.RETAINED, "home", "bridge:b", "lamp", b"OFF", 0)
LATER = Entry(2, Kind.MESSAGE, "home", "bridge:b", "lamp", b"ON", 0)


def kept(exchange: Exchange) -> list[bytes]:
    return [one.payload for one in exchange.retained.values()]


def listening() -> Exchange:
    exchange = Exchange()
    exchange.apply(Opened("c", True, 0), 0)
    exchange.apply(Subscribed("c", [("#", Options(1))]), 0)
    return exchange


def test_a_subscriber_hears_it_and_what_is_retained_follows() -> None:
    exchange = listening()
    assert [[one.client_id for one in exchange.bridged(entry)] for entry in (FIRST, LATER)] == [["c"]] * 2
    assert kept(exchange) == [b"ON"]
    assert exchange.bridged(LATER._replace(kind=Kind.RETAINED)) == [], "said again after a reconnect"
    exchange.bridged(LATER._replace(payload=b""))
    assert kept(exchange) == []


def test_a_restart_comes_to_the_same() -> None:
    again: dict[str, Exchange] = {}
    Replay(again, Exchange).entries([FIRST, LATER])
    assert kept(again["home"]) == [b"ON"]
