"""Base and ops tables as BigQuery knows them: datasets, partitioning, clustering, and what may change in a schema.

Everything comes from the definitions in `schema` and `base`; nothing here talks to BigQuery.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from google.cloud import bigquery

from fit_platform.errors import ConfigError
from fit_platform.warehouse.base import BASE_SCHEMA, OPS_SCHEMA, OPS_TABLES
from fit_platform.warehouse.schema import Column, Table, Type

LABELS = {"app": "fit-platform"}
SCRATCH_SCHEMA = "scratch"
PUBLISHED_SCHEMA = "published"
TIME_TRAVEL_HOURS = 48
"""How long BigQuery lets one look back: its shortest. Landing is our history, and what is deleted shall be gone."""
SCRATCH_HOURS = 24
"""What a killed load leaves in the scratch dataset removes itself after this time."""
DATASETS = {
    BASE_SCHEMA: "Typed rows of the providers' answers, one table a kind of record, partitioned by day.",
    OPS_SCHEMA: "What is loaded, what could not be loaded, and what is built.",
    SCRATCH_SCHEMA: f"Tables of loads under way; they vanish by themselves after {SCRATCH_HOURS} hours.",
    "staging": "Base tables with one name and unit for the same thing: views, made by dbt.",
    "intermediate": "Steps between staging and marts, made by dbt.",
    "marts": "The marts as they were built last, checked or not. Readers are given the dataset `published`.",
    PUBLISHED_SCHEMA: "The marts for readers: replaced whole in one transaction after green checks.",
}
WORKING_SCHEMAS = tuple(schema for schema in DATASETS if schema != PUBLISHED_SCHEMA)
"""What can be made anew from the landing zone, and is emptied for it. Readers keep what they have meanwhile."""


@dataclass(frozen=True, slots=True)
class Layout:
    """One table as it is to be in BigQuery. `columns` in table order."""

    schema: str
    name: str
    description: str
    columns: tuple[Column, ...]
    partitioned: bool = False
    cluster_by: tuple[str, ...] = ()
    requires_day_filter: bool = False

    @property
    def fields(self) -> list[bigquery.SchemaField]:
        """The columns as the API takes them."""
        return schema_fields(self.columns)

    def resource(self, dataset: str) -> bigquery.Table:
        """The table to be created, in a dataset given as `project.dataset`."""
        table = bigquery.Table(f"{dataset}.{self.name}", schema=self.fields)
        table.description = self.description
        table.labels = {**LABELS, "schema": self.schema}
        if self.partitioned:
            table.time_partitioning = bigquery.TimePartitioning(type_=bigquery.TimePartitioningType.DAY, field="dt")
            table.require_partition_filter = self.requires_day_filter
        if self.cluster_by:
            table.clustering_fields = list(self.cluster_by)
        return table


def schema_fields(columns: Sequence[Column]) -> list[bigquery.SchemaField]:
    """Columns as the API takes them: type, mode and description."""
    return [
        bigquery.SchemaField(
            column.name,
            column.bigquery_type,
            mode="NULLABLE" if column.nullable else "REQUIRED",
            description=column.description,
        )
        for column in columns
    ]


def base_layout(table: Table, *, requires_day_filter: bool = False) -> Layout:
    """A base table: a partition a day, clustered by athlete first."""
    return Layout(
        schema=BASE_SCHEMA,
        name=table.name,
        description=table.description,
        columns=table.all_columns,
        partitioned=True,
        cluster_by=table.cluster_by,
        requires_day_filter=requires_day_filter,
    )


_OPS_DESCRIPTIONS = {
    "load_ledger": "What is loaded: for each provider, resource and day the content of the landing objects under "
    "raw/provider=<provider>/resource=<resource>/dt=<dt>/, rows and time.",
    "quarantine": "Records that could not become rows, with the reason.",
    "build_queue": "Days that were loaded and not yet built.",
    "builds": "Complete dbt builds.",
    "publications": "What was published, and when; the newest line is what readers see.",
}
PUBLICATION_COLUMNS = (
    Column("version", Type.STRING, "Content of all marts together.", nullable=False),
    Column("published_at", Type.TIMESTAMP, "When.", nullable=False),
    Column("published_rows", Type.INT, "Rows of all marts together.", nullable=False),
)
OPS_LAYOUTS = {
    name: Layout(
        schema=OPS_SCHEMA,
        name=name,
        description=_OPS_DESCRIPTIONS[name],
        columns=columns,
        cluster_by=("provider", "resource") if columns[0].name == "provider" else (),
    )
    for name, columns in {**OPS_TABLES, "publications": PUBLICATION_COLUMNS}.items()
}


def declared(bigquery_type: str, *, nullable: bool) -> str:
    """A column's type and mode in one word or three."""
    return bigquery_type if nullable else f"{bigquery_type} NOT NULL"


def added_columns(layout: Layout, existing: Mapping[str, str]) -> list[Column]:
    """The nullable columns that a table lacks. Raises ConfigError for any other difference.

    Args:
        layout: The table as it is to be.
        existing: Column name to `declared` form (INT64, STRING NOT NULL, ...), as the table is.
    """
    missing = [column for column in layout.columns if column.name not in existing]
    wanted = {c.name: declared(c.bigquery_type, nullable=c.nullable) for c in layout.columns}
    changed = [name for name, form in wanted.items() if existing.get(name, form) != form]
    gone = sorted(set(existing) - {column.name for column in layout.columns})
    refused = changed + gone + [column.name for column in missing if not column.nullable]
    if refused:
        raise ConfigError(
            f"table {layout.schema}.{layout.name}: columns {', '.join(refused)} changed, and nothing was touched; "
            "run `fit-platform rebuild`"
        )
    return missing
