"""dbt as assets, in two steps: the day-ranged models with all that they read, and then the small whole tables.

dbt tests become asset checks; one with severity `error` stops everything behind it, the publishing of the marts above
all. Neither step runs dbt when nothing was loaded since the last build and nobody asked for it.
"""

import json
import shutil
from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, timedelta
from functools import cache
from typing import Any

import dagster as dg
from dagster_dbt import DagsterDbtTranslator, DagsterDbtTranslatorSettings, DbtCliResource, DbtProject, dbt_assets

from fit_platform import dbt_process, run_tags
from fit_platform.dbt import DBT_PROJECT, ensure_manifest
from fit_platform.defs.automation import AFTER_LOADS
from fit_platform.defs.explain import explained, page_of
from fit_platform.defs.partitions import DAILY
from fit_platform.defs.raw import OWNER
from fit_platform.defs.resources import Platform
from fit_platform.pipeline.consequences import also_changed, keep_surroundings, surroundings_built, surroundings_now
from fit_platform.pipeline.ranges import outside, windows_of
from fit_platform.providers.base import Window
from fit_platform.settings import load_settings

_KEPT_DBT_RUNS = 10
_MOST_CONSEQUENCES = 4  # what a build changes elsewhere is built, and may change something elsewhere again
DAY_RANGED = "+config.materialized:incremental"
"""The day-ranged models and everything upstream of them. Being closed upstream, it is one dbt call: a selection that
the rest interleaves with would be cut into many, at several seconds each."""


class Translator(DagsterDbtTranslator):
    """Names, groups and owners of dbt nodes: the folder is the layer, group and first part of the key."""

    def get_asset_spec(self, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None) -> dg.AssetSpec:
        """The spec of a model or seed; sources are left to their load assets."""
        spec = super().get_asset_spec(manifest, unique_id, project)
        node = manifest["nodes"].get(unique_id)
        if node is None:
            return spec
        layer = "seeds" if node["resource_type"] == "seed" else node["fqn"][1]
        return spec.replace_attributes(
            key=dg.AssetKey([layer, node["name"]]),
            description=node["description"],  # the base class appends the model's SQL
            group_name=layer,
            owners=[OWNER],
            tags={"layer": layer},
            metadata={**spec.metadata, "explained in": dg.MetadataValue.path(page_of(node["name"]))},
            automation_condition=None if layer == "seeds" else AFTER_LOADS,
        )

    def get_asset_check_spec(
        self, asset_spec: dg.AssetSpec, manifest: Mapping[str, Any], unique_id: str, project: DbtProject | None
    ) -> dg.AssetCheckSpec | None:
        """The check of a dbt test, which says what it looks at and what to do when it fails."""
        spec = super().get_asset_check_spec(asset_spec, manifest, unique_id, project)
        return None if spec is None else explained(spec, manifest["nodes"][unique_id])


translator = Translator(DagsterDbtTranslatorSettings(enable_duplicate_source_asset_keys=True))
_MANIFEST = ensure_manifest(load_settings())


def day_ranges(windows: Iterable[Window]) -> str:
    """What makes the day-ranged models cover these windows, as JSON with exclusive ends; empty for all days."""
    ranges = [[str(window.first), str(window.last + timedelta(days=1))] for window in windows]
    return json.dumps(ranges) if ranges else ""


@dbt_assets(
    manifest=_MANIFEST,
    project=DBT_PROJECT,
    dagster_dbt_translator=translator,
    exclude=DAY_RANGED,
    name="dbt_tables",
    pool="duckdb_writer",
)
def dbt_tables(context: dg.AssetExecutionContext, dbt: DbtCliResource, platform: Platform) -> Iterator[Any]:
    """The models that are small enough to be built whole: activities, nights, daily totals."""
    yield from _run(["build"], context, dbt, platform)


@dbt_assets(
    manifest=_MANIFEST,
    project=DBT_PROJECT,
    dagster_dbt_translator=translator,
    select=DAY_RANGED,
    partitions_def=DAILY,
    backfill_policy=dg.BackfillPolicy.single_run(),
    name="dbt_day_ranges",
    pool="duckdb_writer",
)
def dbt_day_ranges(context: dg.AssetExecutionContext, dbt: DbtCliResource, platform: Platform) -> Iterator[Any]:
    """The heart-rate models, for the run's days and for days that an earlier, killed run left unbuilt.

    Days that lie far apart are separate ranges of one dbt call. What the build changes for further days (see
    `pipeline/consequences.py`) is built by one more call, which is rare.
    """
    warehouse = platform.runtime.warehouse
    started = datetime.now(UTC)
    pending = warehouse.pending_days()
    if context.run.tags.get(run_tags.NEWS) == "true" and not pending:
        context.log.info("nothing was loaded that is not built already; what follows is skipped")
        return
    asked = [date.fromisoformat(key) for key in context.partition_keys]
    built = windows_of([*pending, *asked])
    if context.run.tags.get(run_tags.FULL_REFRESH) == "true":
        yield from _run(["build", "--full-refresh"], context, dbt, platform)
    else:
        yield from _run(["build"], context, dbt, platform, built)
        for _ in range(_MOST_CONSEQUENCES):
            with warehouse.session():
                days = also_changed(surroundings_built(warehouse), surroundings_now(warehouse), built)
            if not days:
                break
            again = windows_of(days)
            context.log.info(f"{len(days)} more days changed by this: {', '.join(map(str, again))}")
            # Its outputs and checks have been told; a failing one ends the step all the same.
            for _event in _run(["build"], context, dbt, platform, again):
                pass
            built = [*built, *again]
    if not _day_ranged_keys() <= set(context.selected_asset_keys):
        return  # some of the models only: the days still wait for the others
    with warehouse.session():
        keep_surroundings(warehouse)
        warehouse.mark_built(pending, started)
    for day in outside(pending, [Window(asked[0], asked[-1])]):  # the run's own days are told with the outputs
        for key in sorted(_day_ranged_keys()):
            context.log_event(dg.AssetMaterialization(key, partition=str(day)))


@cache
def _day_ranged_keys() -> frozenset[dg.AssetKey]:
    nodes = json.loads(_MANIFEST.read_text())["nodes"].values()
    ranged = (node for node in nodes if node["config"]["materialized"] == "incremental")
    return frozenset(dg.AssetKey([node["fqn"][1], node["name"]]) for node in ranged)


def _run(
    arguments: list[str],
    context: dg.AssetExecutionContext,
    dbt: DbtCliResource,
    platform: Platform,
    windows: Iterable[Window] = (),
) -> Iterator[Any]:
    """Run dbt while holding the warehouse's lock. Its artifacts go to FIT_HOME, those of the last runs are kept.

    Without windows the day-ranged models that it builds are built whole.
    """
    folder = platform.runtime.settings.home_dir / "dbt"
    folder.mkdir(parents=True, exist_ok=True)
    for old in sorted(folder.iterdir(), key=lambda path: path.stat().st_mtime)[:-_KEPT_DBT_RUNS]:
        shutil.rmtree(old, ignore_errors=True)
    target = folder / f"{context.op_execution_context.op.name}-{context.run.run_id[:8]}"
    target.mkdir(exist_ok=True)
    # Unit tests judge the code on invented rows, not the data; `make test` runs them.
    arguments = [*arguments, "--exclude-resource-type", "unit_test"]
    platform.runtime.prepare_warehouse()
    with platform.runtime.warehouse.exclusive():
        dbt_process.hand_on_days(day_ranges(windows))
        yield from dbt.cli(arguments, context=context, target_path=target).stream()
