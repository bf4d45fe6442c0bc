"""The house's directions: pure rooms import no edge, no clock, no I/O; files stay small."""

import ast
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parent.parent / "src" / "homestream"
PURE = ("wire", "dialects", "engine")
EDGES = (
    "door",
    "log",
    "lake",
    "effects",
    "web",
    "report",
    "simulate",
    "etl",
    "backtest",
    "run",
    "runners",
    "cli",
)
WORLD = {
    "asyncio",
    "socket",
    "selectors",
    "ssl",
    "sqlite3",
    "threading",
    "multiprocessing",
    "subprocess",
    "time",
    "random",
    "secrets",
    "os",
    "pathlib",
    "tempfile",
    "shutil",
    "uuid",
    "logging",
    "uvloop",
    "httpx",
    "aiocoap",
    "starlette",
    "fastapi",
    "uvicorn",
    "deltalake",
    "duckdb",
    "typer",
}
#: Arrow's columns and loops are pure; these parts of it touch files and networks.
ARROW = tuple(f"pyarrow.{part}" for part in ("csv", "dataset", "feather", "flight", "fs", "parquet"))
#: A file past this is asking to be cut into ideas.
MOST_LINES = 400


def imports(file: Path) -> list[tuple[int, str]]:
    """Every module a file imports, with its line, `from x import y` as both `x` and `x.y`."""
    found: list[tuple[int, str]] = []
    for node in ast.walk(ast.parse(file.read_text())):
        if isinstance(node, ast.Import):
            found += [(node.lineno, alias.name) for alias in node.names]
        elif isinstance(node, ast.ImportFrom) and node.module:
            found += [(node.lineno, node.module)]
            found += [(node.lineno, f"{node.module}.{alias.name}") for alias in node.names]
    return found


def breaches(file: Path) -> list[str]:
    """The imports of a pure file that open a door they may not."""
    edges = (*(f"homestream.{edge}" for edge in EDGES), *ARROW)
    return [
        f"{file.name}:{line} imports {module}"
        for line, module in imports(file)
        if module.split(".")[0] in WORLD or any(module == e or module.startswith(e + ".") for e in edges)
    ]


@pytest.mark.parametrize("room", PURE)
def test_pure_room_imports_no_edge(room: str) -> None:
    files = sorted((PACKAGE / room).rglob("*.py"))
    assert files
    assert [b for file in files for b in breaches(file)] == []


def test_the_check_itself_sees_a_breach(tmp_path: Path) -> None:
    bad = tmp_path / "bad.py"
    bad.write_text(
        "from homestream import lake\nimport time\nfrom homestream.log.sqlite import SqliteLog\n"
        "import pyarrow as pa\nimport pyarrow.fs\n"
    )
    assert len(breaches(bad)) == 5


def test_no_file_is_past_its_limit() -> None:
    long = {f.name: n for f in PACKAGE.rglob("*.py") if (n := len(f.read_text().splitlines())) > MOST_LINES}
    assert long == {}
