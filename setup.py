"""What pyproject.toml cannot say: with HOMESTREAM_COMPILE=1 the wheel is compiled, see `make wheel`."""

import os
from pathlib import Path

from setuptools import Extension, setup

#: msgspec makes Structs by a metaclass, which mypyc cannot compile.
STRUCTS = "fact.py"


def compiled() -> list[Extension]:
    """The engine and the dialect of the hot path, by mypyc."""
    from mypyc.build import mypycify

    source = Path("src/homestream")
    engine = [path for path in (source / "engine").rglob("*.py") if path.name not in ("__init__.py", STRUCTS)]
    dialects = [source / "dialects" / name for name in ("__init__.py", "plain.py")]
    # a C file a module, which takes half the time that one for all takes, and gives the same speed
    return mypycify(sorted(map(str, [*engine, *dialects])), multi_file=True, opt_level="2")


setup(ext_modules=compiled() if os.environ.get("HOMESTREAM_COMPILE") == "1" else [])
