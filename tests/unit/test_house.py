"""The rules of the house: imports run downwards, a provider knows no other, and only the top knows Dagster."""

from __future__ import annotations

import ast
from collections.abc import Iterator
from pathlib import Path

import pytest

PACKAGE = Path(__file__).resolve().parents[2] / "fit_platform"
MODULES = sorted(PACKAGE.rglob("*.py"))
MAY_KNOW_DAGSTER = {"definitions.py", "dbt.py", "event_log.py", "instance.py", "run_history.py", "sync.py", "defs"}
ROOMS_BELOW = {
    "providers": {"providers", "warehouse", "errors", "settings"},
    "accounts": {"accounts", "quota", "providers", "warehouse", "errors", "settings"},
    "quota": {"quota", "providers", "errors", "settings"},
    "landing": {"landing", "providers", "gcp", "errors", "settings"},
    "warehouse": {"warehouse", "gcp", "errors", "settings"},
    "pipeline": {"pipeline", "landing", "warehouse", "providers", "errors", "settings"},
    "feed": {
        "feed",
        "pipeline",
        "accounts",
        "quota",
        "landing",
        "providers",
        "runtime",
        "patience",
        "errors",
        "settings",
    },
    "retention": {
        "retention",
        "pipeline",
        "accounts",
        "quota",
        "landing",
        "warehouse",
        "providers",
        "runtime",
        "errors",
        "settings",
    },
    "export": {"export", "pipeline", "warehouse", "errors", "settings"},
    "alerts": {"alerts", "feed", "accounts", "landing", "providers", "runtime", "errors", "settings"},
    "dashboard": {"dashboard", "accounts", "warehouse", "patience", "errors", "settings"},
    "simulator": {"simulator"},
}


def imported(path: Path) -> Iterator[str]:
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom) and node.module:
            yield node.module


def room_of(path: Path) -> str:
    return path.relative_to(PACKAGE).parts[0]


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_a_module_keeps_to_its_room(path: Path) -> None:
    room, names = room_of(path), list(imported(path))
    if room not in MAY_KNOW_DAGSTER:
        assert not [name for name in names if name.split(".")[0] in {"dagster", "dagster_dbt"}]
    ours = [name.split(".") for name in names if name.startswith("fit_platform.")]
    if room in ROOMS_BELOW:
        above = {parts[1] for parts in ours} - ROOMS_BELOW[room]
        assert not above, f"{room} is below {above}"
    if room == "providers" and len(path.relative_to(PACKAGE).parts) == 3:
        me = path.parent.name
        others = {p.name for p in (PACKAGE / "providers").iterdir() if p.is_dir()} - {me, "__pycache__"}
        assert not [parts for parts in ours if len(parts) > 2 and parts[1] == "providers" and parts[2] in others]


def test_every_module_says_what_belongs_in_it() -> None:
    silent = [str(path.relative_to(PACKAGE)) for path in MODULES if not ast.get_docstring(ast.parse(path.read_text()))]
    assert silent == []


def test_only_settings_reads_the_environment() -> None:
    """The others only hand it on: to dbt, to Dagster, to a simulation's settings."""
    readers = {
        str(path.relative_to(PACKAGE))
        for path in MODULES
        if any(word in path.read_text() for word in ("os.environ[", "os.environ.get", "os.getenv"))
        and path.name != "settings.py"
    }
    assert readers <= {"dbt.py", "dbt_process.py", "instance.py", "event_log.py", "commands/demo_home.py"}
