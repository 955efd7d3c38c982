"""Google's SQL analyzer over compiled BigQuery SQL. Run it in a process of its own: `python -m … FOLDER`.

Walks the manifest from the base tables up: analyses each node's SQL, and registers the columns that come out, with
their types, as the table that its children read. Prints the nodes that do not pass and why, then how many did.
"""

from __future__ import annotations

import json
import re
import sys
from collections.abc import Iterable
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import wasmtime
from zetasql.api import Analyzer, CatalogBuilder, TableBuilder
from zetasql.core import wasm_client
from zetasql.types import AnalyzerOptions, LanguageOptions, ProductMode, TypeKind, ZetaSQLBuiltinFunctionOptions

from fit_platform.warehouse.schema import Type
from tests.integration.dbt_warehouse import BASE_TABLES

KINDS = {
    "string": TypeKind.TYPE_STRING,
    "int64": TypeKind.TYPE_INT64,
    "float64": TypeKind.TYPE_DOUBLE,
    "bool": TypeKind.TYPE_BOOL,
    "date": TypeKind.TYPE_DATE,
    "timestamp": TypeKind.TYPE_TIMESTAMP,
}
BASE_KINDS = {
    Type.STRING: "string",
    Type.INT: "int64",
    Type.FLOAT: "float64",
    Type.BOOL: "bool",
    Type.DATE: "date",
    Type.TIMESTAMP: "timestamp",
}
RELATION = re.compile(r"`project`\.`[^`]+`\.`([^`]+)`")
"""dbt's name of a relation. Its last part alone is unique here, and the analyzer's catalog is flat."""

Columns = list[tuple[str, Any]]


def analyze(folder: Path) -> tuple[int, list[str]]:
    """How many models and tests passed, and what the analyzer says of the others, a line each."""
    manifest = json.loads((folder / "manifest.json").read_text())
    nodes: dict[str, dict[str, Any]] = manifest["nodes"]
    tables: dict[str, Columns] = {
        table.name: [(column.name, KINDS[BASE_KINDS[column.type]]) for column in table.all_columns]
        for table in BASE_TABLES
    }
    passed, complaints = 0, []
    parents = {name: set(node["depends_on"].get("nodes", ())) for name, node in nodes.items()}
    for name in TopologicalSorter(parents).static_order():
        node = nodes.get(name)
        if node is None:
            continue
        if node["resource_type"] == "seed":
            types = node["config"]["column_types"]
            tables[node["name"]] = [(column, KINDS[kind]) for column, kind in types.items()]
        elif node["resource_type"] in ("model", "test"):
            sql = RELATION.sub(r"`\1`", _compiled(node))
            read = {parent.split(".")[-1] for parent in parents[name]}
            try:
                columns = _columns(sql, {table: tables[table] for table in read if table in tables})
                complaints += [f"{node['name']}: {problem}" for problem in _contract_problems(node, columns)]
                tables[node["name"]] = columns
                passed += 1
            except Exception as error:  # noqa: BLE001 - whatever the analyzer raises is its verdict
                complaints.append(f"{node['name']}: {error}")
    return passed, complaints


def _compiled(node: dict[str, Any]) -> str:
    return Path(node["compiled_path"]).read_text()


def _columns(sql: str, tables: dict[str, Columns]) -> Columns:
    """Names and types of what a query gives."""
    language = LanguageOptions.maximum_features()
    language.product_mode = ProductMode.PRODUCT_EXTERNAL
    language.reserved_keywords = ["QUALIFY"]  # else QUALIFY is refused without WHERE, which BigQuery allows
    catalog = CatalogBuilder("warehouse").with_builtin_functions(
        ZetaSQLBuiltinFunctionOptions(language_options=language)
    )
    for name, columns in tables.items():
        table = TableBuilder(name)
        for column, kind in columns:
            table.add_column(column, kind)
        catalog.add_table(table.build())
    statement = Analyzer(AnalyzerOptions(language_options=language), catalog.build()).analyze_statement(sql)
    return [(output.name, output.column.type) for output in statement.output_column_list]


def _contract_problems(node: dict[str, Any], columns: Columns) -> Iterable[str]:
    """Where a model's columns differ from its contract."""
    if not node["config"].get("contract", {}).get("enforced"):
        return
    wanted = {name: KINDS[column["data_type"]] for name, column in node["columns"].items()}
    given = {name: kind.type_kind for name, kind in columns}
    if wanted != given:
        yield f"contract and columns differ: {sorted(set(wanted.items()) ^ set(given.items()), key=str)}"


def _cached_engine() -> wasmtime.Config:
    """The analyzer is WebAssembly: half a minute and 1 GB to compile, half a second from wasmtime's cache."""
    config = wasmtime.Config()
    config.cache = True
    return config


if __name__ == "__main__":
    wasm_client.Config = _cached_engine
    passed, complaints = analyze(Path(sys.argv[1]))
    print("\n".join([*complaints, f"{passed} passed"]))  # noqa: T201 - this is the answer
    sys.exit(1 if complaints else 0)
