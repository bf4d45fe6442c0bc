"""`homestream report`: the PDF of a home, running or not."""

import re
import time
from pathlib import Path

from homestream.errors import HomestreamError
from homestream.home import HomeConfig
from homestream.homefile import load
from homestream.lake import queries
from homestream.lake.connect import connect
from homestream.report.pdf import build
from homestream.system import read_status
from homestream.web.period import Period, ending, latest


def report(folder: Path, out: Path, since: int | None = None, until: int | None = None) -> int:
    """Write the report over [since, until) ms to `out`; returns its number of pages.

    Without `until` it ends now, or with the last day that has readings where the home is not live; without
    either it begins seven days before, or with the first day that has readings. HomestreamError where there
    is nothing to report on or nowhere to write to.
    """
    config = load(folder)
    con = connect(folder, zone=config.timezone)
    try:
        if until is None:
            newest = _latest(config, queries.span(con, config.id))
            since, until = newest.since if since is None else since, newest.until
        elif since is None:
            since = ending(until, "week", config.zone).since
        if since >= until:
            raise HomestreamError("the period is empty; --since must be before --until")
        pdf = build(con, config, since, until, _accounts(folder))
    finally:
        con.close()
    try:
        out.write_bytes(pdf)
    except OSError as error:
        raise HomestreamError(f"{out} cannot be written: {error.strerror}") from None
    return len(re.findall(rb"/Type\s*/Page\b", pdf))


def _latest(config: HomeConfig, span: tuple[int | None, int | None]) -> Period:
    first, last = span
    if first is None or last is None:
        raise HomestreamError(f"{config.name} has no readings yet; a report needs some")
    return latest(first, last, time.time_ns() // 1_000_000, config.zone)


def _accounts(folder: Path) -> list[dict[str, object]]:
    """The books of the running, or last, `up`; a home filled by `etl` has none."""
    try:
        accounts: list[dict[str, object]] = read_status(folder)["accounts"]
    except HomestreamError:
        return []
    return accounts
