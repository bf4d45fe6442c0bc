"""`make fuzz`: each target for its share of a minute, guided by coverage; `python -m fuzz NAME` one for ever.

A target is a function of bytes that raises nothing; it starts from words of ours in the list of its name in
capitals. What it finds is printed and kept in `build/fuzz`; `python -m fuzz NAME FILE` shows it again.
"""

import importlib
import subprocess
import sys
import tempfile
from pathlib import Path

import atheris

#: name -> module and function
TARGETS = {
    "mqtt_server": ("mqtt", "server"),
    "mqtt_client": ("mqtt", "client"),
    "mqtt_session": ("mqtt", "session"),
    "rows": ("bodies", "rows"),
    "line": ("bodies", "line"),
    "senml_json": ("bodies", "senml_json"),
    "senml_cbor": ("bodies", "senml_cbor"),
    "device": ("bodies", "device"),
}

#: Seconds for all targets together; starting them takes some more.
BUDGET = 48

#: Longer inputs find nothing that shorter ones do not, and slowly.
MAX_BYTES = 2_000

FOUND = Path("build/fuzz")


def every() -> int:
    """All targets, one after the other; how many found something."""
    failed = 0
    for name in TARGETS:
        limits = [f"-max_total_time={BUDGET // len(TARGETS)}", "-print_final_stats=1"]
        command = [sys.executable, "-m", "fuzz", name, *limits]
        done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)
        said = done.stdout.decode(errors="replace")
        runs = next((line.split()[-1] for line in said.splitlines() if "number_of_executed" in line), "no")
        print(f"{name:12} {runs} inputs", flush=True)
        if done.returncode:
            failed += 1
            print(said[max(said.find(" === Uncaught"), 0) :])
            if files := sorted(FOUND.glob(f"{name}-*"), key=lambda file: file.stat().st_mtime):
                print(f"{name} fails on {files[-1].read_bytes()!r}\n  python -m fuzz {name} {files[-1]}")
    return failed


def one(name: str, arguments: list[str]) -> None:
    """One target; does not return. `arguments` are libFuzzer's: a file to try again, or its options."""
    room, function = TARGETS[name]
    with atheris.instrument_imports(include=["homestream"]):
        module = importlib.import_module(f"fuzz.{room}")
    with tempfile.TemporaryDirectory() as folder:
        for n, seed in enumerate(getattr(module, function.upper())):
            (Path(folder) / str(n)).write_bytes(seed)
        corpus = [] if any(Path(argument).is_file() for argument in arguments) else [folder]
        options = [f"-max_len={MAX_BYTES}", f"-artifact_prefix={FOUND}/{name}-", *arguments]
        atheris.Setup([sys.argv[0], *options, *corpus], getattr(module, function))
        atheris.Fuzz()


FOUND.mkdir(parents=True, exist_ok=True)
if len(sys.argv) > 1:
    one(sys.argv[1], sys.argv[2:])
else:
    sys.exit(every())
