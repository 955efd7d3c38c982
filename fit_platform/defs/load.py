"""Load assets: one per provider and resource; typed rows of the landed days, replacing exactly those partitions."""

import hashlib
from collections.abc import Callable, Iterable, Mapping
from datetime import date
from typing import TYPE_CHECKING

import dagster as dg

from fit_platform.defs.automation import AFTER_RAW
from fit_platform.defs.partitions import DAILY, window_of
from fit_platform.defs.plots import heart_rate_plot
from fit_platform.defs.raw import OWNER, raw_key
from fit_platform.defs.resources import Platform
from fit_platform.pipeline.load import load
from fit_platform.pipeline.observe import observer
from fit_platform.providers.base import Resource
from fit_platform.providers.registry import resources
from fit_platform.settings import load_settings
from fit_platform.warehouse.base import BASE_SCHEMA, LedgerEntry

if TYPE_CHECKING:
    from fit_platform.runtime import Runtime

_ACCOUNTS: dict[str, tuple[str, Callable[["Runtime"], int]]] = {
    "athletes": (
        "The linked athletes, as the operator described them: home zone, sex, heart-rate limits.",
        lambda runtime: runtime.load_athletes(),
    ),
    "activity_overrides": (
        "Pairs of activity records that a person decided on, from overrides.csv.",
        lambda runtime: runtime.load_overrides(),
    ),
    "athlete_settings": (
        "The athletes' heart-rate limits, own zones and weight by date and sport, from athlete_settings.csv.",
        lambda runtime: runtime.load_athlete_settings(),
    ),
}
_PLOTTED = {("fitbit", "heart_rate"), ("polar", "continuous_heart_rate")}
_SAMPLED_REASONS = 20


def load_key(resource: Resource) -> dg.AssetKey:
    """Asset key of a resource's base tables."""
    return dg.AssetKey(["load", resource.provider, resource.name])


def build_load_asset(resource: Resource) -> dg.AssetsDefinition:
    """The load asset of one resource."""

    @dg.asset(
        key=load_key(resource),
        deps=[raw_key(resource)],
        partitions_def=DAILY,
        backfill_policy=dg.BackfillPolicy.single_run(),
        group_name=f"load_{resource.provider}",
        kinds={"duckdb", "parquet"},
        owners=[OWNER],
        tags={"layer": "load", "provider": resource.provider},
        description=f"Typed rows of {resource.provider} {resource.name}: "
        + " ".join(f"`{table.name}`: {table.description}" for table in resource.tables)
        + "\n\nLoads only days whose landed content changed. Bad records are in `ops.quarantine` with the reason.",
        pool="duckdb_writer",
        retry_policy=dg.RetryPolicy(
            max_retries=2, delay=20
        ),  # automation asks once a change; a short lock must not lose it
        automation_condition=AFTER_RAW,
        metadata={
            "dagster/table_name": f"{BASE_SCHEMA}.{resource.tables[0].name}",
            "dagster/column_schema": _column_schema(resource),
        },
    )
    def loaded(context: dg.AssetExecutionContext, platform: Platform) -> dg.MaterializeResult:
        runtime = platform.runtime
        window = window_of(context)
        days = [date.fromisoformat(key) for key in context.partition_keys]
        with runtime.warehouse.session():
            runtime.prepare_warehouse()
            report = load(resource, days, runtime.zone, runtime.warehouse)
            row_count = runtime.warehouse.row_count(resource.tables[0])
            ledger = runtime.warehouse.ledger(resource.provider, resource.name)
        observer().on_load(resource, report)
        reasons = sorted({bad.reason for bad in report.quarantine})[:_SAMPLED_REASONS]
        metadata: dict[str, dg.MetadataValue | int | str] = {
            "days": str(window),
            "days_loaded": len(report.loaded),
            "days_unchanged": report.unchanged_days,
            "rows_loaded": report.rows,
            "duplicate_rows": report.duplicates,
            "quarantined": sum(bad.records for bad in report.quarantine),
        }
        if reasons:
            metadata["quarantine_reasons"] = dg.MetadataValue.json(reasons)
        metadata["dagster/row_count"] = row_count
        if len(days) == 1:
            entry = ledger.get(days[0])
            metadata["dagster/partition_row_count"] = entry.loaded_rows if entry else 0
            if resource.key in _PLOTTED and runtime.settings.target == "local":
                metadata["heart_rate"] = heart_rate_plot(runtime.duckdb, resource, days[0])
        return dg.MaterializeResult(data_version=dg.DataVersion(loaded_version(ledger, days)), metadata=metadata)

    return loaded


def loaded_version(ledger: Mapping[date, LedgerEntry], days: Iterable[date]) -> str:
    """What these days hold: the same as long as neither the landed content nor the parser changed."""
    entries = [(day, ledger[day].content_hash, ledger[day].parser_version) for day in days if day in ledger]
    return hashlib.sha256(repr(entries).encode()).hexdigest()


def _column_schema(resource: Resource) -> dg.TableSchema:
    """The main table's columns, as the UI shows them."""
    return dg.TableSchema(
        columns=[
            dg.TableColumn(
                column.name,
                type=column.duckdb_type,
                description=column.description,
                constraints=dg.TableColumnConstraints(nullable=column.nullable),
            )
            for column in resource.tables[0].all_columns
        ]
    )


def build_accounts_asset(name: str, description: str, copy: "Callable[[Runtime], int]") -> dg.AssetsDefinition:
    """The load asset of one small table that the operator keeps; `copy` fills it and says how many rows it has."""

    @dg.asset(
        key=["load", "accounts", name],
        group_name="load_accounts",
        kinds={"duckdb"},
        owners=[OWNER],
        tags={"layer": "load"},
        pool="duckdb_writer",
        description=description,
    )
    def loaded(platform: Platform) -> dg.MaterializeResult:
        platform.runtime.prepare_warehouse()
        return dg.MaterializeResult(metadata={"dagster/row_count": copy(platform.runtime)})

    return loaded


load_assets = [build_load_asset(resource) for resource in resources(load_settings())]
accounts_assets = [build_accounts_asset(name, *rest) for name, rest in _ACCOUNTS.items()]
