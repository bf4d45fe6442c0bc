"""Influx line protocol (`api/write/PRECISION`): points become readings of devices.

Lines come singly or by the thousand. Of a large payload the plain lines are read as columns
(`influx_batch.py`), all others one by one (`influx.py`); both give the same rows. What a point is about is
`line_about.py`'s.
"""

from collections.abc import Callable, Iterable, Iterator
from functools import partial
from itertools import pairwise

from homestream.dialects.influx import Point, points
from homestream.dialects.influx_batch import Columns, columns
from homestream.dialects.line_about import about_of, range_of, target_of, values_of
from homestream.dialects.moment import trusted
from homestream.dialects.port import Decoder, Refusal, Row
from homestream.dialects.registry import Registry
from homestream.dialects.units import value_of
from homestream.errors import PeerError
from homestream.reading import Entry, Reading

NAME = "line"
PREFIX = "api/write/"

#: A Reading without a Python frame.
_reading = partial(tuple.__new__, Reading)


def _guessed(time: int) -> int:
    """A time of a precision that its size tells, as InfluxDB 3 guesses -> ms."""
    size = abs(time)
    if size < 5_000_000_000:
        return time * 1000
    return time if size < 5_000_000_000_000 else time // (1000 if size < 5_000_000_000_000_000 else 1_000_000)


#: precision of a request -> how a time of it becomes ms
PRECISIONS: dict[str, Callable[[int], int]] = {
    "ns": lambda time: time // 1_000_000,
    "us": lambda time: time // 1_000,
    "ms": int,
    "s": lambda time: time * 1_000,
    "m": lambda time: time * 60_000,
    "h": lambda time: time * 3_600_000,
    "auto": _guessed,
}


def bind(registry: Registry, topic: str) -> Decoder | None:
    """`api/write/ns`, `us`, `ms`, `s` and `auto`; None for all else."""
    known = topic.startswith(PREFIX) and topic.removeprefix(PREFIX) in PRECISIONS
    return partial(_decode, registry) if known else None


def _decode(registry: Registry, entry: Entry) -> list[Row]:
    rows: list[Row] = []
    for _, some in _pieces(registry, entry, told=True):
        rows += some
    return rows


def look(registry: Registry, entry: Entry) -> tuple[int, list[tuple[int, str]]]:
    """How many rows there are, and which are refused: number from 0, and reason. Plain lines never are."""
    items, refused = 0, list[tuple[int, str]]()
    for count, some in _pieces(registry, entry, told=False):
        refused += [(items + n, row.reason) for n, row in enumerate(some) if isinstance(row, Refusal)]
        items += count
    return items, refused


def _pieces(registry: Registry, entry: Entry, *, told: bool) -> Iterator[tuple[int, list[Row]]]:
    """How many rows, and these, one run of lines after the other; of plain lines none if not `told`."""
    batch = columns(entry.payload, range_of)
    others = None if batch is None else _others(entry.payload, batch)
    if batch is None or others is None or not _noted(registry, batch):
        rows = _singly(registry, entry, points(entry.payload))
        yield len(rows), rows
        return
    plain, taken = _plain(registry, entry, batch) if told else [], 0
    for is_plain, start, end in batch.runs():
        if is_plain:
            yield end - start, plain[taken : (taken := taken + end - start)]
        else:
            rows = _singly(registry, entry, next(others))
            yield len(rows), rows


def _singly(registry: Registry, entry: Entry, found: Iterable[Point | Refusal]) -> list[Row]:
    """The rows of points read one by one."""
    rows: list[Row] = []
    for point in found:
        if isinstance(point, Refusal):
            rows.append(point)
            continue
        try:
            rows.append(_readings(registry, entry, point))
        except PeerError as error:
            rows.append(Refusal(str(error)))
    return rows


def _readings(registry: Registry, entry: Entry, point: Point) -> list[Reading]:
    about = about_of(point.series)
    ms = PRECISIONS[entry.topic.removeprefix(PREFIX)]
    believed = entry.arrived if point.time is None else trusted(ms(point.time), entry.arrived)
    time = entry.arrived if believed is None else believed
    readings: list[Reading] = []
    wrong = ""
    for device_id, metric, raw, unit in values_of(about, point.fields):
        try:
            value = value_of(metric, raw, unit)
        except PeerError as error:
            wrong = wrong or str(error)
            continue
        device = registry.note(device_id, NAME, metric)
        if about.room and device.said_room != about.room:
            registry.describe(device, room=about.room)
        if believed is None:
            registry.clock_is_wrong(device_id)
        readings.append(Reading(entry.home, device_id, metric, time, value))
    if wrong and not readings:
        raise PeerError(wrong)
    return readings


def _noted(registry: Registry, batch: Columns) -> bool:
    """Note the devices of the plain lines; False where they are too many: only reading on can tell whose."""
    try:
        for device_id, metric, room, _ in (target_of(*pair) for pair in batch.pairs):
            device = registry.note(device_id, NAME, metric)
            if room and device.said_room != room:
                registry.describe(device, room=room)
    except PeerError:
        return False
    return True


def _others(payload: bytes, batch: Columns) -> Iterator[list[Point | Refusal]] | None:
    """The points of each run that is not plain; None where a text may go on into what looks plain."""
    found = []
    for is_plain, start, end in batch.runs():
        if not is_plain:
            lines = payload[batch.at[start] : batch.at[end]]
            found.append(list(points(lines)))
            if b'"' in lines and any(isinstance(point, Refusal) for point in found[-1]):
                return None
    return iter(found)


def _plain(registry: Registry, entry: Entry, batch: Columns) -> list[Row]:
    """The readings of the plain lines."""
    targets = [target_of(*pair) for pair in batch.pairs]
    home, arrived, ms = entry.home, entry.arrived, PRECISIONS[entry.topic.removeprefix(PREFIX)]
    pair, first = batch.pair.to_pylist(), batch.first.to_pylist()
    at = [arrived if time is None else trusted(ms(time), arrived) for time in batch.times()]
    times = [arrived if time is None else time for time in at]
    if None in at:
        for n in (n for n, time in enumerate(at) if time is None):
            for field in pair[first[n] : first[n + 1]]:
                registry.clock_is_wrong(targets[field].device)
    about = [(target.device, target.metric) for target in targets]
    each = times if len(pair) == len(times) else [times[n] for n in batch.owner.to_pylist()]
    readings = [
        _reading((home, device, metric, time, value))
        for (device, metric), time, value in zip(
            map(about.__getitem__, pair), each, batch.values.to_pylist(), strict=True
        )
    ]
    return [readings[start:end] for start, end in pairwise(first)]
