"""`doctor` on Google Cloud: each thing that is missing is named, with the fix; Google's own clients ask a fake."""

from __future__ import annotations

import json
import re
import threading
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

import pytest

from fit_platform.accounts.connections import Connection, ConnectionStore
from fit_platform.accounts.secret_manager import SecretManagerTokenStore
from fit_platform.commands.doctor_dagster import examine_dagster
from fit_platform.commands.doctor_gcp import examine_cloud, project_permissions
from fit_platform.commands.findings import Finding
from fit_platform.providers.oauth_base import Token
from fit_platform.settings import Settings
from fit_platform.warehouse.bigquery_schema import DATASETS
from tests.fake_secret_manager import FakeSecretManager, fake_secret_manager

LINKED_AT = datetime(2026, 3, 1, tzinfo=UTC)


@dataclass
class FakeCloud:
    """Cloud Storage, BigQuery and Resource Manager, as far as `doctor` asks them; `withheld` permissions are lacked."""

    url: str = ""
    bucket: dict[str, Any] | None = field(
        default_factory=lambda: {
            "name": "landing",
            "location": "EU",
            "versioning": {"enabled": True},
            "iamConfiguration": {"publicAccessPrevention": "enforced"},
        }
    )
    datasets: dict[str, str] = field(default_factory=lambda: {f"fit_{schema}": "EU" for schema in DATASETS})
    withheld: set[str] = field(default_factory=set)
    empty: set[str] = field(default_factory=set)
    accounts: set[str] = field(default_factory=set)
    project: str = "mine"

    def granted(self, wanted: list[str]) -> dict[str, Any]:
        return {"permissions": [one for one in wanted if one not in self.withheld]}

    def answer(self, method: str, path: str, query: dict[str, list[str]], body: dict[str, Any]) -> tuple[int, Any]:
        if path.startswith("/storage/v1/b/"):
            if self.bucket is None or path.split("/")[4] != self.bucket["name"]:
                return 404, "The specified bucket does not exist."
            if path.endswith("/iam/testPermissions"):
                return 200, self.granted(query["permissions"])
            return (403, "storage.buckets.get") if "storage.buckets.get" in self.withheld else (200, self.bucket)
        if path == f"/v1/projects/{self.project}:testIamPermissions":
            return 200, self.granted(body["permissions"])
        if path.endswith("/jobs") or path.endswith("/queries"):
            if self.project not in path:
                return 404, "Not found: Project nowhere"
            if "bigquery.jobs.create" in self.withheld:
                return 403, "Access Denied: User does not have bigquery.jobs.create permission in project mine."
            if "CREATE TABLE" in json.dumps(body) and "bigquery.tables.create" in self.withheld:
                return 403, "Access Denied: Permission bigquery.tables.create denied on dataset"
            reference = {"projectId": self.project, "jobId": "dry", "location": "EU"}
            statistics = {"query": {"totalBytesProcessed": "0"}}
            job = {"jobReference": reference, "status": {"state": "DONE"}, "statistics": statistics}
            return 200, {**job, "configuration": body.get("configuration", {"query": {"query": "", "dryRun": True}})}
        if found := re.fullmatch(r"/v1/projects/-/serviceAccounts/([^:]+):testIamPermissions", path):
            return (200, self.granted(body["permissions"])) if found[1] in self.accounts else (404, "Unknown account")
        if found := re.search(r"/datasets/(\w+)/tables/t:testIamPermissions$", path):
            return 200, self.granted(body["permissions"])
        if found := re.search(r"/datasets/(\w+)/tables$", path):
            if found[1] in self.empty:
                return 200, {"totalItems": 0}
            reference = {"projectId": self.project, "datasetId": found[1], "tableId": "t"}
            return 200, {"tables": [{"tableReference": reference, "type": "TABLE"}], "totalItems": 1}
        if found := re.search(r"/datasets/(\w+)$", path):
            if found[1] not in self.datasets:
                return 404, f"Not found: Dataset {found[1]}"
            reference = {"projectId": self.project, "datasetId": found[1]}
            return 200, {"datasetReference": reference, "location": self.datasets[found[1]]}
        return 404, f"no {path}"


@pytest.fixture
def cloud() -> Iterator[FakeCloud]:
    fake = FakeCloud()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def _serve(self) -> None:
            body = json.loads(self.rfile.read(int(self.headers.get("Content-Length") or 0)) or b"{}")
            parts = urlsplit(self.path)
            status, answer = fake.answer(self.command, parts.path, parse_qs(parts.query), body)
            if status != 200:
                answer = {"error": {"code": status, "message": answer, "errors": [{"reason": "x", "message": answer}]}}
            content = json.dumps(answer).encode()
            self.send_response(status)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content)

        do_GET = do_POST = _serve  # noqa: N815 the names that http.server calls

        def log_message(self, *args: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    server.daemon_threads = True
    threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True).start()
    fake.url = f"http://127.0.0.1:{server.server_address[1]}"
    try:
        yield fake
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture
def settings(cloud: FakeCloud, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Settings:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", cloud.url)
    monkeypatch.setenv("BIGQUERY_EMULATOR_HOST", cloud.url)
    return Settings(
        home=tmp_path,
        target="gcp",
        gcp_project="mine",
        landing_url="gs://landing/x",
        bigquery_dataset_prefix="fit_",
        _env_file=None,
    )


def wrong(settings: Settings, cloud: FakeCloud) -> list[Finding]:
    found = examine_cloud(settings, resource_manager_url=cloud.url, iam_url=cloud.url)
    return [one for one in found if one.level != "ok"]


def test_where_nothing_is_missing_everything_is_ok(settings: Settings, cloud: FakeCloud) -> None:
    found = list(examine_cloud(settings, resource_manager_url=cloud.url))
    assert {one.level for one in found} == {"ok"}
    assert {f"dataset mine.fit_{schema}" for schema in DATASETS} <= {one.about for one in found}


def test_a_missing_bucket_is_named_with_the_command_that_makes_it(settings: Settings, cloud: FakeCloud) -> None:
    cloud.bucket = None
    (one,) = wrong(settings, cloud)
    assert (one.about, one.level) == ("bucket landing", "problem")
    assert "gcloud storage buckets create gs://landing --location=EU" in one.fix


@pytest.mark.parametrize("permission", ["storage.objects.create", "storage.objects.delete", "storage.objects.list"])
def test_a_missing_permission_on_the_bucket_is_named(settings: Settings, cloud: FakeCloud, permission: str) -> None:
    cloud.withheld = {permission}
    (one,) = wrong(settings, cloud)
    assert one.detail == f"missing permission: {permission}"
    assert "roles/storage.objectUser on the bucket gs://landing" in one.fix


def test_a_bucket_without_versioning_or_open_to_the_public_is_found(settings: Settings, cloud: FakeCloud) -> None:
    assert cloud.bucket is not None
    cloud.bucket |= {"versioning": {"enabled": False}, "iamConfiguration": {}, "location": "US"}
    assert [(one.level, one.detail.split(":")[0]) for one in wrong(settings, cloud)] == [
        ("problem", "object versioning is off"),
        ("warning", "public access is not prevented"),
        ("note", "it is in US, the datasets are to be in EU"),
    ]


def test_a_bucket_that_may_be_used_and_not_looked_at_is_a_note(settings: Settings, cloud: FakeCloud) -> None:
    cloud.withheld = {"storage.buckets.get"}
    (one,) = wrong(settings, cloud)
    assert (one.level, one.about) == ("note", "bucket landing")


def test_the_right_to_run_jobs_is_asked_for_first(settings: Settings, cloud: FakeCloud) -> None:
    cloud.withheld = {"bigquery.jobs.create"}
    (one,) = wrong(settings, cloud)
    assert one.detail.startswith("missing permission: bigquery.jobs.create (")
    assert one.fix.startswith("grant roles/bigquery.jobUser on the project mine")


def test_a_permission_that_a_dataset_lacks_is_named_for_each(settings: Settings, cloud: FakeCloud) -> None:
    cloud.withheld = {"bigquery.tables.updateData"}
    found = wrong(settings, cloud)
    assert [one.about for one in found] == [f"dataset mine.fit_{schema}" for schema in DATASETS]
    assert {one.detail for one in found} == {"missing permission: bigquery.tables.updateData"}


def test_the_right_to_make_tables_is_asked_for_also_where_there_is_none_yet(
    settings: Settings, cloud: FakeCloud
) -> None:
    cloud.empty = set(cloud.datasets)
    assert wrong(settings, cloud) == []
    cloud.withheld = {"bigquery.tables.create"}
    found = wrong(settings, cloud)
    assert [one.about for one in found] == [f"dataset mine.fit_{schema}" for schema in DATASETS]
    assert all(one.detail.startswith("missing permission: bigquery.tables.create (") for one in found)
    assert "roles/bigquery.dataEditor on the dataset mine.fit_base" in found[0].fix


def test_the_account_of_dbt_is_one_that_we_may_act_as(settings: Settings, cloud: FakeCloud) -> None:
    dbt = settings.model_copy(update={"bigquery_transform_account": "fit-transform@mine.iam.gserviceaccount.com"})
    (one,) = wrong(dbt, cloud)
    assert (one.about, one.level) == ("account fit-transform@mine.iam.gserviceaccount.com", "warning")
    cloud.accounts = {"fit-transform@mine.iam.gserviceaccount.com"}
    assert wrong(dbt, cloud) == []
    cloud.withheld = {"iam.serviceAccounts.getAccessToken"}
    (one,) = wrong(dbt, cloud)
    assert one.detail == "missing permission: iam.serviceAccounts.getAccessToken"
    assert "grant roles/iam.serviceAccountTokenCreator on the account fit-transform@" in one.fix


def test_a_dataset_in_another_location_is_a_problem(settings: Settings, cloud: FakeCloud) -> None:
    cloud.datasets["fit_base"] = "US"
    (one,) = wrong(settings, cloud)
    assert (one.about, one.detail) == ("dataset mine.fit_base", "it is in US, FIT_BIGQUERY_LOCATION says EU")


@pytest.mark.parametrize(("withheld", "level"), [(set(), "note"), ({"bigquery.datasets.create"}, "problem")])
def test_missing_datasets_are_listed_and_whether_we_may_make_them(
    settings: Settings, cloud: FakeCloud, withheld: set[str], level: str
) -> None:
    del cloud.datasets["fit_marts"], cloud.datasets["fit_published"]
    cloud.withheld = withheld
    found = [one for one in wrong(settings, cloud) if one.about == "datasets"]
    assert [(one.level, "mine.fit_marts, mine.fit_published" in one.detail) for one in found] == [(level, True)]
    assert ("bigquery.datasets.create" in found[0].detail) == bool(withheld)


def test_a_project_that_cannot_be_asked_about_is_neither_yes_nor_no(cloud: FakeCloud) -> None:
    assert project_permissions("mine", ["bigquery.datasets.create"], cloud.url) == {"bigquery.datasets.create"}
    assert project_permissions("elsewhere", ["bigquery.datasets.create"], cloud.url) is None


def test_an_unknown_project_is_said_to_be_that(settings: Settings, cloud: FakeCloud) -> None:
    cloud.project = "other"
    (one,) = wrong(settings, cloud)
    assert (one.level, one.fix) == ("problem", "correct FIT_GCP_PROJECT")


@pytest.fixture
def secrets() -> Iterator[FakeSecretManager]:
    with fake_secret_manager() as fake:
        yield fake


def test_a_missing_secret_and_a_missing_permission_on_one_are_named(
    tmp_path: Path, secrets: FakeSecretManager, cloud: FakeCloud
) -> None:
    settings = Settings(
        home=tmp_path, gcp_project="mine", token_store="secret-manager", secret_manager_url=secrets.url, _env_file=None
    )
    for athlete in ("ada", "ben"):
        ConnectionStore(tmp_path).save(
            Connection(provider="polar", athlete_id=athlete, linked_at=LINKED_AT, acquired="oauth")
        )
    SecretManagerTokenStore.of(settings).save("polar", "ada", Token(access_token="t"))
    assert [(one.about.rsplit("/", 1)[-1], one.level, one.fix) for one in examine_cloud(settings)] == [
        ("fit-polar-ada", "ok", ""),
        ("fit-polar-ben", "problem", "fit-platform link polar ben"),
    ]
    secrets.withheld = {"secretmanager.versions.access"}
    assert "missing permission: secretmanager.versions.access" in [one.detail for one in examine_cloud(settings)]
    secrets.withheld = {"secretmanager.versions.destroy", "secretmanager.versions.list"}
    assert "missing permission: secretmanager.versions.destroy, secretmanager.versions.list" in [
        one.detail for one in examine_cloud(settings)
    ]
    cloud.withheld = {"secretmanager.secrets.create"}
    last = list(examine_cloud(settings, resource_manager_url=cloud.url))[-1]
    assert (last.about, last.detail) == ("Secret Manager", "missing permission: secretmanager.secrets.create")


def test_a_service_that_cannot_be_reached_is_one_finding(settings: Settings, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("google.api_core.retry.retry_unary.time.sleep", lambda seconds: None)
    monkeypatch.setattr("fit_platform.commands.doctor_gcp._RETRY", None)
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", "http://127.0.0.1:9")
    dead = settings.model_copy(update={"target": "local"})
    (one,) = examine_cloud(dead)
    assert (one.about, one.level) == ("landing zone", "problem")


def test_the_bucket_of_logs_is_looked_for_and_what_we_may_not_do_with_it_is_named(
    cloud: FakeCloud, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("STORAGE_EMULATOR_HOST", cloud.url)
    monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "mine")

    def found(name: str) -> Finding:
        (one,) = examine_dagster({"DAGSTER_LOG_BUCKET": name})
        return one

    assert found("landing").level == "ok"
    assert found("elsewhere").detail == "there is no such bucket"
    cloud.withheld = {"storage.objects.create"}
    assert (found("landing").level, found("landing").detail) == (
        "problem",
        "missing permission: storage.objects.create",
    )


def test_without_variables_of_dagster_nothing_of_it_is_looked_at() -> None:
    assert list(examine_dagster({})) == []


def test_a_database_without_a_password_or_a_server_is_named_and_never_the_password() -> None:
    half = {"DAGSTER_PG_HOST": "127.0.0.1", "DAGSTER_PG_PORT": "1", "DAGSTER_PG_USERNAME": "dagster"}
    (missing,) = examine_dagster(half)
    assert missing.detail == "DAGSTER_PG_PASSWORD, DAGSTER_PG_DB not set"
    (lost,) = examine_dagster({**half, "DAGSTER_PG_PASSWORD": "s3cret", "DAGSTER_PG_DB": "d"})
    assert lost.level == "problem"
    assert "s3cret" not in f"{lost.detail} {lost.fix}"
