"""`infra/compose.yaml`: no engine starts it here, so every name in it is held against what the code knows."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import yaml

from fit_platform.settings import Settings
from tests.infra.plain_image import stages
from tests.infra.roles import INFRA, arguments_of_entrypoint, environment_names

COMPOSE: dict[str, Any] = yaml.safe_load((INFRA / "compose.yaml").read_text())
OURS = {name: each for name, each in COMPOSE["services"].items() if "fit-platform" in each["image"]}
SETTINGS = {f"FIT_{name.upper()}" for name in Settings.model_fields}


def test_the_file_is_a_compose_file() -> None:
    checker = Path(sys.executable).with_name("check-jsonschema")
    if not checker.exists():
        pytest.skip("check-jsonschema is not installed: run `make test-infra`")
    done = subprocess.run(
        [str(checker), "--builtin-schema", "vendor.compose-spec", str(INFRA / "compose.yaml")],
        capture_output=True, text=True, timeout=60, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout


@pytest.mark.parametrize("name", OURS)
def test_a_service_runs_a_role_of_the_image(name: str) -> None:
    assert OURS[name]["command"] == [name if name != "proxy" else ""]
    assert name in arguments_of_entrypoint()


@pytest.mark.parametrize("name", OURS)
def test_a_service_is_told_what_the_code_reads(name: str) -> None:
    told = set(OURS[name]["environment"])
    assert told <= SETTINGS | environment_names() | {"DAGSTER_HOME"}
    needed = environment_names() - {"DAGSTER_LOG_BUCKET"}
    from_image = {word.split("=")[0] for word in " ".join(stages()[1].all("ENV")).split()}
    from_secrets = set(OURS[name]["secrets"])
    if name != "receiver":
        assert needed <= told | from_image | from_secrets


@pytest.mark.parametrize("name", OURS)
def test_a_service_has_no_rights_that_it_does_not_need(name: str) -> None:
    service = OURS[name]
    assert service["read_only"] is True
    assert service["cap_drop"] == ["ALL"]
    assert service["security_opt"] == ["no-new-privileges:true"]
    assert "privileged" not in service
    assert not [mount for mount in service.get("volumes", []) if "docker.sock" in mount]


def test_what_others_can_reach_is_told_the_least() -> None:
    """FIT_HOME holds the tokens: FIT_SECRET_KEY, which opens them, and clients' secrets stay out of the receiver."""
    receiver = COMPOSE["services"]["receiver"]
    assert (receiver["env_file"], receiver["secrets"]) == ([], [])
    assert set(receiver["environment"]) == {"FIT_HOME", "FIT_STRAVA_WEBHOOK_SIGNING_KEY"}
    with_no_key = Settings(strava_webhook_signing_key="", _env_file=None).strava_webhook_signing_key
    assert not with_no_key, "an empty variable is none"


def test_only_the_proxy_listens_beyond_this_machine() -> None:
    """Dagster's UI has no sign-in: whoever reaches it may do everything."""
    for name, service in COMPOSE["services"].items():
        for port in service.get("ports", []):
            assert name == "proxy" or port.startswith("127.0.0.1:"), f"{name} listens at {port}"
    assert COMPOSE["services"]["proxy"]["profiles"] == ["public"]


def test_the_proxy_lets_webhooks_through_and_nothing_else() -> None:
    caddy = (INFRA / "Caddyfile").read_text()
    assert re.findall(r"reverse_proxy (\S+)", caddy) == ["receiver:8090"]
    assert re.findall(r"handle (/\S+) \{", caddy) == ["/webhooks/*"]
    assert "output discard" in caddy, "the path is half a secret"


def test_no_secret_is_written_down() -> None:
    assert list(COMPOSE["secrets"]) == ["DAGSTER_PG_PASSWORD"]
    for service in COMPOSE["services"].values():
        for name, value in service.get("environment", {}).items():
            is_reference = str(value) == f"${{{name}:-}}"  # to what is in .env
            assert is_reference or not re.search(r"PASSWORD$|SECRET$|TOKEN$|KEY$", name), f"{name}={value}"


def test_what_must_outlive_a_container_is_a_volume() -> None:
    assert "home:/fit" in OURS["code-server"]["volumes"]
    assert "home:/fit" in OURS["receiver"]["volumes"]
    assert "postgres:/var/lib/postgresql/data" in COMPOSE["services"]["postgres"]["volumes"]
    mounted = {mount.split(":")[0] for each in COMPOSE["services"].values() for mount in each.get("volumes", [])}
    assert set(COMPOSE["volumes"]) == {name for name in mounted if not name.startswith(".")}
    owned = next(step for step in stages()[1].all("RUN"))
    assert "/fit /logs" in owned, "a volume takes its owner from the image's folder of that name"


def test_one_process_of_each_kind() -> None:
    """One daemon, or schedules fire twice; one code server, since it closes the runs of the one before."""
    assert not [name for name, service in COMPOSE["services"].items() if "deploy" in service or "scale" in service]


def test_services_start_after_what_they_need() -> None:
    needs = {name: service.get("depends_on", {}) for name, service in COMPOSE["services"].items()}
    assert needs["migrate"] == {"postgres": {"condition": "service_healthy"}}
    assert needs["code-server"] == {"migrate": {"condition": "service_completed_successfully"}}
    assert all(
        needs[name] == {"code-server": {"condition": "service_healthy"}}
        for name in ("daemon", "webserver", "dashboard")
    )


def test_images_of_others_are_at_a_full_version() -> None:
    foreign = {each["image"] for name, each in COMPOSE["services"].items() if name not in OURS}
    assert all(re.search(r":\d+\.\d+(\.\d+)?-", image) for image in foreign), foreign
