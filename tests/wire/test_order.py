"""What is passed on at once and what waits for the disk: each subscriber sees one order, nothing twice, and
no gap between what is retained when it subscribes and what comes after."""

from collections import deque
from dataclasses import dataclass, field

from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, rule

from homestream.wire.exchange import Exchange
from homestream.wire.journal import AnyRecord, Left, Opened, Subscribed
from homestream.wire.outlet import Outlet
from homestream.wire.packets import publish
from homestream.wire.reader import PUBACK_HEAD, PUBREC_HEAD, Batch
from homestream.wire.session import Session
from homestream.wire.subscriptions import Options


def batch(topic: str, payload: bytes, qos: int = 1, retain: bool = False) -> Batch:
    ids = [b"\0\1"] if qos else []
    ack = PUBREC_HEAD if qos == 2 else PUBACK_HEAD
    return Batch([topic], [payload], [0x30 | qos << 1 | retain], ids, ack)


@dataclass
class Home:
    """A home whose disk is as slow as the test wants it."""

    exchange: Exchange = field(default_factory=Exchange)
    #: on its way to the disk
    waiting: deque[Batch | AnyRecord] = field(default_factory=deque)
    seq: int = 0

    def publish(self, one: Batch) -> None:
        self.exchange.arrived(one, 0)
        self.waiting.append(one)

    def commit(self) -> None:
        self.seq += 1
        one = self.waiting.popleft()
        if isinstance(one, Batch):
            self.exchange.stored(one, 0, self.seq)
        else:
            self.do(one)

    def do(self, record: AnyRecord) -> None:
        self.exchange.apply(record, 0)
        if isinstance(record, Opened):
            self.exchange.sessions[record.client].connect(Outlet(4), 20)

    def fail(self) -> Batch | None:
        """Of what is next; a record would be refused to its client."""
        one = self.waiting.popleft()
        if not isinstance(one, Batch):
            return None
        self.exchange.lost(one, 0)
        return one

    def settle(self) -> None:
        while self.waiting:
            self.commit()

    def come(self, client: str, expiry: int, *filters: str) -> None:
        """What a client that lasts does is in the log, as the door has it."""
        records = Opened(client, True, expiry), Subscribed(client, [(one, Options(0)) for one in filters])
        if expiry:
            self.waiting.extend(records)
        else:
            for record in records:
                self.do(record)

    def out(self, client: str) -> bytes:
        return self.exchange.sessions[client].take(0)


def test_who_is_there_for_now_does_not_wait_for_the_disk() -> None:
    home = Home()
    home.come("now", 0, "t")
    home.come("lasts", 60, "t")
    home.settle()
    assert home.out("lasts") == b""
    home.publish(batch("t", b"1"))
    assert (home.out("now"), home.out("lasts")) == (publish("t", b"1"), b"")
    home.commit()
    assert (home.out("now"), home.out("lasts")) == (b"", publish("t", b"1"))


def test_nothing_overtakes_what_is_held() -> None:
    home = Home()
    home.come("now", 0, "#")
    home.publish(batch("t", b"1", 2))
    home.publish(batch("t", b"2", 0))
    home.publish(batch("other", b"3", 1))
    assert home.out("now") == b""
    home.settle()
    assert home.out("now") == publish("t", b"1") + publish("t", b"2") + publish("other", b"3")
    home.publish(batch("t", b"4"))
    assert home.out("now") == publish("t", b"4")


def test_a_failing_disk_stops_what_must_come_exactly_once_and_nothing_else() -> None:
    home = Home()
    home.come("now", 0, "#")
    for n, qos in enumerate((0, 1, 2, 1)):
        home.publish(batch("t", b"%d" % n, qos, retain=True))
    for _ in range(4):
        home.fail()
    assert home.out("now") == publish("t", b"0") + publish("t", b"1") + publish("t", b"3")
    assert home.exchange.retained == {}
    home.come("later", 0, "#")
    assert home.out("later") == b""


def test_who_subscribes_meanwhile_finds_what_was_passed_on() -> None:
    home = Home()
    home.publish(batch("a", b"old", retain=True))
    home.publish(batch("b", b"old", retain=True))
    home.settle()
    home.publish(batch("a", b"new", retain=True))
    home.publish(batch("b", b"", retain=True))
    home.come("now", 0, "#")
    home.come("lasts", 60, "#")
    assert home.out("now") == publish("a", b"new", retain=True)
    home.settle()
    assert home.out("now") == b""
    assert home.out("lasts") == publish("a", b"new", retain=True)
    assert {one.payload for one in home.exchange.retained.values()} == {b"new"}


def test_a_group_shares_what_is_on_disk() -> None:
    home = Home()
    home.come("one", 0, "$share/g/t")
    home.publish(batch("t", b"1"))
    assert home.out("one") == b""
    home.settle()
    assert home.out("one") == publish("t", b"1")


def test_a_session_that_lasted_waits_for_the_disk_to_its_end() -> None:
    home = Home()
    home.come("c", 60, "t")
    home.settle()
    home.publish(batch("t", b"1"))
    for record in (Left("c", 60), Opened("c", False, 0)):  # it comes back, and will not last
        home.do(record)
    home.publish(batch("t", b"2"))
    assert home.out("c") == b""
    home.settle()
    assert home.out("c") == publish("t", b"1") + publish("t", b"2")


class Interleaved(RuleBasedStateMachine):
    """Clients publish and subscribe while the disk is behind, or fails."""

    def __init__(self) -> None:
        super().__init__()
        self.home = Home()
        self.sent: list[tuple[str, bool]] = []
        self.failed: set[int] = set()
        #: client -> messages sent before it subscribed, as it was applied
        self.since: dict[str, int] = {}
        self.lasting: list[str] = []

    @rule(topic=st.sampled_from("ab"), qos=st.integers(0, 2), retain=st.booleans())
    def publish(self, topic: str, qos: int, retain: bool) -> None:
        self.home.publish(batch(topic, b"%d" % len(self.sent), qos, retain))
        self.sent.append((topic, retain))

    @rule()
    def commit(self) -> None:
        if self.home.waiting:
            self.home.commit()

    @rule()
    def fail(self) -> None:
        if self.home.waiting and isinstance(self.home.waiting[0], Batch):
            self.failed.add(int(self.home.waiting[0].payloads[0]))
            self.home.fail()

    @rule(lasts=st.booleans())
    def come(self, lasts: bool) -> None:
        client = f"c{len(self.since)}"
        self.since[client] = len(self.sent)
        self.home.come(client, 60 * lasts, "#")
        if lasts:
            self.lasting.append(client)

    def teardown(self) -> None:
        """Once all is on disk."""
        self.home.settle()
        retained = {one.topic: int(one.payload) for one in self.home.exchange.retained.values()}
        for client, since in self.since.items():
            found = self.read(self.home.exchange.sessions[client])
            told = [n for n, retain in found if retain]
            live = [n for n, retain in found if not retain]
            assert [retain for _, retain in found] == sorted((r for _, r in found), reverse=True)
            assert live == sorted(set(live)), "out of order, or twice"
            assert len({self.sent[n][0] for n in told}) == len(told), "two retained of one topic"
            assert not set(told) & set(live), "as retained, and again"
            due = set(range(since, len(self.sent))) - self.failed
            assert due <= set(live), "missed"
            if client in self.lasting:
                assert not self.failed & {*told, *live}, "what is not on disk"
            for topic, last in retained.items():
                seen = [n for n in told + live if self.sent[n] == (topic, True)]
                assert seen, "missed what is retained"
                # it has seen what is retained, or what came later and then could not be stored
                assert seen[-1] == last or (seen[-1] in self.failed and seen[-1] > last)

    def read(self, session: Session) -> list[tuple[int, bool]]:
        """The number of each message, and whether it came as retained."""
        raw, found = session.take(0), []
        while raw:
            end = 2 + raw[1]
            found.append((int(raw[5:end]), bool(raw[0] & 1)))
            raw = raw[end:]
        return found


TestInterleaved = Interleaved.TestCase
TestInterleaved.settings = settings(max_examples=200, stateful_step_count=30, deadline=None)
