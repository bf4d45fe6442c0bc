"""The compiled engine (docs/decisions/compiled-engine.md) concludes what the plain one does, to the byte."""

import json
import os
import subprocess
import sys
from pathlib import Path
from zipfile import ZipFile

import pytest

ROOT = Path(__file__).parents[2]
SOURCE = ROOT / "src"


@pytest.fixture
def compiled(tmp_path: Path) -> Path:
    """The wheel of `make wheel`, unpacked."""
    wheels = list((ROOT / "dist").glob("homestream-*.whl"))
    if not wheels:
        pytest.skip("dist/ holds no wheel, so nothing of the compiled engine is tested: make wheel")
    with ZipFile(wheels[0]) as wheel:
        wheel.extractall(tmp_path)
    for module in (SOURCE / "homestream" / "engine").rglob("*.py"):
        if (tmp_path / module.relative_to(SOURCE)).read_bytes() != module.read_bytes():
            pytest.skip("dist/ holds the wheel of another engine, so it is not tested: make wheel")
    return tmp_path


def concluded(path: Path) -> tuple[str, list[list[str | int]]]:
    """By the engine found at `path`: its file, and for each stream what it made of it."""
    where = os.pathsep.join([str(path), str(ROOT / "tests")])
    command = [sys.executable, "-m", "engine.compiled", "20", "400"]
    lines = subprocess.check_output(command, env={**os.environ, "PYTHONPATH": where}, text=True).splitlines()
    return json.loads(lines[0]), [json.loads(line) for line in lines[1:]]


def test_it_concludes_what_the_plain_one_does(compiled: Path) -> None:
    """Late and refused readings, rules of all kinds, a crash: digest, facts, readings and state."""
    plain, expected = concluded(SOURCE)
    native, found = concluded(compiled)
    assert plain.endswith(".py") and not native.endswith(".py") and native.startswith(str(compiled))
    assert len(expected) == 20 and all(facts > 0 for _, facts, *_ in expected)
    assert found == expected
