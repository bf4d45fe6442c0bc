"""The state machine of one connection."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homestream.wire import packets
from homestream.wire.connection import (
    CONNECT_TIMEOUT,
    Closed,
    Connection,
    Event,
    Login,
    State,
    Subscribed,
    Unsubscribed,
)
from homestream.wire.packets import (
    Ack,
    Connect,
    Disconnect,
    Ping,
    Subscribe,
    Unsubscribe,
    Will,
    encode,
    publish,
)
from homestream.wire.reader import Batch, Topics
from homestream.wire.session import Session

WILL = Will("home/x/available", b"offline", 1, True)


def opened(connect: Connect | None = None, session: Session | None = None) -> Connection:
    connect = connect or Connect("c", True, 60, will=WILL)
    connection = Connection(0, Topics())
    assert connection.receive(encode(connect), 0) == [Login(connect)]
    assert connection.accept(session or Session("c", connect.clean), session is not None, connect) == []
    assert connection.take() == packets.connack(0, session is not None)
    return connection


def only(events: list[Event]) -> Event:
    (event,) = events
    return event


def test_nothing_counts_before_the_login_is_decided() -> None:
    connect = Connect("c", True, 0)
    connection = Connection(0, Topics())
    early = encode(Subscribe(1, (packets.Filter("a", 0),))) + publish("t", b"1", 1, packet_id=7)
    assert connection.receive(encode(connect) + early, 0) == [Login(connect)]
    assert connection.receive(encode(Ping()), 0) == []
    assert connection.take() == b""
    subscribed, batch = connection.accept(Session("c", True), False, connect)
    assert subscribed == Subscribed([("a", 0)])
    assert isinstance(batch, Batch)
    assert batch.payloads == [b"1"]
    assert connection.take() == packets.connack(0) + packets.suback(1, [0]) + b"\xd0\x00"


def test_a_refused_login_ends_it() -> None:
    connection = Connection(0, Topics())
    connection.receive(encode(Connect("c", True, 0)) + publish("t", b"never"), 0)
    assert connection.refuse(packets.BAD_LOGIN) == Closed("login refused")
    assert connection.take() == b"\x20\x02\x00\x04"
    assert connection.receive(publish("t", b""), 0) == []


def test_a_batch_is_acknowledged_only_when_stored() -> None:
    connection = opened()
    batch = only(connection.receive(publish("t", b"1", 1, packet_id=7), 1))
    assert isinstance(batch, Batch)
    assert connection.take() == b""
    connection.stored(batch)
    assert connection.take() == b"\x40\x02\x00\x07"


def test_what_could_not_be_stored_is_not_acknowledged_and_closes() -> None:
    connection = opened()
    batch = only(connection.receive(publish("t", b"1", 1, packet_id=7), 1))
    assert isinstance(batch, Batch)
    assert connection.lost(batch) == [Closed("not stored", WILL)]
    assert connection.lost(batch) == []
    connection.stored(batch)
    assert connection.take() == b""


def test_qos_2_is_stored_once() -> None:
    session = Session("c", False)
    connection = opened(session=session)
    first = only(connection.receive(publish("t", b"1", 2, packet_id=7), 1))
    again = only(connection.receive(publish("t", b"1", 2, dup=True, packet_id=7), 1))
    assert isinstance(first, Batch) and isinstance(again, Batch)
    assert again.topics == []
    connection.stored(first)
    connection.stored(again)
    assert connection.take() == b"\x50\x02\x00\x07" * 2
    connection.eof()
    connection = opened(session=session)
    again = only(connection.receive(publish("t", b"1", 2, dup=True, packet_id=7), 1))
    assert isinstance(again, Batch) and again.topics == []
    assert connection.receive(encode(Ack(packets.PUBREL, 7)), 1) == []
    assert connection.take() == b"\x70\x02\x00\x07"
    anew = only(connection.receive(publish("t", b"2", 2, packet_id=7), 1))
    assert isinstance(anew, Batch) and anew.topics == ["t"]


def test_qos_2_lost_is_not_acknowledged_when_sent_again() -> None:
    connection = opened()
    first, again = connection.receive(publish("t", b"1", 2, packet_id=7) * 2, 1)
    assert isinstance(first, Batch) and isinstance(again, Batch)
    connection.session.received.clear() if connection.session else None
    connection.stored(again)
    assert connection.take() == b""


def test_subscribe_unsubscribe_ping() -> None:
    connection = opened()
    assert connection.receive(
        encode(Subscribe(5, (packets.Filter("a/#", 2), packets.Filter("b", 0)))), 1
    ) == [Subscribed([("a/#", 1), ("b", 0)])]
    assert connection.take() == packets.suback(5, [1, 0])
    assert connection.receive(encode(Unsubscribe(6, ("b", "never"))), 1) == [Unsubscribed(("b", "never"))]
    assert connection.take() == b"\xb0\x02\x00\x06"
    assert connection.session is not None and connection.session.subscriptions == {"a/#": 1}
    assert connection.receive(encode(Ping()), 1) == []
    assert connection.take() == b"\xd0\x00"


def test_acknowledgements_nobody_asked_for_do_no_harm() -> None:
    connection = opened()
    for kind in (packets.PUBACK, packets.PUBREC, packets.PUBREL, packets.PUBCOMP):
        assert connection.receive(encode(Ack(kind, 9)), 1) == []
    assert connection.take() == b"\x62\x02\x00\x09\x70\x02\x00\x09"


def test_who_says_goodbye_has_no_will() -> None:
    assert opened().receive(encode(Disconnect()) + publish("t", b"after"), 1) == [Closed("disconnected")]


@pytest.mark.parametrize(
    ("raw", "reason"),
    [
        (b"\xf0\x00", "packet type no client may send"),
        (encode(Connect("c", True, 0)), "second CONNECT"),
        (b"\x30\xff\xff\xff\x7f", "packet of 268435455 bytes, more than 1048576"),
    ],
)
def test_a_violation_closes_with_its_will(raw: bytes, reason: str) -> None:
    closed = only(opened().receive(raw, 1))
    assert isinstance(closed, Closed)
    assert (closed.reason, closed.will, closed.violation is not None) == (reason, WILL, True)


def test_version_5_is_refused_in_its_own_words() -> None:
    connection = Connection(0, Topics())
    closed = only(connection.receive(b"\x10\x0e\0\4MQTT\5\2\0\0\0\0\1c", 0))
    assert closed == Closed("MQTT version 5 is not spoken here")
    assert connection.take() == b"\x20\x03\x00\x84\x00"
    connection = Connection(0, Topics())
    connection.receive(b"\x10\x0d\0\4MQTT\7\2\0\0\0\1c", 0)
    assert connection.take() == b"\x20\x02\x00\x01"


def test_silence() -> None:
    connection = Connection(0, Topics())
    assert connection.tick(CONNECT_TIMEOUT) == []
    assert connection.tick(CONNECT_TIMEOUT + 1) == [Closed("silent too long")]
    connection = opened(Connect("c", True, 10, will=WILL))
    connection.receive(encode(Ping()), 5_000)
    assert connection.tick(20_000) == []
    assert connection.tick(20_001) == [Closed("silent too long", WILL)]
    assert connection.tick(30_000) == []
    assert opened(Connect("c", True, 0)).tick(10**12) == []


def test_a_lost_socket_has_its_will_and_our_own_leaving_has_not() -> None:
    connection = opened()
    assert connection.eof() == [Closed("connection lost", WILL)]
    assert connection.eof() == []
    assert opened().leave("the server stops") == [Closed("the server stops")]


def test_a_connection_taken_over_sends_nothing_of_its_session() -> None:
    session = Session("c", False)
    old = opened(session=session)
    old.eof()
    new = opened(session=session)
    session.deliver("t", b"1", 0)
    assert old.take() == b""
    assert new.take() == publish("t", b"1")


@given(st.binary(max_size=200), st.lists(st.integers(1, 30), min_size=1, max_size=8))
def test_any_bytes_never_raise_and_any_cut_closes_alike(raw: bytes, sizes: list[int]) -> None:
    whole, cut = opened(), opened()
    expected = [e.reason for e in whole.receive(raw, 1) if isinstance(e, Closed)]
    got: list[str] = []
    at = n = 0
    while at < len(raw):
        size = sizes[n % len(sizes)]
        got += [e.reason for e in cut.receive(raw[at : at + size], 1) if isinstance(e, Closed)]
        at, n = at + size, n + 1
    assert got == expected
    assert cut.take() == whole.take()
    assert (cut.state is State.CLOSED) == bool(expected)
