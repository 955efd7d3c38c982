"""Dagster's last runs and the newest results of the checks, as plain data: for pages that are no part of Dagster."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Any

from fit_platform.instance import open_instance
from fit_platform.settings import Settings

_RUNS = 20
_RUNS_WITH_CHECKS = 5  # a check that failed in an older run has run since, or its asset has not changed


def run_history(settings: Settings) -> tuple[list[dict[str, Any]], dict[str, Any]]:
    """Dagster's last runs, and the newest result of every check in the last few of them."""
    if not (settings.dagster_home / "dagster.yaml").exists():
        return [], {"passed": 0, "failed": []}
    import dagster as dg

    runs: list[dict[str, Any]] = []
    latest: dict[str, dict[str, Any]] = {}
    with open_instance(settings) as instance:
        for record in instance.get_run_records(limit=_RUNS):
            run = record.dagster_run
            runs.append(
                {
                    "run_id": run.run_id,
                    "job": run.job_name.strip("_").replace("__", ""),
                    "status": run.status.value,
                    "started_at": _instant(record.start_time),
                    "seconds": round(record.end_time - record.start_time, 1)
                    if record.start_time and record.end_time
                    else None,
                    "partitions": run.tags.get("dagster/partition")
                    or " to ".join(
                        run.tags[tag]
                        for tag in ("dagster/asset_partition_range_start", "dagster/asset_partition_range_end")
                        if tag in run.tags
                    ),
                    "assets": len(run.asset_selection or ()),
                }
            )
        for known in runs:
            if len({each["run_id"] for each in latest.values()}) >= _RUNS_WITH_CHECKS:
                break
            page = instance.get_records_for_run(known["run_id"], of_type=dg.DagsterEventType.ASSET_CHECK_EVALUATION)
            for entry in page.records:
                evaluation = entry.event_log_entry.asset_check_evaluation
                if evaluation is None:
                    continue
                name = f"{'/'.join(evaluation.asset_key.path)} {evaluation.check_name}"
                latest.setdefault(
                    name,
                    {
                        "asset": "/".join(evaluation.asset_key.path),
                        "check": evaluation.check_name,
                        "passed": evaluation.passed,
                        "severity": evaluation.severity.value.lower(),
                        "at": _instant(entry.timestamp),
                        "run_id": known["run_id"],
                    },
                )
    failed = [known for known in latest.values() if not known["passed"]]
    return runs, {"passed": len(latest) - len(failed), "failed": sorted(failed, key=lambda c: (c["asset"], c["check"]))}


def _instant(epoch_seconds: float | None) -> str | None:
    return datetime.fromtimestamp(epoch_seconds, UTC).isoformat() if epoch_seconds else None
