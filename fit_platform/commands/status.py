"""What `status` tells: connections, the newest data, quota, the last build, quarantine. Asks no provider anything."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import typer

from fit_platform.accounts.status import connection_status, quota_status
from fit_platform.commands.demo_home import read_demo_world
from fit_platform.commands.summary import print_table
from fit_platform.errors import BusyError
from fit_platform.providers.registry import resources
from fit_platform.settings import Settings
from fit_platform.warehouse.base import BASE_SCHEMA
from fit_platform.warehouse.duckdb_warehouse import DuckDBWarehouse

_PATIENCE_SECONDS = 2.0  # a sync may hold the warehouse for a minute; status says so instead of waiting


def status_facts(settings: Settings, now: datetime) -> dict[str, Any]:
    """Everything as JSON values; no secrets. Warehouse facts are None while a sync or another program holds it."""
    warehouse = DuckDBWarehouse(settings.warehouse_path, lock_timeout_seconds=_PATIENCE_SECONDS)
    busy: str | None = None
    newest: dict[tuple[str, str], dict[str, str]] = {}
    last_build = quarantined = None
    if warehouse.path.exists():
        try:
            newest = _newest_days(warehouse, settings)
            last_build, quarantined = _builds(warehouse)
        except BusyError as error:
            busy = str(error)
    published = settings.home_dir / "published" / "current"
    return {
        "home": str(settings.home_dir),
        "target": settings.target,
        "is_demo": read_demo_world(settings) is not None,
        "connections": [
            {**connection, "newest_day": newest.get((connection["provider"], connection["athlete_id"]), {})}
            for connection in connection_status(settings, now)
        ],
        "quota": quota_status(settings, now),
        "last_build_at": last_build.isoformat() if last_build else None,
        "published": str(published.resolve()) if published.exists() else None,
        "quarantined_records": quarantined,
        "warehouse_busy": busy,
    }


def _newest_days(warehouse: DuckDBWarehouse, settings: Settings) -> dict[tuple[str, str], dict[str, str]]:
    """(provider, athlete) -> resource -> newest day that has data, by the data's own day."""
    existing = set(
        warehouse.query("SELECT table_name FROM information_schema.tables WHERE table_schema = ?", [BASE_SCHEMA])
        .column("table_name")
        .to_pylist()
    )
    selects = [
        f"SELECT '{resource.provider}' AS provider, '{resource.name}' AS resource, athlete_id, max(dt) AS newest "
        f'FROM {BASE_SCHEMA}."{resource.tables[0].name}" GROUP BY athlete_id'
        for resource in resources(settings)
        if resource.tables[0].name in existing
    ]
    found: dict[tuple[str, str], dict[str, str]] = {}
    for row in warehouse.query(" UNION ALL ".join(selects)).to_pylist() if selects else []:
        found.setdefault((row["provider"], row["athlete_id"]), {})[row["resource"]] = row["newest"].isoformat()
    return found


def _builds(warehouse: DuckDBWarehouse) -> tuple[datetime | None, int | None]:
    """When dbt was last built whole, and how many records are in quarantine."""
    existing = set(
        warehouse.query("SELECT table_name FROM information_schema.tables WHERE table_schema = 'ops'")
        .column("table_name")
        .to_pylist()
    )
    if not {"builds", "quarantine"} <= existing:
        return None, None
    row = warehouse.query(
        "SELECT (SELECT max(built_at) FROM ops.builds) AS built_at, "
        "(SELECT CAST(coalesce(sum(records), 0) AS BIGINT) FROM ops.quarantine) AS records"
    ).to_pylist()[0]
    return row["built_at"], row["records"]


def print_status(facts: Mapping[str, Any]) -> None:
    """The same for people."""
    demo = " (demo: invented data)" if facts["is_demo"] else ""
    typer.echo(f"home: {facts['home']}{demo}")
    if not facts["connections"]:
        typer.echo("nobody is linked; run `fit-platform link PROVIDER ATHLETE`, or `fit-platform demo`")
    else:
        print_table(
            ["athlete", "provider", "state", "newest data", "note"],
            [
                [c["athlete_id"], c["provider"], c["state"], max(c["newest_day"].values(), default=None), _note(c)]
                for c in sorted(facts["connections"], key=lambda c: (c["athlete_id"], c["provider"]))
            ],
        )
    used = [entry for entry in facts["quota"] if entry["used"]]
    if used:
        print_table(
            ["quota", "of", "left", "for backfills", "limit", "resets (UTC)"],
            [
                [
                    f"{q['provider']} {q['budget']}",
                    q["athlete_id"] or "all",
                    q["left"],
                    q["left"] - q["kept_for_webhooks"],
                    q["limit"],
                    _clock(q["resets_at"]),
                ]
                for q in used
            ],
        )
    if facts["warehouse_busy"]:
        typer.echo(f"warehouse: {facts['warehouse_busy']}")
    else:
        typer.echo(
            f"last build: {facts['last_build_at'] or 'never'}; in quarantine: {facts['quarantined_records'] or 0}"
        )
    typer.echo(f"published marts: {facts['published'] or 'none yet'}")


def _note(connection: Mapping[str, Any]) -> str:
    notes = [connection["reason"] or ""]
    if connection["state"] not in {"working", "expiring"}:
        notes.append(f"run `fit-platform link {connection['provider']} {connection['athlete_id']}`")
    if connection["expires_at"]:
        notes.append(f"until {connection['expires_at'][:10]}")
    if connection["missing_scopes"]:
        notes.append(f"not granted: {', '.join(connection['missing_scopes'])}")
    return "; ".join(note for note in notes if note)


def _clock(instant: str | None) -> str:
    return datetime.fromisoformat(instant).strftime("%m-%d %H:%M:%S") if instant else "-"
