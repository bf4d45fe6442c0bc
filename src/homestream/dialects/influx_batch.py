"""Influx line protocol, a whole batch at once: its plain lines become columns, by Arrow's loops.

Plain is a line of series, number fields and perhaps a time, with no quote, no escape and single spaces: what
meters and Telegraf send by the thousand. All else is left to `influx.py`, which alone says what is right; a
plain line is one that it would read to the same values, at ten times the price.
"""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple

import pyarrow as pa
import pyarrow.compute as pc

#: Below this many lines, or bytes that could be so many, setting up the columns costs more than reading one
#: by one.
MIN_LINES, MIN_BYTES = 50, 1_000

_CONTROL = r"\x00-\x1f\x7f"
_SERIES = rf"[^\\ #{_CONTROL}][^\\ {_CONTROL}]*"
_KEY = rf'[^\\,= "{_CONTROL}]+'
#: Digits enough for any reading, and few enough for every kind of number.
_NUMBER = r"-?[0-9]{1,18}(?:i|(?:\.[0-9]*)?(?:[eE][-+]?[0-9]{1,2})?)"
_POINT = rf"{_SERIES} {_KEY}={_NUMBER}(?:,{_KEY}={_NUMBER})*"
_TIMED, _UNTIMED = rf"^{_POINT} -?[0-8]?[0-9]{{1,18}}$", rf"^{_POINT}$"

#: With their type: a scalar without has Arrow look for numpy first, for longer than most of its loops take.
_EMPTY, _SPACE, _NONE = (pa.scalar(text, pa.string()) for text in ("", " ", None))
_ONE = pa.scalar(1, pa.int32())

#: Series and field key as written -> the range a number of theirs must be in to be read without more ado.
RangeOf = Callable[[str, str], tuple[float, float]]


class Columns(NamedTuple):
    """The plain lines of a payload, and where the others are.

    `plain` says it of each line; line n is payload[at[n]:at[n + 1]] (`at` is empty where all are plain). The
    n-th plain line has the fields from `first[n]` to `first[n + 1]`. Of each field `owner` is that n,
    `values` has the number, and `pair` an index into `pairs`: the distinct (series, field key) as written, in
    the order of their first use.
    """

    plain: Any
    at: list[int]
    words: Any
    first: Any
    owner: Any
    pair: Any
    values: Any
    pairs: list[tuple[str, str]]

    def times(self) -> list[int | None]:
        """Of each plain line the time as written, None where it gives none."""
        time = _element(self.words, 2)
        times: list[int | None] = pc.if_else(pc.equal(time, _EMPTY), _NONE, time).cast(pa.int64()).to_pylist()
        return times

    def runs(self) -> Iterator[tuple[bool, int, int]]:
        """Plain and other lines in turns: (plain, first line, line after the last)."""
        runs = pc.run_end_encode(self.plain)
        start = 0
        for plain, end in zip(runs.values.to_pylist(), runs.run_ends.to_pylist(), strict=True):
            yield plain, start, end
            start = end


def columns(payload: bytes, range_of: RangeOf) -> Columns | None:
    """The plain lines of a payload with all values in range; None where they are too few, or no UTF-8."""
    if len(payload) < MIN_BYTES:
        return None
    try:
        payload.decode()
    except UnicodeDecodeError:
        return None
    lines = pc.split_pattern(pa.array([payload.removesuffix(b"\n")], pa.string()), "\n").values
    if len(lines) < MIN_LINES:
        return None
    texts = lines
    plain = pc.match_substring_regex(lines, _TIMED)
    if plain.true_count < len(lines):
        untimed = pc.match_substring_regex(lines, _UNTIMED)
        lines = pc.if_else(untimed, pc.binary_join_element_wise(lines, _EMPTY, _SPACE), lines)
        plain = pc.or_(plain, untimed)
    found = _split(lines, plain)
    wrong = _wrong(found, range_of)
    if len(wrong):
        among = pc.indices_nonzero(found.plain).take(wrong)
        plain = pc.and_(plain, pc.invert(pc.is_in(pa.array(range(len(lines)), pa.uint64()), among)))
        found = _split(lines, plain)
    if len(found.words) < MIN_LINES:
        return None
    return found if plain.true_count == len(lines) else found._replace(at=_starts(texts))


def _starts(lines: Any) -> list[int]:
    """Where each line begins, and where one after the last would."""
    return [0, *pc.cumulative_sum(pc.add(pc.binary_length(lines), _ONE)).to_pylist()]


def _split(lines: Any, plain: Any) -> Columns:
    """The columns of the lines marked as plain."""
    words = pc.split_pattern(lines if plain.true_count == len(lines) else lines.filter(plain), " ")
    fields = pc.split_pattern(_element(words, 1), ",")
    halves = pc.split_pattern(fields.values, "=")
    series = _element(words, 0).dictionary_encode()
    keys = _element(halves, 0).dictionary_encode()
    # One number for each pair of a series and a key, then the distinct ones of those.
    owner = pc.list_parent_indices(fields)
    pair = pc.multiply(series.indices.take(owner), pa.scalar(len(keys.dictionary), pa.int64()))
    pair = pc.add(pair, keys.indices).dictionary_encode()
    heads, names = series.dictionary.to_pylist(), keys.dictionary.to_pylist()
    return Columns(
        plain,
        [],
        words,
        fields.offsets,
        owner,
        pair.indices,
        pc.utf8_rtrim(_element(halves, 1), "i").cast(pa.float64()),
        [(heads[n // len(names)], names[n % len(names)]) for n in pair.dictionary.to_pylist()],
    )


def _element(lists: Any, n: int) -> Any:
    """The n-th of each list, in a quarter of the time of `pc.list_element`; they are all long enough."""
    return lists.values.take(pc.add(lists.offsets[:-1], pa.scalar(n, pa.int32())))


def _wrong(found: Columns, range_of: RangeOf) -> Any:
    """The plain lines, by their number among these, with a value out of range."""
    ranges = [range_of(*pair) for pair in found.pairs]
    low = pa.array([low for low, _ in ranges], pa.float64()).take(found.pair)
    high = pa.array([high for _, high in ranges], pa.float64()).take(found.pair)
    wrong = pc.or_(pc.less(found.values, low), pc.greater(found.values, high))
    return found.owner.filter(wrong)
