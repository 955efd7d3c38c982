"""`docs/deploy.md`: every command, service, resource, secret and file that it names exists."""

from __future__ import annotations

import re

import typer
import yaml

from fit_platform.cli import app
from tests.infra.plain_image import ROOT
from tests.infra.roles import INFRA

PAGE = (ROOT / "docs" / "deploy.md").read_text()
TERRAFORM = "".join(path.read_text() for path in (INFRA / "terraform").glob("*.tf"))
COMPOSE = yaml.safe_load((INFRA / "compose.yaml").read_text())


def test_every_command_of_ours_exists() -> None:
    group = typer.main.get_group(app)
    with group.context_class(group, info_name="fit-platform") as context:
        known = set(group.list_commands(context))
        webhooks = group.get_command(context, "webhooks")
        assert webhooks is not None
        inner = set(webhooks.list_commands(context))
    named = set(re.findall(r"fit-platform (?!…|\.)([a-z]+)", PAGE)) - {"fit"}
    assert named
    assert named <= known
    assert set(re.findall(r"fit-platform webhooks ([a-z]+)", PAGE)) <= inner


def test_every_service_that_is_addressed_is_in_the_compose_file() -> None:
    services = set(re.findall(r"compose --file infra/compose\.yaml exec (?:-T )?([a-z-]+)", PAGE))
    assert services
    assert services <= set(COMPOSE["services"])
    assert set(re.findall(r"--profile ([a-z]+)", PAGE)) == {"public"}


def test_every_container_role_is_explained() -> None:
    ours = {name for name, each in COMPOSE["services"].items() if "fit-platform" in each["image"]}
    assert set(re.findall(r"^\| `([a-z-]+)` \| .* \| .* \|$", PAGE, re.MULTILINE)) >= ours


def test_every_resource_and_output_exists_in_terraform() -> None:
    for target in re.findall(r"-target=(google_\w+)\.(\w+)", PAGE):
        assert f'resource "{target[0]}" "{target[1]}"' in TERRAFORM, target
    for output in re.findall(r"output -raw (\w+)", PAGE):
        assert f'output "{output}"' in TERRAFORM, output
    for name in re.findall(r"\b(fit-(?:orchestrator|webserver|receiver|migrate|dagster))\b", PAGE):
        assert f'"{name}"' in TERRAFORM, name
    assert "-fit-landing" in TERRAFORM


def test_every_account_has_its_line() -> None:
    accounts = re.findall(
        r"^    ([\w-]+) += \"", TERRAFORM.partition("accounts = {")[2].partition("}")[0], re.MULTILINE
    )
    assert len(accounts) == 9
    missing = [name for name in accounts if f"`fit-{name}`" not in PAGE]
    assert missing == ["pinger"], "it may do nothing, so there is nothing to say"


def test_every_secret_is_spoken_of() -> None:
    """Those of the database are put in by a loop."""
    known = re.findall(r"^    ([a-z-]+) += \{ becomes", TERRAFORM, re.MULTILINE)
    assert len(known) == 11
    users = PAGE.partition("for user in")[2].partition(";")[0]
    loop = {f"postgres-{reader}" for reader in re.findall(r"\w+:(\w+)", users)}
    assert set(known) == {name for name in known if name in PAGE} | loop


def test_the_variables_of_the_workflow_are_named() -> None:
    workflow = (ROOT / ".github" / "workflows" / "deploy.yml").read_text()
    assert all(f"`{name}`" in PAGE for name in set(re.findall(r"vars\.(\w+)", workflow)))


def test_the_retention_that_is_told_is_the_one_that_is_set() -> None:
    for days in (90, 365, 1095):
        assert str(days) in TERRAFORM
    assert "max_time_travel_hours       = 48" in TERRAFORM
    assert "max_retention_days    = 14" in TERRAFORM
    retention = yaml.safe_load((INFRA / "dagster/one-machine/dagster.yaml").read_text())["retention"]
    assert retention["sensor"]["purge_after_days"] == {"skipped": 7, "success": 30, "failure": 90}
    assert "7 days (skipped), 30 (successful) and 90 (failed)" in PAGE.replace("\n", " ")
