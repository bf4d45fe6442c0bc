"""Whatever a file holds: its rows are in the books, or one line says why it is no data."""

from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from homestream.errors import HomestreamError
from homestream.etl import etl

HEAD = b"device,metric,time,value,unit\n"
GOOD = b"box,power,1767607200,5,W\n"
cells = st.one_of(
    st.sampled_from(
        [b"box", b"power", b"1767607200", b"5", b"W", b"", b"NaN", b"1e999", b"-inf", b"?", b'"', b"kW"]
    ),
    st.sampled_from(
        [b"'; DROP TABLE staged; --", b"../../etc/passwd", b"<b>", b"\xff\xfe", b"\0", b"9" * 400]
    ),
    st.binary(max_size=12),
)
lines = st.lists(st.lists(cells, min_size=1, max_size=6).map(b",".join), max_size=12).map(b"\n".join)


def attempt(name: str, data: bytes) -> None:
    with TemporaryDirectory() as folder:
        path = Path(folder) / name
        path.write_bytes(data)
        try:
            result = etl([str(path)], f"sqlite:///{folder}/out.db")
        except HomestreamError as error:
            assert "\n" not in str(error)
        else:
            assert result["read"] == result["stored"] + result["duplicate"] + result["rejected"]
            assert min(result["stored"], result["duplicate"], result["rejected"]) >= 0


@given(body=lines)
@settings(max_examples=25, deadline=None, suppress_health_check=list(HealthCheck))
def test_any_cells_below_a_header(body: bytes) -> None:
    attempt("a.csv", HEAD + GOOD + body)


@given(body=st.one_of(st.binary(max_size=300), lines))
@settings(max_examples=15, deadline=None, suppress_health_check=list(HealthCheck))
@pytest.mark.parametrize("name", ["a.csv", "a.jsonl.gz", "a.parquet"])
def test_any_bytes(name: str, body: bytes) -> None:
    attempt(name, body)


@pytest.mark.parametrize(
    "line",
    [
        '{"device":"a/b","metric":"power","value":1e999,"time":1767607200}',
        '{"device":"a/b","metric":"power","value":5,"time":1e400}',
        '{"device":"a/b","metric":"power","value":5,"time":"99999-01-01T00:00:00Z"}',
        '{"device":"a/b","metric":"","value":5,"time":1767607200}',
        '{"device":5,"metric":"power","value":5,"time":1767607200}',
        '{"device":"' + "x" * 300 + '","metric":"power","value":5,"time":1767607200}',
        "{" * 2000,
        "[1,2]",
    ],
)
def test_json_lines_that_say_nothing(tmp_path: Path, line: str) -> None:
    path = tmp_path / "a.jsonl"
    path.write_text('{"device":"a/b","metric":"power","value":5,"time":1767607200}\n' + line)
    result = etl([str(path)], f"sqlite:///{tmp_path}/out.db")
    assert (result["read"], result["stored"], result["rejected"]) == (2, 1, 1)


def test_a_line_longer_than_any_ends_the_file_and_is_named(tmp_path: Path) -> None:
    path = tmp_path / "a.csv"
    path.write_bytes(HEAD + GOOD + b"x" * (20 << 20) + b"\n" + GOOD)
    result = etl([str(path)], f"sqlite:///{tmp_path}/out.db")
    assert result["read"] == result["stored"] + result["duplicate"] + result["rejected"]
    assert result["rejected"] >= 1
