"""Times in all forms become the same instant; local ones by the zone's own clock changes."""

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import duckdb
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from homestream.etl import moment

NOON = 1_767_614_400_000
BERLIN = ZoneInfo("Europe/Berlin")


@pytest.fixture(scope="module")
def instant() -> Callable[[str, list[str]], tuple[int | None, bool]]:
    con = duckdb.connect()
    con.execute("SET TimeZone = 'UTC'")

    def _instant(text: str, samples: list[str]) -> tuple[int | None, bool]:
        ((found,),) = con.execute(
            f"SELECT {moment.in_sql('x', samples)} FROM (SELECT ? AS x)", [text]
        ).fetchall()
        return found["ms"], found["zoned"]

    return _instant


@pytest.mark.parametrize(
    ("text", "zoned"),
    [
        *((text, True) for text in ("1767614400", "1767614400000", "1767614400000000", "1.7676144e9")),
        *((f"2026-01-05{mark}12:00:00{end}", True) for mark in " T" for end in ("Z", "+00:00", ".000Z")),
        ("2026-01-05T13:00:00+01:00", True),
        ("2026-01-05T13:00:00+0100", True),
        ("2026-01-05 17:30:00.000+05:30", True),
        *((text, False) for text in ("2026-01-05 12:00:00", "2026-01-05T12:00", "2026/01/05 12:00:00.0")),
        *((text, False) for text in ("5/1/2026 12:00:00", "05/01/2026 12:00", "5.1.2026 12:00:00")),
    ],
)
def test_one_instant_in_many_words(instant: Callable[..., object], text: str, zoned: bool) -> None:
    assert instant(text, [text]) == (NOON, zoned)


def test_which_number_is_the_month_is_told_by_all_the_lines(instant: Callable[..., object]) -> None:
    assert instant("1/5/2026 12:00", ["1/5/2026 12:00", "1/31/2026 12:00"]) == (NOON, False)
    assert instant("5/1/2026 12:00", ["5/1/2026 12:00", "31/1/2026 12:00"]) == (NOON, False)


@pytest.mark.parametrize("text", ["", "soon", "2026-13-05 12:00:00", "12:00", "2026-01-05 25:00"])
def test_what_is_no_time_is_null(instant: Callable[..., tuple[object, object]], text: str) -> None:
    assert instant(text, [text])[0] is None


@given(
    wall=st.datetimes(datetime.fromisoformat("1975-01-01"), datetime.fromisoformat("2100-01-01")),
    zone=st.sampled_from(["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "UTC"]),
)
@settings(deadline=None)
def test_local_times_are_what_python_makes_of_them(wall: datetime, zone: str) -> None:
    naive = (wall - datetime.fromisoformat("1970-01-01")) // timedelta(milliseconds=1)
    steps = moment.offsets(ZoneInfo(zone), moment.EARLIEST, moment.LATEST)
    ((found,),) = duckdb.execute(f"SELECT {moment.to_utc_sql(steps, str(naive))}").fetchall()
    wanted = wall.replace(tzinfo=ZoneInfo(zone)).astimezone(UTC)
    assert found == (wanted - datetime(1970, 1, 1, tzinfo=UTC)) // timedelta(milliseconds=1)


def test_an_hour_that_comes_twice_is_the_first_and_a_lost_one_goes_on() -> None:
    steps = moment.offsets(BERLIN, NOON, NOON + 366 * 86_400_000)
    assert [shift // 3_600_000 for _, shift in steps] == [1, 2, 1]
    spring, autumn = (datetime.fromtimestamp(start / 1000, UTC) for start, _ in steps[1:])
    assert (spring.isoformat(), autumn.isoformat()) == (
        "2026-03-29T01:00:00+00:00",
        "2026-10-25T01:00:00+00:00",
    )
