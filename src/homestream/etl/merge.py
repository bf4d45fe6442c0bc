"""What of the staged readings is new: once each, against each other and against what the target holds.

Same series and time: the later file and line wins; with the value that is held already it is a duplicate,
with another it corrects it. `fresh` is what remains; a row of a file is stored when any of its readings is.
"""

import duckdb

#: a place in the files as one number, file first
_PLACE = 1 << 40

_NEW = f"""
CREATE TABLE held AS
    SELECT sid, time, arg_max_null(value, rank) AS value, max(rank) AS rank FROM old GROUP BY sid, time;
CREATE TABLE fresh AS
    SELECT one.sid, one.time, one.value, one.place, held.rank
    FROM (SELECT sid, time, arg_max_null(value, place) AS value, max(place) AS place
          FROM (SELECT sid, time, value, file * {_PLACE}::BIGINT + line AS place FROM staged)
          GROUP BY sid, time) AS one
    LEFT JOIN held ON one.sid = held.sid AND one.time = held.time
    WHERE held.sid IS NULL OR held.value IS DISTINCT FROM one.value;
DROP TABLE staged;
"""

_BOOKS = f"""
SELECT rows.file, sum(total)::BIGINT AS read, COALESCE(any_value(stored), 0) AS stored,
       COALESCE(any_value(rejected), 0) AS rejected
FROM rows
LEFT JOIN (SELECT place // {_PLACE} AS file, count(DISTINCT place % {_PLACE}) AS stored FROM fresh
           GROUP BY ALL) s ON s.file = rows.file
LEFT JOIN (SELECT file, count(DISTINCT line) AS rejected FROM rejected GROUP BY ALL) r ON r.file = rows.file
GROUP BY rows.file ORDER BY rows.file
"""


def merge(con: duckdb.DuckDBPyConnection) -> None:
    """`staged`, `old` (sid, time, value, rank) -> `held`, `fresh` (rank: of what it corrects, or NULL)."""
    con.execute(_NEW)


def books(con: duckdb.DuckDBPyConnection) -> dict[int, dict[str, int]]:
    """By file: read = stored + duplicate + rejected, in rows."""
    found = {}
    for file, read, stored, rejected in con.execute(_BOOKS).fetchall():
        found[file] = {
            "read": read,
            "stored": stored,
            "duplicate": read - stored - rejected,
            "rejected": rejected,
        }
    return found
