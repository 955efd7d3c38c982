"""What the plan of `infra/terraform` must never do. Each policy gives the addresses that break it, and why."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence

from tests.infra.terraform.offline import Resource

Policy = Callable[[Sequence[Resource]], Iterator[str]]
EVERYBODY = {"allUsers", "allAuthenticatedUsers"}
_SWEEPING = re.compile(
    r"roles/(owner|editor|viewer|iam\.securityAdmin|resourcemanager\..*|iam\.serviceAccountTokenCreator)$"
)
_GRANT = re.compile(r"_iam_(member|binding|policy)$")
_KEYS = {"google_service_account_key", "google_storage_hmac_key", "google_secret_manager_secret_version"}
_WHOLE_PROJECT_DATA = re.compile(r"roles/(storage|secretmanager|bigquery\.(data|admin))")


def _of(plan: Sequence[Resource], type_name: str) -> list[Resource]:
    return [each for each in plan if each.type == type_name]


def _grants(plan: Sequence[Resource]) -> Iterator[tuple[Resource, str]]:
    for each in plan:
        if _GRANT.search(each.type):
            for member in [each.values.get("member"), *(each.values.get("members") or [])]:
                if member:
                    yield each, member


def only_the_receiver_is_public(plan: Sequence[Resource]) -> Iterator[str]:
    """`allUsers` may invoke the receiver, and may do nothing else anywhere."""
    for grant, member in _grants(plan):
        is_receiver = grant.type == "google_cloud_run_v2_service_iam_member" and (
            grant.values["name"],
            grant.values["role"],
        ) == ("fit-receiver", "roles/run.invoker")
        if member in EVERYBODY and not is_receiver:
            yield f"{grant.address} is open to {member}"
    for bucket in _of(plan, "google_storage_bucket"):
        if bucket.values.get("public_access_prevention") != "enforced":
            yield f"{bucket.address} does not prevent public access"
    for acl in plan:
        if acl.type in {"google_storage_bucket_acl", "google_storage_bucket_access_control"}:
            yield f"{acl.address}: rights are given by IAM only"
    for dataset in _of(plan, "google_bigquery_dataset"):
        if any(access.get("special_group") == "allAuthenticatedUsers" for access in dataset.values.get("access") or []):
            yield f"{dataset.address} is open to everybody who is signed in"


def machines_are_not_reachable_from_outside(plan: Sequence[Resource]) -> Iterator[str]:
    """No public address, no firewall rule for the whole internet, no database beyond the network."""
    for machine in _of(plan, "google_compute_instance"):
        if any(nic.get("access_config") for nic in machine.values["network_interface"]):
            yield f"{machine.address} has a public address"
    for rule in _of(plan, "google_compute_firewall"):
        if {"0.0.0.0/0", "::/0"} & set(rule.values.get("source_ranges") or []):
            yield f"{rule.address} lets everybody in"
    for database in _of(plan, "google_sql_database_instance"):
        address = database.values["settings"][0]["ip_configuration"][0]
        if address.get("ipv4_enabled") is not False:
            yield f"{database.address} has a public address"
        if address.get("ssl_mode") != "ENCRYPTED_ONLY":
            yield f"{database.address} takes connections in clear text"


def nobody_has_sweeping_rights(plan: Sequence[Resource]) -> Iterator[str]:
    """No owner, editor or viewer of the project; data and secrets are granted one by one, or under a condition."""
    for grant, member in _grants(plan):
        role = grant.values.get("role") or ""
        if grant.type.startswith(("google_project_iam", "google_folder_iam", "google_organization_iam")):
            if not grant.type.endswith("_member"):
                yield f"{grant.address} replaces what others granted"
            if _SWEEPING.match(role):
                yield f"{grant.address} gives {member} {role} on the whole project"
            if _WHOLE_PROJECT_DATA.match(role) and not grant.values.get("condition"):
                yield f"{grant.address} gives {member} {role} on the whole project, without a condition"
    for role in _of(plan, "google_project_iam_custom_role"):
        if any("*" in permission or ".setIamPolicy" in permission for permission in role.values["permissions"]):
            yield f"{role.address} may give rights away"


def the_default_account_runs_nothing(plan: Sequence[Resource]) -> Iterator[str]:
    """Everything that runs has an account of ours: the default one is an editor."""
    for each in plan:
        account: object = "ours"
        if each.type == "google_compute_instance":
            account = (each.values.get("service_account") or [{}])[0].get("email")
        elif each.type == "google_cloud_run_v2_service":
            account = each.values["template"][0].get("service_account")
        elif each.type == "google_cloud_run_v2_job":
            account = each.values["template"][0]["template"][0].get("service_account")
        if not account or (account != "ours" and not str(account).startswith("fit-")):
            yield f"{each.address} runs as {account or 'the default account'}"


def every_bucket_has_a_lifecycle(plan: Sequence[Resource]) -> Iterator[str]:
    """Nothing is kept for ever by accident; the landing zone has versions and moves to cheaper storage."""
    for bucket in _of(plan, "google_storage_bucket"):
        if not bucket.values.get("lifecycle_rule"):
            yield f"{bucket.address} has no lifecycle"
        if bucket.values.get("uniform_bucket_level_access") is not True:
            yield f"{bucket.address} has rights on single objects"
    for bucket in _of(plan, "google_storage_bucket"):
        if not bucket.values["name"].endswith("-landing"):
            continue
        if not (bucket.values.get("versioning") or [{}])[0].get("enabled"):
            yield f"{bucket.address} has no versions: they are the landing zone's history"
        if (bucket.values.get("soft_delete_policy") or [{}])[0].get("retention_duration_seconds") != 0:
            yield f"{bucket.address} keeps what was erased (soft delete)"
        classes = {rule["action"][0].get("storage_class") for rule in bucket.values.get("lifecycle_rule") or []}
        if missing := {"NEARLINE", "COLDLINE", "ARCHIVE"} - classes:
            yield f"{bucket.address} never moves to {', '.join(sorted(missing))}"


def every_secret_has_one_reader(plan: Sequence[Resource]) -> Iterator[str]:
    """One account reads a secret; nobody reads all; no value is in Terraform's state."""
    readers: dict[str, set[str]] = defaultdict(set)
    for grant, member in _grants(plan):
        if grant.type.startswith("google_secret_manager_secret_iam"):
            readers[grant.values["secret_id"]].add(member)
    for secret in _of(plan, "google_secret_manager_secret"):
        who = readers[secret.values["secret_id"]]
        if len(who) != 1:
            yield f"{secret.address} has {len(who)} readers: {', '.join(sorted(who)) or 'nobody'}"
    for each in plan:
        if each.type in _KEYS:
            yield f"{each.address}: a key or a secret's value would be in Terraform's state"
        if each.type == "google_sql_user" and each.values.get("password"):
            yield f"{each.address}: a password would be in Terraform's state"


def secrets_reach_services_by_reference(plan: Sequence[Resource]) -> Iterator[str]:
    """No variable with a secret's name has its value written out."""
    for each in plan:
        if each.type == "google_cloud_run_v2_service":
            containers = each.values["template"][0]["containers"]
        elif each.type == "google_cloud_run_v2_job":
            containers = each.values["template"][0]["template"][0]["containers"]
        else:
            continue
        for variable in (env for container in containers for env in container.get("env") or []):
            if re.search(r"SECRET(?!_PREFIX|S_FILE)|PASSWORD|TOKEN(?!_STORE)|_KEY$", variable["name"]) and variable.get(
                "value"
            ):
                yield f"{each.address} has {variable['name']} in clear text"


def only_our_main_branch_deploys(plan: Sequence[Resource]) -> Iterator[str]:
    """A token of another repository, or of a pull request, gets nowhere."""
    for provider in _of(plan, "google_iam_workload_identity_pool_provider"):
        condition = provider.values.get("attribute_condition") or ""
        if "assertion.repository ==" not in condition or "refs/heads/main" not in condition:
            yield f"{provider.address} does not say which repository and branch"


def what_holds_state_is_not_lost(plan: Sequence[Resource]) -> Iterator[str]:
    """The database is backed up and guarded; FIT_HOME's disk has snapshots."""
    for database in _of(plan, "google_sql_database_instance"):
        backups = (database.values["settings"][0].get("backup_configuration") or [{}])[0]
        if not backups.get("enabled") or not database.values.get("deletion_protection"):
            yield f"{database.address} can be lost"
    attached = {each.values["disk"] for each in _of(plan, "google_compute_disk_resource_policy_attachment")}
    for disk in _of(plan, "google_compute_disk"):
        if disk.values["name"] not in attached:
            yield f"{disk.address} has no snapshots"


def somebody_is_told(plan: Sequence[Resource]) -> Iterator[str]:
    """There are alerts, each says what to do, and the bill has a limit that rings."""
    policies = _of(plan, "google_monitoring_alert_policy")
    if len(policies) < 5:
        yield "too few alert policies"
    for policy in policies:
        if not (policy.values.get("documentation") or [{}])[0].get("content"):
            yield f"{policy.address} does not say what to do"
    if not _of(plan, "google_billing_budget"):
        yield "no budget"


POLICIES: list[Policy] = [
    only_the_receiver_is_public,
    machines_are_not_reachable_from_outside,
    nobody_has_sweeping_rights,
    the_default_account_runs_nothing,
    every_bucket_has_a_lifecycle,
    every_secret_has_one_reader,
    secrets_reach_services_by_reference,
    only_our_main_branch_deploys,
    what_holds_state_is_not_lost,
    somebody_is_told,
]
