"""The docs say what the code does."""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fit_platform.commands.reference import reference
from fit_platform.providers.base import Resource
from fit_platform.providers.registry import every_resource
from fit_platform.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
PAGES = [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def test_the_reference_page_is_what_the_code_says() -> None:
    """To mend: python -m fit_platform.commands.reference > docs/reference.md."""
    assert (ROOT / "docs" / "reference.md").read_text() == reference()


def test_every_setting_has_a_description() -> None:
    assert [name for name, field in Settings.model_fields.items() if not field.description] == []


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_files_and_pages_that_a_page_names_exist(page: Path) -> None:
    text = page.read_text()
    links = [link for link in re.findall(r"\]\(([^)#]+)\)", text) if not link.startswith("http")]
    paths = re.findall(r"`((?:fit_platform|dbt_project|tests)/[\w./]+)`", text)
    missing = [name for name in links if not (page.parent / name).exists()]
    missing += [name for name in paths if not (ROOT / name).exists()]
    assert missing == []


def test_every_make_target_that_the_readme_names_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    named = set(re.findall(r"`make ([a-z-]+)`|^make ([a-z-]+)", (ROOT / "README.md").read_text(), re.MULTILINE))
    for target in {a or b for a, b in named}:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


@pytest.mark.parametrize("resource", every_resource(), ids=lambda resource: "/".join(resource.key))
def test_the_coverage_table_has_every_fact_of_a_resource(resource: Resource) -> None:
    rows = [
        [cell.strip() for cell in line.strip("|").split(" | ")]
        for line in reference().splitlines()
        if line.startswith(f"| {resource.provider} | {resource.name} |")
    ]
    coverage, grants = rows
    assert str(resource.day_of) in coverage
    assert resource.calls in coverage
    assert resource.calls_per_day in coverage
    for limit in (resource.window_days, resource.range_days, resource.page_size):
        assert limit is None or any(str(limit) in cell.split() or f"{limit} a page" in cell for cell in coverage)
    assert all(scope.rsplit("/", 1)[-1] in grants[2] for scope in resource.scopes)
    assert all(f"`{table.name}`" in grants[3] for table in resource.tables)
    assert resource.switch is None or f"FIT_{resource.switch.upper()}" in coverage[2]


def test_a_switch_of_a_resource_is_a_setting_that_is_off() -> None:
    for resource in every_resource():
        assert resource.switch is None or Settings.model_fields[resource.switch].default is False
