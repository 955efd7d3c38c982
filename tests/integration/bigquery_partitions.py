"""Which days of the big tables a compiled BigQuery query reads, judged from its text.

BigQuery leaves out partitions by comparisons of the partition column with constants, also through views and common
table expressions. Only those are counted here: conjunctions of comparisons of a column with date literals, moved down
through plain selections, unions, and groups or windows by that column. So a model that lost its days is found without
a warehouse; that BigQuery prunes where it says it does, is Google's word.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from graphlib import TopologicalSorter
from pathlib import Path
from typing import Any

import sqlglot
from sqlglot import exp
from sqlglot.optimizer.qualify import qualify

Bounds = tuple[date | None, date | None]
"""First and last day that are meant, both inside; None: no bound on that side."""
Columns = Mapping[str, Bounds]
_DIALECT = "bigquery"
_FREE: Bounds = (None, None)
Readings = frozenset[tuple[str, Bounds]]


@dataclass(frozen=True)
class Scan:
    """One reading of a big table, and the days that it says."""

    model: str
    table: str
    days: Bounds


class CompiledProject:
    """The models of dbt's target folder, with names resolved; base tables as `columns` says (name -> columns)."""

    def __init__(self, folder: Path, columns: Mapping[str, list[str]]) -> None:
        """Parse everything, from the base tables up."""
        manifest = json.loads((folder / "manifest.json").read_text())
        nodes = {name: n for name, n in manifest["nodes"].items() if n["resource_type"] in ("model", "seed")}
        self.nodes: dict[str, dict[str, Any]] = {node["name"]: node for node in nodes.values()}
        self.queries: dict[str, exp.Query] = {}
        schema = {name: dict.fromkeys(names, "unknown") for name, names in columns.items()}
        parents = {name: set(node["depends_on"].get("nodes", ())) for name, node in nodes.items()}
        for unique_id in TopologicalSorter(parents).static_order():
            node = nodes.get(unique_id)
            if node is None:
                continue
            if node["resource_type"] == "seed":
                schema[node["name"]] = dict.fromkeys(node["config"]["column_types"], "unknown")
                continue
            query = sqlglot.parse_one(Path(node["compiled_path"]).read_text(), dialect=_DIALECT)
            for table in query.find_all(exp.Table):
                table.set("db", None)
                table.set("catalog", None)
            query = qualify(
                query, dialect=_DIALECT, schema=schema, quote_identifiers=False, validate_qualify_columns=False
            )
            assert isinstance(query, exp.Query)
            self.queries[node["name"]] = query
            schema[node["name"]] = dict.fromkeys(query.named_selects, "unknown")

    def of_materialization(self, kind: str) -> list[str]:
        """The models that are materialised so."""
        return sorted(n for n, node in self.nodes.items() if node["config"].get("materialized") == kind)

    def is_view(self, name: str) -> bool:
        """Is it one of our views?"""
        return name in self.queries and self.nodes[name]["config"].get("materialized") == "view"

    def partition_column(self, model: str) -> str:
        """The column by which an incremental model is partitioned."""
        return str(self.nodes[model]["config"]["partition_by"]["field"])

    def replaced_days(self, model: str) -> list[date]:
        """The static list of days that an incremental model replaces."""
        return [date.fromisoformat(str(one).split("'")[1]) for one in self.nodes[model]["config"]["partitions"]]

    def scans(self, model: str, big: Mapping[str, str]) -> list[Scan]:
        """Readings of big tables (name -> partition column) by a model, through whatever views; equal ones once."""
        found = _Reader(self, big).read(self.queries[model], {}, {})
        return [Scan(model, table, days) for table, days in sorted(found, key=str)]


class _Reader:
    """Follows a query down to the tables. A CTE that is used twice is read twice: each use may want other days."""

    def __init__(self, project: CompiledProject, big: Mapping[str, str]) -> None:
        self.project, self.big = project, big
        self._known: dict[tuple[int, frozenset[tuple[str, Bounds]]], Readings] = {}

    def read(self, query: exp.Expression, wanted: Columns, named: Mapping[str, exp.Expression]) -> Readings:
        """Readings below a query of which only rows with these days are `wanted`; `named`: its CTEs from outside."""
        key = id(query), frozenset(wanted.items())
        if key not in self._known:
            named = {**named, **{cte.alias: cte.this for cte in query.ctes}}
            self._known[key] = frozenset(self._below(query, wanted, named))
        return self._known[key]

    def _below(
        self, query: exp.Expression, wanted: Columns, named: Mapping[str, exp.Expression]
    ) -> Iterator[tuple[str, Bounds]]:
        if isinstance(query, exp.Subquery):
            yield from self.read(query.this, wanted, named)
        elif isinstance(query, exp.SetOperation):
            for side in (query.left, query.right):
                here = dict(zip(query.named_selects, side.named_selects, strict=True))
                yield from self.read(side, {here[name]: days for name, days in wanted.items()}, named)
        elif isinstance(query, exp.Select):
            days_of = _days_in(query, wanted)
            for source in _sources(query):
                alias = source.alias_or_name
                yield from self._source(source, {c: days for (a, c), days in days_of.items() if a == alias}, named)
            for nested in _subqueries_in_expressions(query):
                yield from self.read(nested, {}, named)

    def _source(
        self, source: exp.Expression, days: Columns, named: Mapping[str, exp.Expression]
    ) -> Iterator[tuple[str, Bounds]]:
        name = source.name
        if isinstance(source, exp.Subquery):
            yield from self.read(source, days, named)
        elif isinstance(source, exp.Table) and name in named:
            yield from self.read(named[name], days, {other: one for other, one in named.items() if other != name})
        elif isinstance(source, exp.Table) and name in self.big:
            yield name, days.get(self.big[name], _FREE)
        elif isinstance(source, exp.Table) and self.project.is_view(name):
            yield from self.read(self.project.queries[name], days, {})


def _sources(query: exp.Select) -> list[exp.Expression]:
    """What stands after FROM and JOIN."""
    origin = query.args.get("from_")
    return [*([origin.this] if origin else []), *(join.this for join in query.args.get("joins") or ())]


def _subqueries_in_expressions(query: exp.Select) -> Iterator[exp.Expression]:
    """Queries inside conditions and columns: EXISTS, IN, scalar ones."""
    sources = {id(source) for source in _sources(query)}
    for node in query.walk(
        prune=lambda node: isinstance(node, exp.With) or id(node) in sources or _is_inner(node, query)
    ):
        if _is_inner(node, query) and id(node) not in sources:
            yield node


def _is_inner(node: exp.Expression, query: exp.Select) -> bool:
    return node is not query and isinstance(node, exp.Query) and not isinstance(node, exp.Table)


def _days_in(query: exp.Select, wanted: Columns) -> dict[tuple[str, str], Bounds]:
    """(source, column) -> days: of what is wanted of the outcome, and of the query's own conditions."""
    found: dict[tuple[str, str], Bounds] = {}
    for name, days in wanted.items():
        column = next((one.unalias() for one in query.selects if one.alias_or_name == name), None)
        if isinstance(column, exp.Column) and _passes(query, column):
            _narrow(found, column, days)
    conditions = [query.args.get("where")]
    # A condition of an inner join is one of the query; of an outer join it is not.
    conditions += [join.args.get("on") for join in query.args.get("joins") or () if join.side not in ("LEFT", "FULL")]
    for condition in conditions:
        expression = condition.this if isinstance(condition, exp.Where) else condition
        for part in expression.flatten() if isinstance(expression, exp.And) else [expression]:
            _compare(found, part.unnest() if part is not None else None)
    return found


def _passes(query: exp.Select, column: exp.Column) -> bool:
    """Does leaving out rows of other days before this select change nothing in those that are left?"""
    group = query.args.get("group")
    if group is not None and column not in group.expressions:
        return False
    if query.args.get("limit") is not None:
        return False
    return all(column in window.args.get("partition_by", ()) for window in query.find_all(exp.Window))


def _compare(found: dict[tuple[str, str], Bounds], part: exp.Expression | None) -> None:
    if isinstance(part, exp.Between) and isinstance(part.this, exp.Column):
        _narrow(found, part.this, (_day(part.args["low"]), _day(part.args["high"])))
    if not isinstance(part, exp.GTE | exp.GT | exp.LT | exp.LTE | exp.EQ) or not isinstance(part.this, exp.Column):
        return
    day = _day(part.expression)
    if day is None:
        return
    one = timedelta(days=1)
    bounds: dict[type, Bounds] = {
        exp.GTE: (day, None),
        exp.GT: (day + one, None) if isinstance(part, exp.GT) else _FREE,
        exp.LT: (None, day - one) if isinstance(part, exp.LT) else _FREE,
        exp.LTE: (None, day),
        exp.EQ: (day, day),
    }
    _narrow(found, part.this, bounds[type(part)])


def _day(value: exp.Expression) -> date | None:
    """A date literal's day."""
    if isinstance(value, exp.Cast) and value.is_type("date") and isinstance(value.this, exp.Literal):
        return date.fromisoformat(value.this.name)
    return None


def _narrow(found: dict[tuple[str, str], Bounds], column: exp.Column, days: Bounds) -> None:
    first, last = found.get((column.table, column.name), _FREE)
    firsts = [day for day in (first, days[0]) if day is not None]
    lasts = [day for day in (last, days[1]) if day is not None]
    found[column.table, column.name] = (max(firsts, default=None), min(lasts, default=None))
