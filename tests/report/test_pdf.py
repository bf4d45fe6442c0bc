import io
from dataclasses import replace
from datetime import datetime

import pytest
from pypdf import PdfReader

from homestream.report.data import (
    BlindDevice,
    Day,
    Hog,
    ReportData,
    RoomClimate,
    RuleAlerts,
    SecurityEvent,
    SourceAccount,
)
from homestream.report.pdf import render

HOSTILE = [
    '"]; #panic("x") [',
    "#read(\"/etc/passwd\") $x$ *b* _i_ `r` @l <l> // c",
    "<script>alert(1)</script>",
    "\0\x1b[31m\ud800\u202e",
    "../../etc/passwd",
    "冷蔵庫 🧊 холодильник ثلاجة ψυγείο",
    "x" * 10_000,
    "\u0301" * 500,
    "",
]  # fmt: skip


def reader(data: ReportData) -> PdfReader:
    return PdfReader(io.BytesIO(render(data)))


def text(data: ReportData) -> str:
    return "\n".join(page.extract_text() for page in reader(data).pages)


def test_it_says_the_figures(week: ReportData) -> None:
    said = text(week)
    for figure in (
        "Home report", "16 – 22 November 2026", "71.3 kWh", "−4 % on the week before", "2.04 kW", "Wed 19:35",
        "20.4 °C", "45 % humidity", "3 acknowledged", "Heat pump", "€ 9.42", "+22 %", "Living room",
        "Tue 03:12", "Motion while armed", "and 2 more", "1.2 ms", "119,900", "2 h 10 min", "1 / 2", "2 / 2",
    ):  # fmt: skip
        assert figure in said


@pytest.mark.parametrize("days", [6.9, 7, 30, 90])
def test_dates_and_changes_are_never_cut_short(week: ReportData, days: float) -> None:
    until = week.since + int(days * 86_400_000)
    late = until - 3_600_000
    some = replace(
        week,
        until=until,
        change=-100.0,
        peak_at=late,
        security=(SecurityEvent(late, "Motion while armed", "Living room", "high"),),
        alerts=(RuleAlerts("Freezer too warm", "critical", 3, 1, 0, late),),
    )
    assert "…" not in text(some)


def test_it_is_vectors_in_inter(week: ReportData) -> None:
    pdf = reader(week)
    assert pdf.metadata is not None and pdf.metadata.title == "Home report"
    fonts = set()
    for page in pdf.pages:
        assert list(page.images) == []
        for font in page["/Resources"]["/Font"].values():
            inner = font.get_object()["/DescendantFonts"][0].get_object()
            fonts.add(inner["/BaseFont"].split("+")[1])
            assert "/FontFile2" in inner["/FontDescriptor"].get_object()
    assert fonts == {"Inter-Regular"}


def test_the_same_data_makes_the_same_bytes(week: ReportData) -> None:
    assert render(week) == render(week)


def test_a_period_may_end_at_any_millisecond(week: ReportData) -> None:
    assert "to 13:37" in text(replace(week, until=week.until + 13 * 3_600_000 + 37 * 60_000 + 123))


def test_an_empty_home_has_a_report(week: ReportData) -> None:
    said = text(ReportData("Home", week.zone, week.since, week.until))
    assert said.count("no data") >= 3
    assert "No power readings in this period." in said
    assert "0.0" not in said


@pytest.mark.parametrize("name", HOSTILE)
def test_a_name_is_text_and_nothing_else(week: ReportData, name: str) -> None:
    pdf = reader(
        replace(
            week,
            home=name,
            hogs=(Hog(name, 3.0),),
            climate=(RoomClimate(name, (20.0,) * 24),),
            security=(SecurityEvent(week.since, name, name, name),),
            alerts=(RuleAlerts(name, name, 1, 0, 1, week.since),),
            blind=(BlindDevice(name, name, 1, 1, 1),),
            performance=replace(week.performance, accounts=(SourceAccount(name, 1, 1, 0, 0, 0),)),
        )
    )
    assert len(pdf.pages) == 2
    if name.startswith("#read"):
        assert "#read(" in pdf.pages[0].extract_text() and "root:" not in pdf.pages[0].extract_text()


def test_a_large_home_keeps_to_two_pages(week: ReportData) -> None:
    long = "A device with a name that goes on and on and on"
    pdf = reader(
        replace(
            week,
            hogs=tuple(Hog(f"{long} {i}", 1000.0 - i, 300.0, 12.0) for i in range(1000)),
            climate=tuple(RoomClimate(f"Room {i} of {long}", (20.0 + i,) * 24) for i in range(100)),
            security=tuple(SecurityEvent(week.since + i, long, long, "info") for i in range(100)),
            security_total=12_345,
            alerts=tuple(RuleAlerts(f"{long} {i}", "critical", 9_999, 0, 0, week.since) for i in range(50)),
            blind=tuple(BlindDevice(f"{long} {i}", long, 3, 10**9, 10**8) for i in range(1000)),
            performance=replace(
                week.performance,
                accounts=tuple(SourceAccount(f"mqtt:{i}", 10**9, 10**9, 0, 0, 0) for i in range(100)),
            ),
        )
    )
    assert len(pdf.pages) == 2
    assert "and 12,340 more" in pdf.pages[0].extract_text()


def test_the_week_of_the_clock_change(week: ReportData) -> None:
    def midnight(day: int) -> int:
        return int(datetime(2026, 10, day, tzinfo=week.zone).timestamp() * 1000)

    days = tuple(Day(midnight(19 + i), 8.0 + i) for i in range(7))
    only = replace(week, hogs=(), climate=(), alerts=(), blind=())
    said = text(replace(only, since=midnight(19), until=midnight(26), days=days))
    assert "19 – 25 October 2026" in said
    assert "Sunday 25 October took the most: 14.0 kWh" in said.replace("\n", " ")


def test_only_power_makes_a_report(week: ReportData) -> None:
    house = ReportData(
        "House", week.zone, week.since, week.until,
        energy=168.0, peak=4321.0, peak_at=week.since, mean_day=week.mean_day, days=week.days,
    )  # fmt: skip
    said = text(house)
    assert (
        "168.0 kWh" in said and "known for 86 % of it" in said and "No room measured its temperature." in said
    )
