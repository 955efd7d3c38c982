"""Asset checks on the base tables. dbt's own tests cover the marts; these cover what only landing and ledger can tell.

`rows_reconcile` blocks: it looks at the whole table, so that its latest result is true for every day. The others warn.
"""

from collections.abc import Callable, Iterator
from datetime import date, timedelta
from functools import partial
from typing import TYPE_CHECKING

import dagster as dg
from dagster._core.storage.dagster_run import FINISHED_STATUSES

from fit_platform.defs.load import load_key
from fit_platform.defs.resources import Platform
from fit_platform.pipeline.load import hashed_days, landed_days
from fit_platform.providers.base import DayOf, Resource
from fit_platform.providers.registry import resources
from fit_platform.settings import load_settings

if TYPE_CHECKING:
    from fit_platform.runtime import Runtime

_SAMPLED_DAYS = 20
_VALID_BPM = (30, 250)
_HEART_RATE_COLUMNS = {"bpm", "heart_rate_bpm"}
_CLOUD_DAYS = 400  # how far back checks that only warn look in BigQuery, where reading is paid for
_MAX_INVALID_SHARE = 0.05  # Polar's zeros were 2.7 % of a recorded feed; far more points at a parser or a sensor


def build_load_checks(resource: Resource) -> dg.AssetChecksDefinition:
    """The checks of one load asset, in one step."""
    key = load_key(resource)
    descriptions = {
        "rows_reconcile": "The tables hold as many rows as the ledger says. When it fails: `fit-platform rebuild`.",
        "loaded_as_landed": "Every landed day is loaded as it is landed; while other runs are under way, it may be "
        "theirs to load. When it fails: materialise the listed days of this asset.",
        "no_gaps": "Between the first and the last pulled day no day is missing that the provider can still be asked "
        "about. When it fails: backfill the days listed.",
        "nothing_quarantined": "No record is in quarantine. When it fails: the reasons are in the metadata, the "
        "records in `ops.quarantine`; they are tried again when the parser changes.",
    }
    if _heart_rate_table(resource) is not None:
        descriptions["heart_rate_in_range"] = (
            f"At most {_MAX_INVALID_SHARE:.0%} of heart-rate values lie outside {_VALID_BPM[0]}..{_VALID_BPM[1]} bpm "
            "(such values stay in the base table and are left out of the marts)."
        )

    if resource.max_quiet_days is not None:
        descriptions["fresh_by_data_time"] = (
            f"Each linked athlete's newest data is at most {resource.max_quiet_days} days old, by the time in the "
            "data. When it fails: sync the device, then see `fit-platform status`."
        )

    @dg.multi_asset_check(
        name=f"{resource.provider}_{resource.name}_checks",
        specs=[
            dg.AssetCheckSpec(name, asset=key, blocking=name == "rows_reconcile", description=text)
            for name, text in descriptions.items()
        ],
        pool="duckdb_writer",
    )
    def checks(context: dg.AssetCheckExecutionContext, platform: Platform) -> Iterator[dg.AssetCheckResult]:
        runtime = platform.runtime
        is_alone = not other_runs(context.instance, context.run.run_id)
        outcomes: dict[str, Callable[[Runtime, Resource], Outcome]] = {
            "rows_reconcile": _rows_reconcile,
            "loaded_as_landed": partial(_loaded_as_landed, is_alone=is_alone),
            "no_gaps": _no_gaps,
            "fresh_by_data_time": _fresh,
            "nothing_quarantined": _nothing_quarantined,
            "heart_rate_in_range": _heart_rate_in_range,
        }
        with runtime.warehouse.session():
            results = {name: outcomes[name](runtime, resource) for name in descriptions}
        for name, (passed, metadata) in results.items():
            severity = dg.AssetCheckSeverity.ERROR if name == "rows_reconcile" else dg.AssetCheckSeverity.WARN
            yield dg.AssetCheckResult(
                asset_key=key, check_name=name, passed=passed, severity=severity, metadata=metadata
            )

    return checks


Outcome = tuple[bool, dict[str, int | float | str | dg.MetadataValue]]


def other_runs(instance: dg.DagsterInstance, run_id: str) -> bool:
    """Is any run but this one queued or under way?"""
    unfinished = [status for status in dg.DagsterRunStatus if status not in FINISHED_STATUSES]
    return any(run.run_id != run_id for run in instance.get_runs(dg.RunsFilter(statuses=unfinished), limit=2))


def _rows_reconcile(runtime: "Runtime", resource: Resource) -> Outcome:
    ledger = runtime.warehouse.ledger(resource.provider, resource.name)
    rows = sum(runtime.warehouse.row_count(table) for table in resource.tables)
    expected = sum(entry.loaded_rows for entry in ledger.values())
    return rows == expected, {"rows_in_tables": rows, "rows_in_ledger": expected}


def _loaded_as_landed(runtime: "Runtime", resource: Resource, *, is_alone: bool) -> Outcome:
    """Warns only: a run that lands while another checks loads those days a moment later."""
    ledger = runtime.warehouse.ledger(resource.provider, resource.name)
    landed = hashed_days(runtime.zone, resource)
    stale = [
        day for day, found in landed.items() if day not in ledger or ledger[day].content_hash != found.content_hash
    ]
    return not (stale and is_alone), {
        "landed_days": len(landed),
        "days_not_loaded_as_landed": len(stale),
        "sample": _sample(stale),
    }


def _no_gaps(runtime: "Runtime", resource: Resource) -> Outcome:
    days = sorted(landed_days(runtime.zone, resource))
    if not days or resource.day_of is DayOf.FILING_DAY:
        return True, {"days": len(days)}
    expected = {days[0] + timedelta(days=n) for n in range((days[-1] - days[0]).days + 1)}
    absent = sorted(expected.difference(days))
    reach = runtime.clock().date() - timedelta(days=resource.window_days) if resource.window_days else date.min
    missing = [day for day in absent if day > reach]  # the window's oldest day is served in part
    return not missing, {
        "days": len(days),
        "missing": len(missing),
        "out_of_the_providers_reach": len(absent) - len(missing),
        "sample": _sample(missing),
    }


def _fresh(runtime: "Runtime", resource: Resource) -> Outcome:
    newest = {
        row["athlete_id"]: row["newest"]
        for row in runtime.warehouse.query(
            f"SELECT athlete_id, max(dt) AS newest FROM {runtime.warehouse.relation('base', resource.tables[0].name)} "
            f"WHERE dt >= DATE '{_first_day(runtime)}' GROUP BY athlete_id"
        ).to_pylist()
    }
    assert resource.max_quiet_days is not None
    oldest_allowed = runtime.clock().date() - timedelta(days=resource.max_quiet_days)
    linked = [connection.athlete_id for connection in runtime.linked(resource.provider)]
    stale = {athlete: newest.get(athlete) for athlete in linked if newest.get(athlete, date.min) < oldest_allowed}
    return not stale, {
        "athletes": len(linked),
        "stale": dg.MetadataValue.json({athlete: str(day) if day else None for athlete, day in stale.items()}),
    }


def _nothing_quarantined(runtime: "Runtime", resource: Resource) -> Outcome:
    rows = runtime.warehouse.query(
        f"SELECT reason, CAST(sum(records) AS INT64) AS records FROM {runtime.warehouse.relation('ops', 'quarantine')} "
        "WHERE provider = ? AND resource = ? GROUP BY reason ORDER BY records DESC, reason",
        [resource.provider, resource.name],
    ).to_pylist()
    return not rows, {
        "records": sum(row["records"] for row in rows),
        "reasons": dg.MetadataValue.json({row["reason"]: row["records"] for row in rows[:_SAMPLED_DAYS]}),
    }


def _heart_rate_in_range(runtime: "Runtime", resource: Resource) -> Outcome:
    found = _heart_rate_table(resource)
    assert found is not None
    table, column = found
    row = runtime.warehouse.query(
        f"SELECT count({column}) AS n, count(CASE WHEN {column} NOT BETWEEN ? AND ? THEN 1 END) AS invalid "
        f"FROM {runtime.warehouse.relation('base', table)} WHERE dt >= DATE '{_first_day(runtime)}'",
        _VALID_BPM,
    ).to_pylist()[0]
    share = row["invalid"] / row["n"] if row["n"] else 0.0
    return share <= _MAX_INVALID_SHARE, {"values": row["n"], "out_of_range": row["invalid"], "share": share}


def _first_day(runtime: "Runtime") -> date:
    """From which day on a check that only warns looks at the samples."""
    return runtime.clock().date() - timedelta(days=_CLOUD_DAYS) if runtime.settings.target == "gcp" else date.min


def _heart_rate_table(resource: Resource) -> tuple[str, str] | None:
    """(table, column) of the heart-rate samples that a resource fills, if it fills any."""
    for table in resource.tables:
        for column in table.columns:
            if column.name in _HEART_RATE_COLUMNS:
                return table.name, column.name
    return None


def _sample(days: list[date]) -> dg.MetadataValue:
    return dg.MetadataValue.json([day.isoformat() for day in sorted(days)[:_SAMPLED_DAYS]])


load_checks = [build_load_checks(resource) for resource in resources(load_settings())]
