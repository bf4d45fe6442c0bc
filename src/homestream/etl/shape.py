"""What a file is, told from its first lines: its marks, its header, and which column is what."""

import csv
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Literal

import pyarrow.parquet as pq

from homestream.etl import moment
from homestream.etl.columns import Column, column, quantity, slug
from homestream.etl.sources import head, plain_name

DELIMITERS = (",", ";", "\t", "|")
#: lines looked at to find out
SAMPLE = 200
#: the columns of our own long format, under the names people give them
LONG = {
    "home": ("home",),
    "device": ("device", "device_id", "entity", "entity_id", "sensor"),
    "metric": ("metric", "quantity", "measurement"),
    "time": ("time", "timestamp", "ts", "datetime", "date_time", "last_changed"),
    "value": ("value", "state", "reading"),
    "unit": ("unit", "unit_of_measurement"),
}
TIMES = (*LONG["time"], "date", "when", "time_utc", "utc")
UNDERSTOOD = (
    "readings (device, metric, time, value), a table with a time column and columns named after what they "
    "measure, or ROOM_Quantity.csv with time and value"
)


class UnknownShape(ValueError):
    """The file is no table that we understand; `str(error)` says what was seen."""


@dataclass(frozen=True)
class Shape:
    """How to read a file. Columns are counted from 0.

    `long` maps our names to columns; a wide table has `wide` instead. `times` are one column, or two: date
    and time of day.
    """

    kind: Literal["csv", "jsonl", "parquet"]
    what: str
    width: int = 0
    delimiter: str = ","
    skip: int = 0
    names: tuple[str, ...] = ()
    long: dict[str, int] = field(default_factory=dict)
    wide: dict[int, Column] = field(default_factory=dict)
    times: tuple[int, ...] = ()
    samples: tuple[str, ...] = ()
    ignored: tuple[str, ...] = ()


def recognise(path: Path) -> Shape:
    """The shape of a file; `UnknownShape` says what was seen instead of one."""
    name = plain_name(path)
    stem = Path(name).stem if "." in name else name
    original = path.name[: len(stem)]
    if name.endswith(".parquet"):
        return _parquet(path, original)
    text = head(path)
    lines = [line for line in text.splitlines()[:SAMPLE] if line.strip()]
    if not lines:
        raise UnknownShape("the file is empty")
    if lines[0].lstrip().startswith("{"):
        order = ("home", "device", "metric", "time", "value", "unit")
        long = {name: n for n, name in enumerate(order)}
        return Shape("jsonl", "JSON lines", len(order), names=order, long=long, times=(long["time"],))
    return _table(text, lines, original)


def _parquet(path: Path, stem: str) -> Shape:
    from homestream.etl.lines import unpacked

    with unpacked(path) as file:
        try:
            names = pq.read_schema(file).names
            rows = next(iter(pq.ParquetFile(file).iter_batches(SAMPLE)), None)
        except (OSError, ValueError) as error:
            raise UnknownShape(f"no readable Parquet: {str(error)[:80]}") from None
    cells = [] if rows is None else [[str(cell) for cell in column.to_pylist()] for column in rows.columns]
    return _named("parquet", names, list(zip(*cells, strict=True)), "", 0, stem, "Parquet")


def _table(text: str, lines: Sequence[str], stem: str) -> Shape:
    delimiter, width = _delimiter(lines)
    if width < 2:
        raise UnknownShape(f"no table; its first line is {lines[0][:60]!r}")
    rows = list(csv.reader(lines, delimiter=delimiter))
    first = [cell.strip() for cell in rows[0]]
    body = [row for row in rows[1:] if len(row) == width]
    if any(moment.looks_like(cell) for cell in first):
        return _bare(rows, width, delimiter, stem)
    # R writes row numbers without a name for them
    names = ["", *first] if len(first) == width - 1 else first
    if len(names) != width:
        raise UnknownShape(f"its header has {len(first)} names, its rows have {width} fields")
    skip = text[: text.index(lines[0])].count("\n") + 1
    return _named("csv", names, body, delimiter, skip, stem, "CSV")


def _delimiter(lines: Sequence[str]) -> tuple[str, int]:
    """The mark that cuts most lines into the same number of fields, and that number."""
    best, best_score = (",", 1), 0.0
    for mark in DELIMITERS:
        widths = Counter(len(row) for row in csv.reader(lines[1:] or lines, delimiter=mark))
        width, count = max(widths.items(), key=lambda item: (item[1], item[0]))
        score = count / sum(widths.values()) + width / 1000
        if width > 1 and score > best_score:
            best, best_score = (mark, width), score
    return best


def _bare(rows: Sequence[Sequence[str]], width: int, delimiter: str, stem: str) -> Shape:
    """Without a header: time and value; what it is, the file's name says."""
    found = quantity(stem)
    samples = tuple(row[0] for row in rows if len(row) == width)
    if width != 2 or not moment.looks_like(rows[0][0]):
        raise UnknownShape(f"no header, and {width} columns; with two columns they are time and value")
    if found is None:
        raise UnknownShape(f"no header, and the name {stem!r} does not say what it measures")
    return Shape("csv", "time and value", 2, delimiter, 0, ("time", "value"), {}, {1: found}, (0,), samples)


def _named(
    kind: Literal["csv", "parquet"],
    names: Sequence[str],
    rows: Sequence[Sequence[str]],
    delimiter: str,
    skip: int,
    stem: str,
    label: str,
) -> Shape:
    slugs = [slug(name) for name in names]
    long = {ours: slugs.index(name) for ours, known in LONG.items() for name in known if name in slugs}
    if {"device", "metric", "time", "value"} <= long.keys():
        times: tuple[int, ...] = (long["time"],)
        wide: dict[int, Column] = {}
        what = f"{label} of readings"
    else:
        long = {}
        times = _times(slugs, rows)
        found = {n: column(name, stem) for n, name in enumerate(names) if n not in times and name}
        wide = {n: one for n, one in found.items() if one is not None}
        if not times or not wide:
            missing = "no time column" if not times else "no column whose name says what it measures"
            raise UnknownShape(f"{missing} among {', '.join(name for name in names[:12] if name)}")
        what = f"{label} table"
    used = {*times, *wide, *long.values()}
    samples = tuple(" ".join(row[n].strip() for n in times) for row in rows)
    ignored = tuple(name for n, name in enumerate(names) if n not in used and name)
    return Shape(kind, what, len(names), delimiter, skip, tuple(names), long, wide, times, samples, ignored)


def _times(slugs: Sequence[str], rows: Sequence[Sequence[str]]) -> tuple[int, ...]:
    """The column, or date and time of day, that say when; () where there is none."""
    if "date" in slugs and "time" in slugs:
        date, clock = slugs.index("date"), slugs.index("time")
        if any(":" in row[clock] and not moment.looks_like(row[clock]) for row in rows):
            return date, clock
    for name in TIMES:
        if name in slugs and any(moment.looks_like(row[slugs.index(name)]) for row in rows):
            return (slugs.index(name),)
    return ()
