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
from homestream.web.period import ending


def report(folder: Path, out: Path, since: int | None = None, until: int | None = None) -> int:
    """Write the report over [since, until) ms to `out`; returns its number of pages.

    Without `until` it ends now, or with the last day that has readings where the home is not live; without
    `since` it has seven days. HomestreamError where there is nothing to report on or nowhere to write to.
    """
    config = load(folder)
    con = connect(folder, zone=config.timezone)
    try:
        if until is None:
            until = _end(config, queries.span(con, config.id)[1])
        if since is None:
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


def _end(config: HomeConfig, last: int | None) -> int:
    now = time.time_ns() // 1_000_000
    if last is None:
        raise HomestreamError(f"{config.name} has no readings yet; a report needs some")
    live = last >= ending(now, "week", config.zone).since
    return now if live else ending(last, "week", config.zone).until


def _accounts(folder: Path) -> list[dict[str, object]]:
    """The books of the running, or last, `up`; a home filled by `etl` has none."""
    try:
        accounts: list[dict[str, object]] = read_status(folder)["accounts"]
    except HomestreamError:
        return []
    return accounts
