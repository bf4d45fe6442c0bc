from dataclasses import replace

from homestream.report.data import Hog, ReportData, SourceAccount
from homestream.report.findings import LIMIT, findings


def test_a_week_in_sentences(week: ReportData) -> None:
    assert findings(week) == [
        "Heat pump used the most: 31.4 kWh, 44 % of the home, 8 % less than the week before.",
        "Nothing is known of the consumption for 14 % of the period.",
        "1 alert, of “Iron left on”, was not acknowledged.",
        "Always on: 210 W, 30.2 kWh or 42 % of what was used (€ 9.07).",
        "Oven rose most: +22 %, 2.2 kWh more.",
    ]


def test_the_rest_where_there_is_room(week: ReportData) -> None:
    rest = replace(week, hogs=(), alerts=(), always_on=None)
    assert findings(rest)[1:] == [
        "Warmest room: Hall, 22.5 °C; coldest: Living room, 19.0 °C.",
        "1 device was out of sight for a while; longest Humidity (Bathroom), 1 h 50 min.",
        "Thursday 19 November took the most: 12.7 kWh; a mean day takes 10.2.",
    ]


def test_books_that_do_not_add_up_come_first(week: ReportData) -> None:
    account = SourceAccount("mqtt:hall", 100, 90, 5, 4, 0)
    wrong = replace(week, performance=replace(week.performance, accounts=(account,)))
    assert findings(wrong)[0] == "The books of mqtt:hall do not add up: 1 of 100."
    assert len(findings(wrong)) == LIMIT


def test_what_is_not_known_is_not_said(week: ReportData) -> None:
    unknown = replace(week, energy=None, cost=None, hogs=(Hog("Oven", 1.0),), days=(), alerts=(), blind=())
    assert findings(unknown)[:2] == ["Oven used the most: 1.0 kWh.", "Always on: 210 W."]


def test_an_empty_home_says_so(week: ReportData) -> None:
    empty = ReportData("Home", week.zone, week.since, week.until)
    assert findings(empty) == ["There is no data in this period to conclude anything from."]


def test_long_names_are_cut(week: ReportData) -> None:
    assert findings(replace(week, hogs=(Hog("x" * 500, 1.0),)))[0].startswith("x" * 31 + "… used")
