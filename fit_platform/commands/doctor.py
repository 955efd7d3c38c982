"""`doctor`: what is misconfigured here, and the fix. Reads only; asks the providers only with `--ask`.

What it asks of Google Cloud, where the settings use it, is in `doctor_gcp`; of Dagster's storage, in `doctor_dagster`.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path

import duckdb

from fit_platform.accounts.athlete_settings import FILE_NAME, read_athlete_settings
from fit_platform.accounts.athletes import AthleteStore
from fit_platform.accounts.client_check import check_client
from fit_platform.accounts.connections import ConnectionStore
from fit_platform.accounts.oauth import OAUTH
from fit_platform.accounts.status import connection_status
from fit_platform.commands.demo_home import read_demo_world
from fit_platform.commands.doctor_dagster import examine_dagster
from fit_platform.commands.findings import Finding
from fit_platform.errors import BusyError, ConfigError
from fit_platform.feed.assemble import secrets_file
from fit_platform.providers.guides import GUIDES
from fit_platform.runtime import Runtime
from fit_platform.settings import Settings
from fit_platform.warehouse.duckdb_warehouse import DuckDBWarehouse

_OTHERS_MAY = 0o077
_WEBHOOK_NEEDS = {
    "polar": ("webhook_id", "signing_secret"),
    "strava": ("verify_token", "subscription_id"),
    "fitbit": ("authorization", "subscriber"),
}
_PATIENCE_SECONDS = 2.0


def examine(settings: Settings, now: datetime) -> list[Finding]:
    """Everything that can be looked at from here."""
    return [
        *_home(settings),
        *_target(settings),
        *_tools(),
        *_providers(settings),
        *_token_files(settings.home_dir / "tokens"),
        *_webhooks(settings),
        *_connections(settings, now),
        *_athletes(settings),
        *_athlete_settings(settings),
        *(_databases(settings) if settings.target == "local" else ()),
        *_cloud(settings),
        *examine_dagster(os.environ),
    ]


def _home(settings: Settings) -> Iterator[Finding]:
    home = settings.home_dir
    existing = next(path for path in (home, *home.parents) if path.exists())
    if existing.is_dir() and os.access(existing, os.W_OK | os.X_OK):
        yield Finding("FIT_HOME", "ok", f"{home} is writable")
    else:
        yield Finding("FIT_HOME", "problem", f"{existing} is not a folder we may write to", "set FIT_HOME to one")
    if read_demo_world(settings):
        yield Finding("demo", "note", "this home holds the demo's invented data", "set FIT_HOME for real accounts")


def _target(settings: Settings) -> Iterator[Finding]:
    try:
        Runtime(settings)
    except ConfigError as error:
        yield Finding("FIT_TARGET", "problem", str(error), "set what is missing, or FIT_TARGET=local")


def _cloud(settings: Settings) -> Iterator[Finding]:
    is_used = settings.landing_dir.startswith("gs://") or settings.token_store == "secret-manager"  # noqa: S105 no password
    is_complete = settings.target == "local" or (settings.gcp_project and settings.landing_dir.startswith("gs://"))
    if (settings.target == "gcp" or is_used) and is_complete:
        from fit_platform.commands.doctor_gcp import examine_cloud  # Google's libraries take seconds to load

        yield from examine_cloud(settings)


def _tools() -> Iterator[Finding]:
    dbt = Path(sys.executable).with_name("dbt")
    if dbt.exists():
        yield Finding("dbt", "ok", str(dbt))
    else:
        yield Finding("dbt", "problem", f"{dbt} is missing", "make the environment again: make clean, then make demo")


def _providers(settings: Settings) -> Iterator[Finding]:
    linked = {connection.provider for connection in ConnectionStore(settings.home_dir).list()}
    demo = read_demo_world(settings) is not None
    for name, oauth in OAUTH.items():
        try:
            settings.provider(name).credentials(name)
            yield Finding(name, "ok", "client id and secret are set")
        except ConfigError as error:
            if demo:
                yield Finding(name, "ok", "simulated; the demo knows its credentials")
            elif name in linked and oauth.REFRESHES:
                yield Finding(name, "problem", "linked, but its tokens cannot be refreshed", str(error))
            else:
                detail = "no client id and secret, so nobody can be linked by consent"
                fix = f"fit-platform init {name}, with what you get like this:"
                yield Finding(name, "note", detail, fix, tuple(GUIDES[name].lines()))


def ask_providers(settings: Settings) -> list[Finding]:
    """Whether each provider knows the client id and secret it was given. The only part that asks them anything."""
    findings = []
    for name in OAUTH:
        own = settings.provider(name)
        if not (own.client_id and own.client_secret):
            continue
        found = check_client(settings, name)
        if found.state == "refused":
            fix = f"fit-platform init {name} (copy both from {GUIDES[name].page})"
            findings.append(Finding(f"{name} client", "problem", found.detail, fix))
        elif found.state == "unknown":
            findings.append(Finding(f"{name} client", "note", found.detail, "try again later, or just link"))
        else:
            findings.append(Finding(f"{name} client", "ok", found.detail))
    return findings


def _token_files(folder: Path) -> Iterator[Finding]:
    open_files = sorted(
        path for path in folder.rglob("*") if path.lstat().st_mode & _OTHERS_MAY and not path.is_symlink()
    )
    for path in open_files:
        right = "700" if path.is_dir() else "600"
        yield Finding("token files", "problem", f"{path} is open to others", f"chmod {right} '{path}'")
    if folder.exists() and not open_files:
        yield Finding("token files", "ok", "only their owner can read them")


def _webhooks(settings: Settings) -> Iterator[Finding]:
    """What is missing for deliveries to be believed; whether they come, `webhooks list` asks the providers."""
    file = secrets_file(settings)
    try:
        known = file.read()
    except ConfigError as error:
        yield Finding("webhooks", "problem", str(error), "fit-platform webhooks subscribe PROVIDER --url https://…")
        return
    if file.path.exists() and file.path.stat().st_mode & _OTHERS_MAY:
        yield Finding("webhooks", "problem", f"{file.path} is open to others", f"chmod 600 '{file.path}'")
    if not known.urls and not settings.webhook_url:
        yield Finding("webhooks", "ok", f"none: the providers are looked at on schedule ({settings.poll_cron})")
        return
    linked = {connection.provider for connection in ConnectionStore(settings.home_dir).list()}
    for provider, needed in _WEBHOOK_NEEDS.items():
        about, url = f"webhooks of {provider}", known.urls.get(provider)
        fix = f"fit-platform webhooks subscribe {provider} --url {url or settings.webhook_url or 'https://…'}"
        missing = [name.replace("_", " ") for name in needed if not known.of(provider).get(name)]
        if url is None and provider in linked:
            yield Finding(about, "note", "linked, but not subscribed: looked at on schedule only", fix)
        elif url is not None and (missing or not known.path_secret):
            detail = f"without {', '.join(missing or ['path secret'])}: no delivery can be believed"
            yield Finding(about, "problem", detail, fix)
        elif url is not None and provider == "fitbit" and not (settings.fitbit_webhook_project or settings.gcp_project):
            yield Finding(about, "problem", "the Cloud project is not known", "set FIT_FITBIT_WEBHOOK_PROJECT")
        elif url is not None:
            yield Finding(about, "ok", f"subscribed with {url}; how it stands there: fit-platform webhooks list")


def _connections(settings: Settings, now: datetime) -> Iterator[Finding]:
    for connection in connection_status(settings, now):
        about = f"{connection['provider']} of {connection['athlete_id']}"
        fix = f"fit-platform link {connection['provider']} {connection['athlete_id']}"
        if connection["state"] == "working" and not connection["missing_scopes"]:
            yield Finding(about, "ok", "working")
        elif connection["state"] == "working":
            yield Finding(about, "warning", f"not granted: {', '.join(connection['missing_scopes'])}", fix)
        elif connection["state"] == "expiring":
            yield Finding(about, "warning", f"ends at {connection['expires_at']}", fix)
        else:
            yield Finding(about, "problem", f"{connection['state']}: {connection['reason']}", fix)


def _athletes(settings: Settings) -> Iterator[Finding]:
    options = {
        "timezone": "--timezone",
        "sex": "--sex",
        "birth_date": "--birth-date",
        "max_hr_bpm": "--max-hr",
        "resting_hr_bpm": "--resting-hr",
    }
    for athlete in AthleteStore(settings.home_dir).list():
        missing = [name for name in options if getattr(athlete, name) is None]
        fix = f"fit-platform athletes {athlete.athlete_id} {' '.join(f'{options[name]} …' for name in missing)}"
        if "timezone" in missing:
            detail = f"without {', '.join(missing)}: local days fall back to UTC where a provider does not tell"
            yield Finding(athlete.athlete_id, "warning", detail, fix)
        elif missing:
            yield Finding(
                athlete.athlete_id, "note", f"without {', '.join(missing)}: zones and load are estimated", fix
            )
        else:
            yield Finding(athlete.athlete_id, "ok", "described in full")


def _athlete_settings(settings: Settings) -> Iterator[Finding]:
    try:
        lines = read_athlete_settings(settings.home_dir)
    except ConfigError as error:
        yield Finding(FILE_NAME, "problem", str(error), f"mend that line of {settings.home_dir / FILE_NAME}")
        return
    strangers = {line.athlete_id for line in lines} - {a.athlete_id for a in AthleteStore(settings.home_dir).list()}
    if strangers:
        detail = f"lines of athletes that are not linked here: {', '.join(sorted(strangers))}"
        yield Finding(FILE_NAME, "warning", detail, f"correct the athlete_id in {settings.home_dir / FILE_NAME}")
    elif lines:
        yield Finding(FILE_NAME, "ok", f"{len(lines)} lines")


def _databases(settings: Settings) -> Iterator[Finding]:
    warehouse = DuckDBWarehouse(settings.warehouse_path, lock_timeout_seconds=_PATIENCE_SECONDS)
    if warehouse.path.exists() and not _is_duckdb(warehouse.path):
        yield Finding("warehouse", "problem", f"{warehouse.path} is no DuckDB file", "remove it; fit-platform rebuild")
    elif warehouse.path.exists():
        try:
            warehouse.query("SELECT 1")
            yield Finding("warehouse", "ok", str(warehouse.path))
        except BusyError as error:
            yield Finding("warehouse", "note", str(error))
        except duckdb.Error as error:
            yield Finding(
                "warehouse", "problem", f"DuckDB cannot read {warehouse.path}: {error}", "fit-platform rebuild"
            )
    for published in (settings.home_dir / "published" / "current").glob("*.duckdb"):
        try:
            with duckdb.connect(str(published), read_only=True) as db:
                db.execute("SELECT count(*) FROM duckdb_tables()")
            yield Finding("published marts", "ok", str(published))
        except duckdb.Error as error:
            yield Finding(
                "published marts", "problem", f"DuckDB cannot read {published}: {error}", "fit-platform rebuild"
            )


def _is_duckdb(path: Path) -> bool:
    """DuckDB files carry their mark behind a checksum of eight bytes."""
    with path.open("rb") as file:
        return file.read(12)[8:] == b"DUCK"
