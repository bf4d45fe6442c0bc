from datetime import datetime
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given
from hypothesis import strategies as st

from homestream.report import words

BERLIN = ZoneInfo("Europe/Berlin")


def at(*parts: int) -> int:
    return int(datetime(*parts, tzinfo=BERLIN).timestamp() * 1000)


@pytest.mark.parametrize(
    ("made", "said"),
    [
        (words.energy(31.44), "31.4"),
        (words.energy(0.424), "0.42"),
        (words.energy(1234.5), "1,234"),
        (words.energy(-2.5), "−2.5"),
        (words.number(-0.04), "0.0"),
        (words.power(2041), "2.04 kW"),
        (words.power(375.6), "376 W"),
        (words.money(9.42, "EUR"), "€ 9.42"),
        (words.money(9.42, "SEK"), "SEK 9.42"),
        (words.change(22.1), "+22 %"),
        (words.change(-0.4), "0 %"),
        (words.change(1999.0), "×21"),
        (words.room("living_room"), "Living room"),
        (words.device("kitchen/coffee_machine"), "Coffee machine"),
        (words.device("Anna's lamp"), "Anna's lamp"),
        (words.place("kitchen/coffee_machine"), "kitchen"),
        (words.place("0x00158d"), ""),
        (words.room("Tom's den_2"), "Tom's den_2"),
        (words.size(0), "0 B"),
        (words.size(5_312_000), "5.3 MB"),
        (words.size(141_000_000), "141 MB"),
        (words.duration(7_800_000), "2 h 10 min"),
        (words.duration(12_000), "12 s"),
        (words.duration(90_000_000), "1 d 1 h"),
    ],
)
def test_figures(made: str, said: str) -> None:
    assert made == said


@pytest.mark.parametrize(
    ("since", "until", "said"),
    [
        ((2026, 11, 16), (2026, 11, 23), "16 – 22 November 2026"),
        ((2026, 11, 16), (2026, 11, 17), "16 November 2026"),
        ((2026, 10, 28), (2026, 11, 4), "28 October – 3 November 2026"),
        ((2026, 12, 30), (2027, 1, 6), "30 December 2026 – 5 January 2027"),
        ((2026, 11, 18), (2026, 11, 24, 13, 37), "18 – 24 November 2026, to 13:37"),
        ((2026, 11, 16, 10), (2026, 11, 18, 9), "16 November 2026, 10:00 – 18 November 2026, 09:00"),
        ((2026, 11, 16, 10), (2026, 11, 16, 13, 30), "16 November 2026, 10:00 – 13:30"),
        # The week of a clock change is 169 hours long and still whole.
        ((2026, 10, 19), (2026, 10, 26), "19 – 25 October 2026"),
    ],
)
def test_period(since: tuple[int, ...], until: tuple[int, ...], said: str) -> None:
    assert words.period(at(*since), at(*until), BERLIN) == said


def test_the_period_before_has_a_name() -> None:
    assert words.before(at(2026, 10, 19), at(2026, 10, 26)) == "the week before"
    assert words.before(at(2026, 10, 25), at(2026, 10, 26)) == "the day before"
    assert words.before(at(2026, 10, 1), at(2026, 10, 31)) == "the 30 days before"
    assert words.before(at(2026, 10, 1, 10), at(2026, 10, 1, 15)) == "the period before"


def test_moments_carry_as_much_date_as_the_period_needs() -> None:
    moment = at(2026, 11, 18, 19, 35)
    spans = [7 * words.DAY_MS, 30 * words.DAY_MS, 900 * words.DAY_MS]
    assert [words.moment(moment, BERLIN, span) for span in spans] == [
        "Wed 19:35",
        "18 Nov 19:35",
        "18 Nov 2026",
    ]


@given(st.text(st.characters(), max_size=300))
def test_a_name_becomes_one_printable_line(name: str) -> None:
    line = words.plain(name + "\ud800")
    line.encode("utf-8")
    assert len(line) <= words.NAME_LIMIT
    assert not set(line) & set("\n\r\t\0\x1b\u202e\u2028")


def test_joiners_stay() -> None:
    assert words.plain("👨‍👩‍👧 می‌خواهم") == "👨‍👩‍👧 می‌خواهم"
