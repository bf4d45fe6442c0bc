"""`python -m engine.compiled SEEDS SIZE`: what the engine on the path concludes, a line a stream."""

import hashlib
import json
import sys

from homestream.engine import home
from homestream.engine.fact import encode
from homestream.engine.fold import Engine

from .everything import happenings


def told(seed: int, size: int) -> list[str | int]:
    """Of one stream, with a crash in its middle: digest, and hashes of all facts, readings and state."""
    entries, engine = happenings(seed, size), Engine()
    first = engine.apply(entries[: size // 2])
    engine = Engine.restore(engine.snapshot())
    rest = engine.apply(entries[size // 2 :])
    facts = b"".join(encode(fact) for _, fact in [*first.facts, *rest.facts])
    stored = repr([*first.readings, *rest.readings, *first.rejected, *rest.rejected]).encode()
    hashes = [hashlib.sha256(data).hexdigest() for data in (facts, stored, engine.snapshot())]
    return [seed, len(first.facts) + len(rest.facts), engine.digest(), *hashes]


def main() -> None:
    print(json.dumps(home.__file__))
    for seed in range(int(sys.argv[1])):
        print(json.dumps(told(seed, int(sys.argv[2]))))


if __name__ == "__main__":
    main()
