"""Times in text -> ms since 1970 UTC, as SQL over whole columns.

Understood: ISO 8601 with or without zone, epoch in s, ms, us or ns (told by size), D/M/Y, M/D/Y and D.M.Y.
A time without a zone is local; at the hour that happens twice it is the first, as `datetime` has it.
"""

import re
from collections.abc import Iterable, Sequence
from datetime import UTC, datetime
from functools import lru_cache
from itertools import pairwise
from zoneinfo import ZoneInfo

from homestream.engine.clock import HOUR, offset

#: outside these years it is a broken clock or another column: 1971 to 2199
EARLIEST, LATEST = 31_536_000_000, 7_258_118_400_000

_SLASHED = re.compile(r"^\s*\"?(\d{1,2})([/.])(\d{1,2})[/.](\d{4})\b")
_NUMBER = re.compile(r"^\s*\"?-?\d+(\.\d+)?\"?\s*$")
_ISO = re.compile(r"^\s*\"?\d{4}[-/]\d{1,2}[-/]\d{1,2}")

#: how a time of day ends that names its zone
_ZONE = r":\d\d(\.\d+)?\s*(z|[+-]\d\d(:?\d\d)?)$"

#: +0100, to be written +01:00
_COMPACT = r"([+-]\d\d)(\d\d)$"

ISO, EPOCH, SLASHED = "ISO 8601", "epoch", "day/month/year"


def looks_like(text: str) -> str:
    """`ISO`, `EPOCH` or `SLASHED`; "" for what is no time."""
    if _ISO.match(text):
        return ISO
    if _SLASHED.match(text):
        return SLASHED
    number = text.strip().strip('"')
    return EPOCH if _NUMBER.match(text) and abs(float(number)) >= EARLIEST / 1000 else ""


def in_sql(text: str, samples: Iterable[str]) -> str:
    """SQL: the text expression `text` -> a struct of `ms` (NULL where it is no time) and `zoned`.

    `samples` decide between day/month and month/day; where nothing tells, the day comes first.
    """
    found = [match for sample in samples if (match := _SLASHED.match(sample))]
    if found:
        mark = found[0][2]
        month_first = any(int(m[3]) > 12 for m in found) and not any(int(m[1]) > 12 for m in found)
        day = f"%m{mark}%d{mark}%Y" if month_first else f"%d{mark}%m{mark}%Y"
        forms = ", ".join(f"'{day}{clock}'" for clock in (" %H:%M:%S", " %H:%M", " %H:%M:%S.%g", ""))
        return f"struct_pack(ms := epoch_ms(try_strptime({text}, [{forms}])), zoned := false)"
    number = f"TRY_CAST({text} AS DOUBLE)"
    epoch = (
        f"CASE WHEN abs({number}) < 1e11 THEN {number} * 1000 WHEN abs({number}) < 1e14 THEN {number} "
        f"WHEN abs({number}) < 1e17 THEN {number} / 1000 ELSE {number} / 1e6 END"
    )
    local = f"epoch_ms(TRY_CAST({text} AS TIMESTAMP))"
    zoned = f"epoch_ms(TRY_CAST(regexp_replace({text}, '{_COMPACT}', '\\1:\\2') AS TIMESTAMPTZ))"
    # each WHEN costs only the rows that are left
    return (
        f"CASE WHEN suffix({text}, 'Z') THEN struct_pack(ms := {local}, zoned := true) "
        f"WHEN regexp_matches({text}, '{_ZONE}') THEN struct_pack(ms := {zoned}, zoned := true) "
        f"WHEN {local} IS NOT NULL THEN struct_pack(ms := {local}, zoned := false) "
        f"ELSE struct_pack(ms := TRY_CAST(floor({epoch}) AS BIGINT), zoned := true) END"
    )


@lru_cache(maxsize=64)
def offsets(zone: ZoneInfo, first: int, last: int) -> list[tuple[int, int]]:
    """(from when, local minus UTC) in ms, in order, for [first, last]; not to be changed."""
    steps = [(first, offset(zone, first))]
    week = 7 * 24 * HOUR
    at = first
    while at < last:
        after = min(at + week, last)
        if offset(zone, after) != steps[-1][1]:
            low, high = at, after
            while high - low > 60_000:
                middle = (low + high) // 2 // 60_000 * 60_000
                low, high = (middle, high) if offset(zone, middle) == steps[-1][1] else (low, middle)
            steps.append((high, offset(zone, high)))
            at = high
        else:
            at = after
    return steps


def offset_sql(steps: Sequence[tuple[int, int]], utc: str) -> str:
    """SQL: local minus UTC at the instant `utc` (ms)."""
    return f"({_steps(utc, steps)})"


def to_utc_sql(steps: Sequence[tuple[int, int]], local: str) -> str:
    """SQL: a local time (ms as if it were UTC) -> UTC ms; of an hour that comes twice, the first."""
    turns = [steps[0]]
    turns += [(start + max(before, after), after) for (_, before), (start, after) in pairwise(steps)]
    return f"({local} - ({_steps(local, turns)}))"


def _steps(value: str, steps: Sequence[tuple[int, int]]) -> str:
    """By halves: a row is compared with few of the some hundred changes of two centuries."""
    if len(steps) == 1:
        return str(steps[0][1])
    half = len(steps) // 2
    early, later = _steps(value, steps[:half]), _steps(value, steps[half:])
    return f"CASE WHEN {value} < {steps[half][0]} THEN {early} ELSE {later} END"


def iso(time: int) -> str:
    """Ms -> ISO 8601 in UTC."""
    return datetime.fromtimestamp(time / 1000, UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")
