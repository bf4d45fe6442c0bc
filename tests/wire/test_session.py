"""What outlives a connection."""

from homestream.wire import session as limits
from homestream.wire.packets import publish
from homestream.wire.session import FAILED, WINDOW, Session


def connected(clean: bool = True) -> Session:
    session = Session("c", clean)
    session.connect()
    return session


def test_messages_go_out_at_once_and_once() -> None:
    session = connected()
    session.deliver("t", b"0", 0)
    session.deliver("t", b"1", 1, retain=True)
    assert session.take() == publish("t", b"0") + publish("t", b"1", 1, True, packet_id=1)
    assert session.take() == b""


def test_no_more_in_flight_than_the_window_and_order_is_kept() -> None:
    session = connected()
    for n in range(WINDOW + 2):
        session.deliver("t", b"%d" % n, 1)
    session.deliver("t", b"last", 0)
    assert session.take().count(b"\0\1t") == WINDOW
    session.acknowledged(99)
    assert session.take() == b""
    session.acknowledged(1)
    assert session.take() == publish("t", b"%d" % WINDOW, 1, packet_id=WINDOW + 1)
    session.acknowledged(2)
    assert session.take() == publish("t", b"%d" % (WINDOW + 1), 1, packet_id=WINDOW + 2) + publish(
        "t", b"last"
    )


def test_a_session_sends_again_what_was_not_acknowledged_then_what_waited() -> None:
    session = connected(clean=False)
    session.deliver("t", b"sent", 1)
    session.take()
    session.disconnect()
    session.deliver("t", b"away", 1)
    session.deliver("t", b"lost", 0)
    assert session.take() == b""
    session.connect()
    assert session.take() == publish("t", b"sent", 1, dup=True, packet_id=1) + publish(
        "t", b"away", 1, packet_id=2
    )
    assert session.dropped == 1


def test_a_slow_client_loses_its_oldest_qos_0() -> None:
    session = connected()
    session.hold()
    session.deliver("t", b"kept", 1)
    for n in range(limits.MAX_QUEUED + 5):
        session.deliver("t", b"%d" % n, 0)
    assert session.take() == b""
    assert session.dropped == 6
    session.release()
    out = session.take()
    assert out.startswith(publish("t", b"kept", 1, packet_id=1) + publish("t", b"6"))
    assert out.endswith(publish("t", b"%d" % (limits.MAX_QUEUED + 4)))


def test_a_queue_full_of_qos_1_takes_no_more() -> None:
    session = connected(clean=False)
    session.disconnect()
    for n in range(limits.MAX_QUEUED + 3):
        session.deliver("t", b"%d" % n, 1)
    assert session.dropped == 3


def test_the_queue_is_bounded_in_bytes() -> None:
    session = connected()
    session.hold()
    for _ in range(10):
        session.deliver("t", b"x" * (limits.MAX_QUEUED_BYTES // 2), 0)
    assert session.dropped == 8
    session.release()
    assert len(session.take()) < limits.MAX_QUEUED_BYTES + 100


def test_packet_ids_wrap_and_skip_those_in_flight() -> None:
    session = connected()
    session.deliver("t", b"first", 1)
    for n in range(2, 65_536):
        session.deliver("t", b"", 1)
        session.acknowledged(n)
    session.take()
    session.deliver("t", b"", 1)
    assert session.take() == publish("t", b"", 1, packet_id=2)


def test_subscriptions_are_bounded_and_qos_1_is_the_most() -> None:
    session = connected()
    granted = session.subscribe(tuple((f"t/{n}", 2) for n in range(limits.MAX_SUBSCRIPTIONS + 1)))
    assert [qos for _, qos in granted] == [1] * limits.MAX_SUBSCRIPTIONS + [FAILED]
    assert session.subscribe((("t/0", 0),)) == [("t/0", 0)]


def test_what_one_call_makes_is_bounded() -> None:
    session = connected()
    for _ in range(40):
        session.deliver("t", b"x" * 1_000_000, 0)
    first = session.take()
    assert len(first) < limits.MAX_UNSENT_BYTES + 1_100_000
    assert len(session.take()) < limits.MAX_QUEUED_BYTES + 100
    assert session.take() == b""
    assert session.dropped > 25
