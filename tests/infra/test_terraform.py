"""`infra/terraform` under a real Terraform, against a stand-in provider: it is valid, and says what the code says.

What its plan must never do is in `test_policies`.

Not seen here: what only Google's own provider or Google itself would refuse.
"""

from __future__ import annotations

import re
from pathlib import Path

import pytest

from fit_platform.settings import Settings
from fit_platform.warehouse.bigquery_schema import DATASETS, SCRATCH_HOURS
from tests.infra.roles import arguments_of_entrypoint, environment_names
from tests.infra.terraform.offline import CONFIG, Offline, Resource, missing

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())


def test_the_configuration_is_formatted(terraform: Offline) -> None:
    code, out, _ = terraform.run("fmt", "-check", "-diff", "-no-color", "-recursive")
    assert code == 0, out


def test_the_configuration_is_valid(terraform: Offline) -> None:
    code, out, err = terraform.run("validate", "-no-color")
    assert code == 0, out + err


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


@pytest.mark.parametrize("prefix", ["platform", "platform-polar", "fit'", ""])
def test_a_prefix_of_tokens_that_reaches_other_secrets_is_refused(terraform: Offline, prefix: str) -> None:
    code, out, err = terraform.run("plan", "-input=false", "-no-color", "-lock=false", f"-var=secret_prefix={prefix}")
    assert code != 0
    assert "Invalid value for variable" in out + err
