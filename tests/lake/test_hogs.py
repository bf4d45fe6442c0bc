"""What a device used against what it used before: only like is compared with like."""

from pathlib import Path

import pytest

from homestream.engine.fold import Engine
from homestream.lake import queries
from homestream.lake.connect import connect

from .house import DAY, HOME, HOUR, MINUTE, START, batch
from .test_queries import CONFIG, ZONE, entries


def test_a_day_under_way_is_compared_with_the_same_hours_of_the_day_before() -> None:
    now = START + DAY + 13 * HOUR + 20 * MINUTE
    con = connect(Path("nowhere"), [batch(Engine(), [e for e in entries() if e.arrived < now])])
    found = queries.energy_by_device(con, HOME, START + DAY, START + 2 * DAY, ZONE, CONFIG)
    changes = {row["device"]: row["change_pct"] for row in found}
    assert changes["kitchen/oven"] == pytest.approx(-50, abs=0.2)
    assert changes["den/lamp"] == pytest.approx(0, abs=0.2)
    con.close()


def test_a_device_that_was_known_for_half_of_the_time_before_has_no_change() -> None:
    told = [entry for entry in entries() if not START + MINUTE < entry.arrived < START + DAY // 2]
    con = connect(Path("nowhere"), [batch(Engine(), told)])
    found = queries.energy_by_device(con, HOME, START + DAY, START + 2 * DAY, ZONE, CONFIG)
    assert {row["change_pct"] for row in found if row["source"] == "power"} == {None}
    con.close()
