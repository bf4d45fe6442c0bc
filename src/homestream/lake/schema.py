"""The lake's tables: columns, order and what supersedes what. Times are ms UTC, energies Wh."""

from dataclasses import dataclass

import pyarrow as pa

TIME = pa.timestamp("ms", "UTC")
TEXT, SEQ, REAL = pa.string(), pa.int64(), pa.float64()


@dataclass(frozen=True)
class Table:
    """One Delta table, partitioned by `day`: the UTC date of the column `dated`.

    Rows of a file stand in `order`. Where `key` is given, a row whose `mark` is above 0 supersedes rows of
    the same key with a smaller `rank`; views and compaction leave those out.
    """

    name: str
    view: str
    columns: dict[str, pa.DataType]
    dated: str
    order: tuple[str, ...]
    key: tuple[str, ...] = ()
    rank: str = ""
    mark: str = ""

    @property
    def schema(self) -> pa.Schema:
        """The columns as in the files: all but `day`, which is in their path."""
        return pa.schema(list(self.columns.items()))


SERIES = ("home", "device", "metric")

BRONZE = Table(
    "bronze",
    "messages",
    {
        "seq": SEQ,
        "kind": TEXT,
        "home": TEXT,
        "source": TEXT,
        "topic": TEXT,
        "payload": pa.binary(),
        "arrived": TIME,
        "items": pa.int32(),
    },
    dated="arrived",
    order=("seq",),
)

SILVER = Table(
    "silver",
    "readings",
    {
        "seq": SEQ,
        "home": TEXT,
        "device": TEXT,
        "metric": TEXT,
        "time": TIME,
        "value": REAL,
        "late": pa.bool_(),
        "corrects": pa.bool_(),
    },
    dated="time",
    order=(*SERIES, "time", "seq"),
    key=(*SERIES, "time"),
    rank="seq",
    mark="corrects",
)


def _rollup(name: str) -> Table:
    return Table(
        name,
        name,
        {
            "seq": SEQ,
            "home": TEXT,
            "device": TEXT,
            "metric": TEXT,
            "start": TIME,
            "count": SEQ,
            "min": REAL,
            "max": REAL,
            "sum": REAL,
            "mean": REAL,
            "twmean": REAL,
            "last": REAL,
            "known_ms": SEQ,
            "energy_wh": REAL,
            "revision": pa.int32(),
        },
        dated="start",
        order=(*SERIES, "start", "revision"),
        key=(*SERIES, "start"),
        rank="revision",
        mark="revision",
    )


ROLLUP_1H, ROLLUP_1D = _rollup("rollup_1h"), _rollup("rollup_1d")

EVENTS = Table(
    "events",
    "events",
    {
        "seq": SEQ,
        "home": TEXT,
        "time": TIME,
        "kind": TEXT,
        "device": TEXT,
        "room": TEXT,
        "severity": TEXT,
        "text": TEXT,
        "data": TEXT,
    },
    dated="time",
    order=("seq",),
)

SYSTEM = Table(
    "system",
    "system",
    {
        "time": TIME,
        "received": SEQ,
        "stored": SEQ,
        "duplicate": SEQ,
        "rejected": SEQ,
        "late": SEQ,
        "p50_ms": REAL,
        "p99_ms": REAL,
        "rate": REAL,
        "lag": SEQ,
        "log_bytes": SEQ,
        "lake_bytes": SEQ,
        "rss_bytes": SEQ,
    },
    dated="time",
    order=("time",),
)

#: In the order they are written: bronze last, since its commit says that all of a batch is in.
TABLES = (SILVER, ROLLUP_1H, ROLLUP_1D, EVENTS, SYSTEM, BRONZE)
