"""Two installs' marts held against each other, row by row.

An activity is named by the record of it that came first, so that its name stays when copies arrive later. Two installs
that saw the records in another order may name it otherwise: names are replaced by the least record of the activity.
"""

from __future__ import annotations

from pathlib import Path

import duckdb

_ROWS_SHOWN = 3
_NAMES = ("activity_id", "other_activity_id")
Difference = dict[str, list[str]]
"""Marts that are not the same, each with the first rows that only one has: `-` the first's, `+` the second's."""


def differing(one: Path, other: Path) -> Difference:
    """The marts of two warehouse files that differ; empty: they hold the same rows."""
    with duckdb.connect() as db:
        for name, path in (("one", one), ("other", other)):
            db.execute(f"ATTACH '{path}' AS {name} (READ_ONLY)")
            db.execute(
                f"CREATE TABLE {name}_names AS SELECT activity_id, min(record_id) AS least_record "
                f"FROM {name}.intermediate.int_activity_clusters GROUP BY activity_id"
            )
        found = {}
        for mart in sorted(_marts(db, "one") | _marts(db, "other")):
            rows = _only_one_has(db, mart)
            if rows:
                found[mart] = rows
        return found


def _marts(db: duckdb.DuckDBPyConnection, database: str) -> set[str]:
    tables = db.execute(
        "SELECT table_name FROM duckdb_tables() WHERE database_name = ? AND schema_name = 'marts'", [database]
    ).fetchall()
    return {name for (name,) in tables}


def _only_one_has(db: duckdb.DuckDBPyConnection, mart: str) -> list[str]:
    if not (mart in _marts(db, "one") and mart in _marts(db, "other")):
        return ["only one has this table"]
    rows = []
    for sign, mine, theirs in (("-", "one", "other"), ("+", "other", "one")):
        only = f"{_renamed(db, mine, mart)} EXCEPT ALL {_renamed(db, theirs, mart)}"
        counted = db.execute(f"SELECT count(*) FROM ({only})").fetchone()
        assert counted is not None
        if counted[0]:
            shown = db.execute(
                f"SELECT to_json(t)::VARCHAR FROM ({only}) AS t ORDER BY 1 LIMIT {_ROWS_SHOWN}"
            ).fetchall()
            rows += [f"{sign}{counted[0]} rows", *(f"{sign} {row}" for (row,) in shown)]
    return rows


def _renamed(db: duckdb.DuckDBPyConnection, database: str, mart: str) -> str:
    """A query for a mart's rows, its columns in the order of their names, its activities named by their records."""
    columns = [
        name
        for (name,) in db.execute(
            "SELECT column_name FROM duckdb_columns() "
            "WHERE database_name = ? AND schema_name = 'marts' AND table_name = ? ORDER BY column_name",
            [database, mart],
        ).fetchall()
    ]
    chosen = [f"{name}_names.least_record AS {name}" if name in _NAMES else f'mart."{name}"' for name in columns]
    joins = [
        f"LEFT JOIN {database}_names AS {name}_names ON mart.{name} = {name}_names.activity_id"
        for name in _NAMES
        if name in columns
    ]
    return f'(SELECT {", ".join(chosen)} FROM {database}.marts."{mart}" AS mart {" ".join(joins)})'
