"""The client's side of a connection, without a socket. With one: tests/door/mqtt/test_bridge.py."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homestream.wire import packets
from homestream.wire.client import ECHO, PATIENCE, Client, Closed, Granted, State, Welcome
from homestream.wire.packets import (
    Ack,
    Connack,
    Connect,
    Disconnect,
    Filter,
    Ping,
    Pong,
    Suback,
    Subscribe,
    encode,
    publish,
)
from homestream.wire.properties import NONE, Properties
from homestream.wire.reader import Batch, Reader, Topics


def opened(level: int = 5, given: Properties = NONE, now: int = 0) -> Client:
    """A client that was let in at `now`, with nothing to send."""
    client = Client(Connect("c", False, 60, level), Topics(), 1 << 16, now)
    assert client.take() == encode(Connect("c", False, 60, level))
    assert client.receive(encode(Connack(0, True, given), level), now) == [Welcome(True)]
    assert client.take() == b""
    return client


def sent(client: Client, level: int = 5) -> list[object]:
    """What it sends, as a server reads it."""
    reader = Reader(Topics())
    reader.feed(encode(Connect("c", False, 60, level)))
    return list(reader.feed(client.take()))


@pytest.mark.parametrize("level", [4, 5])
def test_it_subscribes(level: int) -> None:
    client = opened(level)
    client.subscribe(["a/#", "b"])
    five = level == 5
    wanted = tuple(Filter(name, 1, five, False, int(five)) for name in ("a/#", "b"))
    assert sent(client, level) == [Subscribe(1, wanted)]
    refusal = 0x87 if five else 0x80
    why = "not authorized" if five else "unspecified error"
    assert client.receive(encode(Suback(1, (1, refusal)), level), 1) == [Granted((("b", why),))]


def test_it_acknowledges_what_is_stored() -> None:
    client = opened()
    (batch,) = client.receive(publish("a", b"x", 1, packet_id=300, level=5), 1)
    assert isinstance(batch, Batch) and sent(client) == []
    client.stored(batch)
    assert sent(client) == [Ack(packets.PUBACK, 300)]
    client.leave(0, "")
    client.stored(batch)
    assert sent(client) == [Disconnect()], "after it no acknowledgement"


def test_it_pings_and_gives_up_on_silence() -> None:
    client = opened(given={"server_keep_alive": 10})
    assert client.tick(4_999) == [] and sent(client) == []
    assert client.tick(5_000) == [] and sent(client) == [Ping()]
    assert client.receive(encode(Pong()), 5_100) == []
    assert client.tick(9_999) == [] and sent(client) == []
    assert client.tick(10_000) == [] and sent(client) == [Ping()]
    assert client.tick(10_000 + PATIENCE) == []
    assert client.tick(10_001 + PATIENCE) == [Closed("the server does not answer")]
    assert client.state is State.CLOSED
    silent = Client(Connect("c", False, 60), Topics(), 99, 0)
    assert silent.tick(PATIENCE) == []
    assert silent.tick(PATIENCE + 1) == [Closed("the server does not answer")]


def test_what_the_server_limits() -> None:
    client = opened(given={"receive_maximum": 1, "maximum_qos": 1, "maximum_packet_size": 60})
    assert client.publish("a", b"x", 2, 30, 0)
    assert not client.publish("a", b"y", 1, 30, 0), "one is on its way"
    assert client.publish("a", b"z", 0, 30, 0)
    assert not client.publish("a", bytes(60), 0, 30, 0), "too large"
    (batch,) = sent(client)
    assert isinstance(batch, Batch)
    assert [(head >> 1 & 3) for head in batch.heads] == [1, 0]
    assert batch.properties == {0: {"message_expiry_interval": 30}, 1: {"message_expiry_interval": 30}}
    client.receive(encode(Ack(packets.PUBACK, 1, 0x10), 5), 1)
    assert client.publish("a", b"y", 1, 30, 0)
    none = opened(given={"maximum_qos": 0})
    assert none.publish("a", b"x", 1, 30, 0)
    (batch,) = sent(none)
    assert isinstance(batch, Batch) and batch.heads == [0x30]


def test_before_5_0_its_own_messages_come_back_and_are_taken_out() -> None:
    client = opened(4)
    client.expect(["home/#"])
    for topic in ("home/a/set", "home/a/set", "other/set"):
        assert client.publish(topic, b"ON", 1, 30, 0)
    own, others = publish("home/a/set", b"ON", 1, packet_id=5), publish("home/a/set", b"OFF", 1, packet_id=6)
    (batch,) = client.receive(own + others + own + own, 1)
    assert isinstance(batch, Batch)
    assert batch.payloads == [b"OFF", b"ON"], "twice sent, twice taken out; a third is somebody else's"
    assert len(batch.ids) == 4, "all are acknowledged"
    client.publish("home/a/set", b"ON", 1, 30, 10)
    (late,) = client.receive(own, 11 + ECHO)
    assert isinstance(late, Batch) and late.payloads == [b"ON"]


@pytest.mark.parametrize(
    ("raw", "said"),
    [
        (encode(Disconnect(0x8E), 5), "the server closed: session taken over"),
        (
            encode(Disconnect(0x8B, {"reason_string": "back soon"}), 5),
            "the server closed: server shutting down, back soon",
        ),
        (encode(Connack(0), 5), "the server sends what nobody asked for"),
        (encode(Ping()), "the server breaks MQTT: packet type no server may send"),
        (b"\x30\x03\0\0\0", "the server breaks MQTT: topic is empty"),
    ],
)
def test_the_server_ends_it(raw: bytes, said: str) -> None:
    client = opened()
    assert client.receive(raw + encode(Pong()), 1) == [Closed(said)]
    assert client.receive(encode(Pong()), 2) == [] and not client.publish("a", b"", 0, 30, 2)


@given(st.lists(st.binary(max_size=60), max_size=6), st.sampled_from([3, 4, 5]), st.booleans())
def test_any_bytes_are_events(chunks: list[bytes], level: int, welcome: bool) -> None:
    client = opened(level) if welcome else Client(Connect("c", True, 1, level), Topics(), 99, 0)
    events = [event for now, chunk in enumerate(chunks) for event in client.receive(chunk, now)]
    events += client.tick(10**6)
    assert sum(isinstance(event, Closed) for event in events) <= 1
    assert all(not isinstance(event, Closed) for event in events[:-1])
