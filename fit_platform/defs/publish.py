"""The published marts: the copy that readers use, made only when every blocking check before it is green."""

from collections.abc import Mapping

import dagster as dg

from fit_platform.defs.automation import AFTER_LOADS
from fit_platform.defs.raw import OWNER
from fit_platform.defs.resources import Platform
from fit_platform.defs.transform import dbt_day_ranges, dbt_tables
from fit_platform.pipeline.publish import publish
from fit_platform.providers.registry import PROVIDERS

PUBLISHED_KEY = dg.AssetKey(["published", "marts"])


def build_published_asset(marts: list[dg.AssetKey]) -> dg.AssetsDefinition:
    """The published copy of these marts."""

    @dg.asset(
        key=PUBLISHED_KEY,
        deps=marts,
        group_name="published",
        kinds={"duckdb", "parquet"},
        owners=[OWNER],
        tags={"layer": "published"},
        pool="duckdb_writer",
        automation_condition=AFTER_LOADS,
        description="One DuckDB file (readable by DuckDB 1.2 and later) and one Parquet file a mart, swapped in whole. "
        "Dashboards and BI read this copy, never the warehouse itself. On Google Cloud: the dataset `published`.",
    )
    def published_marts(context: dg.AssetExecutionContext, platform: Platform) -> dg.MaterializeResult:
        runtime = platform.runtime
        if runtime.settings.target == "gcp":
            from fit_platform.warehouse import bigquery_publish

            dataset = bigquery_publish.publish(runtime.bigquery)
            _note_rows(context, dataset.rows)
            return dg.MaterializeResult(
                data_version=dg.DataVersion(dataset.version),
                metadata={
                    "dagster/row_count": sum(dataset.rows.values()),
                    "rows": dg.MetadataValue.json(dataset.rows),
                    "changed": dataset.changed,
                    "dataset": dataset.dataset,
                },
            )
        is_limited = any(runtime.limited(provider) for provider in PROVIDERS)
        published = publish(runtime.duckdb, runtime.settings.home_dir / "published", 1 if is_limited else 2)
        _note_rows(context, published.rows)
        return dg.MaterializeResult(
            data_version=dg.DataVersion(published.version),
            metadata={
                "dagster/row_count": sum(published.rows.values()),
                "rows": dg.MetadataValue.json(published.rows),
                "changed": published.changed,
                "folder": dg.MetadataValue.path(str(published.folder)),
            },
        )

    return published_marts


def _note_rows(context: dg.AssetExecutionContext, rows: Mapping[str, int]) -> None:
    """Show each mart's row count with the mart: dbt holds the file while marts are built, so they are counted here."""
    for mart, count in rows.items():
        context.log_event(dg.AssetObservation(["marts", mart], metadata={"dagster/row_count": count}))


published = build_published_asset(
    sorted(key for assets in (dbt_tables, dbt_day_ranges) for key in assets.keys if key.path[0] == "marts")
)
