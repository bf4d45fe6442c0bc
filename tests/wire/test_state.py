"""What outlives a restart: the state as bytes, and the log after it, come to what never stopping gives."""

from dataclasses import dataclass, field

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, rule

from homestream.reading import Entry, Kind
from homestream.wire import journal
from homestream.wire.exchange import RETURN, Exchange
from homestream.wire.journal import AnyRecord, LastWill, Left, Opened, Routed, Subscribed
from homestream.wire.message import Message
from homestream.wire.outlet import Outlet
from homestream.wire.packets import PUBREL, Ack, encode, publish
from homestream.wire.session import Session
from homestream.wire.state import Replay, StateError, freeze, thaw
from homestream.wire.subscriptions import Options

WILL = LastWill("mqtt:c", "gone", b"1", 0x31, {"content_type": "x"}, 5)


@dataclass
class Home:
    """A home that writes down what it does, as the door does."""

    exchange: Exchange = field(default_factory=Exchange)
    log: list[Entry] = field(default_factory=list)

    def note(self, record: AnyRecord) -> None:
        seq = len(self.log) + 1
        self.log.append(
            Entry(seq, Kind.SESSION, "h", "mqtt:c", journal.tag(record), journal.encode(record), 0, 0)
        )

    def do(self, record: AnyRecord) -> None:
        self.note(record)
        self.exchange.apply(record, 0)

    def publish(self, topic: str, payload: bytes, head: int = 0x32, client: str = "") -> None:
        if head != 0x32 or client:
            self.note(Routed(client, 1, head, {}, []))
        self.log.append(Entry(len(self.log) + 1, Kind.MESSAGE, "h", "mqtt:c", topic, payload, 0))
        one = Message(topic, payload, head >> 1 & 3, bool(head & 1), seq=len(self.log))
        self.exchange.publish(one, 0, self.exchange.sessions.get(client))

    def restarted(self, state: bytes | None = None) -> Exchange:
        exchanges, seq = thaw(state, Exchange) if state else ({"h": Exchange()}, 0)
        replay = Replay(exchanges, Exchange)
        replay.entries(self.log[seq:])
        replay.done(1_000)
        return exchanges["h"]

    def state(self) -> bytes:
        return freeze({"h": self.exchange}, len(self.log))()


def subscribe(client: str, *names: str, qos: int = 2, no_local: bool = False) -> Subscribed:
    return Subscribed(client, [(name, Options(qos, no_local)) for name in names])


def out(session: Session) -> bytes:
    session.connect(Outlet(4), 1_000)
    return session.take(0)


def test_who_was_away_gets_all_that_was_acknowledged() -> None:
    home = Home()
    home.do(Opened("c", False, 60, "me"))
    home.do(subscribe("c", "t/#"))
    home.do(Left("c", 60))
    home.publish("t/1", b"a")
    home.publish("other", b"b")
    home.publish("t/2", b"c", 0x35)
    home.publish("t/0", b"qos 0 does not wait", 0x30)
    home.log.append(Entry(len(home.log) + 1, Kind.MESSAGE, "h", "http:c", "t/api", b"not by MQTT", 0))
    for exchange in (home.exchange, home.restarted(), home.restarted(home.state())):
        session = exchange.sessions["c"]
        assert (session.owner, session.expiry) == ("me", 60)
        assert [m.payload for m in exchange.retained.values()] == [b"c"]
        assert out(session) == publish("t/1", b"a", 1, packet_id=1) + publish("t/2", b"c", 2, packet_id=2)


def test_who_was_there_gets_what_it_had_not_acknowledged_marked_as_again() -> None:
    home = Home()
    home.do(Opened("c", False, 60))
    home.do(subscribe("c", "t"))
    session = home.exchange.sessions["c"]
    out(session)
    early = home.state()
    for n in range(4):
        home.publish("t", b"%d" % n, 0x34 if n else 0x32)
    session.take(0)
    session.acknowledged(1)
    assert session.has(3)
    home.note(session.got())
    expected = encode(Ack(PUBREL, 3)) + b"".join(
        publish("t", b"%d" % n, 2, dup=True, packet_id=n + 1) for n in (1, 3)
    )
    for state in (None, early, home.state()):
        assert out(home.restarted(state).sessions["c"]) == expected


def test_its_own_messages_are_left_out_again() -> None:
    home = Home()
    home.do(Opened("c", False, 60))
    home.do(subscribe("c", "t", no_local=True))
    home.publish("t", b"mine", client="c")
    home.publish("t", b"another's")
    assert out(home.restarted().sessions["c"]) == publish("t", b"another's", 1, dup=True, packet_id=1)


def test_what_a_group_shared_is_lost_with_nobody() -> None:
    home = Home()
    for client in ("a", "b"):
        home.do(Opened(client, False, 60))
        home.do(subscribe(client, "$share/g/t"))
        out(home.exchange.sessions[client])
    for n in range(6):
        home.publish("t", b"%d" % n)
    for n in (0, 2):  # of a: the first and the third
        home.exchange.sessions["a"].acknowledged(32_768 + n // 2)
    home.note(home.exchange.sessions["a"].got())
    exchange = home.restarted()
    left = [d.message.payload for client in ("a", "b") for d in exchange.sessions[client].waiting()]
    assert sorted(left) == [b"1", b"3", b"4", b"5"]


def test_wills_wait_for_those_who_come_back() -> None:
    home = Home()
    home.do(Opened("there", False, 600, "", WILL))
    home.do(Opened("away", False, 600))
    home.do(Left("away", 600, WILL))
    for state in (None, home.state()):
        exchange = home.restarted(state)
        assert exchange.due(4_999) == []
        assert exchange.due(5_000) == [("away", WILL)]
        assert {client for client, _ in exchange.due(1_000 + RETURN * 1_000)} == {"away", "there"}


def test_received_qos_2_ids_are_known_again() -> None:
    home = Home()
    home.do(Opened("c", False, 60))
    home.note(Routed("c", 1, 0x34, {}, [b"\0\7"]))
    home.log.append(Entry(len(home.log) + 1, Kind.MESSAGE, "h", "mqtt:c", "t", b"", 0))
    assert home.restarted().sessions["c"].received == {b"\0\7"}
    home.do(journal.Released("c", b"\0\7"))
    assert home.restarted().sessions["c"].received == set()


def test_a_session_that_ends_with_its_connection_is_not_kept() -> None:
    home = Home()
    home.exchange.apply(Opened("c", True, 0), 0)
    assert home.restarted(home.state()).sessions == {}


@pytest.mark.parametrize("data", [b"", b"torn", b"\x93\x00\x00\x80"])
def test_what_is_no_state_is_said(data: bytes) -> None:
    with pytest.raises(StateError):
        thaw(data, Exchange)


class Life(RuleBasedStateMachine):
    """A client that comes, goes, acknowledges, while messages come and we crash: nothing of QoS 1 is lost,
    nothing of QoS 2 comes twice, all comes in order, no more is in flight than the window allows."""

    WINDOW = 3

    def __init__(self) -> None:
        super().__init__()
        self.home = Home()
        self.sent: list[int] = []
        self.got: list[int] = []
        #: packet id -> payload: QoS 2 that the client holds until PUBREL
        self.held: dict[int, int] = {}
        self.state: bytes | None = None
        self.there = False
        self.flying: list[tuple[int, int]] = []

    @property
    def session(self) -> Session:
        return self.home.exchange.sessions["c"]

    @initialize()
    def begin(self) -> None:
        self.home.do(Opened("c", False, 60))
        self.home.do(subscribe("c", "t"))
        self.home.do(Left("c", 60))

    @rule(qos=st.sampled_from([1, 2]))
    def publish(self, qos: int) -> None:
        self.sent.append(len(self.sent))
        self.home.publish("t", b"%d" % self.sent[-1], 0x30 | qos << 1)
        self.read()

    @rule()
    def come(self) -> None:
        if not self.there:
            self.home.do(Opened("c", False, 60))
            self.session.connect(Outlet(4), self.WINDOW)
            self.there = True
            self.read()

    @rule()
    def go(self) -> None:
        if self.there:
            self.home.note(self.session.got())
            self.home.do(Left("c", 60))
            self.there, self.flying = False, []

    @rule()
    def save(self) -> None:
        self.state = self.home.state()

    @rule()
    def crash(self) -> None:
        self.home.exchange = self.home.restarted(self.state)
        self.there, self.flying = False, []

    @rule(at=st.integers(0, 2), record=st.booleans())
    def acknowledge(self, at: int, record: bool) -> None:
        """QoS 1: PUBACK, recorded or not yet. QoS 2: PUBREC, always recorded before PUBREL; then PUBCOMP."""
        if at >= len(self.flying):
            return
        packet_id, qos = self.flying.pop(at)
        if qos == 1:
            self.session.acknowledged(packet_id)
            if record:
                self.home.note(self.session.got())
        else:
            assert self.session.has(packet_id)
            self.home.note(self.session.got())
            self.released(packet_id)
        self.read()

    def released(self, packet_id: int) -> None:
        self.held.pop(packet_id, None)
        self.session.acknowledged(packet_id)

    def read(self) -> None:
        """What the client receives now."""
        raw = self.session.take(0) if self.there else b""
        while raw:
            head, size = raw[0], raw[1]
            body, raw = raw[2 : 2 + size], raw[2 + size :]
            if head >> 4 == PUBREL:
                self.released(int.from_bytes(body))
                raw += self.session.take(0)
                continue
            qos, packet_id, payload = head >> 1 & 3, int.from_bytes(body[3:5]), int(body[5:])
            self.flying.append((packet_id, qos))
            if qos == 2 and self.held.get(packet_id) == payload:
                continue  # known by its packet id: not handed on again
            if qos == 2:
                assert payload not in self.got, "QoS 2 came twice"
                self.held[packet_id] = payload
            elif payload in self.got:
                assert head & 8, "sent again, but not marked so"
                continue
            self.got.append(payload)

    @invariant()
    def in_order_and_within_the_window(self) -> None:
        assert self.got == sorted(self.got)
        assert len(self.flying) <= self.WINDOW

    def teardown(self) -> None:
        """In the end, all has come."""
        if "c" not in self.home.exchange.sessions:
            return
        self.come()
        for _ in range(4 * len(self.sent) + 4):
            self.acknowledge(0, True)
        assert self.got == self.sent


TestLife = Life.TestCase
TestLife.settings = settings(max_examples=60, stateful_step_count=40, deadline=None)
