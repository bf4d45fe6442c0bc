"""A byte stream -> packets, however it is cut."""

from hypothesis import given
from hypothesis import strategies as st

from homestream.wire import packets
from homestream.wire.packets import Ack, Connect, Filter, Ping, Subscribe, encode, publish
from homestream.wire.properties import Properties
from homestream.wire.reader import EVIDENCE, PUBREC_HEAD, Batch, Reader, Topics, Violation
from wire import strategies

HELLO = encode(Connect("c", True, 0))
HELLO5 = encode(Connect("c", True, 0, 5))
ALIASES = 9

publishes = st.builds(
    lambda topic, payload, qos, retain, n: publish(topic, payload, qos, retain, packet_id=n),
    st.sampled_from(["home/a/b/power", "t", "zigbee2mqtt/0x01", "käse"]),
    st.binary(max_size=300),
    st.integers(0, 2),
    st.booleans(),
    st.integers(1, 65_535),
)
controls = st.one_of(
    st.just(encode(Ping())),
    st.builds(lambda n: encode(Ack(packets.PUBACK, n)), st.integers(1, 65_535)),
    st.builds(lambda n: encode(Subscribe(n, (Filter("a/#", 1),))), st.integers(1, 65_535)),
)
streams = st.lists(st.one_of(publishes, controls, st.binary(max_size=20)), max_size=12).map(b"".join)
publishes5 = st.builds(
    lambda topic, payload, qos, retain, n, some: publish(
        topic, payload, qos, retain, packet_id=n, level=5, properties=some
    ),
    st.sampled_from(["home/a/b/power", "", "käse"]),
    st.binary(max_size=300),
    st.integers(0, 2),
    st.booleans(),
    st.integers(1, 65_535),
    st.one_of(
        st.just({}),
        strategies.properties_of_messages(),
        st.fixed_dictionaries({"topic_alias": st.integers(1, ALIASES + 1)}),
    ),
)
controls5 = strategies.from_client(5).map(lambda packet: encode(packet, 5))
streams5 = st.lists(st.one_of(publishes5, publishes5, controls5, st.binary(max_size=20)), max_size=12).map(
    b"".join
)
cuts = st.lists(st.integers(1, 40), min_size=1, max_size=20)


def read(chunks: list[bytes], max_packet: int = 1 << 20, level: int = 0) -> list[object]:
    """All packets of a stream, with each PUBLISH on its own."""
    reader = Reader(Topics(), max_packet, level=level, aliases=ALIASES)
    flat: list[object] = []
    for chunk in chunks:
        for found in reader.feed(chunk):
            if isinstance(found, Batch):
                ids = iter(found.ids)
                columns = zip(found.topics, found.payloads, found.heads, strict=True)
                flat += [
                    (topic, payload, head, next(ids) if head & 6 else b"", found.ack if head & 6 else b"")
                    + ((found.properties[n],) if n in found.properties else ())
                    for n, (topic, payload, head) in enumerate(columns)
                ]
                assert all(n < len(found.topics) for n in found.properties)
                assert next(ids, None) is None
            elif isinstance(found, Violation):
                flat.append((found.reason, found.code) if reader.level == 5 else found.reason)
            else:
                flat.append(found)
    return flat


def cut_up(stream: bytes, sizes: list[int]) -> list[bytes]:
    chunks, at = [], 0
    while at < len(stream):
        size = sizes[len(chunks) % len(sizes)]
        chunks.append(stream[at : at + size])
        at += size
    return chunks


@given(streams, cuts)
def test_any_cut_gives_the_same_packets(stream: bytes, sizes: list[int]) -> None:
    whole = read([HELLO + stream])
    assert read(cut_up(HELLO + stream, sizes)) == whole
    assert read(cut_up(HELLO + stream, [1])) == whole


@given(streams5, cuts)
def test_any_cut_gives_the_same_packets_at_level_5(stream: bytes, sizes: list[int]) -> None:
    whole = read([HELLO5 + stream])
    assert read(cut_up(HELLO5 + stream, sizes)) == whole
    assert read(cut_up(HELLO5 + stream, [1])) == whole
    as_client = read([stream], level=5)
    assert read(cut_up(stream, sizes), level=5) == as_client


@given(st.lists(st.tuples(st.sampled_from(["a/b", "käse", "x"]), st.binary(max_size=200), st.integers(0, 2))))
def test_what_was_published_is_read(messages: list[tuple[str, bytes, int]]) -> None:
    stream = b"".join(publish(t, p, q, packet_id=n) for n, (t, p, q) in enumerate(messages, 1))
    found = read([HELLO + stream])[1:]
    assert [(one[0], one[1], one[2] >> 1 & 3) for one in found] == messages  # type: ignore[index]


@given(st.binary(max_size=400), cuts)
def test_any_bytes_are_read_or_are_a_violation(raw: bytes, sizes: list[int]) -> None:
    assert read(cut_up(raw, sizes)) == read([raw])
    assert read(cut_up(HELLO + raw, sizes)) == read([HELLO + raw])
    assert read(cut_up(HELLO5 + raw, sizes)) == read([HELLO5 + raw])
    for level in (4, 5):
        assert read(cut_up(raw, sizes), level=level) == read([raw], level=level)


def test_a_run_of_messages_is_one_batch() -> None:
    stream = b"".join(publish("t", b"%d" % n, 1, packet_id=n) for n in range(1, 401))
    (hello, batch) = Reader(Topics()).feed(HELLO + stream)
    assert isinstance(hello, Connect)
    assert isinstance(batch, Batch)
    assert batch.payloads == [b"%d" % n for n in range(1, 401)]
    assert batch.acknowledgement() == b"".join(encode(Ack(packets.PUBACK, n)) for n in range(1, 401))


def test_qos_2_stands_alone_and_is_acknowledged_by_pubrec() -> None:
    stream = publish("t", b"1", 1, packet_id=1) + publish("t", b"2", 2, packet_id=2) + publish("t", b"3")
    first, second, third = Reader(Topics()).feed(HELLO + stream)[1:]
    assert isinstance(first, Batch) and isinstance(second, Batch) and isinstance(third, Batch)
    assert second.ack == PUBREC_HEAD
    assert second.acknowledgement() == encode(Ack(packets.PUBREC, 2))
    assert third.acknowledgement() == b""


def test_reasons() -> None:
    for raw, reason in {
        b"GET / HTTP/1.1\r\n": "first packet is not CONNECT",
        publish("t", b""): "first packet is not CONNECT",
        HELLO + publish("a/+", b""): "topic with a wildcard",
        HELLO + publish("", b""): "topic is empty",
        HELLO + publish("t", b"", 1): "PUBLISH without a packet id",
        HELLO + b"\x36\x05\0\1t\0\1": "PUBLISH of QoS 3",
        HELLO + b"\x38\x03\0\1t": "PUBLISH of QoS 0 marked as a duplicate",
        HELLO + b"\x30\x01\0": "packet ends too early",
        HELLO + b"\x32\x04\0\1tx": "PUBLISH without a packet id",
        HELLO + b"\x30\x03\0\x09t" + b"x" * 20: "packet ends too early",
        HELLO + b"\x30\xff\xff\xff\xff\x01": "packet length has more than four bytes",
        HELLO + b"\x30\x03\0\1\xff": "string is not UTF-8",
    }.items():
        assert read([raw])[-1] == reason
        assert read(cut_up(raw, [1]))[-1] == reason


def test_what_came_before_a_violation_counts() -> None:
    found = read([HELLO + publish("t", b"good") + b"\xf0\x00" + publish("t", b"after")])
    assert found[1:] == [("t", b"good", 0x30, b"", b""), "packet type no client may send"]


def test_ten_megabytes_are_refused_by_their_header() -> None:
    reader = Reader(Topics())
    (_, violation) = reader.feed(HELLO + b"\x30\x80\x80\x80\x05\0\1t" + b"x" * 10_000)
    assert isinstance(violation, Violation)
    assert violation.reason == "packet of 10485760 bytes, more than 1048576"
    assert len(violation.data) == EVIDENCE
    assert reader.feed(b"x" * 1_000_000) == []
    assert not reader._rest


def test_a_large_packet_byte_by_byte_is_copied_once() -> None:
    reader = Reader(Topics())
    reader.feed(HELLO)
    stream = publish("t", b"x" * 300_000)
    for n in range(len(stream) - 1):
        assert reader.feed(stream[n : n + 1]) == []
    (batch,) = reader.feed(stream[-1:])
    assert isinstance(batch, Batch)
    assert len(batch.payloads[0]) == 300_000


def test_no_password_is_kept_as_evidence() -> None:
    hello = encode(Connect("c", True, 0, user="u", password=b"secret"))
    broken = hello[:1] + bytes((hello[1] + 1,)) + hello[2:] + b"!"
    (violation,) = Reader(Topics()).feed(broken)
    assert isinstance(violation, Violation)
    assert b"secret" not in violation.data


def test_topics_remembered_stay_bounded() -> None:
    topics = Topics()
    for n in range(25_000):
        assert topics[b"t/%d" % n] == f"t/{n}"
    assert len(topics) <= 10_000


@given(
    st.lists(
        st.tuples(
            st.sampled_from(["a", "käse"]), st.binary(max_size=200), strategies.properties_of_messages()
        )
    )
)
def test_properties_come_with_their_message(messages: list[tuple[str, bytes, Properties]]) -> None:
    stream = b"".join(publish(t, p, 1, packet_id=7, level=5, properties=some) for t, p, some in messages)
    (hello, *batches) = Reader(Topics()).feed(HELLO5 + stream)
    assert isinstance(hello, Connect)
    for batch in batches:
        assert isinstance(batch, Batch)
        got = zip(
            batch.topics, batch.payloads, map(lambda n: batch.properties.get(n, {}), range(99)), strict=False
        )
        assert list(got) == messages


def alias(topic: str, number: int, payload: bytes = b"") -> bytes:
    return publish(topic, payload, level=5, properties={"topic_alias": number})


def test_a_topic_alias_is_resolved() -> None:
    stream = (
        alias("a", 1, b"1") + alias("", 1, b"2") + alias("b", 1, b"3") + alias("c", 9) + alias("", 1, b"4")
    )
    found = read([HELLO5 + stream])[1:]
    assert [one[:2] for one in found] == [("a", b"1"), ("a", b"2"), ("b", b"3"), ("c", b""), ("b", b"4")]  # type: ignore[index]
    assert all(len(one) == 5 for one in found), "the alias itself is gone"  # type: ignore[arg-type]


def test_codes_at_level_5() -> None:
    for raw, reason in {
        alias("", 1): ("topic alias 1 is unknown", 0x82),
        alias("a", 0): ("topic alias 0 is out of range", 0x94),
        alias("a", 10): ("topic alias 10 is out of range", 0x94),
        alias("a#", 1): ("topic with a wildcard", 0x81),
        publish("", b"", level=5): ("topic is empty", 0x82),
        publish("a", b"", level=5, properties={"subscription_identifier": 1}): (
            "a client may send no subscription identifier",
            0x82,
        ),
        b"\x30\x03\0\1a": ("packet ends too early", 0x81),
        b"\x30\x04\0\1a\1": ("properties end too early", 0x81),
        b"\x30\x80\x80\x80\x05": ("packet of 10485760 bytes, more than 1048576", 0x95),
    }.items():
        assert read([HELLO5 + raw])[-1] == reason
        assert read([HELLO5 + raw + b"\xc0\0"])[-1] == reason
    ours = publish("a", b"", level=5, properties={"subscription_identifier": 1})
    assert read([ours], level=5) == [("a", b"", 0x30, b"", b"", {"subscription_identifier": [1]})]


def test_the_level_is_known_even_of_a_broken_connect() -> None:
    for level in (3, 4, 5):
        reader = Reader(Topics())
        broken = bytearray(encode(Connect("client", True, 0, level)))
        broken[-1] = 0xFF
        (violation,) = reader.feed(bytes(broken))
        assert isinstance(violation, Violation)
        assert reader.level == (level if level > 3 else 0)


def test_a_broken_message_is_not_acknowledged() -> None:
    (_, batch, violation) = Reader(Topics()).feed(
        HELLO + publish("a", b"", 1, packet_id=1) + publish("a+", b"", 1, packet_id=2)
    )
    assert isinstance(violation, Violation) and isinstance(batch, Batch)
    assert batch.ids == [b"\0\1"]
