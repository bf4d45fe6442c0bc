"""What outlives a connection."""

from homestream.wire.journal import Got
from homestream.wire.message import Message
from homestream.wire.outlet import Outlet
from homestream.wire.packets import PUBREL, Ack, encode, publish
from homestream.wire.properties import NONE, Properties
from homestream.wire.session import HALF, LIMITS, Limits, Session

SMALL = Limits(in_flight=20, queued=50, queued_bytes=100_000, unsent=300_000)


def connected(expiry: int = 0, limits: Limits = LIMITS, level: int = 4) -> Session:
    session = Session("c", expiry, limits)
    session.connect(Outlet(level), 20)
    return session


def deliver(session: Session, payload: bytes, qos: int, seq: int = 1, now: int = 0, **more: object) -> None:
    session.deliver(Message("t", payload, qos, seq=seq), qos, now, **more)  # type: ignore[arg-type]


def test_messages_go_out_at_once_and_once() -> None:
    session = connected()
    deliver(session, b"0", 0)
    deliver(session, b"1", 1, retain=True)
    assert session.take(0) == publish("t", b"0") + publish("t", b"1", 1, True, packet_id=1)
    assert session.take(0) == b""


def test_no_more_in_flight_than_the_window_and_order_is_kept() -> None:
    session = connected()
    for n in range(22):
        deliver(session, b"%d" % n, 1)
    deliver(session, b"last", 0)
    assert session.take(0).count(b"\0\1t") == 20
    session.acknowledged(99)
    assert session.take(0) == b""
    session.acknowledged(1)
    assert session.take(0) == publish("t", b"20", 1, packet_id=21)
    session.acknowledged(2)
    assert session.take(0) == publish("t", b"21", 1, packet_id=22) + publish("t", b"last")


def test_a_session_sends_again_what_was_not_acknowledged_then_what_waited() -> None:
    session = connected(60)
    deliver(session, b"sent", 1)
    session.take(0)
    session.disconnect()
    deliver(session, b"away", 1)
    deliver(session, b"lost", 0)
    assert session.take(0) == b""
    session.connect(Outlet(4), 20)
    assert session.take(0) == publish("t", b"sent", 1, dup=True, packet_id=1) + publish(
        "t", b"away", 1, packet_id=2
    )
    assert session.dropped == 1


def test_qos_2_goes_its_four_steps() -> None:
    session = connected(60, Limits(in_flight=1))
    deliver(session, b"a", 2)
    deliver(session, b"b", 2)
    assert session.take(0) == publish("t", b"a", 2, packet_id=1)
    assert session.has(1) and session.has(1)
    assert not session.has(2)
    assert session.take(0) == b"", "the window is open only when all is done"
    session.disconnect()
    session.connect(Outlet(4), 20)
    assert session.take(0) == encode(Ack(PUBREL, 1)), "never the message again"
    session.acknowledged(1)
    assert session.take(0) == publish("t", b"b", 2, packet_id=2)


def test_a_slow_client_loses_its_oldest_qos_0() -> None:
    session = connected(limits=SMALL)
    session.hold()
    deliver(session, b"kept", 1)
    for n in range(SMALL.queued + 5):
        deliver(session, b"%d" % n, 0)
    assert session.take(0) == b""
    assert session.dropped == 6
    session.release()
    out = session.take(0)
    assert out.startswith(publish("t", b"kept", 1, packet_id=1) + publish("t", b"6"))
    assert out.endswith(publish("t", b"%d" % (SMALL.queued + 4)))


def test_a_queue_full_of_qos_1_takes_no_more() -> None:
    session = connected(60, SMALL)
    session.disconnect()
    for n in range(SMALL.queued + 3):
        deliver(session, b"%d" % n, 1)
    assert session.dropped == 3


def test_the_queue_is_bounded_in_bytes() -> None:
    session = connected(limits=SMALL)
    session.hold()
    for _ in range(10):
        deliver(session, b"x" * 45_000, 0)
    assert session.dropped == 8
    session.release()
    assert len(session.take(0)) < SMALL.queued_bytes


def test_what_one_call_makes_is_bounded() -> None:
    session = connected(limits=SMALL)
    for _ in range(40):
        deliver(session, b"x" * 45_000, 0)
    first = session.take(0)
    assert len(first) < SMALL.unsent + 45_100
    assert len(session.take(0)) < SMALL.queued_bytes
    assert session.take(0) == b""
    assert session.dropped > 25


def test_packet_ids_wrap_in_their_half_and_skip_those_in_use() -> None:
    session = connected()
    deliver(session, b"first", 1)
    for n in range(2, HALF + 1):
        deliver(session, b"", 1)
        session.acknowledged(n)
    session.take(0)
    deliver(session, b"", 1)
    assert session.take(0) == publish("t", b"", 1, packet_id=2)
    deliver(session, b"", 1, seq=0)
    deliver(session, b"", 1, group="$share/g/t")
    expected = publish("t", b"", 1, packet_id=HALF + 1) + publish("t", b"", 1, packet_id=HALF + 2)
    assert session.take(0) == expected, "what the log does not number the same counts apart"


def five(payload: bytes, qos: int = 0, packet_id: int = 0, properties: Properties = NONE) -> bytes:
    return publish("t", payload, qos, packet_id=packet_id, level=5, properties=properties)


def test_a_message_expires_while_it_waits() -> None:
    session = connected(60, level=5)
    session.hold()
    session.deliver(Message("t", b"short", 1, expires=1_000), 1, 0)
    session.deliver(Message("t", b"long", 1, expires=9_500, seq=1), 1, 0)
    session.release()
    assert session.take(1_000) == five(b"long", 1, 1, {"message_expiry_interval": 9})
    assert session.dropped == 1
    session.disconnect()
    session.connect(Outlet(4), 20)
    assert session.take(99_000) == publish("t", b"long", 1, dup=True, packet_id=1), "its delivery has begun"


def test_what_is_too_large_for_the_client_is_left_out() -> None:
    session = Session("c", 60)
    session.connect(Outlet(5, 20), 20)
    session.deliver(Message("t", b"x" * 30, 1, seq=1), 1, 0)
    session.deliver(Message("t", b"y", 1, seq=2), 1, 0)
    assert session.take(0) == five(b"y", 1, 2)
    assert session.dropped == 1
    assert session.got() == Got("c", {"": [1]}, [])


def test_properties_and_identifiers_go_to_whom_they_mean_something() -> None:
    message = Message("t", b"1", 0, properties={"content_type": "text/plain"})
    new, old = connected(level=5), connected()
    for session in (new, old):
        session.deliver(message, 0, 0, identifiers=(7, 8))
    assert new.take(0) == five(
        b"1", properties={"content_type": "text/plain", "subscription_identifier": [7, 8]}
    )
    assert old.take(0) == publish("t", b"1")


def test_what_it_got_is_told_once() -> None:
    session = connected(60)
    for seq in (5, 6, 7):
        deliver(session, b"", 2 if seq == 7 else 1, seq)
    deliver(session, b"", 1, 8, group="$share/g/t")
    deliver(session, b"unlogged", 1, 0)
    for packet_id in (2, 1, HALF + 1, HALF + 2):
        session.acknowledged(packet_id)
    assert session.has(3)
    assert session.unrecorded == 4
    assert session.got() == Got("c", {"": [6, 5, 7], "$share/g/t": [8]}, [3])
    session.acknowledged(3)
    assert session.unrecorded == 1
    assert session.got() == Got("c", {}, [])
    assert session.got() == Got("c", {}, [])
    brief = connected(0)
    deliver(brief, b"", 1)
    brief.acknowledged(1)
    assert brief.unrecorded == 0, "who keeps nothing has nothing to tell"


def test_it_is_put_back_as_it_was() -> None:
    session = connected(60)
    for seq, qos in ((1, 1), (2, 2), (3, 2)):
        deliver(session, b"%d" % seq, qos, seq)
    session.has(2)
    other = Session("c", 60)
    other.restore(session.waiting(), session.released, session.numbers)
    other.connect(Outlet(4), 20)
    again = publish("t", b"1", 1, dup=True, packet_id=1) + publish("t", b"3", 2, dup=True, packet_id=3)
    assert other.take(0) == encode(Ack(PUBREL, 2)) + again
    deliver(other, b"4", 1, 4)
    assert other.take(0) == publish("t", b"4", 1, packet_id=4)


def test_topics_are_abbreviated_where_the_client_allows_it() -> None:
    session = Session("c")
    session.connect(Outlet(5, aliases=1), 20)
    for topic in ("a/long/topic", "a/long/topic", "other"):
        session.deliver(Message(topic, b"", 0), 0, 0)
    alias = {"topic_alias": 1}
    expected = [
        publish("a/long/topic", b"", level=5, properties=alias),
        publish("", b"", level=5, properties=alias),
        publish("other", b"", level=5),
    ]
    assert session.take(0) == b"".join(expected)
    session.disconnect()
    session.connect(Outlet(5), 20)
    session.deliver(Message("a/long/topic", b"", 0), 0, 0)
    assert session.take(0) == publish("a/long/topic", b"", level=5), "an alias ends with its connection"
