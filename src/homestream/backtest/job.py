"""A back-test as a process of its own, for the page: rules in, progress and result out, line by line.

Standard input is the text of a rule file; each line of standard output is a JSON object: {done, total} as it
goes, at the end {result} as `Backtest.as_json`, or {error} in one line. It gives way to everything else.
"""

import os
import sys
import tempfile
from pathlib import Path
from time import monotonic
from typing import Any

import msgspec

from homestream.backtest.run import backtest
from homestream.errors import HomestreamError
from homestream.homefile import load_rules

#: The live pipeline goes first.
NICE = 15
#: Seconds between two lines of progress: a page draws no faster.
EVERY = 0.5


def main(folder: str, since: str) -> None:
    """`since` in ms; 0: all history."""
    os.nice(NICE)
    with tempfile.TemporaryDirectory() as name:
        file = Path(name) / "rules.toml"
        file.write_bytes(sys.stdin.buffer.read())
        told = 0.0

        def progress(done: int, total: int) -> None:
            nonlocal told
            if monotonic() - told > EVERY:
                told = monotonic()
                _say({"done": done, "total": total})

        try:
            result = backtest(Path(folder), load_rules(file), int(since) or None, progress)
        except HomestreamError as error:
            _say({"error": str(error).replace(f"{file}", "line").replace(name, "")})
        else:
            _say({"result": result.as_json()})


def _say(line: dict[str, Any]) -> None:
    sys.stdout.buffer.write(msgspec.json.encode(line) + b"\n")
    sys.stdout.buffer.flush()


if __name__ == "__main__":
    main(*sys.argv[1:])
