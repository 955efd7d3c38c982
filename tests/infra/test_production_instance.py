"""Production's Dagster: the image's roles as processes, on a real PostgreSQL, with the real definitions."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import urllib.request
from collections.abc import Iterator
from contextlib import ExitStack
from http.server import BaseHTTPRequestHandler, HTTPServer
from itertools import pairwise
from pathlib import Path
from threading import Thread

import dagster as dg
import pytest
import yaml

pytest.importorskip("dagster_postgres", reason="dagster-postgres is not installed: run `make test-infra`")

from fit_platform.commands.doctor_dagster import examine_dagster
from tests.infra.postgres import PASSWORD, Server, binaries, postgres  # after the check for its driver
from tests.infra.server import ROOT, free_port, is_well, listens, role, wait_until

CONFIGS = ROOT / "infra" / "dagster"
ACCOUNTS = ("athletes", "activity_overrides", "athlete_settings")
_FINISHED = {"SUCCESS", "FAILURE", "CANCELED"}
LAUNCH = """
mutation ($key: [String!]!) {
  launchPipelineExecution(executionParams: {
    selector: {repositoryLocationName: "fit_platform", repositoryName: "__repository__",
               pipelineName: "__ASSET_JOB", assetSelection: [{path: $key}]}
    mode: "default"
  }) {
    __typename
    ... on LaunchRunSuccess { run { runId } }
    ... on PythonError { message }
    ... on InvalidSubsetError { message }
  }
}
"""


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    if binaries() is None:
        pytest.skip("no PostgreSQL server here: apt-get install -y postgresql")
    with postgres() as running:
        for name in ("dagster", "webserver", "migrator"):
            running.query(f"CREATE ROLE {name} LOGIN PASSWORD '{PASSWORD}'", user=running.admin)
        running.query((CONFIGS / "users.sql").read_text(), user=running.admin)
        yield running


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("production")
    secrets = made / "secrets"
    secrets.mkdir()
    (secrets / "DAGSTER_PG_PASSWORD").write_text(f"{PASSWORD}\n")
    return made


@pytest.fixture(scope="module")
def environment(server: Server, folder: Path) -> dict[str, str]:
    return {
        "PATH": f"{Path(sys.executable).parent}:{os.environ['PATH']}",
        "PYTHONPATH": str(ROOT),
        "HOME": str(folder),
        "FIT_HOME": str(folder / "home"),
        "FIT_AUTOMATION": "false",
        "FIT_START_DATE": "2026-11-01",
        "FIT_SECRETS_DIR": str(folder / "secrets"),
        "FIT_LISTEN_HOST": "127.0.0.1",
        "FIT_INSTANCE_HOME": str(CONFIGS / "one-machine"),
        "DAGSTER_HOME": str(CONFIGS / "one-machine"),
        "DAGSTER_STATE_DIR": str(folder / "state"),
        "DAGSTER_LOG_DIR": str(folder / "logs"),
        "DAGSTER_CODE_SERVER_HOST": "127.0.0.1",
        "DAGSTER_CODE_SERVER_PORT": str(free_port()),
        "DAGSTER_PG_HOST": "127.0.0.1",
        "DAGSTER_PG_PORT": str(server.port),
        "DAGSTER_PG_USERNAME": "dagster",
        "DAGSTER_PG_DB": server.database,
        "PORT": str(free_port()),
    }


@pytest.fixture(scope="module")
def migrated(environment: dict[str, str], folder: Path) -> dict[str, str]:
    """The environment, with the tables made by the job that makes them in production."""
    _run(["migrate"], {**environment, "DAGSTER_PG_USERNAME": "migrator"}, folder)
    return environment


@pytest.fixture
def instance(migrated: dict[str, str], monkeypatch: pytest.MonkeyPatch) -> Iterator[dg.DagsterInstance]:
    """The instance, as the processes see it."""
    for name, value in {**migrated, "DAGSTER_PG_PASSWORD": PASSWORD}.items():
        monkeypatch.setenv(name, value)
    with dg.DagsterInstance.from_config(migrated["DAGSTER_HOME"]) as opened:
        yield opened


def _run(arguments: list[str], environment: dict[str, str], folder: Path) -> str:
    done = subprocess.run(
        [str(ROOT / "infra" / "entrypoint.sh"), *arguments],
        env=environment,
        cwd=folder,
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def _ask(environment: dict[str, str], query: str, variables: dict | None = None) -> dict:
    body = json.dumps({"query": query, "variables": variables or {}}).encode()
    request = urllib.request.Request(
        f"http://127.0.0.1:{environment['PORT']}/graphql", body, {"content-type": "application/json"}
    )
    with urllib.request.urlopen(request, timeout=60) as answer:
        return json.load(answer)["data"]


def test_the_tables_belong_to_one_user_whoever_made_them(server: Server, instance: dg.DagsterInstance) -> None:
    """The job that migrates signs in with its own password; the others read and write what it made."""
    owners = server.query("SELECT DISTINCT tableowner FROM pg_tables WHERE schemaname = 'public'", user="dagster")
    assert owners == [("dagster",)]
    assert server.query("SELECT count(*) FROM runs", user="webserver") == [(0,)]


def test_what_the_file_asks_for_is_what_runs(instance: dg.DagsterInstance) -> None:
    parts = (instance.run_storage, instance.event_log_storage, instance.schedule_storage)
    assert all(type(part).__module__.startswith("dagster_postgres.") for part in parts)
    assert type(instance.run_coordinator).__name__ == "QueuedRunCoordinator"
    assert instance.get_concurrency_config().pool_config.default_pool_limit == 1
    assert instance.run_monitoring_enabled
    assert instance.run_retries_enabled
    assert instance.telemetry_enabled is False
    assert type(instance.compute_log_manager).__name__ == "LocalComputeLogManager"


def test_the_roles_of_the_image_run_the_platform_on_postgres(
    server: Server, environment: dict[str, str], folder: Path, instance: dg.DagsterInstance
) -> None:
    """Three runs that write the warehouse are queued at once: all succeed, and the pool lets one write at a time."""
    with ExitStack() as running:
        running.enter_context(role("code-server", environment, folder))
        port = environment["DAGSTER_CODE_SERVER_PORT"]
        wait_until("the code server listens", lambda: listens(port), 240, folder / "code-server.log")
        wait_until("it is well", lambda: is_well("code-server", environment, folder), 60, folder / "code-server.log")
        running.enter_context(role("webserver", {**environment, "DAGSTER_PG_USERNAME": "webserver"}, folder))
        wait_until("the UI listens", lambda: listens(environment["PORT"]), 240, folder / "webserver.log")
        wait_until("it is well", lambda: is_well("webserver", environment, folder), 60, folder / "webserver.log")
        launched = [
            _ask(environment, LAUNCH, {"key": ["load", "accounts", name]})["launchPipelineExecution"]
            for name in ACCOUNTS
        ]
        assert {each["__typename"] for each in launched} == {"LaunchRunSuccess"}, launched
        runs = [each["run"]["runId"] for each in launched]
        running.enter_context(role("daemon", environment, folder))

        def finished() -> bool:
            return all(instance.get_run_by_id(run).status.value in _FINISHED for run in runs)

        wait_until("the runs are finished", finished, 300, folder / "daemon.log")
        wait_until("the daemon is well", lambda: is_well("daemon", environment, folder), 120, folder / "daemon.log")
    assert [instance.get_run_by_id(run).status.value for run in runs] == ["SUCCESS"] * len(runs)
    assert server.query("SELECT count(*) FROM runs WHERE status = 'SUCCESS'", user="dagster") == [(len(runs),)]
    written = server.query(
        "SELECT count(*) FROM event_logs WHERE dagster_event_type = 'ASSET_MATERIALIZATION'", user="dagster"
    )
    assert written == [(len(runs),)]
    spans = sorted(_span_of_step(instance, run) for run in runs)
    assert all(before[1] <= after[0] for before, after in pairwise(spans)), spans
    assert "duckdb_writer" in instance.event_log_storage.get_concurrency_keys()
    assert list(folder.glob("logs/**/*.err")), "the steps' logs are where every role finds them"


def _span_of_step(instance: dg.DagsterInstance, run_id: str) -> tuple[float, float]:
    stats = instance.get_run_step_stats(run_id)
    assert len(stats) == 1
    assert stats[0].start_time is not None
    assert stats[0].end_time is not None
    return stats[0].start_time, stats[0].end_time


def test_a_code_server_that_starts_anew_closes_what_the_one_before_was_executing(
    environment: dict[str, str], folder: Path, instance: dg.DagsterInstance
) -> None:
    """Without it the pool would be taken for two days, which is how long a run may wait for quota."""
    run = dg.DagsterRun(job_name="left_behind", status=dg.DagsterRunStatus.STARTED)
    instance.add_run(run)
    storage = instance.event_log_storage
    if "duckdb_writer" not in storage.get_concurrency_keys():  # on PostgreSQL, Dagster cannot do this twice
        storage.initialize_concurrency_limit_to_default("duckdb_writer")
    assert storage.claim_concurrency_slot("duckdb_writer", run.run_id, "step").is_claimed

    assert "1 runs closed" in _run(["fit-platform", "recover"], environment, folder)

    closed = instance.get_run_by_id(run.run_id)
    assert closed.status is dg.DagsterRunStatus.FAILURE
    assert closed.tags["dagster/will_retry"] == "true", "the daemon starts it again"
    assert storage.get_concurrency_info("duckdb_writer").claimed_slots == []


def test_a_command_beside_the_server_leaves_its_runs_alone(
    environment: dict[str, str], folder: Path, instance: dg.DagsterInstance
) -> None:
    """A process number of another container says nothing here."""
    from fit_platform.instance import runs_in_flight
    from fit_platform.settings import load_settings

    run = dg.DagsterRun(job_name="elsewhere", status=dg.DagsterRunStatus.STARTED, tags={"fit/pid": "999999"})
    instance.add_run(run)
    assert runs_in_flight(load_settings()) == 1
    assert instance.get_run_by_id(run.run_id).status is dg.DagsterRunStatus.STARTED
    instance.report_run_canceled(run)


def test_doctor_says_what_is_wrong_with_the_database(server: Server, migrated: dict[str, str]) -> None:
    signed_in = {**migrated, "DAGSTER_PG_PASSWORD": PASSWORD}
    (well,) = examine_dagster(signed_in)
    assert well.level == "ok"
    (refused,) = examine_dagster({**signed_in, "DAGSTER_PG_DB": "nowhere"})
    assert (refused.level, 'database "nowhere" does not exist' in refused.detail) == ("problem", True)
    (silent,) = examine_dagster({**signed_in, "DAGSTER_PG_PORT": str(free_port())})
    assert (silent.level, "no connection to" in silent.detail) == ("problem", True)
    (empty,) = examine_dagster({**signed_in, "DAGSTER_PG_DB": "postgres"})
    assert "has no tables yet" in empty.detail


def test_the_two_instances_differ_in_where_logs_go_and_in_nothing_else() -> None:
    one, cloud = (
        yaml.safe_load((CONFIGS / name / "dagster.yaml").read_text()) for name in ("one-machine", "google-cloud")
    )
    assert one.pop("compute_logs") != cloud.pop("compute_logs")
    assert one == cloud
    assert len({(CONFIGS / name / "workspace.yaml").read_text() for name in ("one-machine", "google-cloud")}) == 1


def test_pools_are_as_on_a_laptop() -> None:
    laptop = yaml.safe_load((ROOT / "dagster.yaml").read_text())
    server = yaml.safe_load((CONFIGS / "one-machine" / "dagster.yaml").read_text())
    assert server["concurrency"]["pools"] == laptop["concurrency"]["pools"]


class _Bucket(BaseHTTPRequestHandler):
    """Answers that the bucket is there."""

    def do_GET(self) -> None:
        body = b'{"kind": "storage#bucket", "name": "fit-test-fit-logs"}'
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        pass


def test_the_instance_of_google_cloud_looks_for_its_log_bucket_and_opens(
    instance: dg.DagsterInstance, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whoever opens it needs the right to see the bucket, the job that migrates too."""
    with HTTPServer(("127.0.0.1", 0), _Bucket) as storage:
        Thread(target=storage.serve_forever, daemon=True).start()
        monkeypatch.setenv("STORAGE_EMULATOR_HOST", f"http://127.0.0.1:{storage.server_port}")
        monkeypatch.setenv("DAGSTER_LOG_BUCKET", "fit-test-fit-logs")
        monkeypatch.setenv("GOOGLE_CLOUD_PROJECT", "fit-test")
        with dg.DagsterInstance.from_config(str(CONFIGS / "google-cloud")) as cloud:
            assert type(cloud.compute_log_manager).__name__ == "GCSComputeLogManager"
            assert type(cloud.run_storage).__name__ == "PostgresRunStorage"
        storage.shutdown()
