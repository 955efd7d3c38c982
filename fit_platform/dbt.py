"""Where the dbt project is, and its manifest. Only that: the dbt assets are in `defs/transform.py`."""

from __future__ import annotations

import fcntl
import os
import subprocess
import sys
from pathlib import Path

from dagster_dbt import DbtProject

from fit_platform import dbt_process
from fit_platform.errors import FitError
from fit_platform.settings import Settings

DBT_DIR = Path(__file__).resolve().parents[1] / "dbt_project"
DBT_PROJECT = DbtProject(project_dir=DBT_DIR, profiles_dir=DBT_DIR)
_SOURCE_SUFFIXES = {".sql", ".yml", ".yaml", ".csv", ".md"}
_PARSE_TIMEOUT_SECONDS = 300


def dbt_environment(settings: Settings) -> None:
    """Tell dbt where the warehouse is: profiles.yml reads these variables, in whichever process dbt runs."""
    os.environ[dbt_process.WAREHOUSE_VARIABLE] = str(settings.warehouse_path)
    os.environ["FIT_DUCKDB_MEMORY_LIMIT"] = settings.duckdb_memory_limit
    os.environ["FIT_BIGQUERY_LOCATION"] = settings.bigquery_location
    os.environ["FIT_BIGQUERY_DATASET_PREFIX"] = settings.bigquery_dataset_prefix
    os.environ["FIT_BIGQUERY_MAX_GB_BILLED"] = str(settings.bigquery_max_gb_billed)
    os.environ["FIT_BIGQUERY_TRANSFORM_ACCOUNT"] = settings.bigquery_transform_account
    os.environ["DO_NOT_TRACK"] = "1"
    if settings.gcp_project:
        os.environ["FIT_GCP_PROJECT"] = settings.gcp_project


def dbt_target(settings: Settings) -> str:
    """The output of profiles.yml to build in."""
    if settings.target == "gcp" and settings.bigquery_emulator_host:
        return "gcp_emulator"
    return settings.target


def ensure_manifest(settings: Settings) -> Path:
    """The manifest's path; dbt parses only where a source file is newer, and only one process does."""
    manifest = DBT_PROJECT.manifest_path
    if _is_current(manifest):
        return manifest
    manifest.parent.mkdir(parents=True, exist_ok=True)
    with (manifest.parent / ".parse.lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not _is_current(manifest):
            dbt_environment(settings)
            executable, first_arguments = dbt_process.command(sys.executable)
            folders = ["--project-dir", str(DBT_DIR), "--profiles-dir", str(DBT_DIR)]
            done = subprocess.run(
                [executable, *first_arguments, "--quiet", "parse", *folders, "--target", dbt_target(settings)],
                capture_output=True,
                text=True,
                timeout=_PARSE_TIMEOUT_SECONDS,
                check=False,
            )
            if done.returncode != 0:
                raise FitError(f"dbt cannot parse {DBT_DIR}: {done.stdout.strip() or done.stderr.strip()}")
            os.utime(manifest)  # dbt leaves an unchanged manifest's time alone
    return manifest


def _is_current(manifest: Path) -> bool:
    if not manifest.exists():
        return False
    built_at = manifest.stat().st_mtime
    return all(path.stat().st_mtime <= built_at for path in dbt_sources())


def dbt_sources() -> list[Path]:
    """Every source file of the project, sorted."""
    found = []
    for folder, folders, files in os.walk(DBT_DIR):
        folders[:] = [name for name in folders if name not in {"target", "logs"}]
        found += [Path(folder) / file for file in files if Path(file).suffix in _SOURCE_SUFFIXES]
    return sorted(found)
