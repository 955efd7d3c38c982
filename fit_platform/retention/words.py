"""Finding and taking out words, such as ids, wherever they stand: in text, in JSON, in SQLite databases, in files.

A word is a whole run of letters, digits, `_` and `-`; `ada` is neither in `canada` nor in `ada_2`. Databases and
compressed files are opened: their bytes hide what they hold.
"""

from __future__ import annotations

import gzip
import json
import re
import sqlite3
import zlib
from collections.abc import Iterator, Set
from contextlib import closing
from pathlib import Path
from typing import Any

import duckdb

WORD = re.compile(r"[A-Za-z0-9_-]+")
_RAW_WORD = re.compile(rb"[A-Za-z0-9_-]{6,}")
_SHORTEST_RAW = 6  # in compressed bytes shorter ones turn up by chance
_ERASED = "erased"
_PICTURE = "data:image/png;base64,"
_BUSY_TIMEOUT_S = 30.0
# What Dagster calls its own parts: a word there is a name of ours or of Dagster's, and a record needs it.
_STRUCTURE = frozenset(
    {"__class__", "asset_key", "asset_check_key", "check_name", "step_key", "node_handle", "solid_handle", "job_name"}
    | {"pipeline_name", "partition", "event_type_value", "run_id", "op_name", "step_keys_to_execute", "path", "level"}
)


def mentions(text: str, words: Set[str]) -> bool:
    """Does any of the words stand in the text?"""
    return not words.isdisjoint(WORD.findall(text))


def without(text: str, words: Set[str]) -> str:
    """The text with each of the words replaced; inside JSON only in values and keys that are not Dagster's structure.

    Pictures go, too: a curve of somebody's heart rate names nobody, and shows it all the same.
    """
    if text[:1] in ("{", "[", '"'):
        try:
            return json.dumps(_without(json.loads(text), words))
        except ValueError:
            pass
    if _PICTURE in text:
        return "(picture removed)"
    return WORD.sub(lambda found: _ERASED if found[0] in words else found[0], text)


def _without(value: Any, words: Set[str]) -> Any:
    match value:
        case str():
            return without(value, words)
        case dict():
            return {
                (_ERASED if key in words else key): (inner if key in _STRUCTURE else _without(inner, words))
                for key, inner in value.items()
            }
        case list():
            return [_without(inner, words) for inner in value]
        case int() if not isinstance(value, bool) and str(value) in words:
            return 0
    return value


def scrub_sqlite(path: Path, words: Set[str], *, delete_rows: bool) -> int:
    """Take the words out of every table of a SQLite file, or delete the rows that hold them; returns how many rows.

    Pages are overwritten and the file is rebuilt, so that nothing stays in freed space. Raises sqlite3.Error.
    """
    changed = 0
    with closing(sqlite3.connect(path, timeout=_BUSY_TIMEOUT_S)) as db:
        db.execute("PRAGMA secure_delete = ON")
        for table, key, columns in _tables(db):
            found = [
                (row[: len(key)], dict(zip(columns, row[len(key) :], strict=True)))
                for row in db.execute(f"SELECT {', '.join([*key, *columns])} FROM {table}")
                if any(isinstance(value, str) and _is_hit(value, words) for value in row[len(key) :])
            ]
            where = " AND ".join(f"{name} IS ?" for name in key)
            for identity, values in found:
                changed += 1
                fresh = {name: without(v, words) if isinstance(v, str) else v for name, v in values.items()}
                try:
                    if delete_rows:
                        raise sqlite3.IntegrityError
                    assignments = ", ".join(f"{name} = ?" for name in fresh)
                    db.execute(f"UPDATE {table} SET {assignments} WHERE {where}", [*fresh.values(), *identity])
                except sqlite3.IntegrityError:  # also two rows that became alike: one of them is enough
                    db.execute(f"DELETE FROM {table} WHERE {where}", identity)
        db.commit()
        if changed:
            db.execute("VACUUM")
        db.execute("PRAGMA wal_checkpoint(TRUNCATE)")
    return changed


def _is_hit(value: str, words: Set[str]) -> bool:
    return mentions(value, words) or _PICTURE in value


def _tables(db: sqlite3.Connection) -> Iterator[tuple[str, list[str], list[str]]]:
    """Every table with the columns that identify a row, and all its columns; names quoted."""
    names = db.execute(
        "SELECT name, sql FROM sqlite_master WHERE type = 'table' AND name NOT LIKE 'sqlite_%'"
    ).fetchall()
    for name, sql in names:
        table = f'"{name}"'
        columns = db.execute(f"PRAGMA table_info({table})").fetchall()
        key = [f'"{column[1]}"' for column in columns if column[5]]
        is_by_key = "WITHOUT ROWID" in sql.upper()
        yield table, key if is_by_key else ["rowid"], [f'"{column[1]}"' for column in columns]


def files_with(folder: Path, words: Set[str], skip: Set[Path] = frozenset()) -> list[Path]:
    """Files and folders below a folder that have one of the words in their name or anywhere inside, sorted."""
    found = []
    for path in sorted(folder.rglob("*")):
        if path in skip or not skip.isdisjoint(path.parents):
            continue
        if mentions(path.name, words) or (path.is_file() and not path.is_symlink() and holds(path, words)):
            found.append(path)
    return found


def is_sqlite(path: Path) -> bool:
    """Is it a SQLite database?"""
    with path.open("rb") as file:
        return file.read(15) == b"SQLite format 3"


def holds(path: Path, words: Set[str]) -> bool:
    """Does the file hold one of the words, whatever kind of file it is?"""
    data = path.read_bytes()
    raw = {word.encode() for word in words if len(word) >= _SHORTEST_RAW}
    if not raw.isdisjoint(_RAW_WORD.findall(data)):
        return True
    if data[:2] == b"\x1f\x8b":
        try:
            return mentions(gzip.decompress(data).decode("utf-8", "replace"), words)
        except (OSError, EOFError, zlib.error):
            return False
    if is_sqlite(path):
        with closing(sqlite3.connect(path, timeout=_BUSY_TIMEOUT_S)) as db:
            return any(
                isinstance(value, str) and mentions(value, words)
                for table, _, columns in _tables(db)
                for row in db.execute(f"SELECT {', '.join(columns)} FROM {table}")
                for value in row
            )
    if data[8:12] == b"DUCK":
        with duckdb.connect(str(path), read_only=True) as warehouse:
            sql = "SELECT schema_name, table_name, column_name FROM duckdb_columns() WHERE data_type LIKE 'VARCHAR%' "
            columns = warehouse.execute(sql + "AND NOT internal").fetchall()
            return any(_in_column(warehouse, f'"{s}"."{t}"', c, words) for s, t, c in columns)
    if data[:4] == b"PAR1":
        relation = "read_parquet('{}')".format(str(path).replace("'", "''"))
        with duckdb.connect() as memory:
            described = memory.execute(f"DESCRIBE SELECT * FROM {relation}").fetchall()
            return any(_in_column(memory, relation, row[0], words) for row in described if row[1] == "VARCHAR")
    return mentions(data.decode("utf-8", "replace"), words)


def _in_column(db: duckdb.DuckDBPyConnection, relation: str, column: str, words: Set[str]) -> bool:
    values = db.execute(f'SELECT DISTINCT "{column}" FROM {relation} WHERE "{column}" IS NOT NULL').fetchall()
    return any(mentions(value, words) for (value,) in values)
