"""What a run of entries made, as rows of the lake's tables. No files here."""

import base64
import json
from bisect import bisect_right
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from operator import itemgetter
from typing import Any, TypeVar

import pyarrow as pa

from homestream.engine.fact import (
    Alert,
    Anomaly,
    AnyFact,
    Blind,
    Command,
    Delay,
    DeviceSeen,
    Group,
    Mode,
    Notify,
    Occupancy,
    Outage,
    Security,
    Unplaced,
    Webhook,
    Window,
    encode,
)
from homestream.engine.output import Rejected, Stored
from homestream.lake.schema import BRONZE, EVENTS, ROLLUP_1D, ROLLUP_1H, SILVER, SYSTEM, Table
from homestream.reading import Entry, Kind

#: Rows turned into columns at a time: other threads get the interpreter within a millisecond or two.
SLICE = 4096

KINDS = {kind: kind.name.lower() for kind in Kind}
SEQ = itemgetter(0)

Placed = tuple[int, AnyFact]
Columns = Iterable[Sequence[Any]]
Row = TypeVar("Row", bound=tuple[Any, ...])


@dataclass(slots=True)
class LakeBatch:
    """Entries, all that the engine made of them, and the system's own rows (keys as `schema.SYSTEM`)."""

    entries: list[Entry] = field(default_factory=list)
    readings: list[Stored] = field(default_factory=list)
    facts: list[Placed] = field(default_factory=list)
    rejected: list[Rejected] = field(default_factory=list)
    system: list[dict[str, Any]] = field(default_factory=list)


def _transposed(rows: Sequence[tuple[Any, ...]]) -> Columns:
    return zip(*rows, strict=True)


def messages(entries: Sequence[Entry], after: int = 0) -> pa.Table:
    """Bronze rows of the entries above seq `after`."""

    def columns(part: Sequence[Entry]) -> Columns:
        seq, kind, *rest = zip(*part, strict=True)
        return [seq, [KINDS[k] for k in kind], *rest]

    return _table(BRONZE, _above(entries, after), columns)


def readings(stored: Sequence[Stored], after: int = 0) -> pa.Table:
    """Silver rows of the readings above seq `after`; an unknown value (NaN) becomes NULL."""

    def columns(part: Sequence[Stored]) -> Columns:
        seq, reading, late, corrects = zip(*part, strict=True)
        return [seq, *zip(*reading, strict=True), late, corrects]

    return _table(SILVER, _last_of_entry(_above(stored, after)), columns)


def rollups(table: Table, facts: Sequence[Placed], after: int = 0) -> pa.Table:
    """Rows of the windows of the table's size (`rollup_1h` takes 1h, `rollup_1d` 1d)."""
    size = table.name.removeprefix("rollup_")
    rows = [
        (
            *(seq, w.home, w.device, w.metric, w.start, w.count, w.min, w.max, w.sum),
            *(w.mean, w.twmean, w.last, w.known, w.energy, w.revision),
        )
        for seq, w in _above(facts, after)
        if isinstance(w, Window) and w.size == size
    ]
    return _table(table, rows)


def events(facts: Sequence[Placed], rejected: Sequence[Rejected], after: int = 0) -> pa.Table:
    """Rows of all facts but windows, and of what was refused (kind `rejected`), in order of seq."""
    rows = [_event(seq, fact) for seq, fact in _above(facts, after) if not isinstance(fact, Window)]
    rows += map(_rejected, _above(rejected, after))
    return _table(EVENTS, sorted(rows, key=SEQ))


def system(rows: Iterable[dict[str, Any]]) -> pa.Table:
    """Rows of the system's own measures."""
    return pa.Table.from_pylist(list(rows), schema=SYSTEM.schema)


def tables(batch: LakeBatch, after: Callable[[Table], int] = lambda table: 0) -> dict[str, pa.Table]:
    """All rows by table name, those at or below `after(table)` left out."""
    made = {
        SILVER.name: readings(batch.readings, after(SILVER)),
        EVENTS.name: events(batch.facts, batch.rejected, after(EVENTS)),
        SYSTEM.name: system(batch.system),
        BRONZE.name: messages(batch.entries, after(BRONZE)),
    }
    for table in (ROLLUP_1H, ROLLUP_1D):
        made[table.name] = rollups(table, batch.facts, after(table))
    return made


def _last_of_entry(stored: Sequence[Stored]) -> Sequence[Stored]:
    """Without the readings that a later one of the same entry corrects: a seq cannot tell which is newer."""
    corrections = {(seq, *reading[:4]): reading for seq, reading, _, corrects in stored if corrects}
    if not corrections:
        return stored
    return [one for one in stored if corrections.get((one[0], *one[1][:4]), one[1]) is one[1]]


def _above(items: Sequence[Row], after: int) -> Sequence[Row]:
    """Those with a seq above `after`; they stand in order of seq, which is their first field."""
    first = bisect_right(items, after, key=SEQ)
    return items[first:] if first else items


def _table(
    table: Table, rows: Sequence[Row], columns: Callable[[Sequence[Row]], Columns] = _transposed
) -> pa.Table:
    batches = [
        pa.record_batch(
            [
                pa.array(values, kind, from_pandas=True)
                for values, kind in zip(columns(rows[at : at + SLICE]), table.columns.values(), strict=True)
            ],
            schema=table.schema,
        )
        for at in range(0, len(rows), SLICE)
    ]
    return pa.Table.from_batches(batches, table.schema)


def _event(seq: int, fact: AnyFact) -> tuple[Any, ...]:
    device, room, severity, text = _words(fact)
    kind = type(fact).__struct_config__.tag
    return seq, fact.home, fact.time, kind, device, room, severity, text, encode(fact).decode()


def _words(fact: AnyFact) -> tuple[str, str, str, str]:
    """(device, room, severity, text) of a fact."""
    match fact:
        case Alert():
            return fact.key, "", fact.severity, fact.text
        case Security():
            return fact.device, fact.room, fact.severity, fact.text
        case DeviceSeen():
            return fact.device, fact.room, "info", fact.name
        case Outage():
            return fact.device, "", "warning" if fact.state == "silent" else "info", fact.state
        case Blind():
            return (
                fact.device,
                "",
                "info",
                f"{fact.metric} {'unknown' if fact.end is None else 'known'}: {fact.why}",
            )
        case Anomaly():
            return fact.device, "", "warning", fact.text
        case Mode():
            return "", "", "info", f"{fact.mode} by {fact.by}"
        case Delay():
            return "", "", "info", f"time to {'leave' if fact.kind == 'exit' else 'disarm'}"
        case Occupancy():
            return "", "", "info", f"{_OCCUPIED[fact.occupied]}: {fact.why}"
        case Command():
            return fact.device, "", "info", f"{fact.metric} to {fact.value:g}: {fact.state}"
        case Group():
            return "", "", "warning" if fact.failed else "info", fact.text
        case Notify() | Webhook():
            return "", "", fact.severity, fact.text
        case Unplaced():
            return fact.device, "", "info", unplaced_text(fact)
        case Window():
            return fact.device, "", "info", ""


def unplaced_text(fact: Unplaced) -> str:
    """`12.40 kWh used in 30 h of silence, unknown when`."""
    hours = (fact.end - fact.start) / 3_600_000
    return f"{fact.energy / 1000:.2f} kWh used in {hours:.0f} h of silence, unknown when"


_OCCUPIED = {True: "somebody home", False: "nobody home", None: "not known who is home"}


def _rejected(refused: Rejected) -> tuple[Any, ...]:
    data = {"source": refused.source, "topic": refused.topic, "row": refused.row, **_payload(refused.payload)}
    text = json.dumps(data, ensure_ascii=False)
    return refused.seq, refused.home, refused.arrived, "rejected", "", "", "warning", refused.reason, text


def _payload(payload: bytes) -> dict[str, str]:
    """The payload as text where it is UTF-8, else in base64: what came can be looked at, and sent again."""
    try:
        return {"payload": payload.decode()}
    except UnicodeDecodeError:
        return {"payload_base64": base64.b64encode(payload).decode()}
