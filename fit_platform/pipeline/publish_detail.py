"""What is published beside the marts: heart-rate samples and the courses of activities, one Parquet file a month.

They are too many to copy at every publish. A month's file is named by a fingerprint of what the month was made of (the
load ledger, the clusters, the local time), so an unchanged month is the same file, linked into the new version.
"""

from __future__ import annotations

import hashlib
import os
from datetime import date
from pathlib import Path

import duckdb

DETAIL_FOLDER = "detail"
DETAIL: dict[str, tuple[str, str]] = {
    # name -> the view that it is made of, and the order of its rows
    "heart_rate_samples": ("int_heart_rate_samples", "athlete_id, sampled_second"),
    "activity_tracks": ("int_activity_tracks", "athlete_id, provider, provider_activity_id, sampled_at"),
}
_VERSION = "1"  # of these files' layout: another one makes every file anew
_MARGIN_DAYS = 3  # how far a day's rows depend on the days around it: nights, local days, late records
_ROW_GROUP = 100_000  # rows that a reader of one day has to look at
_NEEDED = {"int_activity_clusters", "int_activity_records", "int_utc_offset_segments", "int_local_time_map"}


def detail_files(db: duckdb.DuckDBPyConnection) -> dict[str, date]:
    """File name -> first day of its month, for everything that a publish should have; empty before the first build."""
    existing = {
        row[0]
        for row in db.execute(
            "SELECT table_name FROM information_schema.tables WHERE table_schema IN ('intermediate', 'ops')"
        ).fetchall()
    }
    if not existing >= {*_NEEDED, *(view for view, _ in DETAIL.values()), "load_ledger"}:
        return {}
    made_of = db.execute(
        "SELECT view_name, sql FROM duckdb_views() WHERE schema_name IN ('intermediate', 'staging') ORDER BY 1"
    ).fetchall()
    views = hashlib.sha256(repr(made_of).encode()).hexdigest()
    return {
        f"{name}/{month:%Y-%m}-{hashlib.sha256(f'{_VERSION} {views} {facts}'.encode()).hexdigest()[:16]}.parquet": month
        for month, facts in _months(db).items()
        for name in DETAIL
    }


def _months(db: duckdb.DuckDBPyConnection) -> dict[date, str]:
    """What each month with data is made of, as text that changes when it does."""
    margin = f"INTERVAL {_MARGIN_DAYS} DAY"
    rows = db.execute(
        f"""
        WITH months AS (
            SELECT DISTINCT date_trunc('month', dt)::DATE AS month FROM ops.load_ledger WHERE loaded_rows > 0
        ),
        spans AS (
            SELECT month, month - {margin} AS first, month + INTERVAL 1 MONTH + {margin} AS last,
                epoch(month::TIMESTAMP) - 86400 AS first_second,
                epoch((month + INTERVAL 1 MONTH)::TIMESTAMP) + 86400 AS last_second
            FROM months
        )
        SELECT month,
            (SELECT md5(string_agg(concat_ws(' ', provider, resource, dt, content_hash, parser_version), '\n'
                ORDER BY provider, resource, dt))
             FROM ops.load_ledger AS ledger WHERE ledger.dt >= spans.first AND ledger.dt < spans.last),
            (SELECT md5(string_agg(concat_ws(' ', c.record_id, c.activity_id, c.relation, c.is_primary, c.matched_by,
                records.has_heart_rate_samples, records.utc_offset_seconds), '\n' ORDER BY c.record_id))
             FROM intermediate.int_activity_clusters AS c
             JOIN intermediate.int_activity_records AS records USING (record_id)
             WHERE records.started_at >= spans.first AND records.started_at < spans.last),
            (SELECT md5(string_agg(concat_ws(' ', athlete_id, greatest(from_second, spans.first_second),
                least(to_second, spans.last_second), utc_offset_seconds), '\n' ORDER BY athlete_id, from_second))
             FROM intermediate.int_utc_offset_segments AS segments
             WHERE segments.to_second > spans.first_second AND segments.from_second < spans.last_second),
            (SELECT md5(string_agg(times::VARCHAR, '\n' ORDER BY times::VARCHAR))
             FROM intermediate.int_local_time_map AS times
             WHERE times.local_date >= spans.first AND times.local_date < spans.last)
        FROM spans ORDER BY month
        """
    ).fetchall()
    return {row[0]: " ".join(str(fact) for fact in row[1:]) for row in rows}


def write_detail(db: duckdb.DuckDBPyConnection, files: dict[str, date], folder: Path, before: Path | None) -> None:
    """Put these files into a version's `folder`; what the version `before` has already is linked, not made again."""
    for name, month in files.items():
        path = folder / DETAIL_FOLDER / name
        path.parent.mkdir(parents=True, exist_ok=True)
        known = before / DETAIL_FOLDER / name if before is not None else None
        if known is not None and known.is_file():
            _link(known, path)
            continue
        view, order = DETAIL[path.parent.name]
        place = str(path).replace("'", "''")
        after = f"DATE '{month}' + INTERVAL 1 MONTH"
        db.execute(
            f"COPY (SELECT * FROM intermediate.{view} WHERE dt >= DATE '{month}' AND dt < {after} ORDER BY {order}) "
            f"TO '{place}' (FORMAT parquet, COMPRESSION zstd, ROW_GROUP_SIZE {_ROW_GROUP})"
        )


def _link(known: Path, path: Path) -> None:
    try:
        os.link(known, path)
    except OSError:  # a file system without hard links
        path.write_bytes(known.read_bytes())
