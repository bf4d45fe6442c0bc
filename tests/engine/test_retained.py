"""What a broker had retained."""

from homestream.engine.fold import Engine
from homestream.reading import Entry, Kind


def test_of_what_is_retained_only_what_differs_counts() -> None:
    def entry(seq: int, kind: Kind, topic: str, payload: bytes) -> Entry:
        return Entry(seq, kind, "home", "bridge:b", topic, payload, 1_700_000_000_000 + seq * 1000)

    door, lamp = "home/hall/door/contact", "home/hall/lamp/power"
    engine = Engine()
    first = engine.apply([entry(1, Kind.MESSAGE, door, b"ON"), entry(2, Kind.MESSAGE, lamp, b"7")])
    assert len(first.readings) == 2
    facts = len(engine.apply([entry(3, Kind.TICK, "", b"")]).facts)
    again = engine.apply([entry(4, Kind.RETAINED, door, b"ON"), entry(5, Kind.RETAINED, lamp, b"9")])
    assert [(reading.metric, reading.value) for _, reading, _, _ in again.readings] == [("power", 9.0)]
    later = engine.apply([entry(n, Kind.RETAINED, door, b"ON") for n in range(6, 9)])
    assert not later.readings and len(later.facts) <= facts
    account = engine.accounts()["home", "bridge:b"]
    assert (account.received, account.stored, account.duplicate, account.rejected) == (7, 3, 4, 0)

    gone = engine.apply([entry(9, Kind.MESSAGE, "home/hall/door/available", b"offline")])
    assert len(gone.readings) == 1
    unknown = engine.apply(
        [
            entry(10, Kind.RETAINED, "home/hall/door/available", b"offline"),
            entry(11, Kind.RETAINED, door, b"ON"),
        ]
    )
    assert not unknown.readings, "what it said last before it went does not bring it back"
    opened = engine.apply([entry(12, Kind.RETAINED, door, b"OFF")])
    assert [reading.value for _, reading, _, _ in opened.readings] == [0.0]


def test_a_retained_message_with_the_devices_own_time_is_the_same_for_ever() -> None:
    def entry(seq: int, kind: Kind, arrived: int, payload: str) -> Entry:
        return Entry(seq, kind, "home", "bridge:b", "home/hall/lamp/power", payload.encode(), arrived)

    day, start = 86_400_000, 1_700_000_000_000
    engine = Engine()
    engine.apply([entry(1, Kind.MESSAGE, start, f'{{"value": 7, "time": {start - 5}}}')])
    engine.apply([entry(2, Kind.MESSAGE, start + 9 * day, f'{{"value": 8, "time": {start + 9 * day}}}')])
    again = engine.apply(
        [
            entry(3, Kind.RETAINED, start + 10 * day, f'{{"value": 7, "time": {start - 5}}}'),
            entry(4, Kind.RETAINED, start + 10 * day, f'{{"value": 8, "time": {start + 9 * day}}}'),
        ]
    )
    assert not again.readings
    assert engine.accounts()["home", "bridge:b"].duplicate == 2
