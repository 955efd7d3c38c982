"""What the dashboard's pipeline page tells: `status`, and Dagster's last runs, failing checks, quarantine, receipts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta
from typing import Any

from fit_platform.accounts.files import slug
from fit_platform.commands.status import status_facts
from fit_platform.errors import BusyError
from fit_platform.retention.receipts import Receipt, receipts_folder
from fit_platform.run_history import run_history
from fit_platform.settings import Settings
from fit_platform.warehouse.duckdb_warehouse import DuckDBWarehouse

_RECEIPTS = 50
_QUARANTINED = 50
_PATIENCE_SECONDS = 2.0


def pipeline_facts(settings: Settings, now: datetime) -> dict[str, Any]:
    """Everything as JSON values, without secrets. Nothing is asked of the providers."""
    status = status_facts(settings, now)
    for connection in status["connections"]:
        connection.pop("provider_user_id", None)  # the provider's name for a person; nobody needs it here
    runs, checks = run_history(settings)
    return {
        "now": now.isoformat(),
        "status": {key: value for key, value in status.items() if key != "home"},
        "stale": _stale(status, now),
        "runs": runs,
        "checks": checks,
        "quarantine": _quarantine(settings),
        "receipts": list(_receipts(settings)),
    }


def _stale(status: dict[str, Any], now: datetime) -> dict[str, float | None]:
    """Days since the newest data, by `athlete provider`."""
    today = now.date()
    return {
        f"{known['athlete_id']} {known['provider']}": min(
            ((today - datetime.fromisoformat(day).date()) / timedelta(days=1) for day in known["newest_day"].values()),
            default=None,
        )
        for known in status["connections"]
    }


def _quarantine(settings: Settings) -> list[dict[str, Any]] | None:
    """Records that could not become rows, by reason; None where the warehouse is busy or elsewhere."""
    if settings.target == "gcp" or not settings.warehouse_path.exists():
        return None if settings.target == "gcp" else []
    warehouse = DuckDBWarehouse(settings.warehouse_path, lock_timeout_seconds=_PATIENCE_SECONDS)
    try:
        tables = warehouse.query(
            "SELECT count(*) AS n FROM information_schema.tables "
            "WHERE table_schema = 'ops' AND table_name = 'quarantine'"
        )
        if not tables.column("n")[0].as_py():
            return []
        found = warehouse.query(
            "SELECT provider, resource, reason, CAST(sum(records) AS BIGINT) AS records, max(dt) AS newest_day "
            f"FROM ops.quarantine GROUP BY ALL ORDER BY records DESC, reason LIMIT {_QUARANTINED}"
        )
    except BusyError:
        return None
    return [{**row, "newest_day": row["newest_day"].isoformat()} for row in found.to_pylist()]


def _receipts(settings: Settings) -> Iterator[dict[str, Any]]:
    """What was removed, the newest first."""
    for path in sorted(receipts_folder(settings.home_dir).glob("*.json"), reverse=True)[:_RECEIPTS]:
        receipt = Receipt.model_validate_json(path.read_bytes())
        yield {
            "kind": receipt.kind,
            "athlete_id": slug("athlete", receipt.athlete_id),
            "providers": list(receipt.providers),
            "why": receipt.why,
            "at": receipt.at.isoformat(),
            "landing_objects": receipt.removed.landing_objects,
            "base_rows": sum(receipt.removed.base_rows.values()),
        }
