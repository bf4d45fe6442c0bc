"""Rows of text -> readings in a scratch database, by whole columns; what is no reading goes aside with why.

A row is one item of the books. It is rejected as a whole when its time or any of its values cannot be read.
`?`, empty, `NaN`, `unknown` and the like are values: the series is unknown from then on (NULL).
"""

from collections.abc import Callable
from pathlib import Path
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa

from homestream.dialects.registry import MAX_ID
from homestream.dialects.units import WORDS, metric_of, scale
from homestream.errors import PeerError
from homestream.etl import moment
from homestream.etl.lines import KEPT, Bad, read
from homestream.etl.shape import Shape
from homestream.reading import STATES

#: words for "no value"
UNKNOWN = ("", "?", "-", "n/a", "na", "null", "none", "nan", "unknown", "unavailable", "undefined")
ON = tuple(word for word, value in WORDS.items() if value == 1.0)
OFF = tuple(word for word, value in WORDS.items() if value == 0.0)


_CLEAN = "trim(x, ' \"')"
_WORDS = (
    f"CASE WHEN lower({_CLEAN}) IN {ON} THEN 1.0::DOUBLE WHEN lower({_CLEAN}) IN {OFF} THEN 0.0::DOUBLE END"
)
#: 21,5 and 1.234,5; then 1,234.5
_COMMA = (
    f"CASE WHEN regexp_matches({_CLEAN}, '^[+-]?(\\d+|\\d{{1,3}}(\\.\\d{{3}})+),\\d+$') "
    f"THEN TRY_CAST(replace(replace({_CLEAN}, '.', ''), ',', '.') AS DOUBLE) "
    f"WHEN regexp_matches({_CLEAN}, '^[+-]?\\d{{1,3}}(,\\d{{3}})+(\\.\\d+)?$') "
    f"THEN TRY_CAST(replace({_CLEAN}, ',', '') AS DOUBLE) END"
)
_PLAIN = f"CASE WHEN NOT contains(x, '_') THEN TRY_CAST({_CLEAN} AS DOUBLE) END"

SCHEMA = f"""
CREATE TABLE series(sid INTEGER, home VARCHAR, device VARCHAR, metric VARCHAR);
CREATE TABLE names(home VARCHAR, device VARCHAR, metric VARCHAR, unit VARCHAR, sid INTEGER, factor DOUBLE,
                   shift DOUBLE, state BOOLEAN, reason VARCHAR);
CREATE TABLE staged(file INTEGER, line BIGINT, sid INTEGER, time BIGINT, value DOUBLE);
CREATE TABLE rejected(file INTEGER, line BIGINT, text VARCHAR, reason VARCHAR);
CREATE TABLE rows(file INTEGER, total BIGINT);
CREATE MACRO is_unknown(x) AS lower({_CLEAN}) IN {UNKNOWN};
CREATE MACRO is_word(x) AS lower({_CLEAN}) IN {(*ON, *OFF)};
CREATE MACRO plain_number(x) AS {_PLAIN};
CREATE MACRO any_number(x) AS COALESCE({_PLAIN}, {_WORDS}, {_COMMA});
CREATE MACRO is_number(x) AS COALESCE(isfinite(any_number(x)), false);
"""


class Staging:
    """The scratch database `con`; `home`: whose rows are that name none; `zone`: of times without one."""

    def __init__(self, con: duckdb.DuckDBPyConnection, home: str, zone: ZoneInfo) -> None:
        self.con, self.home = con, home
        self._steps = moment.offsets(zone, moment.EARLIEST, moment.LATEST)
        self._known: dict[tuple[str, str, str], int] = {}
        con.execute(SCHEMA)

    def load(self, file: int, path: Path, shape: Shape, told: Callable[[int], None]) -> None:
        """Stage one file."""
        cells = [f"c{n}" for n in range(shape.width)]
        blank = " AND ".join(f"trim({cell}) = ''" for cell in cells)
        text = " || ' ' || ".join(f"trim(c{n}, ' \"')" for n in shape.times)
        utc = moment.to_utc_sql(self._steps, "moment.ms")
        arrived = f"""
            CREATE OR REPLACE TEMP TABLE arrived AS
            SELECT line, {", ".join(cells)}, CASE WHEN moment.zoned THEN moment.ms ELSE {utc} END AS utc
            FROM (SELECT *, {moment.in_sql(text, shape.samples)} AS moment FROM incoming WHERE NOT ({blank}))
        """
        total, interval = 0, 0.0
        for rows in read(path, shape, told):
            total += len(rows.bad)
            self._aside(file, rows.bad)
            if not rows.table.num_rows:
                continue
            self.con.register("incoming", rows.table)
            self.con.execute(arrived)
            self.con.unregister("incoming")
            # only a line of JSON may hold several readings
            total += self._count(
                f"SELECT count({'DISTINCT line' if shape.kind == 'jsonl' else '*'}) FROM arrived"
            )
            if shape.long:
                parsed = self._long(shape)
                values = "sid, utc, v"
            else:
                interval = interval or self._interval()
                parsed, values = self._wide(shape, interval)
            self.con.execute(f"CREATE OR REPLACE TEMP TABLE parsed AS {parsed}")
            self._keep(file, shape, text, values)
        self.con.execute("INSERT INTO rows VALUES (?, ?)", [file, total])

    def _keep(self, file: int, shape: Shape, text: str, values: str) -> None:
        """`parsed` -> `staged` and `rejected`; a reading that is bad takes the others of its line with it."""
        wrong = "why <> '' OR utc IS NULL OR utc NOT BETWEEN "
        wrong += f"{moment.EARLIEST} AND {moment.LATEST}"
        bad = self._count(f"SELECT count(*) FROM parsed WHERE {wrong}")
        if bad:
            cells = ", ".join(f"c{n}" for n in range(shape.width))
            line = f"concat_ws('{shape.delimiter or ','}', {cells})"
            said = f"'time \"' || left({text}, 40) || '\"'"
            self.con.execute(f"""
                INSERT INTO rejected
                SELECT {file}, line, left(min({line}), {KEPT}),
                       min(CASE WHEN arrived.utc IS NULL THEN {said} || ' is not understood'
                                WHEN why = '' THEN {said} || ' cannot be' ELSE why END)
                FROM arrived JOIN (SELECT line, why FROM parsed WHERE {wrong}) USING (line) GROUP BY line
            """)
        rest = f"WHERE line NOT IN (SELECT line FROM rejected WHERE file = {file})" if bad else ""
        self.con.execute(f"INSERT INTO staged SELECT {file}, line, {values} FROM parsed {rest}")

    def _long(self, shape: Shape) -> str:
        """SQL of `parsed`: line, utc, sid, v, and `why` it is bad ("" where it is not)."""
        parts = {name: f"trim(c{n}, ' \"')" for name, n in shape.long.items()}
        names = {name: parts.get(name, "''") for name in ("home", "device", "metric", "unit")}
        self._resolve("SELECT DISTINCT " + ", ".join(f"{sql} AS {name}" for name, sql in names.items()))
        same = " AND ".join(f"names.{name} = {sql}" for name, sql in names.items())
        raw = f"c{shape.long['value']}"
        return f"""
            SELECT line, utc, sid,
                   CASE WHEN plain IS NOT NULL AND factor = 1 AND shift = 0 THEN plain
                        WHEN is_unknown({raw}) THEN NULL
                        ELSE round(any_number({raw}) * factor + shift, 6) END AS v,
                   CASE WHEN reason <> '' THEN reason
                        WHEN isfinite(plain) THEN ''
                        WHEN is_unknown({raw}) OR (is_number({raw}) AND (state OR NOT is_word({raw}))) THEN ''
                        ELSE 'value "' || left({raw}, 40) || '" is no number' END AS why
            FROM (SELECT *, plain_number({raw}) AS plain FROM arrived) JOIN names ON {same}
        """

    def _wide(self, shape: Shape, interval: float) -> tuple[str, str]:
        """SQL of `parsed`: line, utc, a value a column, `why`; and SQL of its series, times and values."""
        numbers, checks, sids = [], [], []
        for n, column in shape.wide.items():
            name = shape.names[n].replace("'", "''")
            factor = 3_600_000 / interval if column.per_interval else column.factor
            scaled = f"any_number(c{n})"
            if factor != 1 or column.offset:
                scaled = f"round({scaled} * {factor!r} + {column.offset!r}, 6)"
            numbers.append(f"CASE WHEN is_unknown(c{n}) THEN NULL ELSE {scaled} END AS v{n}")
            good = f"is_unknown(c{n}) OR is_number(c{n})"
            if column.metric not in STATES:
                good = f"({good}) AND NOT is_word(c{n})"
            checks.append(f"WHEN NOT ({good}) THEN '{name} \"' || left(c{n}, 40) || '\" is no number'")
            sids.append(str(self._series(self.home, column.device, column.metric)))
        values = ", ".join(f"v{n}" for n in shape.wide)
        parsed = (
            f"SELECT line, utc, {', '.join(numbers)}, CASE {' '.join(checks)} ELSE '' END AS why FROM arrived"
        )
        return parsed, f"unnest([{', '.join(sids)}]), utc, unnest([{values}])"

    def _interval(self) -> float:
        """The time of one row, ms: a row of Wh tells of so long. Not the median: rows may be missing."""
        found = self.con.execute(
            "SELECT quantile_disc(step, 0.05) FROM (SELECT utc - lag(utc) OVER (ORDER BY line) AS step "
            "FROM arrived) WHERE step > 0"
        ).fetchall()
        return float(found[0][0]) if found[0][0] else 60_000.0

    def _resolve(self, query: str) -> None:
        """Give names not seen before their series, unit and, where there is something wrong, the reason."""
        known = "SELECT home, device, metric, unit FROM names"
        for home, device, metric, unit in self.con.execute(f"{query} FROM arrived EXCEPT {known}").fetchall():
            ours, reason, factor, shift = metric_of(metric), "", 1.0, 0.0
            if not 0 < len(device) <= MAX_ID:
                reason = "no device" if not device else "the device's name is too long"
            elif not ours:
                reason = "no metric"
            elif unit:
                try:
                    factor, shift = scale(ours, unit)
                except PeerError as error:
                    reason = str(error)
            sid = -1 if reason else self._series(home or self.home, device, ours)
            row = [home, device, metric, unit, sid, factor, shift, ours in STATES, reason]
            self.con.execute("INSERT INTO names VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", row)

    def _series(self, home: str, device: str, metric: str) -> int:
        key = (home, device, metric)
        if key not in self._known:
            self._known[key] = len(self._known)
            self.con.execute("INSERT INTO series VALUES (?, ?, ?, ?)", [self._known[key], *key])
        return self._known[key]

    def _aside(self, file: int, bad: list[Bad]) -> None:
        if bad:
            rows = pa.Table.from_pylist([{"file": file, **one._asdict()} for one in bad])
            self.con.register("bad", rows)
            self.con.execute("INSERT INTO rejected SELECT file, line, text, reason FROM bad")
            self.con.unregister("bad")

    def _count(self, query: str) -> int:
        return int(self.con.execute(query).fetchall()[0][0])
