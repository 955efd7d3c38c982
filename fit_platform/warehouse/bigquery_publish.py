"""The published marts on BigQuery: a dataset for readers, replaced whole in one transaction after green checks.

dbt replaces a mart before its checks have run, so the dataset `marts` may show what a blocking check has just refused.
Readers are given the dataset `published` instead, and nothing else: copies of the marts, of which a query sees all old
ones or all new ones (a transaction is a snapshot). Content that is published already is not written again.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import datetime

from google.cloud import bigquery

from fit_platform.gcp import REQUEST_TIMEOUT_SECONDS, explained
from fit_platform.warehouse.base import OPS_SCHEMA
from fit_platform.warehouse.bigquery_jobs import RETRY
from fit_platform.warehouse.bigquery_schema import LABELS, PUBLISHED_SCHEMA
from fit_platform.warehouse.bigquery_warehouse import BigQueryWarehouse

MARTS_SCHEMA = "marts"
_PARALLEL_CALLS = 8
_LABELS = {"step": "publish"}


@dataclass(frozen=True, slots=True)
class PublishedDataset:
    """A published set of marts."""

    version: str
    dataset: str
    changed: bool
    rows: dict[str, int]


@dataclass(frozen=True, slots=True)
class Publication:
    """What readers see now."""

    version: str
    published_at: datetime


def publish(warehouse: BigQueryWarehouse) -> PublishedDataset:
    """Publish every mart, unless what is published has the same content."""
    if "publications" not in warehouse.tables(OPS_SCHEMA):
        warehouse.prepare(())  # a warehouse that an earlier version of ours prepared
    columns = warehouse.columns(MARTS_SCHEMA)
    contents = _contents(warehouse, list(columns))
    digest = hashlib.sha256(repr(sorted((name, columns[name], contents[name]) for name in columns)).encode())
    version = digest.hexdigest()[:16]
    rows = {name: count for name, (count, _) in contents.items()}
    dataset = warehouse.dataset(PUBLISHED_SCHEMA)
    published = warehouse.columns(PUBLISHED_SCHEMA)
    latest = newest_publication(warehouse)
    if latest is not None and latest.version == version and published == columns:
        return PublishedDataset(version, dataset, False, rows)
    _prepare_tables(warehouse, columns, published)
    statements = []
    for name in sorted(columns):
        names = ", ".join(f"`{column}`" for column in columns[name])
        target, mart = warehouse.relation(PUBLISHED_SCHEMA, name), warehouse.relation(MARTS_SCHEMA, name)
        statements += [f"TRUNCATE TABLE {target}", f"INSERT INTO {target} ({names}) SELECT {names} FROM {mart}"]
    statements.append(
        f"INSERT INTO {warehouse.relation(OPS_SCHEMA, 'publications')} (version, published_at, published_rows) "
        f"VALUES ('{version}', CURRENT_TIMESTAMP(), {sum(rows.values())})"
    )
    warehouse.transaction(statements, _LABELS)
    return PublishedDataset(version, dataset, True, rows)


def newest_publication(warehouse: BigQueryWarehouse) -> Publication | None:
    """What was published last; None: nothing yet, or it was withdrawn."""
    rows = warehouse.query(
        f"SELECT version, published_at FROM {warehouse.relation(OPS_SCHEMA, 'publications')} "
        "ORDER BY published_at DESC LIMIT 1"
    ).to_pylist()
    return Publication(**rows[0]) if rows else None


def published_dataset(warehouse: BigQueryWarehouse) -> str | None:
    """Where readers find the marts; None while nothing is published."""
    is_there = "publications" in warehouse.tables(OPS_SCHEMA) and bool(warehouse.tables(PUBLISHED_SCHEMA))
    return warehouse.dataset(PUBLISHED_SCHEMA) if is_there else None


def withdraw(warehouse: BigQueryWarehouse) -> None:
    """Take the published marts away from readers, until the next publication."""
    warehouse.empty(PUBLISHED_SCHEMA)


def _contents(warehouse: BigQueryWarehouse, marts: list[str]) -> dict[str, tuple[int, int | None]]:
    """Row count and content of every mart, by one query. No two rows of a mart are equal, so that XOR loses nothing."""
    if not marts:
        return {}
    counted = " UNION ALL ".join(
        f"SELECT '{name}' AS name, COUNT(*) AS n, BIT_XOR(FARM_FINGERPRINT(TO_JSON_STRING(mart))) AS content "
        f"FROM {warehouse.relation(MARTS_SCHEMA, name)} AS mart"
        for name in sorted(marts)
    )
    return {
        row["name"]: (row["n"], row["content"]) for row in warehouse.jobs.query(counted, labels=_LABELS).to_pylist()
    }


def _prepare_tables(
    warehouse: BigQueryWarehouse,
    columns: Mapping[str, Mapping[str, str]],
    published: Mapping[str, Mapping[str, str]],
) -> None:
    """Make the tables that are missing or have other columns, empty; remove those of marts that are no more.

    Tables cannot be made inside a transaction, so a mart whose columns changed is empty for a moment.
    """
    gone = [name for name in published if published[name] != columns.get(name)]
    fresh = [name for name in columns if columns[name] != published.get(name)]
    with explained(f"dataset {warehouse.dataset(PUBLISHED_SCHEMA)}"), ThreadPoolExecutor(_PARALLEL_CALLS) as pool:
        for _ in pool.map(lambda name: warehouse.delete(f"{warehouse.dataset(PUBLISHED_SCHEMA)}.{name}"), gone):
            pass
        for _ in pool.map(lambda name: _create_like(warehouse, name), fresh):
            pass


def _create_like(warehouse: BigQueryWarehouse, name: str) -> None:
    """An empty table with the mart's columns and words, partitioned by month where the mart is by day.

    By month, because a transaction may change 4,000 partitions, which are eleven years of days.
    """
    mart = warehouse.client.get_table(
        f"{warehouse.dataset(MARTS_SCHEMA)}.{name}", retry=RETRY, timeout=REQUEST_TIMEOUT_SECONDS
    )
    table = bigquery.Table(f"{warehouse.dataset(PUBLISHED_SCHEMA)}.{name}", schema=mart.schema)
    table.description = mart.description
    table.labels = {**LABELS, "schema": PUBLISHED_SCHEMA}
    if mart.time_partitioning is not None:
        table.time_partitioning = bigquery.TimePartitioning(
            type_=bigquery.TimePartitioningType.MONTH, field=mart.time_partitioning.field
        )
    if mart.clustering_fields:
        table.clustering_fields = mart.clustering_fields
    warehouse.client.create_table(table, exists_ok=True, retry=RETRY, timeout=REQUEST_TIMEOUT_SECONDS)
