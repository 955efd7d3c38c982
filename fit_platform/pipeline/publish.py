"""The published marts: a copy for readers, made after green checks, so that no reader ever locks out the writer.

`published/current` is a link to a folder with `fitness.duckdb` (storage v1.2.0, which DuckDB 1.2 and later open; not
called after its schema, which would make `marts.x` ambiguous), one Parquet file a mart, and the samples behind them by
month (`publish_detail`). A publish makes a new folder
and then moves the link, so a reader sees the old set or the new one. The folder is named by the content of the marts:
publishing the same content again does nothing.
"""

from __future__ import annotations

import hashlib
import shutil
import uuid
from dataclasses import dataclass
from pathlib import Path

import duckdb

from fit_platform.pipeline.publish_detail import detail_files, write_detail
from fit_platform.warehouse.duckdb_warehouse import DuckDBWarehouse

MARTS_SCHEMA = "marts"
_STORAGE_VERSION = "v1.2.0"
_KEPT_VERSIONS = 2  # the current one, and the one that a reader may still have open


@dataclass(frozen=True, slots=True)
class Published:
    """A published set of marts."""

    version: str
    folder: Path
    changed: bool
    rows: dict[str, int]


def mart_hashes(warehouse: DuckDBWarehouse) -> dict[str, tuple[int, str]]:
    """Row count and content hash of every mart. The hash does not depend on the order of rows."""
    with warehouse.connect(read_only=True) as db:
        return {name: _table_hash(db, name) for name in _marts(db)}


def _marts(db: duckdb.DuckDBPyConnection) -> list[str]:
    return [
        row[0]
        for row in db.execute(
            "SELECT table_name FROM duckdb_tables() WHERE schema_name = ? ORDER BY table_name", [MARTS_SCHEMA]
        ).fetchall()
    ]


def _table_hash(db: duckdb.DuckDBPyConnection, name: str) -> tuple[int, str]:
    row = db.execute(
        f"SELECT count(*), coalesce(md5(string_agg(h, '' ORDER BY h)), '') "
        f'FROM (SELECT md5(to_json(t)::VARCHAR) AS h FROM "{MARTS_SCHEMA}"."{name}" AS t)'
    ).fetchone()
    assert row is not None
    return int(row[0]), str(row[1])


def publish(warehouse: DuckDBWarehouse, root: Path, kept_versions: int = _KEPT_VERSIONS) -> Published:
    """Publish every mart under `root`, unless what is published has the same content.

    `kept_versions` is 1 where data may be kept for a limited time only: an older version would hold what was purged.
    """
    with warehouse.connect() as db:
        hashes = {name: _table_hash(db, name) for name in _marts(db)}
        detail = detail_files(db)
        contents = [*(f"{name} {content}" for name, (_, content) in hashes.items()), *sorted(detail)]
        digest = hashlib.sha256("\n".join(contents).encode())
        version = digest.hexdigest()[:16]
        rows = {name: count for name, (count, _) in hashes.items()}
        folder = root / version
        link = root / "current"
        if folder.is_dir() and link.resolve() == folder.resolve():
            _forget_old(root, folder, kept_versions)
            return Published(version, folder, False, rows)
        if not folder.is_dir():
            root.mkdir(parents=True, exist_ok=True)
            unfinished = root / f".unfinished-{uuid.uuid4().hex}"
            (unfinished / "parquet").mkdir(parents=True)
            try:
                _copy(db, list(hashes), unfinished)
                write_detail(db, detail, unfinished, link.resolve() if link.exists() else None)
                unfinished.rename(folder)
            finally:
                shutil.rmtree(unfinished, ignore_errors=True)
    _point(link, folder)
    _forget_old(root, folder, kept_versions)
    return Published(version, folder, True, rows)


def _copy(db: duckdb.DuckDBPyConnection, marts: list[str], folder: Path) -> None:
    place = str(folder).replace("'", "''")
    db.execute(f"ATTACH '{place}/fitness.duckdb' AS published (STORAGE_VERSION '{_STORAGE_VERSION}')")
    try:
        db.execute(f'CREATE SCHEMA published."{MARTS_SCHEMA}"')
        for name in marts:
            source = f'"{MARTS_SCHEMA}"."{name}"'
            db.execute(f'CREATE TABLE published."{MARTS_SCHEMA}"."{name}" AS FROM {source}')
            db.execute(f"COPY {source} TO '{place}/parquet/{name}.parquet' (FORMAT parquet, COMPRESSION zstd)")
    finally:
        db.execute("DETACH published")


def _point(link: Path, folder: Path) -> None:
    fresh = link.with_name(f".current-{uuid.uuid4().hex}")
    fresh.symlink_to(folder.name)
    fresh.replace(link)


def _forget_old(root: Path, current: Path, kept_versions: int) -> None:
    versions = sorted(
        (path for path in root.iterdir() if path.is_dir() and not path.is_symlink() and path != current),
        key=lambda path: path.stat().st_mtime,
        reverse=True,
    )
    for path in versions[kept_versions - 1 :]:
        shutil.rmtree(path)
