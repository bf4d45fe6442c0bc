"""Line protocol by the thousand: columns or singly, the rows are the same."""

from collections.abc import Callable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homestream.dialects import influx, influx_batch, line
from homestream.dialects.influx_batch import MIN_LINES
from homestream.dialects.port import Refusal, Row
from homestream.dialects.registry import Registry
from homestream.reading import Entry, Kind

ARRIVED = 1_767_607_200_000
PLAIN = "climate,device=attic/box{n},room=attic temperature=21.5,humidity={n}i 1767607100{n:03}000000"
FILL = [PLAIN.format(n=n) for n in range(MIN_LINES + 10)]


def entry(lines: list[str] | bytes, precision: str = "ns") -> Entry:
    payload = lines if isinstance(lines, bytes) else "\n".join(lines).encode()
    return Entry(1, Kind.MESSAGE, "home", "http:x", f"api/write/{precision}", payload, ARRIVED, 1)


def both(message: Entry) -> tuple[list[Row], Registry]:
    """The rows of a message, after a look that columns, single reading and mere looking agree on them."""
    alone, together = Registry(), Registry()
    singly = line._singly(alone, message, influx.points(message.payload))
    decode = line.bind(together, message.topic)
    assert decode is not None
    rows = decode(message)
    assert rows == singly
    assert {d.id: (set(d.metrics), d.room, d.clock_wrong) for d in together} == {
        d.id: (set(d.metrics), d.room, d.clock_wrong) for d in alone
    }
    refused = [(n, row.reason) for n, row in enumerate(rows) if isinstance(row, Refusal)]
    assert line.look(Registry(), message) == (len(rows), refused)
    return rows, together


def test_plain_lines_are_read_as_columns() -> None:
    found = influx_batch.columns(entry(FILL).payload, lambda series, key: (-1e9, 1e9))
    assert found is not None and found.plain.true_count == len(FILL)
    rows, registry = both(entry([*FILL, ""]))
    assert rows[3] == [
        ("home", "attic/box3", "temperature", 1_767_607_100_003, 21.5),
        ("home", "attic/box3", "humidity", 1_767_607_100_003, 3.0),
    ]
    assert registry.devices["attic/box3"].room == "attic"


@pytest.mark.parametrize(
    "odd",
    [
        "", "# a remark", "#m v=1 1", " m v=1", "m v=1  5", "m v=1\r", "m v=1 5 ", "m", "m v=",
        "m v=1x 5", "m v=-", "m v=1i,w=2 5", "m v=1.5i", "m v=1e400", "m v=1e5 3", "m v=1.", "m v=.5",
        "m v=9999999999999999999i 5", "m v=1 9223372036854775808", "m v=1 9223372036854775807",
        "m v=1 -5", "m v=007", "m v=-0", "m v=+1", "m,a v=1 5", "m,a=1,a=2 v=1 5", ",a=b v=1 5",
        "m,=b v=1 5", "m,a=b,c= v=1 5", "m,a=b=c v=1 5", "m, v=1", 'm v="text" 5', 'm v="two',
        '" v=1 5', 'm,a=" v=1,w="', r"m\ n v=1 5", "m v=t", "m v\t=1", "m,device=d temperature=900 5",
        "m,device=d temperature=900,humidity=5 5", "m,device=d switch=1 5", "m,device=d switch=0.5 5",
        "temperature,device=d,unit=°F value=70", "°C,domain=sensor,entity_id=x value=5",
        "m,device=" + "d" * 300 + " v=1", "m,x=" + "y" * 9000 + " v=1", "m é=1", "m,device=é v=1 5",
        "m !=1", "m,a=b 1=1",
    ],
)  # fmt: skip
def test_one_odd_line_among_plain_ones(odd: str) -> None:
    for place in (0, 7, len(FILL)):
        both(entry([*FILL[:place], odd, *FILL[place:]]))


def test_a_text_that_spans_what_looks_like_plain_lines() -> None:
    rows, _ = both(entry(['m note="begins', *FILL, 'ends" 5']))
    assert rows == [[]]
    rows, _ = both(entry(['m,tag=" note="begins', *FILL, 'ends" 5']))
    assert len(rows) == 1


def test_more_devices_than_a_home_has(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("homestream.dialects.registry.MAX_DEVICES", len(FILL) - 5)
    rows, _ = both(entry(FILL))
    assert sum(isinstance(row, Refusal) for row in rows) == 5


def test_bytes_that_are_no_text() -> None:
    rows, _ = both(entry(b"\n".join([*(text.encode() for text in FILL), b"m,a=\xff v=1 5"])))
    assert rows[-1] == Refusal("not UTF-8")


@pytest.mark.parametrize(
    ("precision", "time", "ms"),
    [
        ("ns", 1767607100123999999, 1767607100123), ("us", 1767607100123999, 1767607100123),
        ("ms", 1767607100123, 1767607100123), ("s", 1767607100, 1767607100000),
        ("auto", 1767607100123999999, 1767607100123), ("auto", 1767607100123999, 1767607100123),
        ("auto", 1767607100123, 1767607100123), ("auto", 1767607100, 1767607100000),
        ("s", 8999999999999999999, ARRIVED), ("ns", -1767607100123999999, ARRIVED),
    ],
)  # fmt: skip
def test_precisions(precision: str, time: int, ms: int) -> None:
    rows, registry = both(entry([f"m,device=d power={n} {time}" for n in range(MIN_LINES + 1)], precision))
    assert {reading.time for row in rows if not isinstance(row, Refusal) for reading in row} == {ms}
    assert registry.devices["d"].clock_wrong is (ms == ARRIVED)


words = st.text(alphabet='m,=" \\.1-iue#\té', max_size=12)
numbers = st.floats(-200, 200).map(repr) | st.integers(-(10**20), 10**20).map(str)
fields = st.tuples(st.sampled_from(["temperature", "v", "switch", "value"]), numbers | words)
plain = st.builds(
    lambda series, body, time: f"{series} {','.join(f'{k}={v}' for k, v in body)}{time}",
    st.sampled_from(["m", "m,device=a/b", "power,room=hall,name=x", "m,device=d,unit=kW"]),
    st.lists(fields, min_size=1, max_size=3),
    st.sampled_from(["", " 1767607100000000000", " -1", " 99", "  5"]),
)


@settings(max_examples=300, deadline=None)
@given(st.lists(plain | words, max_size=12), st.randoms())
def test_any_lines_among_plain_ones(odd: list[str], random: Callable[..., None]) -> None:
    lines = [*FILL, *odd]
    random.shuffle(lines)  # type: ignore[attr-defined]
    both(entry(lines))
