"""The security log's own retention: entries older than `[security] keep` go, all else in the lake stays.

What goes are the oldest entries in the order written, so that each that stays follows the one before and
`homestream security verify` holds. What was learned late stays until what was written beside it goes, and the
newest entry stays always.
"""

from pathlib import Path

import duckdb

from homestream.home import HomeConfig, duration_ms
from homestream.lake.bronze import FOLDER
from homestream.lake.schema import EVENTS
from homestream.lake.table import DeltaFolder

_ENTRIES = """
SELECT seq, epoch_ms(time) AS time, filename
FROM read_parquet($files, hive_partitioning = false, filename = true)
WHERE kind = 'security' AND home = $home
"""


def trim_security(folder: Path, config: HomeConfig, now: int) -> int:
    """Let go of what the home in `folder` keeps no longer at `now`, ms; how many entries."""
    keep = duration_ms(config.security.keep)
    events = DeltaFolder(folder / FOLDER / EVENTS.name, EVENTS)
    if not keep or not events.parts:
        return 0
    asked = {"files": [str(events.root / path) for path in events.parts], "home": config.id}
    with duckdb.connect(config={"threads": 1}) as con:
        con.execute(f"CREATE TABLE entries AS {_ENTRIES}", asked)
        since = "SELECT coalesce(min(seq) FILTER (time >= ?), max(seq)) FROM entries"
        ((first,),) = con.execute(since, [now - keep]).fetchall()
        gone = con.execute(
            "SELECT filename, count(*) FROM entries WHERE seq < ? GROUP BY ALL", [first]
        ).fetchall()
    kept = f"NOT (kind = 'security' AND home = {_quoted(config.id)} AND seq < {first})"
    for path in sorted(path for path, _ in gone):
        events.rewrite([events.parts[Path(path).relative_to(events.root).as_posix()]], kept)
    return sum(count for _, count in gone)


def _quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"
