"""`infra/terraform` under a real Terraform, against a stand-in provider: it is valid, and its plan keeps the policies.

Not seen here: what only Google's own provider or Google itself would refuse.
"""

from __future__ import annotations

import base64
import json
import re
import subprocess
from pathlib import Path

import pytest
import yaml

from fit_platform.runtime import Runtime
from fit_platform.settings import Settings, load_settings
from fit_platform.warehouse.bigquery_schema import DATASETS, SCRATCH_HOURS
from tests.infra.policies import (
    POLICIES,
    Policy,
    every_bucket_has_a_lifecycle,
    every_secret_has_one_reader,
    machines_are_not_reachable_from_outside,
    nobody_has_sweeping_rights,
    only_our_main_branch_deploys,
    only_the_receiver_is_public,
    secrets_reach_services_by_reference,
    somebody_is_told,
    the_default_account_runs_nothing,
    what_holds_state_is_not_lost,
)
from tests.infra.roles import arguments_of_entrypoint, environment_names
from tests.infra.terraform.offline import CONFIG, Offline, Resource, missing

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())


@pytest.fixture(scope="module")
def terraform(tmp_path_factory: pytest.TempPathFactory) -> Offline:
    return Offline(tmp_path_factory.mktemp("terraform")).init()


@pytest.fixture(scope="module")
def plan(terraform: Offline) -> list[Resource]:
    return terraform.plan()


def test_the_configuration_is_formatted(terraform: Offline) -> None:
    code, out, _ = terraform.run("fmt", "-check", "-diff", "-no-color", "-recursive")
    assert code == 0, out


def test_the_configuration_is_valid(terraform: Offline) -> None:
    code, out, err = terraform.run("validate", "-no-color")
    assert code == 0, out + err


@pytest.mark.parametrize("policy", POLICIES, ids=lambda policy: policy.__name__)
def test_the_plan_keeps_the_policy(policy: Policy, plan: list[Resource]) -> None:
    assert list(policy(plan)) == []


MORE_BUCKET = """
resource "google_storage_bucket" "more" {
  name = "fit-test-more"
  location = "EU"
  uniform_bucket_level_access = true
  public_access_prevention = "enforced"
}
"""
DATASET_FOR_ALL = """
  access {
    role = "READER"
    special_group = "allAuthenticatedUsers"
  }
"""
MORE_READER = """
resource "google_secret_manager_secret_iam_member" "more" {
  secret_id = google_secret_manager_secret.of["secret-key"].secret_id
  role = "roles/secretmanager.secretAccessor"
  member = google_service_account.of["dashboard"].member
}
"""
KEY = """
resource "google_service_account_key" "ci" {
  service_account_id = google_service_account.of["deployer"].name
}
"""
WEBSERVER = "  name     = google_cloud_run_v2_service.webserver.name\n"
ADDRESS = "    network_ip = google_compute_address.orchestrator.address\n"
PUBLIC = '  role     = "roles/run.invoker"\n  member   = "allUsers"\n'
TOKENS = """  condition {
    title      = "athletes' tokens only"
    expression = "resource.name.startsWith('projects/${data.google_project.this.number}/secrets/${var.secret_prefix}-')"
  }
"""
FAULTS: dict[str, tuple[str, str, str, Policy]] = {
    # a mutation: file, what stands there, what somebody makes of it, and the policy that must see it
    "the dagster ui for everybody": (
        "run.tf",
        f'{WEBSERVER}  role     = "roles/run.invoker"\n  member   = each.value\n',
        f"{WEBSERVER}{PUBLIC}",
        only_the_receiver_is_public,
    ),
    "everybody may deploy the receiver": (
        "run.tf",
        PUBLIC,
        PUBLIC.replace("invoker", "admin"),
        only_the_receiver_is_public,
    ),
    "a bucket that may become public": ("storage.tf", '"enforced"', '"inherited"', only_the_receiver_is_public),
    "a dataset for all": (
        "bigquery.tf",
        '  labels                      = { app = "fit-platform" }\n',
        DATASET_FOR_ALL,
        only_the_receiver_is_public,
    ),
    "a public address": (
        "orchestrator.tf",
        ADDRESS,
        f'{ADDRESS}    access_config {{\n      network_tier = "PREMIUM"\n    }}\n',
        machines_are_not_reachable_from_outside,
    ),
    "ssh for the world": ("network.tf", "35.235.240.0/20", "0.0.0.0/0", machines_are_not_reachable_from_outside),
    "a database on the internet": (
        "database.tf",
        "ipv4_enabled    = false",
        "ipv4_enabled    = true",
        machines_are_not_reachable_from_outside,
    ),
    "a project-wide editor": (
        "identities.tf",
        '["ingest", "roles/bigquery.user"]',
        '["ingest", "roles/editor"]',
        nobody_has_sweeping_rights,
    ),
    "all data instead of a dataset": (
        "identities.tf",
        '["bi-reader", "roles/bigquery.jobUser"]',
        '["bi-reader", "roles/bigquery.dataViewer"]',
        nobody_has_sweeping_rights,
    ),
    "every secret instead of the tokens": ("secrets.tf", TOKENS, "", nobody_has_sweeping_rights),
    "the default account": (
        "run.tf",
        '    service_account                  = google_service_account.of["receiver"].email\n',
        "",
        the_default_account_runs_nothing,
    ),
    "a bucket that keeps everything": (
        "storage.tf",
        "# Reads who is linked",
        f"{MORE_BUCKET}# Reads who is linked",
        every_bucket_has_a_lifecycle,
    ),
    "no versions": (
        "storage.tf",
        "enabled = true # the landing zone's history",
        "enabled = false",
        every_bucket_has_a_lifecycle,
    ),
    "erased and kept": (
        "storage.tf",
        "retention_duration_seconds = 0",
        "retention_duration_seconds = 604800",
        every_bucket_has_a_lifecycle,
    ),
    "a second reader": (
        "secrets.tf",
        "# Tokens: ingest alone",
        f"{MORE_READER}# Tokens: ingest alone",
        every_secret_has_one_reader,
    ),
    "a secret that nobody reads": (
        "secrets.tf",
        "  for_each  = local.secrets\n  project   = var.project\n  secret_id = google",
        '  for_each  = { for name, each in local.secrets : name => each if name != "secret-key" }\n'
        "  project   = var.project\n  secret_id = google",
        every_secret_has_one_reader,
    ),
    "a key of an account": (
        "identities.tf",
        "# dbt runs in the process",
        f"{KEY}# dbt runs in the process",
        every_secret_has_one_reader,
    ),
    "a password in clear text": (
        "run.tf",
        'DAGSTER_PG_USERNAME = "webserver"',
        'DAGSTER_PG_USERNAME = "webserver"\n          DAGSTER_PG_PASSWORD = "guess"',
        secrets_reach_services_by_reference,
    ),
    "every branch deploys": ("github.tf", " && assertion.ref == 'refs/heads/main'", "", only_our_main_branch_deploys),
    "no backups": (
        "database.tf",
        "      enabled                        = true",
        "      enabled = false",
        what_holds_state_is_not_lost,
    ),
    "no budget": ("monitoring.tf", 'var.billing_account == "" ? 0 : 1', "0", somebody_is_told),
}


@pytest.mark.parametrize("name", FAULTS)
def test_a_planted_fault_is_seen(name: str, tmp_path: Path) -> None:
    """The policies see what they are for: each of these changes is valid Terraform, and each is caught."""
    file, stands, made, policy = FAULTS[name]
    mutated = Offline(tmp_path / "mutated")
    path = mutated.folder / file
    text = path.read_text()
    assert stands in text, "the fault no longer fits the configuration"
    path.write_text(text.replace(stands, made))
    assert list(policy(mutated.init().plan()))


@pytest.mark.parametrize(
    ("file", "stands", "made", "told"),
    [
        ("storage.tf", "uniform_bucket_level_access = true", "uniform_bucket_access = true", "Unsupported argument"),
        ("storage.tf", "  location                    = var.region\n", "", "Missing required argument"),
        ("run.tf", "google_storage_bucket.landing.name", "google_storage_bucket.landed.name", "undeclared resource"),
        ("database.tf", "    ip_configuration {", "    ip_configurations {", "Unsupported block type"),
        ("bigquery.tf", "max_time_travel_hours       = 48", "max_time_travel_hours = [48]", "Incorrect attribute"),
        ("variables.tf", 'default     = "europe-west1"', "default     = europe-west1", "may not be used"),
    ],
)  # fmt: skip
def test_a_mistake_is_no_valid_configuration(tmp_path: Path, file: str, stands: str, made: str, told: str) -> None:
    """The stand-in knows Google's types: what they do not have, Terraform refuses, with file and line."""
    mutated = Offline(tmp_path / "mutated")
    path = mutated.folder / file
    assert stands in path.read_text()
    path.write_text(path.read_text().replace(stands, made))
    code, out, err = mutated.run("init", "-input=false", "-no-color", f"-plugin-dir={mutated.mirror}")
    if code == 0:
        code, out, err = mutated.run("validate", "-no-color")
    assert code != 0
    assert told in out + err
    assert file in out + err


def _settings_names() -> set[str]:
    return {str(field.validation_alias or f"FIT_{name.upper()}") for name, field in Settings.model_fields.items()}


def test_every_variable_is_one_that_the_code_reads() -> None:
    text = "".join(path.read_text() for path in CONFIG.glob("*.tf*"))
    named = set(re.findall(r"\bFIT_[A-Z_]+\b", text)) - {"FIT_ALERT_", "FIT_IMAGE", "FIT_LISTEN_HOST"}
    assert named - _settings_names() == set()
    assert set(re.findall(r"\bDAGSTER_[A-Z_]+\b", text)) <= environment_names()


def test_every_role_of_a_container_is_one_of_the_image() -> None:
    text = "".join(path.read_text() for path in CONFIG.glob("*.tf*"))
    roles = set(re.findall(r'args\s+= \["([\w-]+)"\]', text)) | set(
        re.findall(r"\$\{FIT_IMAGE\} ([\w-]+)$", text, re.M)
    )
    assert roles == {"receiver", "webserver", "migrate", "code-server", "daemon", "dashboard"}
    assert roles <= arguments_of_entrypoint()


def test_the_datasets_are_those_of_the_code(plan: list[Resource]) -> None:
    planned = {each.values["dataset_id"]: each.values for each in plan if each.type == "google_bigquery_dataset"}
    assert set(planned) == {f"fit_{schema}" for schema in DATASETS}
    for schema, description in DATASETS.items():
        assert planned[f"fit_{schema}"]["description"] == description
    assert planned["fit_scratch"]["default_table_expiration_ms"] == SCRATCH_HOURS * 3600 * 1000


def test_readers_see_the_published_marts_and_nothing_else(plan: list[Resource]) -> None:
    seen: dict[str, set[str]] = {}
    for each in plan:
        if each.type == "google_bigquery_dataset_iam_member":
            account = each.values["member"].removeprefix("serviceAccount:fit-").partition("@")[0]
            seen.setdefault(account, set()).add(f"{each.values['dataset_id']} {each.values['role'].rpartition('.')[2]}")
    assert seen["bi-reader"] == seen["dashboard"] == {"fit_published dataViewer"}
    assert seen["ingest"] == {f"fit_{schema} dataEditor" for schema in DATASETS}
    assert "fit_base dataViewer" in seen["transform"]
    assert not {"fit_base dataEditor", "fit_published dataEditor"} & seen["transform"]


def test_what_doctor_asks_for_is_granted(plan: list[Resource]) -> None:
    """Each role that `fit-platform doctor` would tell the operator to grant to the orchestrator's account."""
    member = "serviceAccount:fit-ingest@fit-test.iam.gserviceaccount.com"
    granted = {each.values.get("role") for each in plan if each.values.get("member") == member}
    text = (CONFIG.parents[1] / "fit_platform" / "commands" / "doctor_gcp.py").read_text()
    asked = set(re.findall(r'"(roles/[\w.]+)"', text)) | set(re.findall(r"grant (roles/[\w.]+) on", text))
    assert asked
    assert asked - {"roles/bigquery.jobUser"} <= granted, "bigquery.user includes jobUser"


@pytest.fixture(scope="module")
def cloud_config(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """The orchestrator's files, as Terraform renders them."""
    folder = tmp_path_factory.mktemp("rendered")
    offline = Offline(folder)
    for path in offline.folder.glob("*.tf"):
        path.unlink()
    text = (CONFIG / "run.tf").read_text()
    names = re.findall(r"^    ((?:FIT|DAGSTER)_[A-Z_]+) +=", text.partition("resource ")[0], re.MULTILINE)
    values = {name: GIVEN.get(name, "x") for name in [*names, "FIT_HOME", "DAGSTER_PG_USERNAME"]}
    variables = {
        "registry": "europe-west1-docker.pkg.dev",
        "project": "fit-test",
        "secrets": {"platform-polar-client-secret": "FIT_POLAR_CLIENT_SECRET"},
        "environment": values,
    }
    template = (offline.folder / "orchestrator.yaml.tftpl").as_posix()
    (offline.folder / "main.tf").write_text(
        f'output "it" {{\n  value = templatefile("{template}", jsondecode({json.dumps(json.dumps(variables))}))\n}}\n'
    )
    (offline.folder / "test.auto.tfvars.json").unlink()
    code, out, err = offline.init().run("plan", "-input=false", "-no-color", "-out=plan.bin")
    assert code == 0, out + err
    _, out, _ = offline.run("show", "-json", "plan.bin")
    rendered = json.loads(out[out.index("{") :])["planned_values"]["outputs"]["it"]["value"]
    assert rendered.startswith("#cloud-config\n")
    return {each["path"]: each["content"] for each in yaml.safe_load(rendered)["write_files"]}


GIVEN = {
    "FIT_TARGET": "gcp",
    "FIT_LANDING_URL": "gs://fit-test-fit-landing/landing",
    "FIT_GCP_PROJECT": "fit-test",
    "FIT_TOKEN_STORE": "secret-manager",
    "FIT_SECRET_PREFIX": "fit",
    "FIT_BIGQUERY_DATASET_PREFIX": "fit_",
    "FIT_STRAVA_API_RETENTION_DAYS": "7",
}


def test_the_orchestrator_is_told_settings_that_the_code_accepts(
    cloud_config: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for line in cloud_config["/etc/fit/environment"].splitlines():
        name, _, value = line.partition("=")
        monkeypatch.setenv(name, value)
    settings = load_settings()
    assert (settings.target, settings.token_store, settings.strava_api_retention_days) == ("gcp", "secret-manager", 7)
    Runtime(settings)


def test_the_orchestrator_s_script_fetches_what_there_is_and_stops_at_what_it_cannot_have(
    cloud_config: dict[str, str], tmp_path: Path
) -> None:
    """Run for real, with the machine's commands replaced: a value, a secret without one, and a refusal."""
    script = cloud_config["/etc/fit/prepare.sh"].replace("/run/fit", str(tmp_path / "run")).replace(
        "/mnt/disks/fit", str(tmp_path / "disk")
    )  # fmt: skip
    commands = tmp_path / "bin"
    commands.mkdir()
    for name in ("blkid", "mkfs.ext4", "mountpoint", "mount", "chown", "docker", "docker-credential-gcr", "iptables"):
        (commands / name).write_text("#!/bin/sh\nexit 0\n")
    answer = base64.b64encode(b"s3cret").decode()
    (commands / "curl").write_text(
        "#!/bin/sh\n"
        'case "$*" in\n'
        """  *token*) printf '{"access_token":"t","expires_in":1}' ;;\n"""
        '  *fit-image*) printf "registry/image@sha256:1" ;;\n'
        "  *) while [ $# -gt 1 ]; do [ $1 = --output ] && out=$2; shift; done\n"
        f"""     printf '{{\n "payload": {{\n  "data": "{answer}"\n }}\n}}' > "$out"; printf "$FIT_STATUS" ;;\n"""
        "esac\n"
    )
    for path in commands.iterdir():
        path.chmod(0o755)

    def run(status: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            ["bash", "-c", script],
            env={"PATH": f"{commands}:/usr/bin:/bin", "FIT_STATUS": status},
            capture_output=True,
            text=True,
            timeout=60,
            check=False,
        )

    secret = tmp_path / "run" / "secrets" / "FIT_POLAR_CLIENT_SECRET"
    done = run("200")
    assert done.returncode == 0, done.stderr
    assert secret.read_text() == "s3cret"
    assert secret.stat().st_mode & 0o077 == 0
    assert (tmp_path / "run" / "image").read_text() == "FIT_IMAGE=registry/image@sha256:1\n"
    assert run("404").returncode == 0
    assert not secret.exists()
    assert run("403").returncode != 0, "systemd tries again"


def test_the_units_run_roles_of_the_image(cloud_config: dict[str, str]) -> None:
    for name, role in (("fit-code", "code-server"), ("fit-daemon", "daemon"), ("fit-dashboard", "dashboard")):
        assert role in arguments_of_entrypoint()
        unit = cloud_config[f"/etc/systemd/system/{name}.service"].replace("\\\n", "")
        assert unit.count("${FIT_IMAGE}") == 1
        assert f"${{FIT_IMAGE}} {role}\n" in unit
        assert "--env-file /etc/fit/environment" in unit
        assert "/run/fit/secrets:/run/secrets:ro" in unit
