"""The plan of `infra/terraform` keeps the policies, and each policy sees what it is for: planted faults."""

from __future__ import annotations

from pathlib import Path

import pytest

from tests.infra.policies import (
    POLICIES,
    Policy,
    every_bucket_has_a_lifecycle,
    every_secret_has_one_reader,
    machines_are_not_reachable_from_outside,
    nobody_has_more_rights_than_these,
    only_our_main_branch_deploys,
    only_the_receiver_is_public,
    secrets_reach_services_by_reference,
    somebody_is_told,
    the_default_account_runs_nothing,
    the_receiver_sees_no_data,
    what_holds_state_is_not_lost,
)
from tests.infra.terraform.offline import Offline, Resource, missing

pytestmark = pytest.mark.skipif(bool(missing()), reason=missing())


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
        nobody_has_more_rights_than_these,
    ),
    "all data instead of a dataset": (
        "identities.tf",
        '["bi-reader", "roles/bigquery.jobUser"]',
        '["bi-reader", "roles/bigquery.dataViewer"]',
        nobody_has_more_rights_than_these,
    ),
    "a condition with a way around it": (
        "secrets.tf",
        "${var.secret_prefix}-')\"",
        "${var.secret_prefix}-') || true\"",
        nobody_has_more_rights_than_these,
    ),
    "the tokens' prefix reaches the platform's own secrets": (
        "secrets.tf",
        "${var.secret_prefix}-')",
        "platform-')",
        every_secret_has_one_reader,
    ),
    "a role of our own that reads secrets": (
        "secrets.tf",
        '["secretmanager.secrets.create"]',
        '["secretmanager.secrets.create", "secretmanager.versions.access"]',
        nobody_has_more_rights_than_these,
    ),
    "the ui without a sign-in": (
        "run.tf",
        '  name                = "fit-webserver"\n',
        '  name                = "fit-webserver"\n  invoker_iam_disabled = true\n',
        only_the_receiver_is_public,
    ),
    "the receiver reads the data": (
        "storage.tf",
        "/objects/landing/${each.key}/",
        "/objects/",
        the_receiver_sees_no_data,
    ),
    "every secret instead of the tokens": ("secrets.tf", TOKENS, "", nobody_has_more_rights_than_these),
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
    "a stopped machine rings nobody": (
        "monitoring.tf",
        'comparison = "ABSENT", threshold = 0,',
        'comparison = "COMPARISON_LT", threshold = 0.001,',
        somebody_is_told,
    ),
    "no budget": ("monitoring.tf", 'var.billing_account == "" ? 0 : 1', "0", somebody_is_told),
}


POLICY_FOR_ALL = 'jsonencode({ bindings = [{ role = "%s", members = ["allUsers"] }] })'
ACCOUNT = 'google_service_account.of["receiver"]'
ADDED: dict[str, tuple[str, Policy]] = {
    # a resource that somebody adds, and the policy that must see it; all are planned at once
    "google_cloud_run_v2_service_iam_policy": (
        f'name = "fit-webserver"\npolicy_data = {POLICY_FOR_ALL % "roles/run.invoker"}',
        nobody_has_more_rights_than_these,
    ),
    "google_storage_bucket_iam_policy": (
        f'bucket = "fit-test-fit-landing"\npolicy_data = {POLICY_FOR_ALL % "roles/storage.objectViewer"}',
        nobody_has_more_rights_than_these,
    ),
    "google_bigquery_dataset_iam_policy": (
        f'dataset_id = "fit_base"\npolicy_data = {POLICY_FOR_ALL % "roles/bigquery.dataViewer"}',
        nobody_has_more_rights_than_these,
    ),
    "google_project_iam_binding": (
        f'project = "fit-test"\nrole = "roles/bigquery.user"\nmembers = [{ACCOUNT}.member]',
        nobody_has_more_rights_than_these,
    ),
    "google_bigquery_dataset_access": (
        'dataset_id = "fit_base"\nrole = "READER"\niam_member = "allUsers"',
        only_the_receiver_is_public,
    ),
    "google_storage_bucket_acl": (
        'bucket = "fit-test-fit-landing"\npredefined_acl = "publicRead"',
        only_the_receiver_is_public,
    ),
    "google_compute_firewall": (
        'name = "all"\nnetwork = "fit"\nallow {\n protocol = "tcp"\n}',
        machines_are_not_reachable_from_outside,
    ),
    "google_service_account_iam_member": (
        f'service_account_id = {ACCOUNT}.name\nrole = "roles/iam.workloadIdentityUser"\n'
        'member = "principalSet://iam.googleapis.com/projects/1/locations/global/workloadIdentityPools/fit-github/*"',
        only_our_main_branch_deploys,
    ),
    **{
        f"google_project_iam_member {role}": (
            f'project = "fit-test"\nrole = "{role}"\nmember = {ACCOUNT}.member{condition}',
            nobody_has_more_rights_than_these,
        )
        for role, condition in {
            "roles/iam.serviceAccountUser": "",
            "roles/iam.serviceAccountAdmin": "",
            "roles/run.admin": "",
            "roles/compute.admin": "",
            "projects/fit-test/roles/fitImageSetter": "",
            "roles/storage.objectViewer": '\ncondition {\n title = "x"\n expression = "true"\n}',
            "roles/secretmanager.admin": '\ncondition {\n title = "x"\n expression = "true"\n}',
        }.items()
    },
}


@pytest.fixture(scope="module")
def spoilt(tmp_path_factory: pytest.TempPathFactory) -> list[Resource]:
    """The plan with everything of ADDED in it."""
    offline = Offline(tmp_path_factory.mktemp("spoilt"))
    blocks = [
        f'resource "{name.split()[0]}" "added_{number}" {{\n{body}\n}}\n'
        for number, (name, (body, _)) in enumerate(ADDED.items())
    ]
    (offline.folder / "added.tf").write_text("\n".join(blocks))
    return offline.init().plan()


@pytest.mark.parametrize("name", ADDED)
def test_an_added_resource_is_seen(name: str, spoilt: list[Resource]) -> None:
    address = f"{name.split()[0]}.added_{list(ADDED).index(name)}"
    assert [line for line in ADDED[name][1](spoilt) if line.startswith(address)]


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
