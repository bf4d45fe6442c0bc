"""Into a home's lake: silver, hours, days and events, beside what the live run writes.

Rows of the ETL have seq 0 (a correction: one more than what it corrects). Rejected rows lie in
`rejected/` below the target, one file of JSON lines for each source.
"""

import hashlib
import json
from collections.abc import Iterator, Sequence
from contextlib import suppress
from datetime import UTC, datetime
from pathlib import Path

import duckdb
import pyarrow as pa

from homestream.engine.fact import Anomaly, Unplaced, encode
from homestream.errors import HomestreamError
from homestream.etl import target
from homestream.etl.target import batches
from homestream.home import MAINS
from homestream.homefile import FILE, load
from homestream.lake.bronze import FOLDER
from homestream.lake.rows import unplaced_text
from homestream.lake.schema import EVENTS, ROLLUP_1D, ROLLUP_1H, SILVER, Table
from homestream.lake.table import DeltaFolder

REJECTED = "rejected"
DAY_MS = 86_400_000
#: of one commit, which is held in memory
DAYS, ROWS = 32, 1_000_000


class LakeTarget:
    """`folder` is a home's, or a lake's own. A folder without `home.toml` gets one that names its devices."""

    def __init__(self, folder: Path, timezone: str | None) -> None:
        is_lake = folder.name == FOLDER or (folder / SILVER.name).is_dir()
        self._folder = folder.absolute().parent if is_lake else folder
        self.home, self.timezone = "home", timezone or "UTC"
        self._new = not is_lake and not (folder / FILE).exists()
        if (self._folder / FILE).exists():
            config = load(self._folder)
            self.home, self.timezone = config.id, config.timezone
        self._lake = folder.absolute() if is_lake else folder / FOLDER
        try:
            folder.mkdir(parents=True, exist_ok=True)
            self._tables = {
                t.name: DeltaFolder(self._lake / t.name, t) for t in (SILVER, ROLLUP_1H, ROLLUP_1D, EVENTS)
            }
        except OSError as error:
            raise HomestreamError(f"{folder}: {error.strerror}; choose another --into") from None

    def load(self, con: duckdb.DuckDBPyConnection, low: int, high: int) -> None:
        """Read the days around what came."""
        con.execute(target.OLD)
        named = "JOIN series s ON r.home = s.home AND r.device = s.device AND r.metric = s.metric"
        if files := self._files(SILVER, low, high):
            con.execute(f"INSERT INTO old SELECT sid, epoch_ms(r.time), value, seq FROM {files} r {named}")
        for table, into in ((ROLLUP_1H, "old_1h"), (ROLLUP_1D, "old_1d")):
            if files := self._files(table, low, high):
                con.execute(f"""
                    INSERT INTO {into}
                    SELECT sid, epoch_ms(start), count, min, max, sum, twmean, known_ms, last, energy_wh,
                           revision
                    FROM {files} r {named}
                    QUALIFY row_number() OVER (PARTITION BY sid, start ORDER BY revision DESC) = 1
                """)
        if files := self._files(EVENTS, low, high):
            con.execute(f"""
                CREATE TEMP TABLE anomalies AS
                SELECT sid, epoch_ms(r.time) AS time, data ->> '$.kind' AS kind,
                       (data ->> '$.value')::DOUBLE AS value
                FROM {files} r JOIN series s
                ON r.home = s.home AND r.device = s.device AND (r.data ->> '$.metric') = s.metric
                WHERE r.kind = 'anomaly' AND r.seq = 0;
                INSERT INTO old_flags SELECT sid, time FROM anomalies;
                INSERT INTO old SELECT sid, time, value, 0 FROM anomalies WHERE kind = 'range';
                INSERT INTO old_apart
                SELECT sid, (data ->> '$.end')::BIGINT AS until, (data ->> '$.start')::BIGINT,
                       (data ->> '$.energy')::DOUBLE, (data ->> '$.revision')::INTEGER AS revision
                FROM {files} r JOIN series s
                ON r.home = s.home AND r.device = s.device AND (r.data ->> '$.metric') = s.metric
                WHERE r.kind = 'unplaced'
                QUALIFY row_number() OVER (PARTITION BY sid, until ORDER BY revision DESC) = 1;
            """)

    def save(self, con: duckdb.DuckDBPyConnection, files: list[str]) -> None:
        """Readings last: what a crash leaves out is then found new again by the next run."""
        self._reject(con, files)
        if self._new:
            self._describe(con)
        self.restate(con)
        self._add(
            con,
            SILVER,
            f"""
            SELECT COALESCE(rank + 1, 0) AS seq, home, device, metric, epoch_ms(time), value, false AS late,
                   rank IS NOT NULL AS corrects, time AS dated FROM ({target.READINGS})
        """,
        )

    def restate(self, con: duckdb.DuckDBPyConnection) -> None:
        """Add the windows that changed, what is in none, and what was flagged."""
        self._events(con)
        for size, table in (("1h", ROLLUP_1H), ("1d", ROLLUP_1D)):
            windows = target.WINDOWS.format(size=size)
            self._add(
                con,
                table,
                f"""
                SELECT 0 AS seq, home, device, metric, epoch_ms(start), count, min, max, sum, mean,
                       twmean, last, known, energy, revision, start AS dated FROM ({windows})
            """,
            )

    def close(self) -> None:
        """Nothing is held."""

    def _files(self, table: Table, low: int, high: int) -> str:
        """SQL of the table's files of the days between; "" where there are none."""
        first, last = (datetime.fromtimestamp(max(t, 0) / 1000, UTC).date().isoformat() for t in (low, high))
        root = self._lake / table.name
        found = [
            str(root / p.path) for p in self._tables[table.name].parts.values() if first <= p.day <= last
        ]
        quoted = ", ".join("'" + name.replace("'", "''") + "'" for name in found)
        return f"read_parquet([{quoted}], hive_partitioning = false)" if found else ""

    def _add(self, con: duckdb.DuckDBPyConnection, table: Table, query: str) -> None:
        """Append the query's rows (the table's columns, then `dated` in ms), some days a commit."""
        con.execute(f"CREATE OR REPLACE TEMP TABLE adding AS {query}")
        counted = f"SELECT dated // {DAY_MS}, count(*) FROM adding GROUP BY 1 ORDER BY 1"
        for first, last in _commits(con.execute(counted).fetchall()):
            chunk = f"SELECT * EXCLUDE (dated) FROM adding WHERE dated // {DAY_MS} BETWEEN {first} AND {last}"
            rows = batches(con, chunk).read_all()
            self._tables[table.name].add(rows.rename_columns(list(table.columns)).cast(table.schema))

    def _events(self, con: duckdb.DuckDBPyConnection) -> None:
        rows = []
        for home, device, metric, time, kind, value, low, high in con.execute(target.FLAGS).fetchall():
            text = target.describe(metric, kind, value, low, high)
            fact = Anomaly(
                home=home,
                time=time,
                device=device,
                metric=metric,
                kind=kind,
                value=value,
                low=low,
                high=high,
                text=text,
            )
            rows.append((0, home, time, "anomaly", device, "", "warning", text, encode(fact).decode()))
        for home, device, metric, time, since, wh, revision in con.execute(target.APART).fetchall():
            draw = Unplaced(
                home=home,
                time=time,
                device=device,
                metric=metric,
                start=since,
                end=time,
                energy=wh,
                revision=revision,
            )
            rows.append(
                (0, home, time, "unplaced", device, "", "info", unplaced_text(draw), encode(draw).decode())
            )
        if rows:
            columns = zip(zip(*rows, strict=True), EVENTS.columns.values(), strict=True)
            self._tables[EVENTS.name].add(
                pa.table([pa.array(c, t) for c, t in columns], schema=EVENTS.schema)
            )

    def _reject(self, con: duckdb.DuckDBPyConnection, files: list[str]) -> None:
        """One file for each source, made anew, so that a second run leaves what the first did."""
        for number, name in enumerate(files):
            path = (
                self._folder
                / REJECTED
                / f"{Path(name).name}-{hashlib.sha256(name.encode()).hexdigest()[:8]}.jsonl"
            )
            rows = con.execute(
                "SELECT line, reason, text FROM rejected WHERE file = ? ORDER BY line, reason", [number]
            ).fetchall()
            if rows:
                path.parent.mkdir(parents=True, exist_ok=True)
                with path.open("w", encoding="utf-8") as out:
                    for line, reason, text in rows:
                        row = {"file": name, "line": line, "reason": reason, "text": text}
                        out.write(json.dumps(row, ensure_ascii=False) + "\n")
            else:
                with suppress(FileNotFoundError):
                    path.unlink()

    def _describe(self, con: duckdb.DuckDBPyConnection) -> None:
        """A `home.toml` for a folder that has none: devices with their rooms, and which is the mains."""
        devices = [row[0] for row in con.execute("SELECT DISTINCT device FROM series ORDER BY 1").fetchall()]
        lines = [
            "# Written by homestream etl; change what you like.",
            f'id = "{self.home}"',
            f'name = "Home"\ntimezone = "{self.timezone}"',
        ]
        for device in devices:
            lines += ["", "[[device]]", f"id = {json.dumps(device, ensure_ascii=False)}"]
            if device == MAINS:
                lines.append("mains = true")
        (self._folder / FILE).write_text("\n".join(lines) + "\n", encoding="utf-8")


def _commits(days: Sequence[tuple[int, int]]) -> Iterator[tuple[int, int]]:
    """Days with their rows -> first and last day of each commit; a day is never cut."""
    start = rows = 0
    for place, (_, more) in enumerate(days):
        if place > start and (rows + more > ROWS or place - start == DAYS):
            yield days[start][0], days[place - 1][0]
            start, rows = place, 0
        rows += more
    if days:
        yield days[start][0], days[-1][0]
