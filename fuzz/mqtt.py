"""The MQTT codec as a server and as a client: any bytes are packets or one violation, however cut."""

from homestream.wire import packets
from homestream.wire.client import PATIENCE, Client, Closed
from homestream.wire.connection import Closed as Gone
from homestream.wire.connection import Connection, Held, Login, Released, Unwanted, Wanted
from homestream.wire.decode import decode
from homestream.wire.packets import Connect, Filter, Will, encode, publish
from homestream.wire.primitives import varint
from homestream.wire.reader import Batch, Reader, Topics, Violation
from homestream.wire.session import Session

LEVELS = (3, 4, 5)
ALIASES = 4

_SAID = {"reason_string": "so", "user_property": [("room", "hall"), ("room", "")]}
_WILL = Will("home/hall/lamp/available", b"offline", 1, True, {"will_delay_interval": 5})
_FROM_CLIENT = [
    encode(Connect("lamp", True, 60, 4, _WILL, "device", b"secret")),
    encode(
        Connect("", False, 60, 5, _WILL, None, None, {"session_expiry_interval": 9, "receive_maximum": 2})
    ),
    *[encode(packets.Ack(kind, 7, 0, _SAID), 5) for kind in range(4, 8)],
    encode(
        packets.Subscribe(
            1, (Filter("home/+/#", 1), Filter("$share/g/a", 2)), {"user_property": [("a", "b")]}
        ),
        5,
    ),
    encode(packets.Unsubscribe(2, ("home/+/#",)), 5),
    encode(packets.Disconnect(4, _SAID), 5),
    encode(packets.Auth(24, {"authentication_method": "m", "authentication_data": b"d"}), 5),
    publish("home/hall/lamp/power", b"7.5", 1, packet_id=3),
    publish(
        "käse", b"", 2, True, packet_id=4, level=5, properties={"topic_alias": 1, "content_type": "text"}
    ),
    publish("", b"x", level=5, properties={"topic_alias": 1, "message_expiry_interval": 3}),
    b"\xc0\0",
]
_FROM_SERVER = [
    encode(packets.Connack(0, True, {"server_keep_alive": 9, "maximum_qos": 1}), 5),
    encode(packets.Connack(0)) + encode(packets.Suback(1, (0, 1, 128))),
    encode(packets.Suback(1, (0x87,), _SAID), 5) + encode(packets.Unsuback(2, (0,)), 5),
    encode(packets.Disconnect(0x9D, {"server_reference": "other:1883"}), 5),
    publish("a/b", b"1", 1, packet_id=9, level=5, properties={"subscription_identifier": [1, 300]}),
    b"\xd0\0",
]

SERVER = [bytes((choice,)) + raw for choice, raw in enumerate(_FROM_CLIENT)] + [
    b"\2" + b"".join(_FROM_CLIENT[2:])
]
CLIENT = [bytes((choice,)) + raw for choice, raw in enumerate(_FROM_SERVER)] + [
    b"\2" + b"".join(_FROM_SERVER)
]


SESSION = [b"\x63" + _FROM_CLIENT[0] + b"".join(_FROM_CLIENT[8:]), b"\x64" + b"".join(_FROM_CLIENT[1:])]


def server(data: bytes) -> None:
    """What clients may send, after a CONNECT or from the first byte."""
    choice, stream = data[0] if data else 0, data[1:]
    if choice < 128:
        stream = encode(Connect("c", True, 0, LEVELS[choice % 3])) + stream
    _same_however_cut(stream, choice % 17 + 1, level=0)


def session(data: bytes) -> None:
    """A connection of the server that grants and stores all; what it answers is MQTT to a client."""
    choice, stream = data[0] if data else 0, data[1:]
    size = choice % 50 + 1
    connection = Connection(0, Topics(), 1 << 16, 9)
    level, closed, said = 0, 0, b""
    for now, at in enumerate(range(0, len(stream), size)):
        events = connection.receive(stream[at : at + size], now)
        while events:
            match events.pop(0):
                case Login(hello):
                    level = hello.level
                    events += connection.accept(Session("c", choice), hello)
                case Batch() as batch:
                    connection.stored(batch)
                case Wanted(packet_id, wanted):
                    connection.subscribed(packet_id, [one.qos for one in wanted])
                case Unwanted(packet_id, names):
                    connection.unsubscribed(packet_id, [0] * len(names))
                case Released(packet_id):
                    connection.released(packet_id, known=choice > 99)
                case Held(packet_id):
                    connection.held(packet_id)
                case Gone():
                    closed += 1
        said += connection.take(now)
    assert closed <= 1
    heard = [Reader(Topics(), level=one).feed(said) for one in ([level] if level else (4, 5))]
    assert any(not any(isinstance(one, Violation) for one in all_of) for all_of in heard), (said, heard)


def client(data: bytes) -> None:
    """What servers may send."""
    choice, stream = data[0] if data else 0, data[1:]
    level = LEVELS[1 + choice % 2]
    _same_however_cut(stream, choice % 17 + 1, level)
    ours = Client(Connect("c", False, 60, level), Topics(), 1 << 16, 0)
    events = ours.receive(stream, 1)
    ours.subscribe(["#"])
    ours.publish("home/hall/lamp/switch/set", b"ON", 1, 30, 2)
    events += ours.receive(publish("home/hall/lamp/switch/set", b"ON", level=level), 3)
    events += ours.tick(PATIENCE * 9)
    assert sum(isinstance(event, Closed) for event in events) <= 1
    assert isinstance(ours.take(), bytes)


def _same_however_cut(stream: bytes, size: int, level: int) -> None:
    whole = _read([stream], level)
    cut = _read([stream[at : at + size] for at in range(0, len(stream), size)], level)
    assert cut == whole, f"cut {cut} whole {whole}"


def _read(chunks: list[bytes], level: int) -> list[object]:
    """All that was found, each PUBLISH on its own; what can be said again decodes to the same."""
    reader = Reader(Topics(), 1 << 16, level=level, aliases=ALIASES)
    found: list[object] = []
    for chunk in chunks:
        for one in reader.feed(chunk):
            assert not found or not isinstance(found[-1], Violation), "nothing follows a violation"
            if isinstance(one, Batch):
                rows = zip(one.topics, one.payloads, one.heads, strict=True)
                found += [(*row, one.properties.get(n)) for n, row in enumerate(rows)]
                assert len(one.ids) == sum(head & 6 != 0 for head in one.heads)
                assert all(n < len(one.heads) for n in one.properties)
            elif isinstance(one, Violation):
                assert one.reason and 0x80 <= one.code <= 0xA2
                found.append(one._replace(data=b""))  # how much of it has come by then differs
            else:
                found.append(one)
                if not isinstance(one, packets.OtherVersion):
                    old = isinstance(one, packets.Connack) and 0 < one.code < 0x80
                    spoken = 4 if old else reader.level  # a server that knows no 5.0 says so in its own words
                    raw = encode(one, spoken)
                    body = raw[varint(raw, 1)[1] :]
                    assert decode(raw[0], body, spoken, server=not level) == one
    return found
