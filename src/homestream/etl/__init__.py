"""Batch: files of readings -> clean, anomalies flagged, averaged by hour and day -> lake or SQL tables.

Read in this order: `sources` (which files, bytes out of them), `shape` (what a file is, told from its first
lines), `columns` and `moment` (what its columns and times mean), `lines` (its rows as text, the broken ones
aside), `staging` (rows -> readings), `merge` (what is new), `anomaly`, `rollup`, `target` and its two kinds
(`into_lake`, `into_sql`), and `command`, which runs them.
"""

from homestream.etl.command import etl

__all__ = ["etl"]
