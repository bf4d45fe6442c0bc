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
from homestream.dialects.line_about import Target, about_of, range_of, target_of, values_of
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


def _decode(registry: Registry, entry: Entry, *, told: bool = True) -> list[Row]:
    batch = columns(entry.payload, range_of)
    rows = None if batch is None else _batch(registry, entry, batch, told)
    return _singly(registry, entry, points(entry.payload)) if rows is None else rows


def look(registry: Registry, entry: Entry) -> list[Row]:
    """The rows as decoded, but plain lines without their readings: for who asks only what is refused."""
    return _decode(registry, entry, told=False)


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


def _batch(registry: Registry, entry: Entry, batch: Columns, told: bool) -> list[Row] | None:
    """The rows of a payload with plain lines; None where all has to be read singly."""
    runs = list(batch.runs())
    others = _others(entry.payload, batch, runs)
    if others is None:
        return None
    targets = [target_of(*pair) for pair in batch.pairs]
    try:
        for device_id, metric, room, _ in targets:
            device = registry.note(device_id, NAME, metric)
            if room and device.said_room != room:
                registry.describe(device, room=room)
    except PeerError:  # a device too many: whose rows are refused for it, only reading on can tell
        return None
    plain = _plain(registry, entry, batch, targets) if told else [[]] * len(batch.words)
    rows: list[Row] = []
    taken = 0
    for is_plain, start, end in runs:
        if is_plain:
            rows += plain[taken : (taken := taken + end - start)]
        else:
            rows += _singly(registry, entry, next(others))
    return rows


def _others(
    payload: bytes, batch: Columns, runs: list[tuple[bool, int, int]]
) -> Iterator[list[Point | Refusal]] | None:
    """The points of each run that is not plain; None where a text may go on into what looks plain."""
    found = []
    for is_plain, start, end in runs:
        if not is_plain:
            lines = payload[batch.at[start] : batch.at[end]]
            found.append(list(points(lines)))
            if b'"' in lines and any(isinstance(point, Refusal) for point in found[-1]):
                return None
    return iter(found)


def _plain(registry: Registry, entry: Entry, batch: Columns, targets: list[Target]) -> list[Row]:
    """The readings of the plain lines."""
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
