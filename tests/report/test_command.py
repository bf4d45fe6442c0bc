from pathlib import Path

import pytest
from pypdf import PdfReader

from homestream.errors import HomestreamError
from homestream.etl.command import etl
from homestream.init import init
from homestream.report.command import report

DATA = Path(__file__).parents[2].parent / "shared" / "data" / "uci_household_power"


def test_a_home_without_readings_has_nothing_to_report(tmp_path: Path) -> None:
    init(tmp_path / "home")
    with pytest.raises(HomestreamError, match="no readings yet"):
        report(tmp_path / "home", tmp_path / "report.pdf")


@pytest.mark.real_data
def test_a_house_of_2006_that_only_has_power(tmp_path: Path) -> None:
    if not DATA.exists():
        pytest.skip("../shared/data is not beside the project: no house of 2006 to report on")
    etl([str(DATA / "hpc_2006-12-16_27_original_format.txt")], str(tmp_path / "home"))
    out = tmp_path / "report.pdf"
    assert report(tmp_path / "home", out) == 2
    text = PdfReader(out).pages[0].extract_text()
    assert "21 – 27 December 2006" in text
    assert "Water heater" in text and "Untracked" in text
    assert "No room measured its temperature." in text
