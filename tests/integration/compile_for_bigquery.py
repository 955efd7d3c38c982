"""Compile the dbt project for BigQuery without BigQuery: `python compile_for_bigquery.py full|incremental FOLDER`.

Compiling asks the warehouse one thing: which relations exist. Here the answer is made up, none for a full build and
all for an incremental one, so that both forms of every model and test come out. Nothing else is replaced.
"""

from __future__ import annotations

import os
import sys
from pathlib import Path

from dbt.adapters.bigquery import BigQueryAdapter, BigQueryConnectionManager
from dbt.adapters.contracts.connection import ConnectionState
from dbt.cli.main import dbtRunner

PROJECT = Path(__file__).parents[2] / "dbt_project"
DAY = '{"start_date": "2026-03-01", "end_date": "2026-03-02"}'


class EveryRelationExists:
    """Stands for the adapter's cache of relations."""

    def __init__(self, *, exist: bool) -> None:
        self.exist = exist

    def get_relation(self, adapter: BigQueryAdapter, database: str, schema: str, identifier: str) -> object:
        """The relation asked for, as a table; None where none exist."""
        if not self.exist:
            return None
        return adapter.Relation.create(database=database, schema=schema, identifier=identifier, type="table")


def compile_project(folder: Path, *, incremental: bool) -> bool:
    """Compile everything into `folder`; whether dbt succeeded."""
    relations = EveryRelationExists(exist=incremental)

    def opened(_manager: object, connection: object) -> object:
        connection.state, connection.handle = ConnectionState.OPEN, object()  # type: ignore[attr-defined]
        return connection

    BigQueryConnectionManager.open = classmethod(opened)
    BigQueryConnectionManager.close = classmethod(lambda _manager, connection: connection)
    BigQueryAdapter.set_relations_cache = lambda *_args, **_keywords: None
    BigQueryAdapter.get_relation = lambda self, database, schema, identifier: relations.get_relation(
        self, database, schema, identifier
    )
    os.environ |= {"FIT_TARGET": "gcp", "FIT_GCP_PROJECT": "project", "DO_NOT_TRACK": "1"}
    arguments = [
        "compile", "--quiet", "--target", "gcp", "--project-dir", str(PROJECT), "--profiles-dir", str(PROJECT),
        "--target-path", str(folder), "--log-path", str(folder / "logs"), *(["--vars", DAY] if incremental else []),
    ]  # fmt: skip
    return bool(dbtRunner().invoke(arguments).success)


if __name__ == "__main__":
    sys.exit(0 if compile_project(Path(sys.argv[2]), incremental=sys.argv[1] == "incremental") else 1)
