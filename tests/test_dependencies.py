"""Every dependency has its line in docs/decisions/dependencies.md, and none there is gone."""

import json
import re
from pathlib import Path

ROOT = Path(__file__).parents[1]
TABLE = re.compile(r"^\| ([^|]+) \|", re.MULTILINE)


def test_each_dependency_says_what_it_is_for() -> None:
    """By name, without the extras in brackets."""
    text = (ROOT / "docs" / "decisions" / "dependencies.md").read_text(encoding="utf-8")
    explained = {name.strip() for cell in TABLE.findall(text) for name in cell.split(",")} - {"package"}
    python = {
        re.split(r"[=\[;<>~]", line)[0].strip()
        for file in ("requirements.txt", "requirements-dev.txt")
        for line in (ROOT / file).read_text(encoding="utf-8").splitlines()
        if line and not line.startswith(("#", "-"))
    }
    page = json.loads(
        (ROOT / "src" / "homestream" / "web" / "ui" / "package.json").read_text(encoding="utf-8")
    )["dependencies"]
    assert explained == python | set(page)
