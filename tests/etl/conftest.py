"""Files of readings in our own words, and looks into what the ETL made of them."""

from collections.abc import Callable
from pathlib import Path
from typing import Any

import duckdb
import pytest

from homestream.lake.bronze import FOLDER

REAL = Path(__file__).parents[2] / ".." / "shared" / "data"


@pytest.fixture
def write(tmp_path: Path) -> Callable[[str, str], str]:
    """Write a text file; its path."""

    def _write(name: str, text: str) -> str:
        path = tmp_path / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, encoding="utf-8")
        return str(path)

    return _write


@pytest.fixture
def look(tmp_path: Path) -> Callable[[str], list[tuple[Any, ...]]]:
    """SQL over silver, rollup_1h, rollup_1d and events of the folder `home`, straight from the files."""

    def _look(sql: str) -> list[tuple[Any, ...]]:
        with duckdb.connect() as con:
            con.execute("SET TimeZone = 'UTC'")
            for name in ("silver", "rollup_1h", "rollup_1d", "events"):
                if files := [str(f) for f in (tmp_path / "home" / FOLDER / name).rglob("*.parquet")]:
                    con.execute(
                        f"CREATE VIEW {name} AS FROM read_parquet({files}, hive_partitioning = false)"
                    )
            return con.execute(sql).fetchall()

    return _look


@pytest.fixture
def real() -> Callable[[str], Path]:
    """A folder of real data."""

    def _real(name: str) -> Path:
        if not (REAL / name).is_dir():
            pytest.skip("../shared/data is not beside the project: no real files to import")
        return REAL / name

    return _real
