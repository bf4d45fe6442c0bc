"""Who gets what within one home."""

from typing import Any

from homestream.wire import exchange as module
from homestream.wire import retained
from homestream.wire.exchange import NEVER, Exchange
from homestream.wire.journal import Ended, LastWill, Left, Opened, Subscribed, Unsubscribed, Willed
from homestream.wire.message import Message
from homestream.wire.outlet import Outlet
from homestream.wire.packets import publish
from homestream.wire.reader import Batch
from homestream.wire.reasons import Reason
from homestream.wire.session import Limits, Session
from homestream.wire.subscriptions import Options

WILL = LastWill("mqtt:x", "gone", b"1", 0x30, {}, 10)


def joined(
    exchange: Exchange, client_id: str, *filters: tuple[str, int], expiry: int = 0, **options: Any
) -> Session:
    exchange.apply(Opened(client_id, False, expiry), 0)
    session = exchange.sessions[client_id]
    session.connect(Outlet(4), 20)
    codes = exchange.apply(subscribed(client_id, *filters, **options), 0)
    assert codes == [qos for _, qos in filters]
    return session


def subscribed(client_id: str, *filters: tuple[str, int], **options: Any) -> Subscribed:
    return Subscribed(client_id, [(name, Options(qos, **options)) for name, qos in filters])


def sent(exchange: Exchange, topic: str, payload: bytes = b"", qos: int = 1, **more: Any) -> list[Session]:
    return exchange.publish(Message(topic, payload, qos, seq=1), 0, **more)


def test_a_batch_reaches_whom_it_concerns() -> None:
    exchange = Exchange()
    lamp, page = (
        joined(exchange, "lamp", ("home/+/lamp/switch", 0)),
        joined(exchange, "page", ("home/#", 2), expiry=60),
    )
    batch = Batch(["home/a/lamp/switch", "home/a/power"], [b"ON", b"5"], [0x32, 0x30], [b"\0\1"])
    assert set(exchange.arrived(batch, 0)) == {lamp}
    assert set(exchange.stored(batch, 0, 7)) == {page}
    assert lamp.take(0) == publish("home/a/lamp/switch", b"ON")
    assert page.take(0) == publish("home/a/lamp/switch", b"ON", 1, packet_id=1) + publish(
        "home/a/power", b"5"
    )
    assert page.waiting()[0].message.seq == 7
    assert exchange.apply(Unsubscribed("page", ["home/#", "never"]), 0) == [0, 0x11]
    assert sent(exchange, "home/b/x") == []


def test_a_batch_brings_properties_and_expires() -> None:
    exchange = Exchange()
    page = joined(exchange, "page", ("#", 0))
    page.connect(Outlet(5), 20)
    properties = {1: {"content_type": "x", "message_expiry_interval": 10}}
    batch = Batch(["a", "b"], [b"", b""], [0x30, 0x30], properties=properties, level=5)
    assert exchange.arrived(batch, 1_000) == {page}
    expected = publish("a", b"", level=5) + publish("b", b"", level=5, properties=properties[1])
    assert page.take(1_000) == expected


def test_retained_messages_come_with_the_subscription() -> None:
    exchange = Exchange()
    batch = Batch(["a", "b", "b"], [b"1", b"2", b"3"], [0x31, 0x33, 0x33])
    exchange.arrived(batch, 0)
    assert exchange.retained == {}
    exchange.stored(batch, 0, 1)
    exchange.publish(Message("c", b"4", 0, True), 0)
    assert {(m.topic, m.payload, m.qos) for m in exchange.retained.values()} == {
        ("a", b"1", 0),
        ("b", b"3", 1),
        ("c", b"4", 0),
    }
    one = joined(exchange, "one", ("b", 1), ("nothing", 1))
    assert one.take(0) == publish("b", b"3", 1, True, packet_id=1)
    every = joined(exchange, "every", ("#", 0))
    assert every.take(0) == b"".join(publish(m.topic, m.payload, 0, True) for m in exchange.retained.values())
    exchange.publish(Message("b", b"", 0, True), 0)
    assert "b" not in exchange.retained


def test_retained_messages_expire() -> None:
    exchange = Exchange()
    exchange.publish(Message("a", b"1", 0, True, expires=5_000), 0)
    exchange.apply(Opened("c", False, 0), 0)
    session = exchange.sessions["c"]
    session.connect(Outlet(4), 20)
    exchange.apply(subscribed("c", ("a", 0)), 4_999)
    assert session.take(4_999) == publish("a", b"1", 0, True)
    exchange.apply(subscribed("c", ("a", 0)), 5_000)
    assert session.take(5_000) == b""
    assert exchange.retained == {}


def test_retain_handling() -> None:
    exchange = Exchange()
    exchange.publish(Message("a", b"1", 0, True), 0)
    stored = publish("a", b"1", 0, True)
    session = joined(exchange, "c", ("a", 0), retain_handling=1)
    assert session.take(0) == stored
    for handling, expected in ((1, b""), (2, b""), (0, stored)):
        exchange.apply(subscribed("c", ("a", 0), retain_handling=handling), 0)
        assert session.take(0) == expected
    assert joined(exchange, "d", ("a", 0), retain_handling=2).take(0) == b""


def test_retain_as_published() -> None:
    exchange = Exchange()
    plain, as_is = (
        joined(exchange, "plain", ("a", 0)),
        joined(exchange, "b", ("a", 0), retain_as_published=True),
    )
    exchange.publish(Message("a", b"1", 0, True), 0)
    assert plain.take(0) == publish("a", b"1")
    assert as_is.take(0) == publish("a", b"1", 0, True)


def test_no_local() -> None:
    exchange = Exchange()
    deaf, other = joined(exchange, "deaf", ("a", 0), no_local=True), joined(exchange, "other", ("a", 0))
    assert sent(exchange, "a", publisher=deaf) == [other]
    assert set(sent(exchange, "a", publisher=other)) == {deaf, other}


def test_retained_messages_are_bounded() -> None:
    exchange = Exchange()
    for n in range(retained.MAX_RETAINED + 10):
        exchange.publish(Message(f"t/{n}", b"x", 0, True), 0)
    assert len(exchange.retained) == retained.MAX_RETAINED
    exchange = Exchange()
    for n in range(100):
        exchange.publish(Message(f"t/{n}", b"x" * 1_000_000, 0, True), 0)
    assert sum(len(m.payload) for m in exchange.retained.values()) <= retained.MAX_RETAINED_BYTES


def test_a_session_that_stays_is_found_again() -> None:
    exchange = Exchange()
    first = joined(exchange, "c", ("t", 1), expiry=NEVER)
    assert not first.resumed
    exchange.apply(Left("c", NEVER), 0)
    sent(exchange, "t", b"away")
    exchange.apply(Opened("c", False, NEVER), 0)
    again = exchange.sessions["c"]
    assert again is first and again.resumed and not exchange.away
    again.connect(Outlet(4), 20)
    assert again.take(0) == publish("t", b"away", 1, packet_id=1)


def test_a_clean_start_forgets_and_so_does_the_end() -> None:
    exchange = Exchange()
    first = joined(exchange, "c", ("t", 1), expiry=NEVER)
    exchange.apply(Left("c", NEVER), 0)
    exchange.apply(Opened("c", True, 0), 0)
    assert exchange.sessions["c"] is not first and not exchange.sessions["c"].resumed
    exchange.apply(Left("c", 0), 0)
    assert sent(exchange, "t") == [] and exchange.sessions == {}
    assert exchange.apply(Left("c", 0), 0) == [], "who is not there does no harm"


def test_sessions_expire() -> None:
    exchange = Exchange()
    for client, expiry in (("brief", 10), ("long", 100), ("ever", NEVER)):
        joined(exchange, client, ("t", 1), expiry=expiry)
        exchange.apply(Left(client, expiry), 1_000)
    assert exchange.over(10_999) == []
    assert exchange.over(11_000) == ["brief"]
    assert exchange.over(10**12) == ["brief", "long"]
    exchange.apply(Ended("brief"), 11_000)
    assert exchange.sessions.keys() == {"long", "ever"}


def test_those_away_are_bounded() -> None:
    exchange = Exchange()
    for n in range(module.MAX_AWAY + 5):
        joined(exchange, f"c{n}", ("t", 1), expiry=NEVER)
        exchange.apply(Left(f"c{n}", NEVER), n)
    assert exchange.over(0) == [f"c{n}" for n in range(5)]


def test_a_will_waits_for_its_delay_or_the_end() -> None:
    exchange = Exchange()
    for client, expiry in (("delay", 60), ("end", 5)):
        joined(exchange, client, expiry=expiry)
        exchange.apply(Left(client, expiry, WILL), 0)
    assert exchange.due(4_999) == []
    assert exchange.due(5_000) == [("end", WILL)]
    assert exchange.due(10_000) == [("delay", WILL), ("end", WILL)]
    exchange.apply(Willed("end"), 0)
    exchange.apply(Opened("delay", False, 60), 0)
    assert exchange.due(10**9) == [], "who came back has not gone"


def test_subscriptions_are_bounded_and_well_formed() -> None:
    exchange = Exchange(Limits(subscriptions=3))
    session = joined(exchange, "c", ("a", 0), ("b", 1))
    codes = exchange.apply(subscribed("c", ("$share/+/x", 0), ("d", 2), ("e", 0), ("a", 1)), 0)
    assert codes == [Reason.TOPIC_FILTER_INVALID, 2, Reason.QUOTA_EXCEEDED, 1]
    assert {name: options.qos for name, options in session.subscriptions.items()} == {"a": 1, "b": 1, "d": 2}
    assert exchange.apply(subscribed("nobody", ("a", 0)), 0) == []


def test_a_group_shares_fairly_and_prefers_who_is_there() -> None:
    exchange = Exchange()
    three = [joined(exchange, name, ("$share/g/t", 1), expiry=60) for name in "abc"]
    for n in range(9):
        sent(exchange, "t", b"%d" % n)
    assert [one.take(0).count(b"t") for one in three] == [3, 3, 3]
    exchange.apply(Left("a", 60), 0)
    for n in range(4):
        sent(exchange, "t", b"%d" % n)
    assert [one.take(0).count(b"t") for one in three] == [0, 2, 2]


def test_what_a_member_leaves_goes_to_the_others() -> None:
    exchange = Exchange()
    one, other = (joined(exchange, name, ("$share/g/t", 1), ("own", 1), expiry=60) for name in "ab")
    sent(exchange, "t", b"first")
    sent(exchange, "t", b"second")
    sent(exchange, "own", b"mine")
    assert one.take(0) and other.take(0)
    exchange.apply(Ended("a"), 0)
    assert other.take(0).endswith(b"first")
    assert one is not other
    other.hold()
    sent(exchange, "t", b"third")
    third = joined(exchange, "c", ("$share/g/t", 1))
    exchange.apply(Unsubscribed("b", ["$share/g/t"]), 0)
    assert third.take(0).endswith(b"third")


def test_what_we_say_of_ourselves_is_apart() -> None:
    exchange = Exchange()
    admin, device = joined(exchange, "admin", ("$SYS/#", 0)), joined(exchange, "device", ("#", 0))
    assert exchange.announce(Message("$SYS/broker/uptime", b"1", 0, True), 0) == [admin]
    assert admin.take(0) == publish("$SYS/broker/uptime", b"1")
    assert device.take(0) == b""
    assert exchange.retained == {}
    late = joined(exchange, "late", ("$SYS/broker/+", 0))
    assert late.take(0) == publish("$SYS/broker/uptime", b"1", 0, True)
