"""dbt ends with the process that started it, however that ends, and is told for which run it works."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from dagster_dbt import DbtCliInvocation

from fit_platform import dbt_process
from fit_platform.defs.resources import resources
from fit_platform.settings import Settings

DBT_FOR_EVER = """
import os, sys, threading, types
from fit_platform import dbt_process
dbt_process._LOOK_SECONDS = 0.02
def cli():
    print("started", flush=True)
    try:
        threading.Event().wait()
    finally:
        print("cancelled", flush=True)
sys.modules["dbt.cli.main"] = types.SimpleNamespace(cli=cli)
dbt_process.main()
"""
PARENT = """
import os, subprocess, sys
os.environ["FIT_DBT_PARENT"] = str(os.getpid())
subprocess.Popen([sys.executable, "-c", sys.argv[1]]).wait()
"""


def test_dbt_ends_when_its_parent_is_killed_and_cancels_what_it_has_under_way() -> None:
    with subprocess.Popen(
        [sys.executable, "-c", PARENT, DBT_FOR_EVER], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True
    ) as parent:
        assert parent.stdout is not None
        assert parent.stdout.readline() == "started\n"
        parent.kill()
        assert parent.stdout.read() == "cancelled\n", "the pipe ends with dbt, which had it, too"


def test_dbt_whose_parent_was_gone_before_it_could_look_ends_at_once() -> None:
    done = subprocess.run(
        [sys.executable, "-c", DBT_FOR_EVER], env={**os.environ, dbt_process.PARENT_VARIABLE: "1"},
        capture_output=True, text=True, check=False, timeout=60,
    )  # fmt: skip
    assert (done.returncode == 0, "KeyboardInterrupt" in done.stderr) == (False, True)


def test_our_dbt_is_started_as_such_a_process(monkeypatch: pytest.MonkeyPatch) -> None:
    started: dict[str, Any] = {}
    monkeypatch.setattr(DbtCliInvocation, "run", lambda **how: started.update(how))
    monkeypatch.setenv(dbt_process.PARENT_VARIABLE, "")
    monkeypatch.setenv(dbt_process.RUN_VARIABLE, "")
    resources(Settings())["dbt"].cli(["build"])
    assert started["args"][:5] == [sys.executable, "-P", "-m", "fit_platform.dbt_process", "build"]
    assert started["env"][dbt_process.PARENT_VARIABLE] == str(os.getpid())


WHAT_DBT_SEES = """
import os, sys, types
from fit_platform import dbt_process
def cli():
    print(os.getcwd(), os.environ["FIT_WAREHOUSE_PATH"], os.environ.get("FIT_DAY_RANGES"))
sys.modules["dbt.cli.main"] = types.SimpleNamespace(cli=cli)
dbt_process.hand_on_days(sys.argv[1])
dbt_process.main()
"""


@pytest.mark.parametrize(
    ("ranges", "seen"), [('[["2026-03-01","2026-03-02"]]', '[["2026-03-01","2026-03-02"]]'), ("", "None")]
)
def test_what_dbt_is_told_differs_between_homes_and_days_only_where_it_has_to(
    tmp_path: Path, ranges: str, seen: str
) -> None:
    """dbt parses a project anew, for seconds, where its profile is another one."""
    for home in ("one", "two"):
        (tmp_path / home).mkdir()
        done = subprocess.run(
            [sys.executable, "-c", WHAT_DBT_SEES, ranges],
            env={**os.environ, "FIT_WAREHOUSE_PATH": str(tmp_path / home / "fit.duckdb"), "FIT_DAY_RANGES": "[]"},
            capture_output=True, text=True, check=False, timeout=60,
        )  # fmt: skip
        assert done.stdout == f"{tmp_path / home} fit.duckdb {seen}\n", done.stderr
