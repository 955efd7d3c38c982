"""Landing objects to Parquet files of typed rows: samples columnar in DuckDB, small records one by one.

Whatever cannot become a row goes to quarantine with its reason and the rest of the day loads: a bad value, a bad
record, a line of the wrong shape, a damaged object. Nothing here touches a warehouse.
"""

from __future__ import annotations

import hashlib
import inspect
import os
import re
import struct
import sys
from collections import deque
from collections.abc import Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, field
from datetime import date
from functools import cache
from pathlib import Path
from types import ModuleType
from typing import Any

import duckdb
import msgspec
import pyarrow as pa
import pyarrow.parquet as pq

from fit_platform.errors import BadRecord, DamagedObject
from fit_platform.landing.envelope import Line, decode_lines, encode_lines
from fit_platform.landing.layout import DayKey
from fit_platform.landing.zone import LandingZone
from fit_platform.pipeline.rows import provenance, typed_row
from fit_platform.providers.base import ColumnarParser, RecordContext, Resource
from fit_platform.warehouse.base import Quarantined
from fit_platform.warehouse.schema import Table

BATCH_BYTES = 16 * 2**20  # uncompressed JSON of a batch; memory is about three times this for each batch at work
_WORKERS = max(2, min(4, os.cpu_count() or 1))  # batches at work: DuckDB reads the series of a few lines with one core
_MIN_OBJECT_BYTES = 16 * 2**20
_VALUE_LENGTH = 2000
_MAX_COMPRESSION = 1032  # deflate's limit
_IN_FILE = re.compile(r' in file "[^"]*"')  # a temporary path of this machine, which helps nobody
_NOT_PARSING = {"base", "client", "http", "oauth", "per_activity", "pulling", "tables"}
_PARSER_BUGS = (KeyError, TypeError, ValueError, AttributeError, IndexError)


@dataclass
class Parsed:
    """What parsing came to. `rows` counts good rows by day; `parquet` holds the files by table."""

    parquet: dict[Table, list[Path]]
    quarantine: list[Quarantined] = field(default_factory=list)
    objects: dict[date, int] = field(default_factory=dict)
    rows: dict[date, int] = field(default_factory=dict)
    duplicates: dict[date, int] = field(default_factory=dict)

    def add(self, other: Parsed) -> None:
        """Take in what a part of the objects came to."""
        for table, paths in other.parquet.items():
            self.parquet[table].extend(paths)
        self.quarantine.extend(other.quarantine)
        for mine, theirs in (
            (self.objects, other.objects),
            (self.rows, other.rows),
            (self.duplicates, other.duplicates),
        ):
            for day, number in theirs.items():
                _add(mine, day, number)


def parser_version(resource: Resource) -> str:
    """A short hash over the parser's source and the table schemas: another version means days are loaded again."""
    digest = hashlib.sha256()
    if (function := resource.parse.records) is not None:
        for name in parsing_modules(function.__module__):
            digest.update(inspect.getsource(sys.modules[name]).encode())
    if resource.parse.columnar is not None:
        digest.update(repr((resource.parse.columnar.payload_type, dict(resource.parse.columnar.selects))).encode())
    digest.update(repr([(table.name, table.all_columns, table.key) for table in resource.tables]).encode())
    return digest.hexdigest()[:12]


@cache
def parsing_modules(parser: str) -> tuple[str, ...]:
    """The parser's module and every provider module that it reads values with, sorted.

    An edit of `providers/fields.py` changes rows as much as one of the parser does. Left out are modules that only ask,
    and the tables: schemas are hashed by resource, or a new column would load every resource of its provider again.
    """
    found: set[str] = set()
    waiting = [parser]
    while waiting:
        name = waiting.pop()
        is_ours = name.startswith("fit_platform.providers.") and name.rpartition(".")[2] not in _NOT_PARSING
        if name in found or not (is_ours or name == parser):
            continue
        found.add(name)
        for value in vars(sys.modules[name]).values():
            is_module = isinstance(value, ModuleType)
            waiting.append(value.__name__ if is_module else str(getattr(value, "__module__", "")))
    return tuple(sorted(found))


def parse_days(resource: Resource, zone: LandingZone, keys: Sequence[DayKey], folder: Path) -> Parsed:
    """Parse landing objects of one resource into Parquet files under `folder`, a batch for each processor at a time."""
    parsed = Parsed({table: [] for table in resource.tables})
    copies = folder / "landing"
    at_work: deque[Future[Parsed]] = deque()
    with ThreadPoolExecutor(_WORKERS, "parse") as pool:
        for number, batch in enumerate(_batches(zone, keys, copies)):
            if len(at_work) == _WORKERS:
                parsed.add(at_work.popleft().result())
            at_work.append(pool.submit(_parse_batch, resource, batch, folder / f"{number:04d}", copies))
        for batch_parsed in at_work:
            parsed.add(batch_parsed.result())
    return parsed


def _parse_batch(resource: Resource, batch: Sequence[tuple[DayKey, Path]], out: Path, copies: Path) -> Parsed:
    parsed = Parsed({table: [] for table in resource.tables})
    out.mkdir(parents=True)
    if resource.parse.records is not None:
        _parse_records(resource, batch, out, parsed)
    if resource.parse.columnar is not None:
        counts_lines = resource.parse.records is None
        files = []
        for key, path in batch:
            if path.stat().st_size:
                files.append(path)
            elif counts_lines:  # DuckDB takes no bytes for no lines, without a word
                parsed.quarantine.append(
                    Quarantined(key.dt, key.athlete_id, key.path, "damaged object: no bytes", None)
                )
        _parse_columnar(resource, resource.parse.columnar, files, out, parsed, counts_lines=counts_lines)
    for _, path in batch:
        if path.is_relative_to(copies):
            path.unlink()
    return parsed


def _uncompressed_bytes(path: Path) -> int:
    """What a gzip file says of itself in its last four bytes; never more than it can be."""
    size = path.stat().st_size
    with path.open("rb") as file:
        file.seek(max(0, size - 4))
        tail = file.read(4)
    claimed = int(struct.unpack("<I", tail)[0]) if len(tail) == 4 else 0
    return min(claimed, size * _MAX_COMPRESSION)


def _batches(zone: LandingZone, keys: Sequence[DayKey], copies: Path) -> Iterator[list[tuple[DayKey, Path]]]:
    batch: list[tuple[DayKey, Path]] = []
    size = 0
    for key, path in zip(keys, zone.local_files(keys, copies), strict=True):
        one = _uncompressed_bytes(path)
        if batch and size + one > BATCH_BYTES:
            yield batch
            batch, size = [], 0
        batch.append((key, path))
        size += one
    if batch:
        yield batch


# --- small records ---------------------------------------------------------------------------------------------------


def _parse_records(resource: Resource, batch: Sequence[tuple[DayKey, Path]], out: Path, parsed: Parsed) -> None:
    assert resource.parse.records is not None
    tables = {table.name: table for table in resource.tables}
    rows: dict[str, dict[tuple[Any, ...], dict[str, Any]]] = {name: {} for name in tables}
    for key, path in batch:
        try:
            lines = decode_lines(path.read_bytes())
        except DamagedObject as damage:
            parsed.quarantine.append(Quarantined(key.dt, key.athlete_id, key.path, str(damage), None))
            continue
        for line in lines:
            if line.rejected is not None:
                parsed.quarantine.append(_rejected(key, line))
            if not line.is_live:
                continue
            _add(parsed.objects, key.dt, 1)
            if line.payload == b"null":
                continue
            context = RecordContext(key.athlete_id, key.dt, line.request)
            try:
                payload = msgspec.json.decode(line.payload)
                made = [
                    (name, typed_row(tables[name], row | provenance(key, line)))
                    for name, row in resource.parse.records(payload, context)
                ]
            except (BadRecord, *_PARSER_BUGS) as error:
                reason = str(error) if isinstance(error, BadRecord) else f"{type(error).__name__}: {error}"
                parsed.quarantine.append(
                    Quarantined(
                        key.dt,
                        key.athlete_id,
                        key.path,
                        reason,
                        line.payload[:_VALUE_LENGTH].decode("utf-8", "replace"),
                    )
                )
                continue
            for name, row in made:
                identity = tuple(row[column] for column in ("dt", *tables[name].key))
                _add(parsed.duplicates if identity in rows[name] else parsed.rows, key.dt, 1)
                rows[name][identity] = row
    for name, by_key in rows.items():
        if by_key:
            path = out / f"{name}.records.parquet"
            pq.write_table(pa.Table.from_pylist(list(by_key.values()), schema=tables[name].arrow_schema), path)
            parsed.parquet[tables[name]].append(path)


def _rejected(key: DayKey, line: Line) -> Quarantined:
    assert line.rejected is not None
    body = str(line.rejected.get("body", ""))[:_VALUE_LENGTH]
    return Quarantined(key.dt, key.athlete_id, key.path, str(line.rejected.get("reason")), body)


def _add(counts: dict[date, int], day: date, number: int) -> None:
    counts[day] = counts.get(day, 0) + number


# --- samples ---------------------------------------------------------------------------------------------------------


def _parse_columnar(
    resource: Resource,
    parser: ColumnarParser,
    files: Sequence[Path],
    out: Path,
    parsed: Parsed,
    *,
    counts_lines: bool,
) -> None:
    """Parse files in one go; when DuckDB refuses the shape of something, halve until the culprit stands alone."""
    if not files:
        return
    try:
        result = _run_columnar(resource, parser, files, out, counts_lines=counts_lines)
    except duckdb.Error as error:
        if len(files) > 1:
            middle = len(files) // 2
            for name, half in (("a", files[:middle]), ("b", files[middle:])):
                (out / name).mkdir()
                _parse_columnar(resource, parser, half, out / name, parsed, counts_lines=counts_lines)
            return
        _isolate_lines(resource, parser, files[0], out, parsed, error, counts_lines=counts_lines)
        return
    parsed.add(result)


def _isolate_lines(
    resource: Resource,
    parser: ColumnarParser,
    file: Path,
    out: Path,
    parsed: Parsed,
    error: duckdb.Error,
    *,
    counts_lines: bool,
) -> None:
    """One object does not parse: try its lines one by one, each as an object of its own under the same name."""
    key = DayKey.from_path(file.as_posix())
    assert key is not None
    reason = _IN_FILE.sub("", str(error).splitlines()[0])
    try:
        lines = decode_lines(file.read_bytes())
    except DamagedObject as damage:
        parsed.quarantine.append(Quarantined(key.dt, key.athlete_id, key.path, str(damage), None))
        return
    if len(lines) == 1:
        value = lines[0].payload[:_VALUE_LENGTH].decode("utf-8", "replace")
        parsed.quarantine.append(Quarantined(key.dt, key.athlete_id, key.path, reason, value))
        return
    for number, line in enumerate(lines):
        alone = out / f"line{number}" / key.path
        alone.parent.mkdir(parents=True)
        alone.write_bytes(encode_lines([line]))
        folder = out / f"rows{number}"
        folder.mkdir()
        _parse_columnar(resource, parser, [alone], folder, parsed, counts_lines=counts_lines)


def _run_columnar(
    resource: Resource, parser: ColumnarParser, files: Sequence[Path], out: Path, *, counts_lines: bool
) -> Parsed:
    result = Parsed({table: [] for table in resource.tables})
    tables = {table.name: table for table in resource.tables}
    largest = max(_uncompressed_bytes(file) for file in files)
    with duckdb.connect() as db:
        db.execute("SET TimeZone = 'UTC'")
        db.execute("SET preserve_insertion_order = true")
        _create_lines(db, parser.payload_type, [str(file) for file in files], max(_MIN_OBJECT_BYTES, 2 * largest))
        if counts_lines:
            result.quarantine.extend(_quarantined(db, _REJECTED_SQL))
            result.objects.update(dict(db.execute("SELECT dt, count(*) FROM live GROUP BY dt").fetchall()))
        for name, select in parser.selects.items():
            table = tables[name]
            required = " ".join(
                f"WHEN \"{c.name}\" IS NULL THEN 'missing {c.name}'" for c in table.columns if not c.nullable
            )
            checked = f"CASE {required} END" if required else "NULL"
            db.execute(
                f"CREATE OR REPLACE TEMP TABLE parsed AS SELECT *, coalesce(bad_reason, {checked}) AS reason "
                f"FROM ({select})"
            )
            result.quarantine.extend(_quarantined(db, _BAD_ROWS_SQL))
            for day, good, distinct in _write_good_rows(db, table, out / f"{name}.parquet"):
                _add(result.rows, day, distinct)
                if good > distinct:
                    _add(result.duplicates, day, good - distinct)
            if (out / f"{name}.parquet").exists():
                result.parquet[table].append(out / f"{name}.parquet")
    return result


def _create_lines(db: duckdb.DuckDBPyConnection, payload_type: str, files: list[str], object_bytes: int) -> None:
    """The view `lines` that columnar parsers select from, over `live`, the lines that hold an object."""
    columns = (
        f"{{fetched_at: 'TIMESTAMPTZ', first_fetched_at: 'TIMESTAMPTZ', request: 'JSON', tombstone: 'JSON', "
        f"rejected: 'JSON', payload: '{payload_type}'}}"
    )
    listed = ", ".join(f"'{file}'" for file in (name.replace("'", "''") for name in files))
    db.execute(
        f"""
        CREATE TEMP TABLE landed AS
        SELECT
          regexp_extract(filename, 'athlete=([^/]+)/', 1) AS athlete_id,
          CAST(regexp_extract(filename, 'dt=([0-9-]{{10}})/', 1) AS DATE) AS dt,
          fetched_at,
          coalesce(first_fetched_at, fetched_at) AS first_fetched_at,
          regexp_extract(filename, 'raw/provider=.*$') AS landing_object,
          row_number() OVER () AS line_number,
          request, tombstone, rejected, payload
        FROM read_json([{listed}], format = 'newline_delimited', compression = 'gzip', filename = true,
                       columns = {columns}, maximum_object_size = {object_bytes})
        """
    )
    db.execute(
        "CREATE TEMP VIEW live AS SELECT * FROM landed "
        "WHERE coalesce(CAST(tombstone AS VARCHAR), 'null') = 'null' "
        "AND coalesce(CAST(rejected AS VARCHAR), 'null') = 'null'"
    )
    db.execute("CREATE TEMP VIEW lines AS SELECT * EXCLUDE (tombstone, rejected) FROM live WHERE payload IS NOT NULL")


_ACQUIRED_VIA_SQL = (
    "CASE WHEN line_number IN (SELECT line_number FROM landed WHERE request ->> '$.acquired_via' = 'archive') "
    "THEN 'archive' ELSE 'api' END"
)
_REJECTED_SQL = f"""
    SELECT dt, athlete_id, landing_object, rejected ->> '$.reason', left(rejected ->> '$.body', {_VALUE_LENGTH}), 1
    FROM landed WHERE coalesce(CAST(rejected AS VARCHAR), 'null') <> 'null' ORDER BY ALL
"""
_BAD_ROWS_SQL = f"""
    SELECT dt, athlete_id, landing_object, reason, left(min(CAST(bad_value AS VARCHAR)), {_VALUE_LENGTH}), count(*)
    FROM parsed WHERE reason IS NOT NULL GROUP BY ALL ORDER BY ALL
"""


def _quarantined(db: duckdb.DuckDBPyConnection, sql: str) -> list[Quarantined]:
    return [Quarantined(*row) for row in db.execute(sql).fetchall()]


def _write_good_rows(db: duckdb.DuckDBPyConnection, table: Table, path: Path) -> list[tuple[date, int, int]]:
    """Write the good rows once per key; returns (day, good rows, distinct rows)."""
    key = ", ".join(f'"{name}"' for name in dict.fromkeys(("dt", *table.key)))
    columns = ", ".join(
        f"{_ACQUIRED_VIA_SQL} AS acquired_via"
        if c.name == "acquired_via"
        else f'CAST("{c.name}" AS {c.duckdb_type}) AS "{c.name}"'
        for c in table.all_columns
    )
    counts: list[tuple[date, int, int]] = db.execute(
        f"SELECT dt, sum(n)::BIGINT, count(*) FROM (SELECT dt, count(*) AS n FROM parsed WHERE reason IS NULL "
        f"GROUP BY {key}) GROUP BY dt"
    ).fetchall()
    if not counts:
        return []
    once = ""
    if any(good > distinct for _, good, distinct in counts):
        order = ", ".join(f'"{c.name}" DESC' for c in table.columns)
        once = (
            f" QUALIFY row_number() OVER (PARTITION BY {key} ORDER BY fetched_at DESC, line_number DESC, {order}) = 1"
        )
    target = str(path).replace("'", "''")
    good = f"SELECT {columns} FROM parsed WHERE reason IS NULL{once}"
    db.execute(f"COPY ({good}) TO '{target}' (FORMAT parquet, COMPRESSION zstd)")
    return counts
