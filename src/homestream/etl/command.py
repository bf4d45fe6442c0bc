"""`homestream etl`: files in, readings, anomalies and averages out; running it twice changes nothing."""

import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo, available_timezones

import duckdb

from homestream.errors import HomestreamError
from homestream.etl import anomaly, merge, rollup
from homestream.etl.shape import UNDERSTOOD, Shape, UnknownShape, recognise
from homestream.etl.sources import expand
from homestream.etl.staging import Staging
from homestream.etl.target import Target

#: of the scratch database; what does not fit goes to disk beside it
MEMORY = "1GB"
THREADS = 2


def etl(
    sources: Sequence[str],
    into: str,
    *,
    timezone: str | None = None,
    progress: Callable[[int, int], None] = lambda done, total: None,
) -> dict[str, Any]:
    """Read `sources` (files, folders, patterns; any may be gzipped) into `into`; returns the books.

    `into` is a home's folder or lake, `sqlite:///FILE` or `postgresql://...`. `timezone` is that of times
    without one and of hours and days; default the home's, else UTC. `progress(bytes done, bytes in all)`.
    The books: `read` = `stored` + `duplicate` + `rejected` rows, in all and for each of `files`; `readings`
    added, `anomalies` flagged, `skipped` files with why, `seconds`.
    """
    started = time.monotonic()
    if timezone is not None and timezone not in available_timezones():
        raise HomestreamError(f"--timezone {timezone!r} is no IANA time zone; write it as Europe/Berlin")
    known, skipped = _recognised(expand(sources))
    target = open_target(into, timezone)
    total = sum(path.stat().st_size for path, _ in known)
    done = 0

    def told(size: int) -> None:
        nonlocal done
        done += size
        progress(done, total)

    try:
        with (
            tempfile.TemporaryDirectory(prefix="homestream-etl-") as scratch,
            duckdb.connect() as con,
        ):
            con.execute(f"SET temp_directory = '{scratch}'; SET memory_limit = '{MEMORY}'")
            con.execute(f"SET threads = {THREADS}; SET TimeZone = 'UTC'")
            staging = Staging(con, target.home, ZoneInfo(timezone or target.timezone))
            for number, (path, shape) in enumerate(known):
                staging.load(number, path, shape, told)
            return _finish(con, target, known) | {
                "skipped": skipped,
                "seconds": round(time.monotonic() - started, 2),
            }
    finally:
        target.close()


def open_target(into: str, timezone: str | None) -> Target:
    """The target that `into` names."""
    scheme = into.partition("://")[0].lower() if "://" in into else ""
    if not scheme:
        from homestream.etl.into_lake import LakeTarget

        return LakeTarget(Path(into), timezone)
    from homestream.etl.into_sql import SqlTarget

    if scheme == "sqlite":
        from homestream.etl.sqlite_store import SqliteStore

        return SqlTarget(SqliteStore(into), timezone)
    if scheme in ("postgresql", "postgres"):
        from homestream.etl.postgres_store import PostgresStore

        return SqlTarget(PostgresStore(into), timezone)
    raise HomestreamError(f"--into {into!r} is no target; write a folder, sqlite:///FILE or postgresql://...")


def _recognised(paths: Sequence[Path]) -> tuple[list[tuple[Path, Shape]], dict[str, str]]:
    """Files with their shapes, and why the others are none; HomestreamError where all are none."""
    known, skipped = [], {}
    for path in paths:
        try:
            known.append((path, recognise(path)))
        except UnknownShape as error:
            skipped[str(path)] = str(error)
    if not known:
        first, why = next(iter(skipped.items()), ("", "nothing was found"))
        raise HomestreamError(f"{first}: {why}; understood are {UNDERSTOOD}")
    return known, skipped


def _finish(
    con: duckdb.DuckDBPyConnection, target: Target, known: Sequence[tuple[Path, Shape]]
) -> dict[str, Any]:
    """Merge with what the target holds, judge, average, save; the books."""
    low, high = con.execute("SELECT COALESCE(min(time), 0), COALESCE(max(time), 0) FROM staged").fetchall()[0]
    target.load(con, low - rollup.REACH, high + rollup.REACH)
    merge.merge(con)
    anomaly.flag(con)
    rollup.roll_up(con, ZoneInfo(target.timezone))
    names = [str(path) for path, _ in known]
    target.save(con, names)
    by_file = merge.books(con)
    files = [{"file": str(p), "what": shape.what, **by_file[n]} for n, (p, shape) in enumerate(known)]
    sums = {
        key: sum(one[key] for one in by_file.values()) for key in ("read", "stored", "duplicate", "rejected")
    }
    readings, anomalies = con.execute(
        "SELECT (SELECT count(*) FROM fresh), (SELECT count(*) FROM flags)"
    ).fetchall()[0]
    return {**sums, "readings": readings, "anomalies": anomalies, "files": files}
