"""Influx line protocol, the grammar: bytes -> points, or why a line is none.

    measurement,tag=value field=1.5,other="text",count=3i,on=t 1767607200000000000

After the reference of InfluxData (v2 line protocol) and its published test corpus. Each refused point costs
its own line only. Pure text in, plain values out; what a point means is `line.py`'s.
"""

import re
from collections.abc import Iterable, Iterator
from functools import lru_cache
from typing import NamedTuple

from homestream.dialects.port import Refusal

_CONTROL = r"\x00-\x1f\x7f"
_NAME = rf"(?:[^\\, {_CONTROL}]|\\[, ]|\\)++"
_KEY = rf"(?:[^\\,= {_CONTROL}]|\\[,= ]|\\)++"
#: Blank lines, spaces before a point, and comments. A comment holds no control characters but tab.
_BETWEEN = re.compile(rf"(?:[ \n]|\r(?=\n|\Z)|#[^{_CONTROL}]*+(?=\r?\n|\r?\Z))*+")
_HEAD = re.compile(rf"({_NAME}(?:,{_KEY}={_KEY})*+) ++")
_PLAIN = r"-?[0-9]++(?:\.[0-9]*+)?+(?=[, \r\n]|\Z)"
_FIELD = re.compile(rf'({_KEY})=(?:({_PLAIN})|"((?:[^"\\]|\\.)*+)"|([^, \r\n]++))(,?)', re.DOTALL)
_TIME = re.compile(r" *+(-?[0-9]++)?+ *+(?:\r?\n|\r?\Z)")
_PARTS = re.compile(rf"({_NAME})|,({_KEY})=({_KEY})")
_NUMBER = re.compile(r"[-+]?(?:[0-9]++\.?[0-9]*+|\.[0-9]++)(?:[eE][-+]?[0-9]++)?+")
_INTEGER = re.compile(r"(-?[0-9]++)i|([0-9]++)u")
_NAME_ESCAPE = re.compile(r"\\([, ])")
_KEY_ESCAPE = re.compile(r"\\([,= ])")
_TEXT_ESCAPE = re.compile(r'\\(["\\nrt])')
_TEXT = {'"': '"', "\\": "\\", "n": "\n", "r": "\r", "t": "\t"}
_BOOL = dict.fromkeys(("t", "T", "true", "True", "TRUE"), True)
_BOOL.update(dict.fromkeys(("f", "F", "false", "False", "FALSE"), False))
#: Influx takes more; no home needs it, and what was parsed is remembered.
MAX_SERIES = 8_000
#: A double has no more digits before the point.
MAX_DIGITS = 309
_INT64, _UINT64 = 1 << 63, 1 << 64

Value = float | int | bool | str


class Point(NamedTuple):
    """One line. `time` is in the unit of the request's precision, None where the line gives none."""

    series: str
    fields: list[tuple[str, Value]]
    time: int | None


class _Wrong(Exception):
    """Leaves the line being parsed; its text is the reason."""


def points(payload: bytes) -> Iterator[Point | Refusal]:
    """Points and refusals in the order of their lines; blank lines and comments give nothing.

    `Point.series` is measurement and tags as written, already known to be right: see `series_of`.
    """
    return (point for _, _, point in _walk(*_text(payload)))


def where(payload: bytes, rows: Iterable[int]) -> list[tuple[int, str]]:
    """Of the n-th of all `points`, for each n of `rows` (ascending): its line, from 1, and its text."""
    wanted, found = iter(rows), list[tuple[int, str]]()
    text, clean = _text(payload)
    n, line, counted = next(wanted, -1), 1, 0
    for row, (start, end, _) in enumerate(_walk(text, clean)):
        if row == n:
            line, counted = line + text.count("\n", counted, start), start
            found.append((line, text[start:end].rstrip("\r\n").encode(errors="replace").decode()))
            if (n := next(wanted, -1)) < 0:
                break
    return found


def parts(payload: bytes) -> list[bytes]:
    """The text of each of all `points`."""
    text, clean = _text(payload)
    spans = ((start, end) for start, end, _ in _walk(text, clean))
    return [text[start:end].rstrip("\r\n").encode(errors="surrogateescape") for start, end in spans]


def _text(payload: bytes) -> tuple[str, bool]:
    """The payload as text, and whether it is all UTF-8."""
    try:
        return payload.decode(), True
    except UnicodeDecodeError:
        return payload.decode("utf-8", "surrogateescape"), False


def _walk(text: str, clean: bool) -> Iterator[tuple[int, int, Point | Refusal]]:
    """Each point with where it starts and ends."""
    at, end = 0, len(text)
    while True:
        between = _BETWEEN.match(text, at)
        at = between.end() if between else at
        if at >= end:
            return
        start = at
        point: Point | Refusal
        try:
            point, at = _point(text, at)
        except _Wrong as wrong:
            point = Refusal(str(wrong))
            newline = text.find("\n", at)
            at = end if newline < 0 else newline + 1
        else:
            if not clean and not _is_utf8(text[start:at]):
                point = Refusal("not UTF-8")
        yield start, at, point


def count(payload: bytes) -> int:
    """How many `points` there will be; quick where no text holds a line break and nothing is a comment."""
    if any(mark in payload for mark in (b'"', b"#", b"\r")):
        return sum(1 for _ in points(payload))
    return sum(1 for line in payload.split(b"\n") if line.strip(b" "))


@lru_cache(maxsize=2048)
def series_of(head: str) -> tuple[str, dict[str, str]]:
    """`Point.series` -> (measurement, tags)."""
    measurement, tags = "", {}
    for name, key, value in _PARTS.findall(head):
        if name:
            measurement = _NAME_ESCAPE.sub(r"\1", name)
        else:
            tags[_KEY_ESCAPE.sub(r"\1", key)] = _KEY_ESCAPE.sub(r"\1", value)
    return measurement, tags


def is_series(text: str) -> bool:
    """Whether a text is a measurement with tags, as `Point.series` is."""
    return len(text) <= MAX_SERIES and _HEAD.fullmatch(text + " ") is not None and not _head_fault(text)


@lru_cache(maxsize=2048)
def _head_fault(head: str) -> str:
    """What is wrong with measurement and tags that fit the grammar, "" if nothing."""
    keys = [key for name, key, _ in _PARTS.findall(head) if not name]
    return "" if len(keys) == len({_KEY_ESCAPE.sub(r"\1", k) for k in keys}) else "a tag is given twice"


def _point(text: str, at: int) -> tuple[Point, int]:
    head = _HEAD.match(text, at)
    if head is None:
        raise _Wrong("a line is a measurement, tags as key=value, a space and fields")
    series = head.group(1)
    fault = _head_fault(series) if len(series) <= MAX_SERIES else "measurement and tags are too long"
    if fault:
        raise _Wrong(fault)
    at = head.end()
    fields: list[tuple[str, Value]] = []
    more: str = ","
    while more:
        field = _FIELD.match(text, at)
        if field is None:
            raise _Wrong("a field is key=value")
        key, number, quoted, bare, more = field.groups()
        if "\\" in key:
            key = _KEY_ESCAPE.sub(r"\1", key)
        if number is not None and len(number) < MAX_DIGITS:
            fields.append((key, float(number)))
        else:
            fields.append((key, _quoted(quoted) if quoted is not None else _bare(number or bare)))
        at = field.end()
    tail = _TIME.match(text, at)
    if tail is None:
        raise _Wrong("after the fields comes a whole number as time, or the end of the line")
    digits = tail.group(1)
    if digits is None:
        return Point(series, fields, None), tail.end()
    time = _whole(digits)
    if not -_INT64 <= time < _INT64:
        raise _Wrong("time is out of range")
    return Point(series, fields, time), tail.end()


def _whole(digits: str) -> int:
    """Digits -> int; of a flood of digits only as many are read as show that it is out of range."""
    significant = digits.lstrip("-0")[:21] or "0"
    return -int(significant) if digits[0] == "-" else int(significant)


def _bare(text: str) -> Value:
    """An unquoted field value."""
    if text in _BOOL:
        return _BOOL[text]
    if text[-1] in "iu":
        whole = _INTEGER.fullmatch(text)
        if whole is None:
            raise _Wrong(f"{text[:30]!r} is no integer")
        signed, unsigned = whole.groups()
        number = _whole(signed or unsigned)
        if not (-_INT64 <= number < _INT64 if signed else number < _UINT64):
            raise _Wrong("an integer is out of range")
        return number
    if not _NUMBER.fullmatch(text) or text[0] == "+":
        raise _Wrong(f"{text[:30]!r} is no field value")
    value = float(text)
    if value in (float("inf"), float("-inf")):
        raise _Wrong("a number is out of range")
    return value


def _quoted(text: str) -> str:
    if "\\" not in text:
        return text
    return _TEXT_ESCAPE.sub(lambda escape: _TEXT[escape.group(1)], text)


def _is_utf8(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
