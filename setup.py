"""What pyproject.toml cannot say: with HOMESTREAM_COMPILE=1 the wheel is compiled, see `make wheel`."""

import os
from pathlib import Path

from setuptools import Extension, setup

#: What every message passes, but for the engine. Nothing that msgspec decodes to: a compiled class no longer
#: says what its fields hold.
HOT = {
    "wire": ("decode", "packets", "primitives", "properties", "reader", "topics"),
    "dialects": ("__init__", "plain"),
}
#: msgspec's Structs.
FACTS = "fact.py"


def compiled() -> list[Extension]:
    """The MQTT codec, the dialect of the hot path and the engine, by mypyc."""
    from mypyc.build import mypycify

    source = Path("src/homestream")
    hot = [source / room / f"{name}.py" for room, names in HOT.items() for name in names]
    engine = [path for path in (source / "engine").rglob("*.py") if path.name not in ("__init__.py", FACTS)]
    # a C file a module, which takes half the time that one for all takes, and gives the same speed
    return mypycify(sorted(map(str, [*hot, *engine])), multi_file=True, opt_level="2")


setup(ext_modules=compiled() if os.environ.get("HOMESTREAM_COMPILE") == "1" else [])
