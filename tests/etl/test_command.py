"""Files in, books that add up; twice is once; a bad row is kept aside and stops nobody."""

import gzip
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from homestream.errors import HomestreamError
from homestream.etl import etl

Write = Callable[[str, str], str]
Look = Callable[[str], list[tuple[Any, ...]]]

LONG = """home,device,metric,time,value,unit,room
home,laundry/iron,power,2026-01-05T10:00:00.000Z,1200.0,W,laundry
home,laundry/iron,power,2026-01-05T10:00:05.000Z,1.2,kW,laundry
home,attic/box,temperature,2026-01-05T11:00:00+01:00,68,°F,
home,hall/door,contact,1767607200000,open,,
"""


def books(result: dict[str, Any]) -> tuple[int, int, int, int]:
    for one in (result, *result["files"]):
        assert one["read"] == one["stored"] + one["duplicate"] + one["rejected"]
    return result["read"], result["stored"], result["duplicate"], result["rejected"]


def test_long_csv_units_times_and_words(tmp_path: Path, write: Write, look: Look) -> None:
    result = etl([write("a.csv", LONG)], str(tmp_path / "home"))
    assert books(result) == (4, 4, 0, 0)
    assert look(
        "SELECT device, metric, epoch_ms(time), value, seq, late, corrects FROM silver ORDER BY 1, 3"
    ) == [
        ("attic/box", "temperature", 1767607200000, 20.0, 0, False, False),
        ("hall/door", "contact", 1767607200000, 1.0, 0, False, False),
        ("laundry/iron", "power", 1767607200000, 1200.0, 0, False, False),
        ("laundry/iron", "power", 1767607205000, 1200.0, 0, False, False),
    ]


def test_twice_changes_nothing(tmp_path: Path, write: Write) -> None:
    source = write("a.csv", LONG + "home,x/y,power,never,1,W,\nhome,x/y,temperature,1767607200000,900,°C,\n")
    home = tmp_path / "home"
    first = etl([source], str(home))
    assert books(first) == (6, 5, 0, 1)
    assert first["anomalies"] == 1
    before = {f: f.read_bytes() for f in home.rglob("*") if f.is_file()}
    again = etl([source], str(home))
    assert books(again) == (6, 0, 5, 1)
    assert again["readings"] == again["anomalies"] == 0
    after = {f: f.read_bytes() for f in home.rglob("*") if f.is_file() and "_delta_log" not in f.parts}
    assert after == {f: data for f, data in before.items() if "_delta_log" not in f.parts}


def test_a_bad_row_is_kept_aside_with_file_line_and_reason(tmp_path: Path, write: Write) -> None:
    source = write(
        "b.csv",
        "time;room temperature [°C];humidity\n"
        "2026-01-05 10:00:00;21,5;40\n"
        "2026-01-05 10:01:00;warm;40\n"
        "\n"
        "2026-01-05 10:02:00;21.5\n"
        "yesterday;21.5;40\n"
        "1815-06-18 12:00:00;21.5;40\n"
        '2026-01-05 10:03:00;"21.5";" 41 "\n'
        "2026-01-05 10:04:00;inf;40",
    )
    result = etl([source], str(tmp_path / "home"))
    assert books(result) == (7, 2, 0, 5)
    (kept,) = (tmp_path / "home" / "rejected").iterdir()
    rows = [json.loads(line) for line in kept.read_text().splitlines()]
    assert [(row["line"], row["reason"]) for row in rows] == [
        (3, 'room temperature [°C] "warm" is no number'),
        (5, "2 fields, expected 3"),
        (6, 'time "yesterday" is not understood'),
        (7, 'time "1815-06-18 12:00:00" cannot be'),
        (9, 'room temperature [°C] "inf" is no number'),
    ]
    assert {row["file"] for row in rows} == {source}
    assert rows[0]["text"] == "2026-01-05 10:01:00;warm;40"


def test_a_wide_table_in_the_words_of_a_french_house(tmp_path: Path, write: Write, look: Look) -> None:
    source = write(
        "house.txt",
        "Date;Time;Global_active_power;Voltage;Sub_metering_1\r\n"
        "31/12/2025;23:58:00;1.5;231.2;2\r\n"
        "31/12/2025;23:59:00;?;?;\r\n"
        "1/1/2026;00:00:00;0.5;230.1;0\r\n",
    )
    result = etl([source], str(tmp_path / "home"), timezone="Europe/Paris")
    assert books(result) == (3, 3, 0, 0)
    assert look(
        "SELECT device, metric, epoch_ms(time), value FROM silver WHERE metric = 'power' ORDER BY 1, 3"
    ) == [
        ("house/mains", "power", 1767221880000, 1500.0),
        ("house/mains", "power", 1767221940000, None),
        ("house/mains", "power", 1767222000000, 500.0),
        ("kitchen/appliances", "power", 1767221880000, 120.0),
        ("kitchen/appliances", "power", 1767221940000, None),
        ("kitchen/appliances", "power", 1767222000000, 0.0),
    ]
    days = "SELECT epoch_ms(start), energy_wh, known_ms FROM rollup_1d WHERE device = 'house/mains'"
    # the unknown minute holds nothing; the day begins at midnight in Paris
    assert look(f"{days} AND metric = 'power' ORDER BY 1") == [
        (1767135600000, 25.0, 60_000),
        (1767222000000, pytest.approx(500 / 60), 60_000),
    ]
    assert "mains = true" in (tmp_path / "home" / "home.toml").read_text()


def test_two_columns_without_header_are_named_by_their_file(tmp_path: Path, write: Write, look: Look) -> None:
    source = write("Attic_Temperature.csv", "1767607200\t20.5\n1767607800\t20.75\n1767607800\t20.75\n")
    assert books(etl([source], str(tmp_path / "home"))) == (3, 2, 1, 0)
    assert look("SELECT device, metric, value FROM silver ORDER BY time") == [
        ("attic/climate", "temperature", 20.5),
        ("attic/climate", "temperature", 20.75),
    ]


def test_rows_with_a_number_before_them_that_the_header_does_not_name(
    tmp_path: Path, write: Write, look: Look
) -> None:
    text = (
        '"date","Temperature","CO2","Occupancy"\n'
        '"1","2026-01-05 10:00:00",21.5,812.5,1\n"2",2026-01-05 10:01:00,21.25,800,0\n'
    )
    assert books(etl([write("room.txt", text)], str(tmp_path / "home"))) == (2, 2, 0, 0)
    assert look("SELECT device, metric, value FROM silver ORDER BY time, metric")[:3] == [
        ("room/sensor", "carbon_dioxide", 812.5),
        ("room/sensor", "occupancy", 1.0),
        ("room/sensor", "temperature", 21.5),
    ]


def test_json_lines_long_and_wide(tmp_path: Path, write: Write, look: Look) -> None:
    source = write(
        "r.jsonl",
        '{"device":"a/b","metric":"power","value":5,"time":1767607200000}\n'
        '{"device":"a/b","time":"2026-01-05T10:00:01Z","temperature":21,"switch":true}\n'
        '{"device":"a/b","time":"2026-01-05T10:00:02Z","temperature":[1]}\n'
        '{"metric":"power","value":5,"time":1767607200000}\n'
        "not json\n"
        '{"device":"a/b","metric":"power","value":null,"time":1767607260000}',
    )
    result = etl([source], str(tmp_path / "home"))
    assert books(result) == (6, 3, 0, 3)
    assert look("SELECT metric, value FROM silver ORDER BY time, metric") == [
        ("power", 5.0),
        ("switch", 1.0),
        ("temperature", 21.0),
        ("power", None),
    ]


@pytest.mark.parametrize("name", ["r.parquet", "r.parquet.gz"])
def test_parquet(tmp_path: Path, look: Look, name: str) -> None:
    table = pa.table(
        {
            "device": pa.array(["a/b", "a/b", None]).dictionary_encode(),
            "metric": ["power"] * 3,
            "time": pa.array([1767607200000, 1767607260000, 1767607260000], pa.timestamp("ms", "UTC")),
            "value": [5.5, None, 7.0],
        }
    )
    plain = tmp_path / "r.parquet"
    pq.write_table(table, plain)
    if name.endswith(".gz"):
        (tmp_path / name).write_bytes(gzip.compress(plain.read_bytes()))
    result = etl([str(tmp_path / name)], str(tmp_path / "home"))
    assert books(result) == (3, 2, 0, 1)
    assert look("SELECT epoch_ms(time), value FROM silver ORDER BY 1") == [
        (1767607200000, 5.5),
        (1767607260000, None),
    ]


def test_gzip_is_read_as_what_it_holds_and_a_broken_end_costs_only_the_rest(
    tmp_path: Path, write: Write, look: Look
) -> None:
    packed = gzip.compress(
        (LONG.splitlines()[0] + "\n" + "".join(LONG.splitlines(True)[1:]) * 2000).encode(), mtime=0
    )
    (tmp_path / "a.csv.gz").write_bytes(gzip.compress(LONG.encode()))
    assert books(etl([str(tmp_path / "a.csv.gz")], str(tmp_path / "home"))) == (4, 4, 0, 0)
    (tmp_path / "b.csv.gz").write_bytes(packed[:-9])
    result = etl([str(tmp_path / "b.csv.gz")], str(tmp_path / "other"))
    assert result["stored"] >= 3
    (kept,) = (tmp_path / "other" / "rejected").iterdir()
    assert "the file is broken from here" in kept.read_text()


def test_a_quoted_delimiter_and_a_quote_never_closed(tmp_path: Path, write: Write, look: Look) -> None:
    source = write(
        "q.csv",
        "device,metric,time,value\n"
        '"lamp, big",power,1767607200,5\n'
        'box"x,power,1767607200,6\n'
        "box,power,1767607200,7\n",
    )
    assert books(etl([source], str(tmp_path / "home"))) == (3, 3, 0, 0)
    assert look("SELECT device, value FROM silver ORDER BY value") == [
        ("lamp, big", 5.0),
        ('box"x', 6.0),
        ("box", 7.0),
    ]


def test_bytes_that_are_no_text_fail_as_values(tmp_path: Path) -> None:
    (tmp_path / "x.csv").write_bytes(
        b"device,metric,time,value\nbox,power,1767607200,5\nbox,power,1767607205,\xff\x00\nbox,power,1767607210,6\n"
    )
    assert books(etl([str(tmp_path / "x.csv")], str(tmp_path / "home"))) == (3, 2, 0, 1)


def test_a_correction_supersedes_and_is_then_known(tmp_path: Path, write: Write, look: Look) -> None:
    head = "device,metric,time,value\n"
    home = str(tmp_path / "home")
    etl([write("1.csv", head + "box,temperature,1767607200,20\nbox,temperature,1767607500,21\n")], home)
    fix = write("2.csv", head + "box,temperature,1767607200,19\n")
    assert books(etl([fix], home)) == (1, 1, 0, 0)
    assert books(etl([fix], home)) == (1, 0, 1, 0)
    assert look(
        "SELECT seq, value, corrects FROM silver WHERE epoch_ms(time) = 1767607200000 ORDER BY seq"
    ) == [
        (0, 20.0, False),
        (1, 19.0, True),
    ]
    assert look("SELECT revision, min, count FROM rollup_1h ORDER BY revision") == [
        (0, 20.0, 2),
        (1, 19.0, 2),
    ]


def test_what_cannot_be_and_what_leaps_is_flagged_and_out_of_the_averages(
    tmp_path: Path, write: Write, look: Look
) -> None:
    lines = [f"box,temperature,{1767607200 + 10 * n},{20 + 0.1 * (n % 3)}" for n in range(60)]
    lines[20] = "box,temperature,1767607400,55"
    lines[40] = "box,temperature,1767607600,-300"
    lines += [f"plug,power,{1767607200 + 10 * n},{2000 if n == 30 else 1}" for n in range(60)]
    result = etl([write("s.csv", "device,metric,time,value\n" + "\n".join(lines))], str(tmp_path / "home"))
    assert books(result) == (120, 120, 0, 0)
    assert result["anomalies"] == 2
    found = [
        json.loads(row[0]) for row in look("SELECT data FROM events WHERE kind = 'anomaly' ORDER BY time")
    ]
    assert [(f["kind"], f["value"], f["metric"]) for f in found] == [
        ("spike", 55.0, "temperature"),
        ("range", -300.0, "temperature"),
    ]
    assert look("SELECT max, count FROM rollup_1h WHERE device = 'box'") == [(pytest.approx(20.2), 58)]
    assert look("SELECT max(value), min(value), count(*) FROM silver WHERE device = 'box'") == [
        (55.0, 20.0, 59)
    ]
    assert look("SELECT max FROM rollup_1h WHERE device = 'plug'") == [(2000.0,)]


def test_a_folder_is_searched_and_files_that_are_none_are_named(tmp_path: Path, write: Write) -> None:
    write("in/deep/a.csv", LONG)
    write("in/readme.txt", "This is about the data, and nothing else.\nIt has lines.\n")
    result = etl([str(tmp_path / "in")], str(tmp_path / "home"))
    assert books(result) == (4, 4, 0, 0)
    assert list(result["skipped"]) == [str(tmp_path / "in" / "readme.txt")]
    assert books(etl([str(tmp_path / "in" / "**" / "*.csv")], str(tmp_path / "home"))) == (4, 0, 4, 0)


def test_progress_ends_at_the_bytes_of_all_files(tmp_path: Path, write: Write) -> None:
    source = write("a.csv", LONG)
    told: list[tuple[int, int]] = []
    etl([source], str(tmp_path / "home"), progress=lambda done, total: told.append((done, total)))
    assert told[-1] == (len(LONG.encode()), len(LONG.encode()))


@pytest.mark.parametrize(
    ("name", "text", "says"),
    [
        ("a.csv", "", "empty"),
        ("a.csv", "name,colour\nfridge,white\noven,black\n", "no time column among name, colour"),
        ("a.csv", "time,colour\n2026-01-05 10:00,white\n", "no column whose name says what it measures"),
        ("a.csv", "1767607200,1,2\n1767607201,1,2\n", "no header, and 3 columns"),
        ("a.csv", "hello\nworld\n", "no table; its first line is 'hello'"),
        ("a.parquet", "nonsense", "no readable Parquet"),
    ],
)
def test_what_is_no_data_is_one_line_that_says_what_is(
    tmp_path: Path, write: Write, name: str, text: str, says: str
) -> None:
    with pytest.raises(HomestreamError) as error:
        etl([write(name, text)], str(tmp_path / "home"))
    assert says in str(error.value)
    assert "understood are" in str(error.value)
    assert "\n" not in str(error.value)
    assert not (tmp_path / "home").exists()


def test_other_mistakes_are_one_line_too(tmp_path: Path, write: Write) -> None:
    source = write("a.csv", LONG)
    with pytest.raises(HomestreamError, match="no such file"):
        etl([str(tmp_path / "missing.csv")], str(tmp_path / "home"))
    with pytest.raises(HomestreamError, match="no IANA time zone"):
        etl([source], str(tmp_path / "home"), timezone="Mars/Base")
    with pytest.raises(HomestreamError, match="is no target"):
        etl([source], "ftp://x")
    with pytest.raises(HomestreamError, match="choose another --into"):
        etl([source], source)
    with pytest.raises(HomestreamError, match="ends in"):
        (tmp_path / "nothing").mkdir()
        etl([str(tmp_path / "nothing")], str(tmp_path / "home"))
