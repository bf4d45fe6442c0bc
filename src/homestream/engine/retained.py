"""What a broker has retained is no news: of a device's last words, only what we do not know counts.

A bridge gets the retained messages each time it subscribes anew. Their readings that say again what a series
holds are given the time of what it holds, and so are duplicates, in the books as such. What differs happened
while nobody listened; it counts from its arrival, or from the device's own time.
"""

from collections.abc import Mapping, Sequence
from math import isnan

from homestream.dialects.port import Row
from homestream.engine.series import BEFORE, Series
from homestream.reading import Reading

Table = Mapping[tuple[str, str], Series]


def recognise(table: Table, rows: Sequence[Row], arrived: int) -> list[Row]:
    """The rows of a retained message that came at `arrived` (ms), with known readings as they are known."""
    return [[_known(table, one, arrived) for one in row] if isinstance(row, list) else row for row in rows]


def _known(table: Table, reading: Reading, arrived: int) -> Reading:
    series = table.get((reading.device, reading.metric))
    if series is None or series.time == BEFORE:
        return reading
    if reading.time != arrived:  # the device's own: our history tells its duplicates but forgets the oldest
        same = reading.time <= series.time
    elif isnan(reading.value):
        same = isnan(series.value)
    else:
        same = reading.value == (series.value if series.blind is None else series.before)
    return reading._replace(time=series.time, value=series.value) if same else reading
