"""The reference page of the docs, made from the code: `python -m fit_platform.commands.reference > docs/reference.md`.

A test compares the page with what this prints, so that it cannot drift.
"""

from __future__ import annotations

import re
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import typer

from fit_platform.cli import app
from fit_platform.providers.base import Resource
from fit_platform.providers.registry import PROVIDERS, every_resource
from fit_platform.settings import Settings

_MARTS = Path(__file__).resolve().parents[2] / "dbt_project" / "models" / "marts"


def reference() -> str:
    """The whole page, as Markdown."""
    parts = [
        "# Reference",
        "Made from the code by `python -m fit_platform.commands.reference`; a test keeps it true.",
        "## Commands",
        *_commands(),
        "## Settings",
        "Read from the environment or from `.env` in the working directory. URLs include the version path and may name "
        "any host.",
        _table(("variable", "default", "meaning"), _settings()),
        "## What is pulled",
        "From the registry, a row each: what the partition day of a resource is, how far back the provider serves it, "
        "the most that one call may ask for, and what it costs one athlete. A resource that names a setting is pulled "
        "only when that is `true`.",
        _table(
            ("provider", "resource", "what", "partition day", "reaches back", "one call", "backfill", "a day more"),
            map(_coverage, every_resource()),
        ),
        "What the athlete has to grant for it, and where its rows are:",
        _table(("provider", "resource", "scopes", "base tables"), map(_grants, every_resource())),
        "## Marts",
        "Schema `marts` of the warehouse, and of the published copy; from dbt's contracts, which a build enforces. "
        "Types as DuckDB has them. Definitions of the numbers: [The numbers](metrics.md); of the matching: "
        "[One activity, once](matching.md).",
        *_marts(),
        "## Base tables",
        "Schema `base` of the warehouse. Every table also has `athlete_id`, `dt` and its provenance: `acquired_via`, "
        "`fetched_at`, `first_fetched_at`, `landing_object`.",
        *_tables(),
    ]
    return "\n\n".join(parts) + "\n"


def _commands() -> Iterator[str]:
    group = typer.main.get_group(app)
    with group.context_class(group, info_name="fit-platform") as context:
        yield from _commands_of(group, context)


def _commands_of(group: Any, context: Any) -> Iterator[str]:
    """The commands of a group, and of the groups in it."""
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        with command.context_class(command, info_name=name, parent=context) as inner:
            if hasattr(command, "list_commands"):
                yield from _commands_of(command, inner)
                continue
            usage = " ".join(command.collect_usage_pieces(inner))
            path = inner.command_path.replace(" [OPTIONS]", "")
            yield f"### `{path} {usage}`\n\n{(command.help or '').strip()}"
        options = [
            (f"`{' / '.join([*option.opts, *option.secondary_opts])}`", (getattr(option, "help", None) or "").strip())
            for option in command.params
            if option.param_type_name == "option" and option.name != "help"
        ]
        if options:
            yield _table(("option", "meaning"), options)


def _settings() -> Iterator[tuple[str, str, str]]:
    for name, field in Settings.model_fields.items():
        default = "" if field.default is None else f"`{field.default}`"
        yield f"`{field.validation_alias or f'FIT_{name.upper()}'}`", default, field.description or ""


def _coverage(resource: Resource) -> tuple[str, ...]:
    reach = f"{resource.window_days} days" if resource.window_days else "no limit known"
    limits = [f"{resource.range_days} days"] if resource.range_days else []
    limits += [f"{resource.page_size} a page"] if resource.page_size else []
    switch = f" Setting: `FIT_{resource.switch.upper()}`." if resource.switch else ""
    return (
        resource.provider,
        resource.name,
        resource.description + switch,
        str(resource.day_of),
        reach,
        ", ".join(limits) or "-",
        resource.calls,
        resource.calls_per_day,
    )


def _grants(resource: Resource) -> tuple[str, ...]:
    scopes = ", ".join(f"`{scope.rsplit('/', 1)[-1]}`" for scope in resource.scopes) or "any"
    return resource.provider, resource.name, scopes, ", ".join(f"`{table.name}`" for table in resource.tables)


def _marts() -> Iterator[str]:
    """Every mart with its columns, out of dbt's property files."""
    for path in sorted(_MARTS.glob("_*__models.yml")):
        for model in msgspec.yaml.decode(path.read_bytes())["models"]:
            yield f"### `{model['name']}`\n\n{model['description'].strip()}{_grain(model)}"
            yield _table(
                ("column", "type", "meaning"),
                [(f"`{c['name']}`", _duckdb_type(c["data_type"]), c["description"].strip()) for c in model["columns"]],
            )


def _grain(model: dict[str, Any]) -> str:
    """The columns that tell its rows apart, by the test that holds them to it."""
    for test in model.get("data_tests", []):
        if isinstance(test, dict) and "unique_grain" in test:
            return (
                f" One row per {', '.join(f'`{column}`' for column in test['unique_grain']['arguments']['columns'])}."
            )
    return ""


def _duckdb_type(data_type: str) -> str:
    """`{{ var('float_type')[target.type] }}` is a name for two warehouses' types."""
    found = re.search(r"var\('(\w+)'\)", data_type)
    return {"float_type": "double", "timestamp_type": "timestamptz"}[found[1]] if found else data_type


def _tables() -> Iterator[str]:
    for provider in PROVIDERS.values():
        for resource in provider:
            for table in resource.tables:
                yield f"### `{table.name}`\n\n{table.description} One row per {', '.join(f'`{k}`' for k in table.key)}."
                columns = ((f"`{c.name}`", c.type.value, c.description) for c in table.columns)
                yield _table(("column", "type", "meaning"), columns)


def _table(head: tuple[str, ...], rows: Iterable[tuple[str, ...]]) -> str:
    lines = [head, tuple("---" for _ in head), *rows]
    return "\n".join(
        "| " + " | ".join(cell.replace("|", "\\|").replace("\n", " ") for cell in row) + " |" for row in lines
    )


if __name__ == "__main__":
    sys.stdout.write(reference())
