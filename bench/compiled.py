"""The compiled engine against the plain one: `bench/engine.py` with both in turn, the best of three runs.

python bench/compiled.py     after `make wheel`
"""

import os
import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZipFile

ROOT = Path(__file__).parents[1]
RATE = re.compile(r"^(.*?) *: *([\d,]+) readings per CPU-s$", re.MULTILINE)


def rates(path: Path) -> dict[str, int]:
    """What `bench/engine.py` measures of the engine found at `path`."""
    command = [sys.executable, str(ROOT / "bench" / "engine.py"), "5", "20", "20"]
    told = subprocess.check_output(command, env={**os.environ, "PYTHONPATH": str(path)}, text=True)
    return {what: int(rate.replace(",", "")) for what, rate in RATE.findall(told)}


def main() -> None:
    (file,) = (ROOT / "dist").glob("homestream-*.whl")
    with TemporaryDirectory() as folder, ZipFile(file) as wheel:
        wheel.extractall(folder)
        runs = [(rates(ROOT / "src"), rates(Path(folder))) for _ in range(3)]
    print(f"{'readings per CPU-s':52}    plain  compiled")
    for what in runs[0][0]:
        plain, compiled = (max(run[which][what] for run in runs) for which in (0, 1))
        print(f"{what:52}{plain:9,}{compiled:10,}  {compiled / plain:.1f}x")


if __name__ == "__main__":
    main()
