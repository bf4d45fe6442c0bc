import json
import math
from dataclasses import replace
from datetime import datetime

from hypothesis import given
from hypothesis import strategies as st

from homestream.report.data import Day, Hog, ReportData, RoomClimate
from homestream.report.view import ticks, view

sizes = st.floats(1e-3, 1e7) | st.just(0.0)


@given(sizes, sizes)
def test_an_axis_holds_its_values_and_zero_and_has_few_round_ticks(below: float, above: float) -> None:
    start, end, marks = ticks(-below, above)
    slack = 1e-8 * (end - start)
    assert start - slack <= -below and above <= end + slack and start <= 0 <= end
    assert 3 <= len(marks) <= 8
    assert marks[0]["at"] == 0 and marks[-1]["at"] == 1
    labels = [mark["label"] for mark in marks]
    assert "0" in {label.rstrip("0").rstrip(".") or "0" for label in labels}
    assert len(set(labels)) == len(labels)


def test_ticks_are_those_one_would_write() -> None:
    assert [mark["label"] for mark in ticks(350, 1790)[2]] == ["0", "500", "1000", "1500", "2000"]
    assert [mark["label"] for mark in ticks(-400, 900)[2]] == ["−500", "0", "500", "1000"]
    assert [mark["label"] for mark in ticks(0, 950)[2]] == ["0", "250", "500", "750", "1000"]
    assert [mark["label"] for mark in ticks(0, 0.9)[2]] == ["0.00", "0.25", "0.50", "0.75", "1.00"]


def test_unknown_is_no_data_and_never_zero(week: ReportData) -> None:
    drawn = view(ReportData("", week.zone, week.since, week.until))
    assert drawn["title"] == "Home report"
    assert [card["value"] for card in drawn["cards"]] == ["no data", "no data", "no data", "0"]
    assert {card["value"] for card in drawn["system"]["cards"]} == {"no data"}
    assert not any(drawn[part]["rows"] for part in ("hogs", "security", "alerts", "blind"))


def test_a_zero_is_a_zero(week: ReportData) -> None:
    drawn = view(replace(week, energy=0.0, peak=0.0, temperature=0.0))
    assert [card["value"] for card in drawn["cards"][:3]] == ["0.00 kWh", "0 W", "0.0 °C"]


def test_a_gap_in_the_day_is_a_gap_in_the_line(week: ReportData) -> None:
    gap = tuple((minute, None if 30 <= minute < 60 else watts) for minute, watts in week.mean_day)
    runs = view(replace(week, mean_day=gap))["mean_day"]["runs"]
    assert [(run[0][0], run[-1][0]) for run in runs] == [(0.0, 30 / 1440), (60 / 1440, 1.0)]
    assert all(0 <= y <= 1 for run in runs for _, y in run)


def test_export_goes_below_zero(week: ReportData) -> None:
    days = (Day(week.since, -4.0), Day(week.since + 86_400_000, 8.0))
    bars = view(replace(week, days=days))["days"]
    assert 0 < bars["zero"] < 1
    assert bars["bars"][0]["at"] < bars["zero"] < bars["bars"][1]["at"]


def test_a_hog_that_is_not_sure_says_by_how_much(week: ReportData) -> None:
    hogs = (Hog("Oven", 12.0, error=1.4), Hog("Fan", 12.0, error=0.1))
    assert [row["kwh"] for row in view(replace(week, hogs=hogs))["hogs"]["rows"][:2]] == [
        "12.0 ± 1.4",
        "12.0",
    ]


def test_hogs_beyond_the_page_are_summed(week: ReportData) -> None:
    many = tuple(Hog(f"Device {i}", 100.0 - i, 1.0) for i in range(60))
    rows = view(replace(week, hogs=many))["hogs"]["rows"]
    assert [row["name"] for row in rows[-2:]] == ["53 others", "Untracked"]
    shown = [float(row["kwh"].replace(",", "")) for row in rows[:-1]]
    assert math.isclose(sum(shown), sum(hog.kwh for hog in many), abs_tol=1.0)
    assert rows[0]["bar"] == 1.0 and rows[-1]["bar"] is None


def test_a_long_period_is_shown_by_month(week: ReportData) -> None:
    days = tuple(Day(week.since + i * 86_400_000, None if i < 15 else 1.0) for i in range(365))
    chart = view(replace(week, days=days, until=week.since + 365 * 86_400_000))["days"]
    assert chart["title"] == "Consumption by month (kWh)"
    assert len(chart["bars"]) == 13
    assert chart["bars"][0]["at"] is None and chart["bars"][1]["at"] is not None


def test_rooms_beyond_the_page_are_counted(week: ReportData) -> None:
    rooms = tuple(RoomClimate(f"Room {i}", (20.0,) * 24) for i in range(12))
    climate = view(replace(week, climate=rooms))["climate"]
    assert climate["note"] == "8 of 12 rooms" and len(climate["rooms"]) == 8
    assert climate["rooms"][0]["cells"] == [0.5] * 24


def test_dates_stand_at_local_midnights_also_when_the_clock_changes(week: ReportData) -> None:
    def midnight(day: int) -> int:
        return int(datetime(2026, 10, day, tzinfo=week.zone).timestamp() * 1000)

    since, until = midnight(19), midnight(26)
    rates = replace(week.performance, rates=((since, 5.0), (midnight(22), None), (midnight(24), 7.0)))
    chart = view(replace(week, since=since, until=until, performance=rates))["system"]["rates"]
    assert [mark["label"] for mark in chart["x"]] == ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    assert chart["x"][-1]["at"] == (midnight(25) - since) / (until - since)
    assert len(chart["runs"]) == 2


def test_an_afternoon_has_hours_under_it(week: ReportData) -> None:
    since = week.since + 12 * 3_600_000
    rates = replace(week.performance, rates=((since, 5.0),))
    chart = view(replace(week, since=since, until=since + 6 * 3_600_000, performance=rates))["system"][
        "rates"
    ]
    assert [mark["label"] for mark in chart["x"]] == ["12:00", "13:00", "14:00", "15:00", "16:00", "17:00"]


def test_the_sources_sum_up(week: ReportData) -> None:
    rows = view(week)["system"]["accounts"]
    assert rows[-1] == ["All sources", "122,000", "121,900", "90", "10", "3"]


@given(st.text(), st.floats(0, 1e9), st.floats(-100, 1e6) | st.none())
def test_any_hog_makes_json(week: ReportData, name: str, kwh: float, change: float | None) -> None:
    data = replace(week, hogs=(Hog(name, kwh, kwh, change),))
    assert json.loads(json.dumps(view(data)))["hogs"]["rows"][0]["bar"] in {1.0, None}
