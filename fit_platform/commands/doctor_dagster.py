"""What `doctor` looks at of Dagster's own: the database and the bucket of logs that production's dagster.yaml names.

Both are given by variables that Dagster reads itself; where none is set, Dagster keeps all in FIT_HOME.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from fit_platform.commands.findings import Finding

_CONNECT_SECONDS = 5
_DATABASE = {
    "host": "DAGSTER_PG_HOST",
    "port": "DAGSTER_PG_PORT",
    "user": "DAGSTER_PG_USERNAME",
    "password": "DAGSTER_PG_PASSWORD",
    "dbname": "DAGSTER_PG_DB",
}
_TABLE = "runs"


def examine_dagster(environment: Mapping[str, str]) -> Iterator[Finding]:
    """Dagster's database and its bucket of logs, as far as the variables name them."""
    if environment.get(_DATABASE["host"]):
        yield _database(environment)
    if bucket := environment.get("DAGSTER_LOG_BUCKET"):
        from fit_platform.commands.doctor_gcp import log_bucket_findings  # Google's libraries take seconds to load

        yield from log_bucket_findings(bucket)


def _database(environment: Mapping[str, str]) -> Finding:
    about = "Dagster's database"
    missing = [name for name in _DATABASE.values() if not environment.get(name)]
    if missing:
        return Finding(about, "problem", f"{', '.join(missing)} not set", "set what is missing")
    try:
        import psycopg2  # type: ignore[import-untyped]
    except ImportError:
        fix = "install the package with its extra `production`"
        return Finding(about, "problem", "PostgreSQL is named, and there is no driver for it", fix)
    names = {key: environment[variable] for key, variable in _DATABASE.items()}
    where = f"{names['dbname']} at {names['host']}:{names['port']}"
    try:
        connection = psycopg2.connect(**names, connect_timeout=_CONNECT_SECONDS)
        try:
            with connection.cursor() as cursor:
                cursor.execute("SELECT to_regclass(%s) IS NOT NULL", (_TABLE,))
                has_tables = bool(cursor.fetchone()[0])
        finally:
            connection.close()
    except psycopg2.Error as error:
        said = str(error).strip().splitlines()
        reason = said[-1] if said else type(error).__name__
        fix = "mend what it says; the five variables DAGSTER_PG_* say where and as whom"
        return Finding(about, "problem", f"no connection to {where}: {reason}", fix)
    if not has_tables:
        return Finding(about, "problem", f"{where} has no tables yet", "run the migration: `dagster instance migrate`")
    return Finding(about, "ok", where)
