"""The next of a schedule's times, over weekdays, changes of the clock, and where the sun does not set."""

from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homestream.engine.rules.daytime import hours, weekdays
from homestream.engine.rules.expression import ExpressionError
from homestream.engine.rules.moments import moments
from homestream.home import HomeConfig

BERLIN = HomeConfig(timezone="Europe/Berlin", latitude=52.52, longitude=13.405)
TROMSO = HomeConfig(timezone="Europe/Oslo", latitude=69.6492, longitude=18.9553)
HOUR = 3_600_000


def at(text, config=BERLIN):
    return int(datetime.fromisoformat(text).replace(tzinfo=config.zone).timestamp()) * 1000


def shown(times, days, after, config=BERLIN, count=3):
    due, found = at(after, config), []
    for _ in range(count):
        due = moments(times, days, config).next(due, config)
        assert due is not None
        found.append(datetime.fromtimestamp(due / 1000, config.zone).strftime("%a %d %b %H:%M"))
    return found


def test_a_time_of_day_on_weekdays():
    assert shown(("22:30",), "", "2026-03-03 22:30")[0] == "Wed 04 Mar 22:30"
    assert shown(("06:00", "22:30"), "fri-mon", "2026-03-06 12:00") == [
        "Fri 06 Mar 22:30",
        "Sat 07 Mar 06:00",
        "Sat 07 Mar 22:30",
    ]


def test_both_changes_of_the_clock():
    assert shown(("02:30",), "", "2026-03-28 12:00") == [
        "Sun 29 Mar 03:30",  # 02:30 does not exist
        "Mon 30 Mar 02:30",
        "Tue 31 Mar 02:30",
    ]
    assert shown(("02:30",), "", "2026-10-24 12:00") == [
        "Sun 25 Oct 02:30",  # the first of two, and once
        "Mon 26 Oct 02:30",
        "Tue 27 Oct 02:30",
    ]


def test_the_sun():
    assert shown(("sunset - 15m",), "", "2026-03-03 12:00", count=1) == ["Tue 03 Mar 17:34"]
    assert shown(("sunset + 8h", "sunrise"), "", "2026-03-03 12:00", count=2) == [
        "Wed 04 Mar 01:49",
        "Wed 04 Mar 06:46",
    ]
    assert " Jul " in shown(("sunset",), "", "2026-06-01 12:00", TROMSO, 1)[0]  # after the midnight sun
    pole = HomeConfig(latitude=90, longitude=0)
    assert moments(("sunset",), "", pole).next(at("2026-06-01 12:00"), pole) is None


@pytest.mark.parametrize(
    ("times", "days", "complaint"),
    [
        (("25:00",), "", '"25:00" is no time of day'),
        (("noon",), "", '"noon" is no time; write "22:30", "sunset" or "sunset - 15m"'),
        (("sunset - 15x",), "", "'15x' is no duration"),
        (("22:00",), "mon-fry", "did you mean fri"),
    ],
)
def test_what_is_wrong_is_said(times, days, complaint):
    with pytest.raises(ExpressionError) as error:
        moments(times, days, BERLIN)
    assert complaint in str(error.value)


def test_weekdays():
    assert weekdays("mon-fri") == {1, 2, 3, 4, 5}
    assert weekdays("sat, Sun") == {6, 7}
    assert weekdays("sat-mon,wed") == {6, 7, 1, 3}
    assert weekdays("") == set(range(1, 8))


@given(st.integers(1_700_000_000_000, 1_900_000_000_000), st.sampled_from(["22:00-07:00", "13:00-15:30"]))
def test_hours_end_when_they_say(time, text):
    zone = ZoneInfo("Europe/Berlin")
    local = datetime.fromtimestamp(time / 1000, zone)
    end = hours(text).over(local)
    begins, ends = text.split("-")
    now = local.strftime("%H:%M")
    inside = now >= begins or now < ends if begins > ends else begins <= now < ends
    assert (end is not None) is inside
    if end is not None:
        assert 0 < end - time <= 10 * HOUR
        assert datetime.fromtimestamp(end / 1000, zone).strftime("%H:%M") == ends
