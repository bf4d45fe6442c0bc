"""A home's history as stretches: from the lake what came through the door, and what `etl` brought.

Bronze has the entries, silver the readings they made, under the same `seq`; a stretch is a run of bronze,
about a day. What was brought has readings and no entries: those are made of the readings, one for what the
home measured at one time, day by day.
"""

from collections.abc import Iterator, Sequence
from functools import partial
from itertools import groupby
from operator import itemgetter
from pathlib import Path

import msgspec
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from homestream.backtest.interest import TRACKER, Interest
from homestream.backtest.stretch import Readings, Stretch, readings_of, stretch_of
from homestream.engine.operator import GAP_MS
from homestream.lake.bronze import FOLDER, KINDS, runs
from homestream.lake.commit import log_folder
from homestream.lake.connect import connect
from homestream.lake.part import DAY_MS, Part
from homestream.lake.schema import BRONZE, EVENTS, SILVER, Table
from homestream.lake.table import list_parts, open_delta
from homestream.reading import Entry, Kind

#: Kinds of entries, beside ticks, that the engine hears.
HEARD = ["message", "retained", "action"]

#: Where made entries come from.
SOURCE = "backtest"

NO_SEQS = pa.array([], pa.int64())

DICTIONARY = pa.dictionary(pa.int32(), pa.string())

MADE = pa.schema(
    {
        "seq": pa.int64(),
        "device": DICTIONARY,
        "metric": DICTIONARY,
        "time": pa.int64(),
        "value": pa.float64(),
        "odd": pa.bool_(),
    }
)

_MADE = """
SELECT $base + dense_rank() OVER (ORDER BY time) AS seq, device, metric, epoch_ms(time) AS time, value,
       false AS odd
FROM readings
WHERE home = $home AND time >= make_timestamptz($since * 1000) AND time < make_timestamptz($until * 1000)
AND (seq = 0 OR $whole)
"""

_CAME = """
SELECT seq, kind, home, source, topic, payload, epoch_ms(arrived), items
FROM read_parquet($files, hive_partitioning = false)
WHERE home = $home AND seq IN (SELECT seq FROM wanted) ORDER BY seq
"""


class History:
    """The history of one home of a folder; `interest` says which readings are dull."""

    def __init__(self, folder: Path, home: str, interest: Interest) -> None:
        """The lake as it is now; the log is not looked at."""
        self._folder, self._home, self._interest = folder / FOLDER, home, interest
        self._con = connect(folder, [])
        #: when the newest tick was, ms; None before the first
        self._ticked: int | None = None
        self._tracked = False

    def imported(self, before: int | None) -> Iterator[tuple[Stretch, int, int]]:
        """(stretch, how far, of how much), days in order, of what was brought and is older than `before`.

        `before` (ms) is when the first entry came; None: there are no entries, all readings are taken.
        """
        [(first, last)] = self._con.execute(
            "SELECT epoch_ms(min(time)), epoch_ms(max(time)) FROM readings "
            "WHERE home = $home AND ($before IS NULL OR (seq = 0 AND epoch_ms(time) < $before))",
            {"home": self._home, "before": before},
        ).fetchall()
        if first is None:
            return
        base, end = 0, last + 1 if before is None else before
        for day in range(first - first % DAY_MS, last + 1, DAY_MS):
            span = {"since": day, "until": min(day + DAY_MS, end)}
            what = {"base": base, "home": self._home, "whole": before is None, **span}
            rows = self._con.sql(_MADE, params=what).to_arrow_table().cast(MADE)
            if rows.num_rows:
                readings = self._columns(rows)
                no = pa.array([False] * len(readings.seqs), pa.bool_())
                entries = pa.table({"seq": readings.seqs, "tick": no, "arrived": readings.times})
                base = readings.seqs[-1].as_py()
                stretch = stretch_of(readings, entries, partial(self._made, rows), NO_SEQS)
                yield stretch, span["until"] - first, end - first

    def lived(self, upto: int) -> Iterator[tuple[Stretch, int]]:
        """(stretch, its last seq), in order: what came through the door, up to seq `upto`, from the lake."""
        silver, told = self._parts(SILVER), self._told()
        for run in runs([part for part in self._parts(BRONZE) if part.first <= upto]):
            first, last = run[0].first, max(part.last for part in run)
            made = [part for part in silver if part.first <= last and part.last >= first]
            readings = self._columns(self._readings(made, first, last))
            entries = self._entries(run)
            read = partial(self._came, self._files(BRONZE, run))
            # what a broker had kept is told to the operators otherwise
            kept = entries.filter(pc.equal(entries["kind"], "retained"))["seq"].combine_chunks()
            given = pa.concat_arrays([told, kept, *self._missed(entries)])
            yield stretch_of(readings, entries, read, given), last

    def _columns(self, rows: pa.Table) -> Readings:
        """Readings in columns; from the first tracker on, the home has trackers."""
        self._tracked = self._tracked or pc.any(pc.equal(rows["metric"], TRACKER)).as_py() is True
        return readings_of(rows, self._interest, tracked=self._tracked)

    def _parts(self, table: Table) -> list[Part]:
        root = self._folder / table.name
        return list_parts(open_delta(root)) if log_folder(root).exists() else []

    def _files(self, table: Table, parts: Sequence[Part]) -> list[str]:
        return [str(self._folder / table.name / part.path) for part in parts]

    def _table(self, table: Table, parts: Sequence[Part], columns: dict[str, bool]) -> pa.Table:
        """The columns of a table's files that are given; those marked True are texts, as dictionaries."""
        texts = [name for name, text in columns.items() if text]
        types = {name: DICTIONARY if text else table.columns[name] for name, text in columns.items()}
        found = [pa.schema(list(types.items())).empty_table()]
        for file in self._files(table, parts):
            with pq.ParquetFile(file, read_dictionary=texts) as parquet:
                rows = parquet.read(columns=list(columns), use_threads=False)
            found.append(rows.select(list(columns)).cast(found[0].schema))
        return pa.concat_tables(found)

    def _readings(self, parts: Sequence[Part], first: int, last: int) -> pa.Table:
        """Silver's rows of the entries from one seq to another."""
        columns = dict.fromkeys(
            ("seq", "home", "device", "metric", "time", "value", "late", "corrects"), False
        )
        rows = self._table(SILVER, parts, {**columns, "home": True, "device": True, "metric": True})
        inside = pc.and_(pc.greater_equal(rows["seq"], first), pc.less_equal(rows["seq"], last))
        inside = pc.and_(inside, pc.equal(rows["home"], self._home))
        if not pc.all(inside, min_count=0).as_py():
            rows = rows.filter(inside)
        odd = pc.or_(rows["late"], rows["corrects"])
        rows = rows.drop_columns(["home", "late", "corrects"]).append_column("odd", odd)
        return rows.set_column(rows.column_names.index("time"), "time", rows["time"].cast(pa.int64()))

    def _entries(self, parts: Sequence[Part]) -> pa.Table:
        """The home's messages and actions, and all ticks, in order of seq."""
        rows = self._table(BRONZE, parts, {"seq": False, "kind": True, "home": True, "arrived": False})
        tick = pc.equal(rows["kind"], "tick")
        ours = pc.and_(pc.equal(rows["home"], self._home), pc.is_in(rows["kind"], pa.array(HEARD)))
        columns = {"seq": rows["seq"], "kind": rows["kind"], "tick": tick}
        rows = pa.table({**columns, "arrived": rows["arrived"].cast(pa.int64())}).filter(pc.or_(tick, ours))
        return rows.take(pc.sort_indices(rows["seq"]))

    def _missed(self, entries: pa.Table) -> Iterator[pa.Int64Array]:
        """Seqs of entries around which ticks were missed: they may tell of a hub that was down."""
        seqs = entries["seq"].combine_chunks()
        ticks = entries.filter(entries["tick"])
        if not ticks.num_rows:
            if self._ticked is not None:
                yield seqs
            return
        times, places = ticks["arrived"].combine_chunks(), pc.indices_nonzero(entries["tick"])
        if self._ticked is not None and times[0].as_py() - self._ticked > GAP_MS:
            yield seqs[: places[0].as_py() + 1]
        for gap in pc.indices_nonzero(pc.greater(pc.subtract(times[1:], times[:-1]), GAP_MS)).to_pylist():
            yield seqs[places[gap].as_py() : places[gap + 1].as_py() + 1]
        yield seqs[places[-1].as_py() :]
        self._ticked = times[-1].as_py()

    def _told(self) -> pa.Int64Array:
        """Seqs of the entries that told of a device."""
        files = self._files(EVENTS, self._parts(EVENTS))
        if not files:
            return NO_SEQS
        rows = self._con.execute(
            "SELECT DISTINCT seq FROM read_parquet($files, hive_partitioning = false) "
            "WHERE kind = 'device' AND home = $home",
            {"files": files, "home": self._home},
        ).fetchall()
        return pa.array([seq for (seq,) in rows], pa.int64())

    def _came(self, files: list[str], seqs: pa.Int64Array) -> list[Entry]:
        """The home's entries of these seqs, from bronze."""
        self._con.register("wanted", pa.table({"seq": seqs}))
        rows = self._con.execute(_CAME, {"files": files, "home": self._home}).fetchall()
        return [Entry(row[0], KINDS[row[1]], *row[2:]) for row in rows]

    def _made(self, rows: pa.Table, seqs: pa.Int64Array) -> list[Entry]:
        """Entries of these seqs made of readings."""
        rows = rows.filter(pc.is_in(rows["seq"], seqs))
        columns = rows.select(["seq", "time", "device", "metric", "value"]).to_pydict()
        entries = []
        # a series has one reading at a time, so what follows device and metric is never compared
        for (seq, time), run in groupby(sorted(zip(*columns.values(), strict=True)), itemgetter(0, 1)):
            readings = [
                {"device": device, "metric": metric, "value": "unknown" if value is None else value}
                for _, _, device, metric, value in run
            ]
            payload = msgspec.json.encode(readings)
            topic = "api/readings"
            entries.append(Entry(seq, Kind.MESSAGE, self._home, SOURCE, topic, payload, time, len(readings)))
        return entries


def homes_of(folder: Path) -> list[str]:
    """The homes that a folder's lake has readings or messages of."""
    found = set[str]()
    for table in (SILVER, BRONZE):
        root = folder / FOLDER / table.name
        for part in list_parts(open_delta(root)) if log_folder(root).exists() else ():
            with pq.ParquetFile(root / part.path, read_dictionary=["home"]) as parquet:
                for chunk in parquet.read(columns=["home"], use_threads=False)["home"].chunks:
                    found.update(chunk.unique().to_pylist())
    return sorted(found - {""})
