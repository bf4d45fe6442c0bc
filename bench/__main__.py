"""`make bench`: the budgets' figures, one script after the other."""

import subprocess
import sys
from pathlib import Path

SCRIPTS = ("whole", "door", "codec", "line_protocol", "engine", "backtest", "dialects", "lake")


def main() -> int:
    """Run each script; the first that fails ends it."""
    for name in SCRIPTS:
        print(f"\n== {name}", flush=True)
        code = subprocess.call([sys.executable, str(Path(__file__).parent / f"{name}.py")])
        if code:
            return code
    return 0


sys.exit(main())
