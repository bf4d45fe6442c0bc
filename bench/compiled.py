"""The compiled wheel against the plain sources: `engine.py` and `codec.py` with both, the best of two runs.

python bench/compiled.py     after `make wheel`
"""

import os
import re
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from zipfile import ZipFile

BENCH = Path(__file__).parent
SCRIPTS = (("engine.py", "5", "20", "20"), ("codec.py",))
RATE = re.compile(r"^(.*?)[ :]+([\d,]+) (?:readings per |/)CPU-s", re.MULTILINE)


def rates(path: Path) -> dict[str, int]:
    """What both measure of the homestream found at `path`, each a CPU-second."""
    found = {}
    for script, *rest in SCRIPTS:
        command = [sys.executable, str(BENCH / script), *rest]
        told = subprocess.check_output(command, env={**os.environ, "PYTHONPATH": str(path)}, text=True)
        found |= {what: int(rate.replace(",", "")) for what, rate in RATE.findall(told)}
    return found


def main() -> None:
    (file,) = BENCH.parent.glob("dist/homestream-*.whl")
    with TemporaryDirectory() as folder, ZipFile(file) as wheel:
        wheel.extractall(folder)
        runs = [(rates(BENCH.parent / "src"), rates(Path(folder))) for _ in range(2)]
    print(f"{'per CPU-second':52}      plain   compiled")
    for what in runs[0][0]:
        plain, compiled = (max(run[which][what] for run in runs) for which in (0, 1))
        print(f"{what:52}{plain:11,}{compiled:11,}  {compiled / plain:.1f}x")


if __name__ == "__main__":
    main()
