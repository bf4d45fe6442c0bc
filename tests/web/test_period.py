from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homestream.web.period import DAYS, MAX_MS, By, Period, ending, latest, moment

BERLIN = ZoneInfo("Europe/Berlin")
HOUR = 3_600_000


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).replace(tzinfo=BERLIN).timestamp() * 1000)


def test_a_week_is_seven_local_days_up_to_today() -> None:
    week = ending(ms("2026-11-24T13:00"), "week", BERLIN)
    assert (week.since, week.until) == (ms("2026-11-18"), ms("2026-11-25"))


@pytest.mark.parametrize(("day", "hours"), [("2026-03-29", 23), ("2026-10-25", 25), ("2026-11-24", 24)])
def test_a_day_may_have_23_or_25_hours(day: str, hours: int) -> None:
    period = ending(ms(f"{day}T12:00"), "day", BERLIN)
    assert period.until - period.since == hours * HOUR


@pytest.mark.parametrize(
    ("first", "last", "since", "until"),
    [
        ("2026-01-05", "2026-11-24T12:00", "2026-11-18", "2026-11-24T13:00"),
        ("2026-11-23T10:00", "2026-11-24T12:00", "2026-11-23", "2026-11-24T13:00"),
        ("2006-01-05", "2007-01-06T23:59", "2006-12-31", "2007-01-07"),
        ("2007-01-05", "2007-01-06T23:59", "2007-01-05", "2007-01-07"),
    ],
)
def test_the_latest_week_has_no_day_without_data_before_it(
    first: str, last: str, since: str, until: str
) -> None:
    period = latest(ms(first), ms(last), ms("2026-11-24T13:00"), BERLIN)
    assert period == Period(ms(since), ms(until))


@given(
    st.integers(0, MAX_MS),
    st.sampled_from(list(DAYS)),
    st.sampled_from(["Europe/Berlin", "Pacific/Kiritimati", "America/Los_Angeles", "Asia/Kathmandu"]),
)
def test_periods_hold_their_end_and_follow_each_other_without_gap(end: int, by: By, zone: str) -> None:
    period = ending(end, by, ZoneInfo(zone))
    assert period.since < max(end, 1) <= period.until
    assert ending(period.until, by, ZoneInfo(zone)) == period
    if period.since > 0:
        assert ending(period.since, by, ZoneInfo(zone)).until == period.since


def test_a_moment_is_ms_or_a_date_that_counts_whole_at_the_end() -> None:
    assert moment("1700000000000", BERLIN) == 1_700_000_000_000
    assert moment("2026-11-24", BERLIN) == ms("2026-11-24")
    assert moment("2026-11-24", BERLIN, end=True) == ms("2026-11-25")


@pytest.mark.parametrize("text", ["yesterday", "-5", "1e9", "2026-02-30", "2026-11-24T00:00", "٣" * 21])
def test_anything_else_is_no_moment(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        moment(text, BERLIN)
