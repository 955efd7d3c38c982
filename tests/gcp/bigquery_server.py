"""Starts local-bigquery 0.4.0 offline, and mends what it does differently from BigQuery where we would notice.

Runs under an interpreter of its own (Python 3.13, DuckDB 1.5.5: see emulator-requirements.txt), so it imports nothing
of ours. It patches internals of exactly that version. Its last mend, loads into one partition, is a model of what
Google documents and not Google's code: tests that pass on it prove our calls, not BigQuery's behaviour.
"""

from __future__ import annotations

import contextlib
import importlib.resources
import shutil
import sys
import tempfile
import uuid
from datetime import date
from pathlib import Path

import duckdb

EXTENSIONS = ("ducklake", "httpfs", "spatial")


def install_extensions(folder: Path) -> None:
    """Copy the extensions out of their wheels to where DuckDB looks for installed ones."""
    with duckdb.connect() as db:
        platform = db.execute("PRAGMA platform").fetchone()[0]
    home = folder / f"v{duckdb.__version__}" / platform
    home.mkdir(parents=True)
    for name in EXTENSIONS:
        packaged = importlib.resources.files(f"duckdb_extension_{name}") / "extensions" / f"v{duckdb.__version__}"
        shutil.copyfile(packaged / f"{name}.duckdb_extension", home / f"{name}.duckdb_extension")


def open_with_extensions(folder: Path) -> None:
    """Make every connection use that folder; the time zone is set after connecting, where DuckDB 1.5 accepts it."""
    plain_connect = duckdb.connect

    def connect(*arguments, config=None, **options):
        config = {"extension_directory": str(folder), **(config or {})}
        time_zone = config.pop("TimeZone", None)
        db = plain_connect(*arguments, config=config, **options)
        if time_zone:
            db.execute(f"SET GLOBAL TimeZone = '{time_zone}'")
        return db

    duckdb.connect = connect


def look_tables_up_quickly() -> None:
    """Ask DuckLake's own tables which tables and columns there are.

    DuckDB's catalog functions open every table of every database for it, several times a statement: with a hundred
    tables that is most of the time a query takes.
    """
    from local_bigquery.engine import database
    from local_bigquery.jobs import query

    plain_fetch = database.fetch

    def lake(project: str, name: str) -> str:
        return f"{database.quote(f'__ducklake_metadata_{project}')}.{name}"

    def is_plain(project: str) -> bool:
        return project not in database._attached  # results of queries, temporary tables

    def objects(project: str, dataset: str, table: str | None = None) -> list[tuple[str, str, int]]:
        if is_plain(project):
            views = "SELECT view_name FROM duckdb_views() WHERE database_name = $1 AND schema_name = $2"
            if table is not None:
                try:
                    plain_fetch(f"SELECT * FROM {database.quote(project, dataset, table)} LIMIT 0")
                except duckdb.CatalogException:
                    return []
                return [(table, "TABLE", 0)]
            return plain_fetch(
                f"SELECT DISTINCT table_name, CASE WHEN table_name IN ({views}) THEN 'VIEW' ELSE 'TABLE' END, 0 "
                "FROM duckdb_columns() WHERE database_name = $1 AND schema_name = $2 AND NOT internal ORDER BY 1",
                [project, dataset],
            )
        kinds = " UNION ALL ".join(
            f"SELECT found.{kind}_name AS name, '{kind.upper()}', 0 FROM {lake(project, f'ducklake_{kind}')} AS found "
            f"JOIN {lake(project, 'ducklake_schema')} AS schemas USING (schema_id) "
            "WHERE schemas.schema_name = $1 AND found.end_snapshot IS NULL AND schemas.end_snapshot IS NULL "
            f"AND found.{kind}_name = coalesce($2, found.{kind}_name)"
            for kind in ("table", "view")
        )
        return plain_fetch(f"{kinds} ORDER BY 1", [dataset, table])

    def fetch(sql: str, params: list | None = None) -> list[tuple]:
        """The two questions about columns that every statement brings: which are required, and is one there."""
        if "FROM duckdb_columns() WHERE database_name = ? AND schema_name = ? AND table_name = ? AND" not in sql:
            return plain_fetch(sql, params)
        project, dataset, table = params[:3]
        if is_plain(project):
            return []
        columns = (
            f"FROM {lake(project, 'ducklake_column')} AS columns "
            f"JOIN {lake(project, 'ducklake_table')} AS tables USING (table_id) "
            f"JOIN {lake(project, 'ducklake_schema')} AS schemas USING (schema_id) "
            "WHERE schemas.schema_name = $1 AND tables.table_name = $2 AND columns.end_snapshot IS NULL "
            "AND tables.end_snapshot IS NULL AND schemas.end_snapshot IS NULL"
        )
        if sql.startswith("SELECT column_name"):
            return plain_fetch(f"SELECT column_name {columns} AND NOT nulls_allowed", [dataset, table])
        return plain_fetch(f"SELECT 1 {columns} AND column_name = $3", [dataset, table, params[3]])

    database.objects = objects
    database.fetch = fetch
    # The same look-up for temporary tables stands in the middle of a function: run that module again without it. Only
    # sessions have such tables from one statement to the next, and nothing here opens one.
    slow = "SELECT table_name FROM duckdb_tables() WHERE temporary"
    path = Path(query.__file__)
    source = path.read_text()
    assert slow in source, "another version of local-bigquery"
    exec(compile(source.replace(slow, "SELECT '' AS table_name WHERE false"), str(path), "exec"), query.__dict__)


def name_the_table_that_a_query_made() -> None:
    """CREATE TABLE AS jobs say which table they made; dbt reads its row count from there."""
    from local_bigquery.jobs import query
    from local_bigquery.models import TableReference

    execute = query.execute

    def named(*arguments, **options):
        statistics, children, destination = execute(*arguments, **options)
        if destination is None and statistics.statementType == "CREATE_TABLE_AS_SELECT" and statistics.ddlTargetTable:
            destination = TableReference.model_validate(statistics.ddlTargetTable.dump())
        return statistics, children, destination

    query.execute = named


def load_into_partitions() -> None:
    """A load into `table$YYYYMMDD` replaces that partition of a column-partitioned table, and refuses foreign rows.

    Source: "Load data into a specific partition" and "write disposition" in Google's BigQuery documentation.
    """
    from local_bigquery.catalog import tables
    from local_bigquery.engine.database import quote, writing
    from local_bigquery.errors import BigQueryError
    from local_bigquery.jobs import load

    plain_run = load.run

    def run(cur, config, upload):
        destination = config.destinationTable
        table_id, _, decorator = (destination.tableId or "").partition("$")
        if not decorator:
            return plain_run(cur, config, upload)
        project, dataset = destination.projectId, destination.datasetId
        table = tables.load(project, dataset, table_id)
        column = table.timePartitioning and table.timePartitioning.field
        if not column:
            raise BigQueryError("invalid", f"Cannot load into a partition of the unpartitioned table {table_id}")
        day = date.fromisoformat(decorator)
        staged_id = f"{table_id}_{uuid.uuid4().hex}"
        staged = config.replace(
            destinationTable=destination.replace(tableId=staged_id),
            schema=table.schema_.dump(),
            createDisposition="CREATE_IF_NEEDED",
            writeDisposition="WRITE_EMPTY",
            timePartitioning=None,
            clustering=None,
        )
        try:
            statistics = plain_run(cur, staged, upload)
            replace_partition(cur, (project, dataset), table_id, staged_id, column, day, config.writeDisposition)
        finally:
            cur.execute(f"DROP TABLE IF EXISTS {quote(project, dataset, staged_id)}")
            tables.forget(project, dataset, staged_id)
        return statistics

    def replace_partition(cur, dataset, table_id, staged_id, column, day: date, disposition) -> None:
        target, staged = quote(*dataset, table_id), quote(*dataset, staged_id)
        foreign = f"SELECT count(*) FROM {staged} WHERE {quote(column)} IS DISTINCT FROM ?"
        if cur.execute(foreign, [day]).fetchone()[0]:
            raise BigQueryError("invalid", f"Some rows belong to other partitions than {day:%Y%m%d}")
        with writing(*dataset, table_id):
            cur.execute("BEGIN")
            try:
                if disposition == "WRITE_TRUNCATE":
                    cur.execute(f"DELETE FROM {target} WHERE {quote(column)} = ?", [day])
                cur.execute(f"INSERT INTO {target} BY NAME SELECT * FROM {staged}")
                cur.execute("COMMIT")
            except BaseException:
                with contextlib.suppress(duckdb.Error):
                    cur.execute("ROLLBACK")
                raise

    load.run = run
    from local_bigquery.jobs import runner

    runner.HANDLERS["load"] = run


def main() -> None:
    """Mend, then serve as `local-bigquery` does."""
    with tempfile.TemporaryDirectory(prefix="bigquery-extensions-") as folder:
        install_extensions(Path(folder))
        open_with_extensions(Path(folder))
        look_tables_up_quickly()
        name_the_table_that_a_query_made()
        load_into_partitions()
        from local_bigquery.cli import main as serve

        serve(sys.argv[1:])


if __name__ == "__main__":
    main()
