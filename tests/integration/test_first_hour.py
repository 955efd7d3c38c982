"""The commands of the tutorial and of the README, in their order, as they are written there; only days are made fewer.

The tutorial runs on a demo home; the README's own-data part on another home, against the simulated providers, with a
browser that says yes.
"""

from __future__ import annotations

import re
import shlex
import subprocess
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from typer.testing import CliRunner

from fit_platform.cli import app
from fit_platform.commands.demo import consenting
from fit_platform.simulator import SimulatorConfig, WorldConfig, environment, running

ROOT = Path(__file__).resolve().parents[2]
YESTERDAY = datetime.now(UTC).date() - timedelta(days=1)


def shown(page: str) -> list[list[str]]:
    """The words of every command in the console blocks of a page."""
    blocks = re.findall(r"^```console\n(.*?)^```", (ROOT / page).read_text(), re.MULTILINE | re.DOTALL)
    lines = [line.split("  #")[0].strip() for block in blocks for line in block.splitlines()]
    return [shlex.split(line) for line in lines if line]


def make(words: list[str]) -> None:
    """`make` knows what it would do; the targets themselves are what this test is part of."""
    subprocess.run(["make", "-n", *words[1:]], cwd=ROOT, check=True, capture_output=True, timeout=60)


def run(words: list[str], *more: str) -> str:
    result = CliRunner().invoke(app, [*words[1:], *more])
    assert result.exit_code == 0, f"{shlex.join(words)}\n{result.output}"
    return result.stdout


def test_the_tutorial_works_as_it_is_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    commands = shown("docs/tutorial.md")
    assert len(commands) >= 7
    for words in commands:
        if words[0] == "make":
            make(words)
            continue
        said = run(["4" if word == "14" else word for word in words])
        if words[1] == "demo":
            assert "(100.0%)" in said
            assert "0 failed" in said
        if words[1] == "export":
            assert (tmp_path / "my-export" / "activity_sources.csv").is_file()
    [program] = re.findall(r"^```python\n(.*?)^```", (ROOT / "docs/how-to/bi.md").read_text(), re.MULTILINE | re.DOTALL)
    found: dict[str, Any] = {}
    exec(program.replace(".fit/", f"{tmp_path / 'home'}/"), found)
    assert found["weeks"]["km"].sum() > 0
    assert len(found["load"]) > 0


def test_the_readmes_commands_on_own_data_work_as_they_are_written(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    with running(SimulatorConfig(world=WorldConfig(days=3, end=YESTERDAY))) as url:
        for name, value in environment(url).items():
            monkeypatch.setenv(name, value)
        monkeypatch.setattr("fit_platform.commands.linking._open_browser", consenting("ada"))
        seen = []
        for words in shown("README.md"):
            if words[0] == "make":
                make(words)
                continue
            seen.append(words[1])
            recent = [YESTERDAY.isoformat() if re.fullmatch(r"\d{4}-\d\d-\d\d", word) else word for word in words]
            said = run(recent, *(["--yes", "--set", "FIT_START_DATE=2026-01-01"] if words[1] == "init" else []))
            if words[1] == "sync":
                assert "built, checked and published" in said
        assert seen == ["init", "link", "sync", "status", "export"]
        assert (tmp_path / "my-export" / "activities.csv").is_file()
        assert (tmp_path / ".env").is_file()


@pytest.mark.parametrize("page", ["docs/tutorial.md", "README.md"])
def test_a_page_to_start_from_shows_commands(page):
    assert shown(page)
