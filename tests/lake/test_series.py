"""One series over time, as charts draw it."""

from pathlib import Path

import pytest

from homestream.engine.windows import MAX_GAP
from homestream.lake import queries
from homestream.lake.connect import connect
from homestream.lake.writer import LakeBatch
from homestream.reading import Reading

from .house import HOME, HOUR, MINUTE, START


@pytest.mark.parametrize("every", [MINUTE, 10 * MINUTE])
def test_a_silence_is_a_gap_and_not_a_line_across_it(every: int) -> None:
    times = [START + n * every for n in range(12)] + [START + 5 * HOUR + n * every for n in range(12)]
    told = [(1, Reading(HOME, "den/x", "power", time, 60.0), False, False) for time in times]
    con = connect(Path("nowhere"), [LakeBatch(readings=told)])
    for points in (100, 2000):
        found = queries.series(con, HOME, "den/x", "power", START, START + 8 * HOUR, points, MAX_GAP)
        assert [row["time"] for row in found if row["mean"] is None] == [times[11] + MAX_GAP]
        assert [row["time"] for row in found] == sorted(row["time"] for row in found)
    con.close()
