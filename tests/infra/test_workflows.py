"""`.github/workflows`: well formed, pinned, with no more rights than needed, and about things that exist."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.infra.plain_image import ROOT
from tests.infra.roles import INFRA

FOLDER = ROOT / ".github" / "workflows"
FILES = sorted(FOLDER.glob("*.yml"))
WORKFLOWS: dict[str, dict[Any, Any]] = {path.stem: yaml.safe_load(path.read_text()) for path in FILES}
TERRAFORM = "".join(path.read_text() for path in (INFRA / "terraform").glob("*.tf"))


def _tool(name: str, *arguments: str) -> None:
    tool = Path(sys.executable).with_name(name)
    if not tool.exists():
        pytest.skip(f"{name} is not installed: run `make test-infra`")
    done = subprocess.run(
        [str(tool), *arguments, *map(str, FILES)], capture_output=True, text=True, timeout=120, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_they_are_workflows() -> None:
    _tool("check-jsonschema", "--builtin-schema", "vendor.github-workflows")


def test_an_auditor_finds_nothing() -> None:
    _tool("zizmor", "--offline", "--no-progress", "--persona=regular")


def test_actions_are_pinned_by_commit() -> None:
    used = [line.strip() for path in FILES for line in path.read_text().splitlines() if "uses:" in line]
    assert used
    assert [line for line in used if not re.search(r"uses: [\w-]+/[\w-]+@[0-9a-f]{40} # v\d+\.\d+\.\d+$", line)] == []


def test_nobody_has_a_right_by_default() -> None:
    assert WORKFLOWS["test"]["permissions"] == {"contents": "read"}
    assert WORKFLOWS["deploy"]["permissions"] == {}
    for job in WORKFLOWS["deploy"]["jobs"].values():
        assert set(job["permissions"].items()) <= {("contents", "read"), ("id-token", "write")}
        assert job["environment"] == "production"


def test_there_is_no_key_to_steal() -> None:
    text = "".join(path.read_text() for path in FILES)
    assert "secrets." not in text
    assert "credentials_json" not in text


def test_the_order_is_test_image_migrate_deploy() -> None:
    deploy = WORKFLOWS["deploy"]
    assert deploy[True]["workflow_run"] == {"workflows": ["test"], "types": ["completed"], "branches": ["main"]}
    assert "conclusion == 'success'" in deploy["jobs"]["image"]["if"]
    assert deploy["jobs"]["migrate"]["needs"] == "image"
    assert "migrate" in deploy["jobs"]["deploy"]["needs"]


def test_every_job_ends() -> None:
    assert all(job["timeout-minutes"] <= 60 for workflow in WORKFLOWS.values() for job in workflow["jobs"].values())


def test_every_make_target_exists() -> None:
    makefile = (ROOT / "Makefile").read_text()
    for target in WORKFLOWS["test"]["jobs"]["test"]["strategy"]["matrix"]["target"]:
        assert re.search(rf"^{target}:", makefile, re.MULTILINE), target


def test_what_is_deployed_is_what_terraform_makes() -> None:
    text = (FOLDER / "deploy.yml").read_text()
    named = set(re.findall(r"\b(?:jobs (?:update|execute)|services update|add-metadata) (fit-[a-z]+)", text))
    assert named == {"fit-migrate", "fit-receiver", "fit-webserver", "fit-orchestrator"}
    assert all(f'"{name}"' in TERRAFORM for name in named)
    assert "fit-image=" in text
    assert 'metadata["fit-image"]' in TERRAFORM
    assert '"compute.zoneOperations.get"' in TERRAFORM, "gcloud waits for the operation that add-metadata is"
    assert "/fit-platform/fit-platform" in text
    assert 'repository_id = "fit-platform"' in TERRAFORM
