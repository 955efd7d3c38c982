"""The project's compiled SQL on invented inputs, in memory: milliseconds a case, where dbt would take seconds."""

from __future__ import annotations

import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import duckdb
import pyarrow as pa

from tests.integration.dbt_warehouse import PROJECT, Warehouse

CATALOG = "fit"
Row = Mapping[str, Any]


@dataclass(frozen=True)
class CompiledModels:
    """Models by name, as dbt compiled them for a full build on DuckDB; data tests with the models that they read."""

    sql: dict[str, str]
    parents: dict[str, tuple[str, ...]]
    schemas: dict[str, str]
    tests: dict[str, tuple[str, tuple[str, ...]]]
    columns: dict[str, dict[str, str]] = field(default_factory=dict)

    @classmethod
    def of_project(cls, folder: Path, *, today: str = "2026-04-30") -> CompiledModels:
        """Compile every model in `folder`, with column types from a build of it on empty base tables."""
        warehouse = Warehouse(folder)
        warehouse.create_base_tables()
        warehouse.dbt("compile", "--vars", json.dumps({"today": today}))
        manifest = json.loads((folder / "target" / "manifest.json").read_text())
        nodes = {
            node["name"]: node for node in manifest["nodes"].values() if node["resource_type"] in ("model", "seed")
        }
        models = {name: node for name, node in nodes.items() if node["resource_type"] == "model"}
        compiled = cls(
            sql={
                name: (folder / "target" / "compiled" / "fit_platform" / node["original_file_path"]).read_text()
                for name, node in models.items()
            },
            parents={
                name: tuple(
                    parent.split(".")[-1] for parent in node["depends_on"]["nodes"] if not parent.startswith("source.")
                )
                for name, node in models.items()
            },
            schemas={name: node["schema"] for name, node in nodes.items()},
            tests={
                node["name"]: (
                    node["compiled_code"],
                    tuple(parent.split(".")[-1] for parent in node["depends_on"]["nodes"]),
                )
                for node in manifest["nodes"].values()
                if node["resource_type"] == "test"
            },
        )
        with warehouse.connect() as connection:
            for schema in sorted(set(compiled.schemas.values())):
                connection.execute(f"create schema {schema}")
            for name in set(nodes) - set(models):
                seed = PROJECT / nodes[name]["original_file_path"]
                connection.execute(f"create table {compiled.schemas[name]}.{name} as from read_csv('{seed}') limit 0")
            for name in TopologicalSorter(compiled.parents).static_order():
                relation = f"{compiled.schemas[name]}.{name}"
                if name in compiled.sql:
                    connection.execute(f"create table {relation} as {compiled.sql[name]}")
                described = connection.execute(f"describe {relation}").fetchall()
                compiled.columns[name] = {column[0]: column[1] for column in described}
        return compiled

    def run(self, model: str, given: Mapping[str, Iterable[Row]]) -> list[dict[str, Any]]:
        """The rows of `model` when the models in `given` hold these rows.

        Models between are computed; those behind which nothing is given are empty. Columns that a row leaves out are
        null.
        """
        return self._query(f"select * from {CATALOG}.{self.schemas[model]}.{model}", (model,), given)

    def failing(self, test: str, given: Mapping[str, Iterable[Row]]) -> list[dict[str, Any]]:
        """The rows that a data test selects, none where it passes; `test` is how its name begins."""
        (found,) = (self.tests[name] for name in self.tests if name.startswith(test))
        return self._query(*found, given)

    def _query(self, sql: str, models: Iterable[str], given: Mapping[str, Iterable[Row]]) -> list[dict[str, Any]]:
        with duckdb.connect() as connection:
            connection.execute(f"set TimeZone = 'UTC'; attach ':memory:' as {CATALOG}")
            for schema in sorted(set(self.schemas.values())):
                connection.execute(f"create schema {CATALOG}.{schema}")
            done: set[str] = set()
            for model in models:
                self._provide(connection, model, {name: list(rows) for name, rows in given.items()}, done)
            result = connection.execute(sql)
            names = [column[0] for column in result.description or ()]
            return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    def _provide(
        self, connection: duckdb.DuckDBPyConnection, model: str, given: Mapping[str, list[Row]], done: set[str]
    ) -> None:
        if model in done:
            return
        done.add(model)
        relation = f"{CATALOG}.{self.schemas[model]}.{model}"
        if model in given or not self._builds_on(model, given):
            types = self.columns[model]
            connection.execute(f"create table {relation} ({', '.join(f'{n} {t}' for n, t in types.items())})")
            rows = given.get(model, [])
            unknown = {name for row in rows for name in row} - set(types)
            assert not unknown, f"{model} has no {unknown}"
            if rows:
                connection.register("incoming", pa.Table.from_pylist([{**dict.fromkeys(types), **row} for row in rows]))
                casts = ", ".join(f"cast({name} as {kind})" for name, kind in types.items())
                connection.execute(f"insert into {relation} select {casts} from incoming")
            return
        for parent in self.parents[model]:
            self._provide(connection, parent, given, done)
        connection.execute(f"create table {relation} as {self.sql[model]}")

    def _builds_on(self, model: str, given: Mapping[str, list[Row]]) -> bool:
        return any(parent in given or self._builds_on(parent, given) for parent in self.parents.get(model, ()))
