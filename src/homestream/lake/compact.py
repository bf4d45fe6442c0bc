"""`python -m homestream.lake.compact HOME`: compaction, as `Lake.compact` starts it."""

import os
import sys
from pathlib import Path

from homestream.lake.bronze import FOLDER
from homestream.lake.schema import TABLES
from homestream.lake.table import DeltaFolder

#: Whatever else the machine does goes first.
NICE = 10


def compact(folder: Path) -> None:
    """Compact every table of the home in `folder`."""
    for table in TABLES:
        DeltaFolder(folder / FOLDER / table.name, table).compact()


if __name__ == "__main__":
    os.nice(NICE)
    compact(Path(sys.argv[1]))
