"""The PDF: typst, a compiler in a wheel, sets `report.typ` in Inter. Nothing is fetched, all is vectors."""

from collections.abc import Iterable, Mapping
from datetime import UTC, datetime
from functools import cache
from importlib.resources import files
from typing import Any

import duckdb
import msgspec
import typst

from homestream.home import HomeConfig
from homestream.report.data import ReportData
from homestream.report.gather import gather
from homestream.report.view import view

#: What Inter has no letters for; the system's fonts, where there are any, may have them.
_BEYOND_INTER = ((0x0530, 0x1E00), (0x2C00, 0x110000))


def build(
    con: duckdb.DuckDBPyConnection,
    config: HomeConfig,
    since: int,
    until: int,
    accounts: Iterable[Mapping[str, Any]] = (),
) -> bytes:
    """The report of a home over [since, until) ms; `con` is `lake.connect`'s, `accounts` are `status`'s."""
    return render(gather(con, config, since, until, accounts))


def render(data: ReportData) -> bytes:
    """The report as a PDF of A4 pages; needs no network and no file but the package's own."""
    text = msgspec.json.encode(view(data)).decode()
    foreign = any(low <= ord(char) < high for char in set(text) for low, high in _BEYOND_INTER)
    source = (files("homestream.report") / "report.typ").read_bytes()
    compiler = typst.Compiler(source, font_paths=_fonts(foreign), ignore_system_fonts=not foreign)
    made = datetime.fromtimestamp(data.until // 1000, UTC)
    pdf = compiler.compile(format="pdf", sys_inputs={"data": text}, timestamp=made)
    if not isinstance(pdf, bytes):
        raise TypeError(f"typst gave {type(pdf).__name__}, not one document")
    return pdf


@cache
def _fonts(of_system: bool) -> typst.Fonts:
    inter = str(files("fontpkg_inter") / "files")
    return typst.Fonts(include_system_fonts=of_system, include_embedded_fonts=False, font_paths=[inter])
