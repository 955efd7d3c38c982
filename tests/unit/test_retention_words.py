"""Ids are found and taken out as whole words, in text, JSON and databases, and nothing else changes."""

from __future__ import annotations

import gzip
import json
import sqlite3
from pathlib import Path

import duckdb
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fit_platform.retention.words import files_with, holds, mentions, scrub_sqlite, without

WORDS = frozenset({"ada", "16271234567"})


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("strava: connection of ada -> 401", "strava: connection of erased -> 401"),
        ("athlete=ada/part.ndjson.gz", "athlete=erased/part.ndjson.gz"),
        ("ben,ada", "ben,erased"),
        ("canada and ada_2 and ada-2", "canada and ada_2 and ada-2"),
        ("activity 16271234567, not 162712345670", "activity erased, not 162712345670"),
    ],
)
def test_a_word_is_a_whole_word(text: str, expected: str) -> None:
    assert without(text, WORDS) == expected
    assert mentions(text, WORDS) == (text != expected)


def test_json_is_read_before_it_is_searched_and_dagsters_own_names_stay() -> None:
    event = {
        "__class__": "EventLogEntry",
        "step_key": "ada",
        "message": "first\nada failed",
        "nested": json.dumps({"failed": {"ada": {"id": 16271234567}}}),
        "asset_key": {"path": ["raw", "ada"]},
    }
    cleaned = json.loads(without(json.dumps(event), WORDS))
    assert cleaned["step_key"] == "ada", "an athlete may be called like a step; the record stays readable"
    assert cleaned["asset_key"] == {"path": ["raw", "ada"]}
    assert cleaned["message"] == "first\nerased failed"
    assert json.loads(cleaned["nested"]) == {"failed": {"erased": {"id": 0}}}


@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(), lambda s: st.lists(s) | st.dictionaries(st.text(), s)
    )
)
def test_json_without_the_words_stays_as_it_is(value: object) -> None:
    text = json.dumps(value)
    if not mentions(text, WORDS) and "data:image" not in text:
        assert json.loads(without(text, WORDS)) == value


def database(path: Path) -> Path:
    with sqlite3.connect(path) as db:
        db.execute("CREATE TABLE tags (run TEXT, value TEXT)")
        db.execute("CREATE TABLE windows (scope TEXT, used INTEGER, PRIMARY KEY (scope)) WITHOUT ROWID")
        db.executemany("INSERT INTO tags VALUES (?, ?)", [("1", "ada,ben"), ("2", "ben"), ("3", None)])
        db.executemany("INSERT INTO windows VALUES (?, ?)", [("ada", 1), ("ben", 2), ("erased", 3)])
    return path


def test_a_database_loses_the_words_or_the_rows_and_keeps_no_bytes_of_them(tmp_path: Path) -> None:
    path = database(tmp_path / "a.db")
    assert holds(path, WORDS)
    assert scrub_sqlite(path, WORDS, delete_rows=False) == 2
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT value FROM tags ORDER BY run").fetchall() == [("erased,ben",), ("ben",), (None,)]
        assert db.execute("SELECT scope FROM windows ORDER BY scope").fetchall() == [("ben",), ("erased",)]
    assert b"ada" not in path.read_bytes()
    assert scrub_sqlite(path, WORDS, delete_rows=False) == 0, "twice changes nothing"

    path = database(tmp_path / "b.db")
    scrub_sqlite(path, WORDS, delete_rows=True)
    with sqlite3.connect(path) as db:
        assert db.execute("SELECT value FROM tags ORDER BY run").fetchall() == [("ben",), (None,)]
    assert b"ada" not in path.read_bytes()


def test_every_kind_of_file_is_opened_to_be_searched(tmp_path: Path) -> None:
    (tmp_path / "a.gz").write_bytes(gzip.compress(b'{"id":16271234567}'))
    database(tmp_path / "b.db")
    with duckdb.connect(str(tmp_path / "c.duckdb")) as db:
        db.execute("CREATE TABLE t AS SELECT 'ada' AS athlete_id FROM range(100)")
        db.execute(f"COPY t TO '{tmp_path / 'd.parquet'}' (FORMAT parquet)")
    (tmp_path / "e.txt").write_text("of ada")
    (tmp_path / "athlete=ada").mkdir()
    (tmp_path / "none.txt").write_text("of canada")
    (tmp_path / "kept").mkdir()
    (tmp_path / "kept" / "f.txt").write_text("ada")
    found = [path.name for path in files_with(tmp_path, WORDS, {tmp_path / "kept"})]
    assert found == ["a.gz", "athlete=ada", "b.db", "c.duckdb", "d.parquet", "e.txt"]
