"""What `status` tells: connections, the newest data, quota, the last build, quarantine. Asks no provider anything."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime, timedelta
from typing import Any

import typer

from fit_platform.accounts.status import connection_status, quota_status
from fit_platform.commands.demo_home import read_demo_world
from fit_platform.commands.summary import print_table
from fit_platform.errors import FitError
from fit_platform.providers.registry import resources
from fit_platform.runtime import Runtime
from fit_platform.settings import Settings
from fit_platform.warehouse.base import BASE_SCHEMA, OPS_SCHEMA, Warehouse
from fit_platform.warehouse.duckdb_warehouse import DuckDBWarehouse

_PATIENCE_SECONDS = 2.0  # a sync may hold the warehouse for a minute; status says so instead of waiting
_CLOUD_DAYS = 400  # how far back the newest data are looked for where reading is paid for


def status_facts(settings: Settings, now: datetime) -> dict[str, Any]:
    """Everything as JSON values; no secrets. Warehouse facts are None while it cannot be asked, and why is said."""
    busy: str | None = None
    newest: dict[tuple[str, str], dict[str, str]] = {}
    last_build = quarantined = published = None
    try:
        if settings.target == "gcp":
            bigquery = Runtime(settings).bigquery
            warehouse: Warehouse = bigquery
            from fit_platform.warehouse.bigquery_publish import published_dataset

            published = published_dataset(bigquery)
        else:
            warehouse = DuckDBWarehouse(settings.warehouse_path, lock_timeout_seconds=_PATIENCE_SECONDS)
            current = settings.home_dir / "published" / "current"
            published = str(current.resolve()) if current.exists() else None
        first = now.date() - timedelta(days=_CLOUD_DAYS) if settings.target == "gcp" else date.min
        newest = _newest_days(warehouse, settings, first)
        last_build, quarantined = _builds(warehouse)
    except FitError as error:
        busy = str(error)
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
        "published": published,
        "quarantined_records": quarantined,
        "warehouse_busy": busy,
    }


def _newest_days(warehouse: Warehouse, settings: Settings, first: date) -> dict[tuple[str, str], dict[str, str]]:
    """(provider, athlete) -> resource -> newest day that has data, by the data's own day; from `first` on."""
    existing = warehouse.tables(BASE_SCHEMA)
    selects = [
        f"SELECT '{resource.provider}' AS provider, '{resource.name}' AS resource, athlete_id, max(dt) AS newest "
        f"FROM {warehouse.relation(BASE_SCHEMA, resource.tables[0].name)} WHERE dt >= DATE '{first}' "
        "GROUP BY athlete_id"
        for resource in resources(settings)
        if resource.tables[0].name in existing
    ]
    found: dict[tuple[str, str], dict[str, str]] = {}
    for row in warehouse.query(" UNION ALL ".join(selects)).to_pylist() if selects else []:
        found.setdefault((row["provider"], row["athlete_id"]), {})[row["resource"]] = row["newest"].isoformat()
    return found


def _builds(warehouse: Warehouse) -> tuple[datetime | None, int | None]:
    """When dbt was last built whole, and how many records are in quarantine."""
    if not {"builds", "quarantine"} <= warehouse.tables(OPS_SCHEMA):
        return None, None
    builds, quarantine = warehouse.relation(OPS_SCHEMA, "builds"), warehouse.relation(OPS_SCHEMA, "quarantine")
    row = warehouse.query(
        f"SELECT (SELECT max(built_at) FROM {builds}) AS built_at, "
        f"(SELECT CAST(coalesce(sum(records), 0) AS INT64) FROM {quarantine}) AS records"
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
