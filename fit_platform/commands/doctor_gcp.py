"""What `doctor` looks at on Google Cloud: which bucket, dataset, secret or permission is missing. Changes nothing.

Permissions are asked for, not read from policies: the services tell a caller which of a list it has
(testIamPermissions), and BigQuery judges a dry run. Where a service cannot be asked, that is said.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING, Any

from google.api_core import exceptions
from google.api_core.retry import Retry
from google.auth.credentials import AnonymousCredentials, Credentials
from google.auth.exceptions import GoogleAuthError
from google.auth.transport.requests import AuthorizedSession
from google.cloud import bigquery, storage
from requests import RequestException

from fit_platform.accounts.connections import ConnectionStore
from fit_platform.commands.findings import Finding
from fit_platform.errors import FitError
from fit_platform.gcp import explained, reason
from fit_platform.runtime import Runtime
from fit_platform.settings import Settings
from fit_platform.warehouse.bigquery_schema import DATASETS

if TYPE_CHECKING:
    from fit_platform.warehouse.bigquery_warehouse import BigQueryWarehouse

RESOURCE_MANAGER_URL = "https://cloudresourcemanager.googleapis.com"
IAM_URL = "https://iam.googleapis.com"
BUCKET_PERMISSIONS = (
    "storage.objects.create",
    "storage.objects.delete",
    "storage.objects.get",
    "storage.objects.list",
)
LOG_PERMISSIONS = ("storage.objects.create", "storage.objects.get", "storage.objects.list")
PROJECT_PERMISSIONS = ("bigquery.datasets.create", "bigquery.jobs.create")
TABLE_PERMISSIONS = (
    "bigquery.tables.delete",
    "bigquery.tables.get",
    "bigquery.tables.getData",
    "bigquery.tables.update",
    "bigquery.tables.updateData",
)
SECRET_PERMISSIONS = (
    "secretmanager.secrets.delete",
    "secretmanager.secrets.get",
    "secretmanager.secrets.update",
    "secretmanager.versions.access",
    "secretmanager.versions.add",
    "secretmanager.versions.destroy",
    "secretmanager.versions.list",
)
_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_CALL_SECONDS = 15.0
_RETRY = Retry(timeout=20.0)
_LOST = (FitError, exceptions.GoogleAPICallError, exceptions.RetryError, GoogleAuthError, RequestException)


def examine_cloud(
    settings: Settings, *, resource_manager_url: str = RESOURCE_MANAGER_URL, iam_url: str = IAM_URL
) -> Iterator[Finding]:
    """Bucket, project, datasets, dbt's account and secrets, as far as the settings use them."""
    if settings.landing_dir.startswith("gs://"):
        yield from _unless_lost("landing zone", bucket_findings(settings))
    if settings.target == "gcp":
        yield from _unless_lost("BigQuery", warehouse_findings(settings, resource_manager_url))
        if settings.bigquery_transform_account:
            yield from _unless_lost("dbt's account", transform_findings(settings, iam_url))
    if settings.token_store == "secret-manager":  # noqa: S105 no password
        yield from _unless_lost("Secret Manager", secret_findings(settings, resource_manager_url))


def bucket_findings(settings: Settings) -> Iterator[Finding]:
    """Is there a bucket, may we use it, and does it keep and guard what it holds?"""
    name = settings.landing_dir.removeprefix("gs://").partition("/")[0]
    about = f"bucket {name}"
    with explained(f"gs://{name}"):
        client = storage.Client(project=settings.gcp_project)
    make = (
        f"gcloud storage buckets create gs://{name} --location={settings.bigquery_location} "
        "--uniform-bucket-level-access --public-access-prevention; then turn on its versioning"
    )
    bucket = client.bucket(name)
    try:
        bucket.reload(timeout=_CALL_SECONDS, retry=_RETRY)
    except exceptions.NotFound:
        yield Finding(about, "problem", "there is no such bucket", f"{make}; or correct FIT_LANDING_URL")
        return
    except exceptions.Forbidden:  # it may be used without being looked at
        yield Finding(
            about,
            "note",
            "its versioning and location cannot be read",
            "grant storage.buckets.get, to have them checked",
        )
    else:
        yield from _bucket_settings(settings, bucket)
    yield _bucket_permissions(about, bucket, BUCKET_PERMISSIONS)


def log_bucket_findings(name: str) -> Iterator[Finding]:
    """Is there the bucket that Dagster keeps the logs of steps in, and may we write to it?"""
    about = f"bucket {name} (logs)"

    def look() -> Iterator[Finding]:
        with explained(f"gs://{name}"):
            bucket = storage.Client().bucket(name)
        if bucket.exists(timeout=_CALL_SECONDS, retry=_RETRY):
            yield _bucket_permissions(about, bucket, LOG_PERMISSIONS)
        else:
            yield Finding(about, "problem", "there is no such bucket", "make it, or correct DAGSTER_LOG_BUCKET")

    yield from _unless_lost(about, look())


def _bucket_permissions(about: str, bucket: storage.Bucket, wanted: Sequence[str]) -> Finding:
    try:
        granted = bucket.test_iam_permissions(list(wanted), timeout=_CALL_SECONDS, retry=_RETRY)
    except exceptions.NotFound:  # the bucket is there, so this service has no such question: an emulator
        return Finding(about, "note", "it cannot be asked for our permissions")
    return _permissions(about, wanted, granted, "roles/storage.objectUser", f"bucket gs://{bucket.name}")


def _bucket_settings(settings: Settings, bucket: storage.Bucket) -> Iterator[Finding]:
    about = f"bucket {bucket.name}"
    if bucket.versioning_enabled:
        yield Finding(about, "ok", "object versioning is on: what is replaced can be had back")
    else:
        fix = f"gcloud storage buckets update gs://{bucket.name} --versioning"
        yield Finding(about, "problem", "object versioning is off: replaced answers of providers are lost", fix)
    if bucket.iam_configuration.public_access_prevention != "enforced":
        fix = f"gcloud storage buckets update gs://{bucket.name} --public-access-prevention"
        yield Finding(about, "warning", "public access is not prevented: a slip could open health data to all", fix)
    location = (bucket.location or "").upper()
    if settings.target == "gcp" and location != settings.bigquery_location.upper():
        yield Finding(about, "note", f"it is in {location}, the datasets are to be in {settings.bigquery_location}")


def warehouse_findings(settings: Settings, resource_manager_url: str = RESOURCE_MANAGER_URL) -> Iterator[Finding]:
    """May we run jobs, are the datasets there and where they should be, and may we change what is in them?"""
    warehouse = Runtime(settings).bigquery
    about = f"project {warehouse.client.project}"
    dry_run = bigquery.QueryJobConfig(dry_run=True, use_query_cache=False)
    try:
        warehouse.client.query("SELECT 1", job_config=dry_run, timeout=_CALL_SECONDS, retry=_RETRY, job_retry=None)
    except exceptions.Forbidden as error:
        yield _permissions(about, ["bigquery.jobs.create"], [], "roles/bigquery.jobUser", about, reason(error))
        return
    except (exceptions.NotFound, exceptions.BadRequest) as error:
        yield Finding(about, "problem", f"BigQuery does not know it: {reason(error)}", "correct FIT_GCP_PROJECT")
        return
    yield Finding(about, "ok", "it runs our BigQuery jobs")
    missing = []
    for schema in DATASETS:
        found = yield from _dataset(warehouse, schema, can_rehearse=not _is_emulated(settings, resource_manager_url))
        missing += [] if found else [warehouse.dataset(schema)]
    if missing:
        yield from _missing_datasets(settings, missing, resource_manager_url)


def _is_emulated(settings: Settings, resource_manager_url: str) -> bool:
    """Is BigQuery an emulator? It has no project to ask about, and may do what is asked of it as a dry run."""
    return bool(settings.bigquery_emulator_host) and resource_manager_url == RESOURCE_MANAGER_URL


def _dataset(warehouse: BigQueryWarehouse, schema: str, *, can_rehearse: bool) -> Any:
    """Findings on one dataset; returns whether it is there."""
    name = warehouse.dataset(schema)
    about, client = f"dataset {name}", warehouse.client
    try:
        dataset = client.get_dataset(name, timeout=_CALL_SECONDS, retry=_RETRY)
    except exceptions.NotFound:
        return False
    except exceptions.Forbidden as error:
        yield _permissions(about, ["bigquery.datasets.get"], [], "roles/bigquery.dataEditor", about, reason(error))
        return True
    if dataset.location.upper() != warehouse.location.upper():
        detail = f"it is in {dataset.location}, FIT_BIGQUERY_LOCATION says {warehouse.location}"
        yield Finding(about, "problem", detail, "correct the setting, or choose another FIT_BIGQUERY_DATASET_PREFIX")
        return True
    if can_rehearse:  # a dataset has no testIamPermissions; an empty one has no table to ask about either
        rehearsal = bigquery.QueryJobConfig(dry_run=True, use_query_cache=False)
        make = f"CREATE TABLE `{name}.fit_doctor` (x INT64)"
        try:
            client.query(make, job_config=rehearsal, timeout=_CALL_SECONDS, retry=_RETRY, job_retry=None)
        except exceptions.Forbidden as error:
            wanted = ["bigquery.tables.create"]
            yield _permissions(about, wanted, [], "roles/bigquery.dataEditor", about, reason(error))
            return True
    try:
        table = next(iter(client.list_tables(dataset, max_results=1, timeout=_CALL_SECONDS, retry=_RETRY)), None)
        if table is None:
            detail = "it is there, and empty"
            yield Finding(about, "ok", f"{detail}; we may make tables (dry run)" if can_rehearse else detail)
            return True
        answer = client.test_iam_permissions(table, TABLE_PERMISSIONS, timeout=_CALL_SECONDS, retry=_RETRY)
    except exceptions.Forbidden as error:
        yield _permissions(about, ["bigquery.tables.list"], [], "roles/bigquery.dataEditor", about, reason(error))
        return True
    yield _permissions(about, TABLE_PERMISSIONS, answer.get("permissions", []), "roles/bigquery.dataEditor", about)
    return True


def _missing_datasets(settings: Settings, names: Sequence[str], resource_manager_url: str) -> Iterator[Finding]:
    """They are made by the first run, if we may."""
    which = ", ".join(names)
    make = f"bq mk --location={settings.bigquery_location} --dataset {names[0].replace('.', ':')}, and so on"
    if _is_emulated(settings, resource_manager_url):
        yield Finding("datasets", "note", f"not there yet, the first run makes them: {which}")
        return
    granted = project_permissions(settings.gcp_project or "", PROJECT_PERMISSIONS, resource_manager_url)
    if granted is None:
        detail = f"not there yet: {which}; whether we may make them cannot be asked (Cloud Resource Manager API is off)"
        yield Finding("datasets", "warning", detail, f"grant roles/bigquery.user on the project, or: {make}")
    elif "bigquery.datasets.create" in granted:
        yield Finding("datasets", "note", f"not there yet, the first run makes them: {which}")
    else:
        detail = f"missing: {which}; and we lack bigquery.datasets.create to make them"
        yield Finding("datasets", "problem", detail, f"grant roles/bigquery.user on the project, or: {make}")


def project_permissions(
    project: str,
    permissions: Sequence[str],
    url: str = RESOURCE_MANAGER_URL,
    credentials: Credentials | None = None,
) -> set[str] | None:
    """Which of these permissions we have on a project; None where it cannot be asked."""
    return _granted(f"{url}/v1/projects/{project}", permissions, credentials, is_google=url == RESOURCE_MANAGER_URL)


def transform_findings(settings: Settings, iam_url: str = IAM_URL) -> Iterator[Finding]:
    """May we take the place of the account as which dbt builds?"""
    account, wanted = settings.bigquery_transform_account, ["iam.serviceAccounts.getAccessToken"]
    about = f"account {account}"
    if settings.bigquery_emulator_host and iam_url == IAM_URL:  # an emulator has no accounts
        return
    granted = _granted(f"{iam_url}/v1/projects/-/serviceAccounts/{account}", wanted, is_google=iam_url == IAM_URL)
    role = "roles/iam.serviceAccountTokenCreator"
    if granted is None:
        detail = "there is no such account, or it cannot be asked whether we may act as it (IAM API)"
        yield Finding(
            about, "warning", detail, f"correct FIT_BIGQUERY_TRANSFORM_ACCOUNT, or grant {role} on the {about}"
        )
    else:
        yield _permissions(about, wanted, granted, role, about)


def _granted(
    resource: str, permissions: Sequence[str], credentials: Credentials | None = None, *, is_google: bool
) -> set[str] | None:
    """What `testIamPermissions` says of a resource; None where it is not answered."""
    if credentials is None and is_google:
        import google.auth

        credentials, _ = google.auth.default(scopes=[_SCOPE])
    with AuthorizedSession(credentials or AnonymousCredentials()) as session:  # type: ignore[no-untyped-call]
        answer = session.post(
            f"{resource}:testIamPermissions", json={"permissions": list(permissions)}, timeout=_CALL_SECONDS
        )
    return set(answer.json().get("permissions", [])) if answer.status_code == 200 else None


def secret_findings(settings: Settings, resource_manager_url: str = RESOURCE_MANAGER_URL) -> Iterator[Finding]:
    """Is there a secret for every connection, may we use it, and may the next link make one?"""
    from fit_platform.accounts.secret_manager import SecretManagerTokenStore

    store = SecretManagerTokenStore.of(settings)
    connections = ConnectionStore(settings.home_dir).list()
    for connection in connections:
        about, granted = store.permissions(connection.provider, connection.athlete_id, SECRET_PERMISSIONS)
        if granted is None:
            fix = f"fit-platform link {connection.provider} {connection.athlete_id}"
            yield Finding(about, "problem", "there is no such secret, or we may not see it", fix)
        else:
            yield _permissions(
                about, SECRET_PERMISSIONS, granted, "roles/secretmanager.admin", f"project {settings.gcp_project}"
            )
    if settings.secret_manager_url and resource_manager_url == RESOURCE_MANAGER_URL:  # a fake has no project
        return
    wanted, where = ["secretmanager.secrets.create"], f"project {settings.gcp_project}"
    granted_there = project_permissions(settings.gcp_project or "", wanted, resource_manager_url)
    if granted_there is None:
        yield Finding(
            "Secret Manager", "note", f"whether we have {wanted[0]} cannot be asked (Cloud Resource Manager API)"
        )
    else:
        yield _permissions("Secret Manager", wanted, granted_there, "roles/secretmanager.admin", where)


def _permissions(
    about: str, wanted: Sequence[str], granted: Sequence[str] | set[str], role: str, where: str, words: str = ""
) -> Finding:
    missing = sorted(set(wanted) - set(granted))
    if not missing:
        return Finding(about, "ok", "we have the permissions that are needed")
    detail = f"missing permission: {', '.join(missing)}{f' ({words})' if words else ''}"
    return Finding(about, "problem", detail, f"grant {role} on the {where} to the account that runs this")


def _unless_lost(about: str, findings: Iterator[Finding]) -> Iterator[Finding]:
    """The findings; one that says why where a service could not be asked at all."""
    try:
        yield from findings
    except _LOST as error:
        words = str(error) if isinstance(error, FitError) else f"{type(error).__name__}: {reason(error)}"
        yield Finding(about, "problem", words, "mend that, then run doctor again")
