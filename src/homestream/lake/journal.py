"""What happened: the security log, alerts, blind intervals, and how the system itself did."""

import json
from collections import defaultdict
from typing import Any

import duckdb

from homestream.lake.ask import Rows, ask, period, within
from homestream.lake.devices import devices

FACTS = f"SELECT data FROM events WHERE home = $home AND kind = $kind AND {within('time')}"

KEPT = ("id", "rule", "key", "severity", "state", "text", "opened", "time", "late")


def security_log(
    con: duckdb.DuckDBPyConnection,
    home: str,
    since: int,
    until: int,
    zone: str,
    severity: str = "",
    limit: int = 100,
) -> Rows:
    """Entries of the security log, newest first, of one severity or ("") all: `fact.Security`'s fields."""
    level = "AND severity = $severity" if severity else ""
    rows = ask(
        con,
        f"{FACTS} {level} ORDER BY time DESC, seq DESC LIMIT $limit",
        **{"home": home, "kind": "security", "severity": severity, "limit": limit},
        **period(since, until),
    )
    return [json.loads(row["data"]) for row in rows]


def security_count(con: duckdb.DuckDBPyConnection, home: str, since: int, until: int) -> int:
    """How many entries the security log has in [since, until)."""
    sql = f"SELECT count(*) AS n FROM events WHERE home = $home AND kind = 'security' AND {within('time')}"
    (row,) = ask(con, sql, home=home, **period(since, until))
    return int(row["n"])


def alerts(con: duckdb.DuckDBPyConnection, home: str, since: int, until: int, zone: str) -> Rows:
    """Alerts opened in [since, until), newest first, each once with the state it came to last.

    Each a dict: id, rule, key, severity, state (opened, acknowledged, cleared), text, opened, time (of the
    last change), acknowledged (ms or None), by (who acknowledged), cleared (ms or None), late.
    """
    sql = """
    SELECT data FROM events WHERE home = $home AND kind = 'alert' AND time >= $since AND day >= $first
        AND CAST(data ->> '$.opened' AS BIGINT) >= epoch_ms($since)
        AND CAST(data ->> '$.opened' AS BIGINT) < epoch_ms($until) ORDER BY seq
    """
    found: dict[str, dict[str, Any]] = {}
    for row in ask(con, sql, home=home, **period(since, until)):
        fact = json.loads(row["data"])
        alert = found.setdefault(fact["id"], {"acknowledged": None, "by": "", "cleared": None})
        alert.update({key: fact[key] for key in KEPT})
        if fact["state"] == "acknowledged":
            alert.update(acknowledged=fact["time"], by=fact["by"])
        elif fact["state"] == "cleared":
            alert["cleared"] = fact["time"]
    return sorted(found.values(), key=lambda alert: alert["opened"], reverse=True)


def blind(con: duckdb.DuckDBPyConnection, home: str, since: int, until: int) -> Rows:
    """Devices that were out of sight for a while in [since, until), the longest blind first.

    Each a dict: device, room, name, times, total and longest (ms). Series of a device that were blind at
    once count once; only intervals that ended are known in length.
    """
    spans: dict[str, set[tuple[int, int]]] = defaultdict(set)
    for row in ask(con, FACTS, home=home, kind="blind", **period(since, until)):
        fact = json.loads(row["data"])
        if fact["end"] is not None:
            spans[fact["device"]].add((fact["start"], fact["end"]))
    known = devices(con, home)
    rows = []
    for device, intervals in spans.items():
        lengths = [end - start for start, end in _joined(intervals)]
        named = known.get(device, {"room": "", "name": device})
        sums = {"times": len(lengths), "total": sum(lengths), "longest": max(lengths)}
        rows.append({"device": device, "room": named["room"], "name": named["name"], **sums})
    return sorted(rows, key=lambda row: row["longest"], reverse=True)


def performance(con: duckdb.DuckDBPyConnection, since: int, until: int, points: int = 120) -> dict[str, Any]:
    """How the system did in [since, until), from its own minute rows; None where it did not run.

    p50_ms (median of the minutes' medians), p99_ms (99 % of the minutes had a lower p99), rate_mean and
    rate_peak (a second), received, stored, duplicate, rejected, late (sums), lake_bytes, log_bytes,
    rss_bytes (the last), and `points`: dicts of time (ms), rate, p99_ms, evenly spaced.
    """
    where = f"FROM system WHERE {within('time')}"
    asked = period(since, until)
    (row,) = ask(
        con,
        f"""
        SELECT quantile_cont(p50_ms, 0.5) AS p50_ms, quantile_cont(p99_ms, 0.99) AS p99_ms,
            avg(rate) AS rate_mean, max(rate) AS rate_peak, sum(received)::BIGINT AS received,
            sum(stored)::BIGINT AS stored, sum(duplicate)::BIGINT AS duplicate,
            sum(rejected)::BIGINT AS rejected, sum(late)::BIGINT AS late,
            arg_max(lake_bytes, time) AS lake_bytes, arg_max(log_bytes, time) AS log_bytes,
            arg_max(rss_bytes, time) AS rss_bytes {where}
        """,
        **asked,
    )
    width = max(1, (until - since) // points)
    drawn = f"""
    SELECT $from + (epoch_ms(time) - $from) // $width * $width AS time, avg(rate) AS rate,
        max(p99_ms) AS p99_ms {where} GROUP BY 1 ORDER BY 1
    """
    return {**row, "points": ask(con, drawn, **{"from": since, "width": width}, **asked)}


def _joined(intervals: set[tuple[int, int]]) -> list[tuple[int, int]]:
    """Intervals as few as cover the same time."""
    joined: list[tuple[int, int]] = []
    for start, end in sorted(intervals):
        if joined and start <= joined[-1][1]:
            joined[-1] = joined[-1][0], max(end, joined[-1][1])
        else:
            joined.append((start, end))
    return joined
