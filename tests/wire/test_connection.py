"""The state machine of one connection."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homestream.wire import packets
from homestream.wire.connection import (
    CONNECT_TIMEOUT,
    MAX_KEEP_ALIVE,
    Closed,
    Connection,
    Event,
    Held,
    Login,
    Released,
    State,
    Unwanted,
    Wanted,
)
from homestream.wire.exchange import NEVER
from homestream.wire.message import Message
from homestream.wire.packets import (
    Ack,
    Auth,
    Connack,
    Connect,
    Disconnect,
    Filter,
    Ping,
    Suback,
    Subscribe,
    Unsuback,
    Unsubscribe,
    Will,
    encode,
    publish,
)
from homestream.wire.reader import Batch, Topics
from homestream.wire.reasons import Reason
from homestream.wire.session import Session

WILL = Will("home/x/available", b"offline", 1, True)
FIVE = Connect("c", True, 60, 5, will=WILL)


def fresh() -> Connection:
    return Connection(0, Topics(), 1 << 20, 10)


def opened(connect: Connect | None = None, session: Session | None = None) -> Connection:
    connect = connect or Connect("c", True, 60, will=WILL)
    connection = fresh()
    assert connection.receive(encode(connect), 0) == [Login(connect)]
    assert connection.accept(session or Session("c"), connect) == []
    answer = connection.take(0)
    if connect.level < 5:
        assert answer == packets.connack(0, session is not None and session.resumed)
    return connection


def only(events: list[Event]) -> Event:
    (event,) = events
    return event


def batch_of(connection: Connection, raw: bytes) -> Batch:
    batch = only(connection.receive(raw, 1))
    assert isinstance(batch, Batch)
    return batch


def bye(code: Reason, why: str) -> bytes:
    return encode(Disconnect(code, {"reason_string": why}), 5)


def test_nothing_counts_before_the_login_is_decided() -> None:
    connect = Connect("c", True, 0)
    connection = fresh()
    early = encode(Subscribe(1, (Filter("a", 0),))) + publish("t", b"1", 1, packet_id=7)
    assert connection.receive(encode(connect) + early, 0) == [Login(connect)]
    assert connection.receive(encode(Ping()), 0) == []
    assert connection.take(0) == b""
    wanted, batch = connection.accept(Session("c"), connect)
    assert wanted == Wanted(1, (Filter("a", 0),), 0)
    assert isinstance(batch, Batch)
    assert batch.payloads == [b"1"]
    assert connection.take(0) == packets.connack(0) + b"\xd0\x00"


@pytest.mark.parametrize(
    ("code", "old"),
    [
        (Reason.BAD_USER_NAME_OR_PASSWORD, 4),
        (Reason.NOT_AUTHORIZED, 5),
        (Reason.CLIENT_IDENTIFIER_NOT_VALID, 2),
        (Reason.QUOTA_EXCEEDED, 3),
    ],
)
def test_a_refused_login_ends_it(code: Reason, old: int) -> None:
    connection = fresh()
    connection.receive(encode(Connect("c", True, 0)) + publish("t", b"never"), 0)
    assert connection.refuse(code, "no") == [Closed("login refused")]
    assert connection.take(0) == packets.connack(old)
    assert connection.receive(publish("t", b""), 0) == []
    connection = fresh()
    connection.receive(encode(FIVE), 0)
    connection.refuse(code, "no")
    assert connection.take(0) == encode(Connack(code, False, {"reason_string": "no"}), 5)


def test_a_5_0_client_is_told_our_limits() -> None:
    connection = fresh()
    connect = Connect("", True, 0, 5)
    connection.receive(encode(connect), 0)
    connection.accept(Session("made-up"), connect, "made-up")
    limits = {"receive_maximum": 10, "maximum_packet_size": 1 << 20, "topic_alias_maximum": 64}
    more = {"assigned_client_identifier": "made-up", "server_keep_alive": MAX_KEEP_ALIVE}
    assert connection.take(0) == encode(Connack(0, False, limits | more), 5)


def test_who_takes_no_packet_as_large_as_our_answer_gets_none() -> None:
    for size, client, closed in ((18, "c", True), (19, "c", False), (58, "", True), (59, "", False)):
        connection = fresh()
        connect = Connect(client, True, 0, 5, properties={"maximum_packet_size": size})
        (event,) = connection.receive(encode(connect), 0)
        assert isinstance(event, Closed) is closed
        if not closed:
            connection.accept(Session("c"), connect, "" if client else "x" * 37)
        assert len(connection.take(0)) == (0 if closed else size)


def test_several_steps_of_authentication_are_refused_cleanly() -> None:
    connection = fresh()
    connection.receive(encode(Connect("c", True, 0, 5, properties={"authentication_method": "SCRAM"})), 0)
    assert connection.take(0)[:4] == bytes((0x20, 43, 0, Reason.BAD_AUTHENTICATION_METHOD))
    assert connection.state is State.CLOSED
    connection = opened(FIVE)
    closed = only(connection.receive(encode(Auth(Reason.RE_AUTHENTICATE)), 1))
    assert isinstance(closed, Closed)
    assert connection.take(0) == bye(Reason.PROTOCOL_ERROR, "AUTH without a method")


def test_a_batch_is_acknowledged_only_when_stored() -> None:
    connection = opened()
    batch = batch_of(connection, publish("t", b"1", 1, packet_id=7))
    assert connection.take(0) == b""
    connection.stored(batch)
    assert connection.take(0) == b"\x40\x02\x00\x07"


def test_what_could_not_be_stored_is_not_acknowledged_and_closes() -> None:
    connection = opened()
    batch = batch_of(connection, publish("t", b"1", 1, packet_id=7))
    assert connection.lost(batch) == [Closed("not stored", WILL)]
    assert connection.lost(batch) == []
    connection.stored(batch)
    assert connection.take(0) == b""
    assert opened().lost(Batch(["t"], [b"1"], [0x30])) == [], "QoS 0 promises nothing"


def test_a_5_0_client_is_told_what_could_not_be_stored() -> None:
    connection = opened(Connect("c", True, 60, 5, properties={"request_problem_information": 0}))
    for qos, kind in ((1, packets.PUBACK), (2, packets.PUBREC)):
        batch = batch_of(connection, publish("t", b"1", qos, packet_id=7, level=5))
        assert connection.lost(batch) == []
        assert connection.take(0) == encode(Ack(kind, 7, Reason.QUOTA_EXCEEDED), 5)
    assert batch_of(connection, publish("t", b"1", 2, packet_id=7, level=5)).topics == ["t"]
    connection = opened(FIVE)
    connection.lost(batch_of(connection, publish("t", b"1", 1, packet_id=7, level=5)))
    assert b"the disk is full or failing" in connection.take(0)


def test_what_was_denied_is_said_in_its_place() -> None:
    three = b"".join(publish("t", b"", 1, packet_id=n, level=5) for n in (1, 2, 3))
    connection = opened(FIVE)
    connection.stored(batch_of(connection, three), {b"\0\2": Reason.NOT_AUTHORIZED})
    codes = {1: 0, 2: Reason.NOT_AUTHORIZED, 3: 0}
    assert connection.take(0) == b"".join(encode(Ack(packets.PUBACK, n, c), 5) for n, c in codes.items())
    connection.stored(
        batch_of(connection, publish("t", b"", 2, packet_id=4, level=5)), {b"\0\4": Reason.NOT_AUTHORIZED}
    )
    assert connection.take(0) == encode(Ack(packets.PUBREC, 4, Reason.NOT_AUTHORIZED), 5)
    assert connection.session is not None and connection.session.received == set()


def test_qos_2_is_stored_once() -> None:
    session = Session("c", NEVER)
    connection = opened(session=session)
    first = batch_of(connection, publish("t", b"1", 2, packet_id=7))
    again = batch_of(connection, publish("t", b"1", 2, dup=True, packet_id=7))
    assert again.topics == []
    connection.stored(first)
    connection.stored(again)
    assert connection.take(0) == b"\x50\x02\x00\x07" * 2
    connection.eof()
    connection = opened(session=session)
    assert batch_of(connection, publish("t", b"1", 2, dup=True, packet_id=7)).topics == []
    assert connection.receive(encode(Ack(packets.PUBREL, 7)), 1) == [Released(b"\0\7")]
    assert connection.take(0) == b"", "that, too, is recorded first"
    session.received.discard(b"\0\7")
    connection.released(b"\0\7", known=True)
    assert connection.take(0) == b"\x70\x02\x00\x07"
    assert batch_of(connection, publish("t", b"2", 2, packet_id=7)).topics == ["t"]


def test_qos_2_lost_is_not_acknowledged_when_sent_again() -> None:
    connection = opened()
    first, again = connection.receive(publish("t", b"1", 2, packet_id=7) * 2, 1)
    assert isinstance(first, Batch) and isinstance(again, Batch)
    connection.session.received.clear() if connection.session else None
    connection.stored(again)
    assert connection.take(0) == b""


def test_more_than_we_said_we_take_ends_a_5_0_client() -> None:
    connection = opened(FIVE)
    for n in range(1, 11):
        connection.stored(batch_of(connection, publish("t", b"", 2, packet_id=n, level=5)))
    connection.take(0)
    closed = only(connection.receive(publish("t", b"", 1, packet_id=11, level=5), 1))
    assert isinstance(closed, Closed) and closed.will == WILL
    assert connection.take(0) == bye(Reason.RECEIVE_MAXIMUM_EXCEEDED, "too many unacknowledged")
    connection = opened(FIVE)
    for n in range(1, 50):
        connection.stored(batch_of(connection, publish("t", b"", 2, packet_id=n, level=5)))
        connection.receive(encode(Ack(packets.PUBREL, n)), 1)
        connection.released(n.to_bytes(2), known=True)
    assert connection.state is State.OPEN


def test_subscribe_unsubscribe_ping() -> None:
    connection = opened()
    wanted = Subscribe(5, (Filter("a/#", 2), Filter("b", 0)))
    assert connection.receive(encode(wanted), 1) == [Wanted(5, wanted.filters, 0)]
    assert connection.take(0) == b""
    connection.subscribed(5, [2, Reason.TOPIC_FILTER_INVALID])
    assert connection.take(0) == encode(packets.Suback(5, (2, 0x80)))
    assert connection.receive(encode(Unsubscribe(6, ("b", "never"))), 1) == [Unwanted(6, ("b", "never"))]
    connection.unsubscribed(6, [0, Reason.NO_SUBSCRIPTION_EXISTED])
    assert connection.take(0) == b"\xb0\x02\x00\x06"
    assert connection.receive(encode(Ping()), 1) == []
    assert connection.take(0) == b"\xd0\x00"


def test_subscribe_unsubscribe_in_5_0() -> None:
    connection = opened(FIVE)
    one = Filter("a/#", 2, no_local=True, retain_as_published=True, retain_handling=2)
    wanted = Subscribe(5, (one,), {"subscription_identifier": 77})
    assert connection.receive(encode(wanted, 5), 1) == [Wanted(5, (one,), 77)]
    connection.subscribed(5, [Reason.QUOTA_EXCEEDED])
    connection.unsubscribed(6, [0, Reason.NO_SUBSCRIPTION_EXISTED])
    assert connection.take(0) == encode(Suback(5, (0x97,)), 5) + encode(Unsuback(6, (0, 0x11)), 5)


def test_a_shared_filter_that_names_no_group_breaks_5_0() -> None:
    connection = opened(FIVE)
    connection.receive(encode(Subscribe(5, (Filter("a", 0), Filter("$share/g", 0))), 5), 1)
    assert connection.take(0) == bye(Reason.PROTOCOL_ERROR, "shared filter without group or filter")


def test_qos_2_to_the_client() -> None:
    session = Session("c")
    connection = opened(session=session)
    session.deliver(Message("t", b"1", 2, seq=1), 2, 0)
    assert connection.take(0) == publish("t", b"1", 2, packet_id=1)
    assert connection.receive(encode(Ack(packets.PUBREC, 1)), 1) == [Held(1)]
    connection.held(1)
    assert connection.take(0) == encode(Ack(packets.PUBREL, 1))
    assert connection.receive(encode(Ack(packets.PUBCOMP, 1)), 1) == []
    assert session.released == []
    connection = opened(FIVE, session)
    session.deliver(Message("t", b"2", 2, seq=2), 2, 0)
    connection.take(0)
    connection.receive(encode(Ack(packets.PUBREC, 2, Reason.UNSPECIFIED_ERROR), 5), 1)
    assert (session.released, session.waiting()) == ([], []), "it does not want it"


def test_acknowledgements_nobody_asked_for_do_no_harm() -> None:
    for level, code in ((4, 0), (5, Reason.PACKET_IDENTIFIER_NOT_FOUND)):
        connection = opened(Connect("c", True, 60, level))
        for kind in (packets.PUBACK, packets.PUBREC, packets.PUBCOMP):
            assert connection.receive(encode(Ack(kind, 9)), 1) == []
        assert connection.receive(encode(Ack(packets.PUBREL, 9)), 1) == [Released(b"\0\x09")]
        connection.released(b"\0\x09", known=False)
        answers = (Ack(packets.PUBREL, 9, code), Ack(packets.PUBCOMP, 9, code))
        assert connection.take(0) == b"".join(encode(one, level) for one in answers)


def test_who_says_goodbye_has_no_will() -> None:
    assert opened().receive(encode(Disconnect()) + publish("t", b"after"), 1) == [
        Closed("disconnected", ours=False)
    ]
    with_will = encode(Disconnect(Reason.DISCONNECT_WITH_WILL), 5)
    assert opened(FIVE).receive(with_will, 1) == [Closed("disconnected", WILL, ours=False)]


def test_a_goodbye_may_change_how_long_the_session_lasts() -> None:
    later = encode(Disconnect(0, {"session_expiry_interval": 5}), 5)
    assert opened(FIVE, Session("c", 60)).receive(later, 1) == [Closed("disconnected", expiry=5, ours=False)]
    never = encode(Disconnect(0, {"session_expiry_interval": 0}), 5)
    assert opened(FIVE, Session("c", 60)).receive(never, 1) == [Closed("disconnected", expiry=0, ours=False)]
    connection = opened(FIVE, Session("c", 0))
    connection.receive(later, 1)
    assert connection.take(0) == bye(Reason.PROTOCOL_ERROR, "a session cannot begin to last at its end")


@pytest.mark.parametrize(
    ("raw", "reason", "code"),
    [
        (b"\x20\x00", "packet type no client may send", Reason.PROTOCOL_ERROR),
        (encode(Connect("c", True, 0)), "second CONNECT", Reason.PROTOCOL_ERROR),
        (
            b"\x30\xff\xff\xff\x7f",
            "packet of 268435455 bytes, more than 1048576",
            Reason.PACKET_TOO_LARGE,
        ),
    ],
)
def test_a_violation_closes_with_its_will(raw: bytes, reason: str, code: Reason) -> None:
    closed = only(opened().receive(raw, 1))
    assert isinstance(closed, Closed)
    assert (closed.reason, closed.will, closed.violation is not None) == (reason, WILL, True)
    connection = opened(FIVE)
    connection.receive(raw, 1)
    assert connection.take(0) == bye(code, reason)


def test_a_broken_connect_of_5_0_is_answered() -> None:
    connection = fresh()
    only(connection.receive(b"\x10\x0e\0\4MQTT\5\3\0\0\0\0\1c", 0))
    assert connection.take(0)[:4] == bytes((0x20, 29, 0, Reason.MALFORMED_PACKET))


def test_other_versions_are_refused() -> None:
    for level in (6, 2):
        connection = fresh()
        closed = only(connection.receive(b"\x10\x0d\0\4MQTT%c\2\0\0\0\1c" % level, 0))
        assert closed == Closed(f"MQTT version {level} is not spoken here")
        assert connection.take(0) == b"\x20\x02\x00\x01"


def test_silence() -> None:
    connection = fresh()
    assert connection.tick(CONNECT_TIMEOUT) == []
    assert connection.tick(CONNECT_TIMEOUT + 1) == [Closed("silent too long")]
    connection = opened(Connect("c", True, 10, will=WILL))
    connection.receive(encode(Ping()), 5_000)
    assert connection.tick(20_000) == []
    assert connection.tick(20_001) == [Closed("silent too long", WILL)]
    assert connection.tick(30_000) == []
    assert opened(Connect("c", True, 0)).tick(10**12) == []
    connection = opened(Connect("c", True, 0, 5))
    assert only(connection.tick(90_001)) == Closed("silent too long")
    assert connection.take(0) == bye(Reason.KEEP_ALIVE_TIMEOUT, "silent too long")


def test_a_lost_socket_has_its_will_and_our_own_leaving_has_not() -> None:
    connection = opened()
    assert connection.eof() == [Closed("connection lost", WILL, ours=False)]
    assert connection.eof() == []
    connection = opened(FIVE)
    assert connection.leave(Reason.SERVER_SHUTTING_DOWN, "we stop") == [Closed("we stop")]
    assert connection.take(0) == bye(Reason.SERVER_SHUTTING_DOWN, "we stop")


def test_a_connection_taken_over_sends_nothing_of_its_session() -> None:
    session = Session("c", NEVER)
    old = opened(session=session)
    old.eof()
    new = opened(session=session)
    session.deliver(Message("t", b"1", 0), 0, 0)
    assert old.take(0) == b""
    assert new.take(0) == publish("t", b"1")


@pytest.mark.parametrize("level", [4, 5])
@given(st.binary(max_size=200), st.lists(st.integers(1, 30), min_size=1, max_size=8))
def test_any_bytes_never_raise_and_any_cut_closes_alike(level: int, raw: bytes, sizes: list[int]) -> None:
    whole, cut = (opened(Connect("c", True, 60, level)) for _ in range(2))
    expected = [e.reason for e in whole.receive(raw, 1) if isinstance(e, Closed)]
    got: list[str] = []
    at = n = 0
    while at < len(raw):
        size = sizes[n % len(sizes)]
        got += [e.reason for e in cut.receive(raw[at : at + size], 1) if isinstance(e, Closed)]
        at, n = at + size, n + 1
    assert got == expected
    assert cut.take(0) == whole.take(0)
    assert (cut.state is State.CLOSED) == bool(expected)
