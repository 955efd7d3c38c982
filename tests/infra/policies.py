"""What the plan of `infra/terraform` must never do. Each policy gives the addresses that break it, and why."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from ipaddress import IPv4Network, IPv6Network, ip_network

from tests.infra.terraform.offline import Resource

Policy = Callable[[Sequence[Resource]], Iterator[str]]
EVERYBODY = {"allUsers", "allAuthenticatedUsers"}
_GRANT = re.compile(r"_iam_(member|binding|policy)$")
_OTHER_GRANT = re.compile(r"_acl$|_access(_control)?$")
"""Rights that are given otherwise than by IAM."""
_KEYS = {"google_service_account_key", "google_storage_hmac_key", "google_secret_manager_secret_version"}
_TOKEN_KEEPER = "roles/secretmanager.admin"
_PROJECT_ROLES = {
    "roles/bigquery.jobUser",
    "roles/bigquery.user",
    "roles/logging.logWriter",
    "roles/monitoring.metricWriter",
    _TOKEN_KEEPER,
}
"""What an account may be in the whole project: runs queries and writes logs, and sees no data by that."""
_PROJECT_PERMISSIONS = {"compute.zoneOperations.get", "secretmanager.secrets.create"}
_PERMISSIONS = _PROJECT_PERMISSIONS | {
    "compute.instances.get",
    "compute.instances.setMetadata",
    "storage.objects.list",
}
"""What a role of our own may hold: in the whole project, and on one thing."""
_OWN = "a role of our own"
_ROLES: dict[str, set[str]] = {
    "google_artifact_registry_repository_iam_member": {
        "roles/artifactregistry.reader",
        "roles/artifactregistry.writer",
    },
    "google_bigquery_dataset_iam_member": {"roles/bigquery.dataEditor", "roles/bigquery.dataViewer"},
    "google_cloud_run_v2_job_iam_member": {"roles/run.developer"},
    "google_cloud_run_v2_service_iam_member": {"roles/run.developer", "roles/run.invoker"},
    "google_compute_instance_iam_member": {_OWN},
    "google_project_iam_member": _PROJECT_ROLES | {_OWN},
    "google_secret_manager_secret_iam_member": {"roles/secretmanager.secretAccessor"},
    "google_service_account_iam_member": {
        "roles/iam.serviceAccountTokenCreator",
        "roles/iam.serviceAccountUser",
        "roles/iam.workloadIdentityUser",
    },
    "google_storage_bucket_iam_member": {
        "roles/storage.legacyBucketReader",
        "roles/storage.objectUser",
        "roles/storage.objectViewer",
        _OWN,
    },
}
"""Every right that may be given, by what it is given on. Another one is a new line here, to be argued for."""
_ONLY_SECRETS = re.compile(r"resource\.name\.startsWith\('projects/[\w-]+/secrets/([A-Za-z][\w-]*-)'\)")
_ONLY_OBJECTS = re.compile(
    r"resource\.name\.startsWith\('projects/_/buckets/[\w-]+/objects/landing/(inbox|accounts)/'\)"
)
_WAYS_IN = [IPv4Network("10.0.0.0/8"), IPv4Network("35.235.240.0/20")]
"""Our own network, and Google's proxy that asks people to sign in."""


def _of(plan: Sequence[Resource], type_name: str) -> list[Resource]:
    return [each for each in plan if each.type == type_name]


def _grants(plan: Sequence[Resource]) -> Iterator[tuple[Resource, str]]:
    for each in plan:
        if _GRANT.search(each.type):
            for member in [each.values.get("member"), *(each.values.get("members") or [])]:
                if member:
                    yield each, member


def _condition(grant: Resource) -> str:
    """The expression under which a right is given; empty where it is given without one."""
    return str((grant.values.get("condition") or [{}])[0].get("expression") or "")


def _is_way_in(network: IPv4Network | IPv6Network) -> bool:
    return any(isinstance(network, IPv4Network) and network.subnet_of(way) for way in _WAYS_IN)


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
    for each in plan:
        if _OTHER_GRANT.search(each.type):
            yield f"{each.address}: rights are given by IAM members only"
        if each.values.get("invoker_iam_disabled"):
            yield f"{each.address} asks nobody who they are"
    for dataset in _of(plan, "google_bigquery_dataset"):
        if dataset.values.get("access"):
            yield f"{dataset.address}: rights are given by IAM members only"


def machines_are_not_reachable_from_outside(plan: Sequence[Resource]) -> Iterator[str]:
    """No public address, no firewall rule beyond our network and the sign-in, no database beyond the network."""
    for machine in _of(plan, "google_compute_instance"):
        if any(
            nic.get("access_config") or nic.get("ipv6_access_config") for nic in machine.values["network_interface"]
        ):
            yield f"{machine.address} has a public address"
    for rule in _of(plan, "google_compute_firewall"):
        ranges = [ip_network(text) for text in rule.values.get("source_ranges") or ["0.0.0.0/0"]]  # as Google reads it
        if rule.values.get("direction") != "EGRESS" and not all(map(_is_way_in, ranges)):
            yield f"{rule.address} lets strangers in"
    for database in _of(plan, "google_sql_database_instance"):
        address = database.values["settings"][0]["ip_configuration"][0]
        if address.get("ipv4_enabled") is not False:
            yield f"{database.address} has a public address"
        if address.get("ssl_mode") != "ENCRYPTED_ONLY":
            yield f"{database.address} takes connections in clear text"


def nobody_has_more_rights_than_these(plan: Sequence[Resource]) -> Iterator[str]:
    """Rights are given one by one, each is on the list above, and those on tokens and objects keep to their names."""
    own = {role.values["name"]: set(role.values["permissions"]) for role in _of(plan, "google_project_iam_custom_role")}
    for role in _of(plan, "google_project_iam_custom_role"):
        if more := set(role.values["permissions"]) - _PERMISSIONS:
            yield f"{role.address} holds {', '.join(sorted(more))}"
    for each in plan:
        if _GRANT.search(each.type) and each.type not in _ROLES:
            yield f"{each.address}: no rights of this kind, and none that replace what others granted"
    for grant, member in _grants(plan):
        role = grant.values.get("role") or ""
        if (_OWN if role in own else role) not in _ROLES.get(grant.type, set()):
            yield f"{grant.address} gives {member} {role}"
        in_project = grant.type == "google_project_iam_member"
        if in_project and (more := own.get(role, set()) - _PROJECT_PERMISSIONS):
            yield f"{grant.address} gives {member} {', '.join(sorted(more))} on the whole project"
        if in_project and role == _TOKEN_KEEPER and not _ONLY_SECRETS.fullmatch(_condition(grant)):
            yield f"{grant.address} gives {member} {role} on more than secrets of one prefix"


def the_receiver_sees_no_data(plan: Sequence[Resource]) -> Iterator[str]:
    """What everybody can reach may write change events and read who is linked."""
    for grant, member in _grants(plan):
        if grant.type != "google_storage_bucket_iam_member" or not member.startswith("serviceAccount:fit-receiver@"):
            continue
        if not grant.values["role"].startswith("roles/"):  # lists names: held against _PERMISSIONS above
            continue
        only = _ONLY_OBJECTS.fullmatch(_condition(grant))
        if not only or (only[1] != "inbox" and grant.values["role"] != "roles/storage.objectViewer"):
            yield f"{grant.address} gives {member} {grant.values['role']} on more than its own objects"


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
    """One account reads a secret, rights on the project counted; no value is in Terraform's state."""
    readers: dict[str, set[str]] = defaultdict(set)
    for grant, member in _grants(plan):
        if grant.type.startswith("google_secret_manager_secret_iam"):
            readers[grant.values["secret_id"]].add(member)
        elif grant.values.get("role") == _TOKEN_KEEPER:
            only = _ONLY_SECRETS.fullmatch(_condition(grant))
            for secret in _of(plan, "google_secret_manager_secret"):
                if not only or secret.values["secret_id"].startswith(only[1]):
                    readers[secret.values["secret_id"]].add(member)
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
    for grant, member in _grants(plan):
        if member.startswith("principal") and not re.search(r"/attribute\.repository/[\w.-]+/[\w.-]+$", member):
            yield f"{grant.address} is open to all of {member}"


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
    conditions = [condition for policy in policies for condition in policy.values["conditions"]]
    absent = [each for condition in conditions for each in condition.get("condition_absent") or []]
    if not any('resource.type="gce_instance"' in (each.get("filter") or "") for each in absent):
        yield "a stopped machine sends no figures, and no alert says that they are absent"
    if not _of(plan, "google_billing_budget"):
        yield "no budget"


POLICIES: list[Policy] = [
    only_the_receiver_is_public,
    machines_are_not_reachable_from_outside,
    nobody_has_more_rights_than_these,
    the_receiver_sees_no_data,
    the_default_account_runs_nothing,
    every_bucket_has_a_lifecycle,
    every_secret_has_one_reader,
    secrets_reach_services_by_reference,
    only_our_main_branch_deploys,
    what_holds_state_is_not_lost,
    somebody_is_told,
]
