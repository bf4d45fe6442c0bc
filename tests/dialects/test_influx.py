"""Line protocol's grammar."""

from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homestream.dialects.influx import MAX_SERIES, Point, count, points, series_of
from homestream.dialects.port import Refusal


def only(text: str | bytes) -> tuple[str, dict[str, str], dict[str, Any], int | None]:
    """The one point of a text."""
    (point,) = points(text if isinstance(text, bytes) else text.encode())
    assert isinstance(point, Point), point
    return (*series_of(point.series), dict(point.fields), point.time)


@pytest.mark.parametrize(
    ("text", "measurement", "tags", "fields", "time"),
    [
        ("m v=1", "m", {}, {"v": 1.0}, None),
        ("m,a=b,c=d v=1,w=2i 5", "m", {"a": "b", "c": "d"}, {"v": 1.0, "w": 2}, 5),
        (r"wea\,ther\ data,ro\=om=the\ hall f\,1=1", "wea,ther data", {"ro=om": "the hall"}, {"f,1": 1.0},
         None),
        (r"m,path=C:\dir v=1", "m", {"path": r"C:\dir"}, {"v": 1.0}, None),
        (r'm v="say \"hi\" \\ \n \x"', "m", {}, {"v": 'say "hi" \\ \n \\x'}, None),
        ('m v="two\nlines",w=t', "m", {}, {"v": "two\nlines", "w": True}, None),
        ("m a=t,b=TRUE,c=F,d=false", "m", {}, {"a": True, "b": True, "c": False, "d": False}, None),
        ("m a=-1.5e-3,b=.5,c=1.,d=18446744073709551615u", "m", {},
         {"a": -0.0015, "b": 0.5, "c": 1.0, "d": 18446744073709551615}, None),
        ("  m v=1   -9223372036854775808  ", "m", {}, {"v": 1.0}, -(2**63)),
        ("# a remark\n\n  # another\nm v=1\r\n", "m", {}, {"v": 1.0}, None),
    ],
)  # fmt: skip
def test_points(text: str, measurement: str, tags: Any, fields: Any, time: int | None) -> None:
    assert only(text) == (measurement, tags, fields, time)


@pytest.mark.parametrize(
    "text",
    ["m", "m ", "m,", "m, v=1", "m,a v=1", "m,a= v=1", "m,a=1,a=2 v=1", ",a=b v=1", "m v", "m v=", "m v=,w=1",
     "m v=1,", "m v=NaN", "m v=+1", "m v=1x", "m v=1e999", "m v=9223372036854775808i", "m v=-1u", "m v=1.0i",
     "m v=Yes", 'm v="open', 'm v="a"b', "m v=1 now", "m v=1 1.5", "m v=1 9223372036854775808", "m v=1 5 5",
     "m\tv=1", "m v=1\tw=2", "m,t=" + "x" * MAX_SERIES + " v=1", "# bell \x07 in a remark"],
)  # fmt: skip
def test_what_influx_refuses_is_refused(text: str) -> None:
    (row,) = points(text.encode())
    assert isinstance(row, Refusal) and row.reason


def test_a_broken_line_costs_only_itself() -> None:
    rows = list(points(b'a v=1\nb v=\nc v=3\nd\n\xff v=1\ne s="x\ny" 1\n'))
    assert [isinstance(row, Refusal) for row in rows] == [False, True, False, True, True, False]


@settings(max_examples=300, deadline=None)
@given(st.binary(max_size=80) | st.text(alphabet='m,=" \\\n\r#tv1.-iu', max_size=60).map(str.encode))
def test_any_bytes_end_in_points_and_refusals(payload: bytes) -> None:
    rows = list(points(payload))
    assert len(rows) <= payload.count(b"\n") + 1
    assert all(row.fields if isinstance(row, Point) else row.reason for row in rows)


letters = st.characters(codec="utf-8", exclude_categories=("Cc", "Cs"), exclude_characters="\\#")
names = st.text(alphabet=letters, min_size=1)
numbers = st.floats(allow_nan=False, allow_infinity=False)
values = numbers | st.booleans() | st.text(alphabet='ab "\\\né', max_size=9)
series = st.tuples(names, st.dictionaries(names, names, max_size=3))
times = st.none() | st.integers(-(2**63), 2**63 - 1)


def escaped(name: str, special: str) -> str:
    return "".join(f"\\{c}" if c in special else c for c in name)


@settings(max_examples=200, deadline=None)
@given(series, st.dictionaries(names, values, min_size=1, max_size=3), times)
def test_what_is_written_is_read(
    series: tuple[str, dict[str, str]], fields: dict[str, Any], time: int | None
) -> None:
    measurement, tags = series
    head = "".join(f",{escaped(k, ',= ')}={escaped(v, ',= ')}" for k, v in tags.items())
    body = ",".join(f"{escaped(k, ',= ')}={shown(v)}" for k, v in fields.items())
    line = f"{escaped(measurement, ', ')}{head} {body}{'' if time is None else f' {time}'}"
    assert only(line) == (measurement, tags, fields, time)
    assert count(line.encode()) == 1


def shown(value: float | bool | str) -> str:
    if isinstance(value, str):
        return '"' + value.replace("\\", "\\\\").replace('"', '\\"') + '"'
    return str(value)
