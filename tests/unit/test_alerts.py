"""One message per incident, to every channel that is configured, over real sockets on loopback."""

from __future__ import annotations

import json
import logging
import socketserver
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import dagster as dg
import pytest

from fit_platform.accounts.connections import Broken, Connection, State
from fit_platform.alerts.alerter import Alerter
from fit_platform.alerts.incidents import Incident
from fit_platform.alerts.watch import INBOX, cliff_incidents, connection_incidents, inbox_incidents, webhook_incidents
from fit_platform.defs.alerts import CHECKS, alert_state, failing_checks, is_mended, run_key
from fit_platform.defs.resources import Platform
from fit_platform.errors import ConfigError
from fit_platform.feed.subscriptions import SubscriptionReport
from fit_platform.landing.layout import DayKey
from fit_platform.providers.base import DayAnswer
from fit_platform.providers.registry import resource, resources
from fit_platform.runtime import Runtime
from fit_platform.settings import Settings, load_settings

NOW = datetime(2026, 4, 1, 12, tzinfo=UTC)
DOWN = Incident("connections", "polar/ada", "polar of ada is no longer connected", "run: fit-platform link polar ada")
LATE = Incident("connections", "strava/ben", "strava of ben ends soon", severity="warning")


class Clock:
    def __init__(self) -> None:
        self.now = NOW

    def __call__(self) -> datetime:
        return self.now


class Sink(ThreadingHTTPServer):
    """Keeps what is posted; answers with `status`."""

    def __init__(self) -> None:
        self.bodies: list[dict[str, Any]] = []
        self.status = 200
        super().__init__(("127.0.0.1", 0), _Post)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_address[1]}/hook/5ecret"


class _Post(BaseHTTPRequestHandler):
    server: Sink

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        if self.server.status == 200:
            self.server.bodies.append(json.loads(body))
        self.send_response(self.server.status)
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Silent."""


class MailSink(socketserver.ThreadingTCPServer):
    """A mail server without TLS that takes every message, and notes every command."""

    allow_reuse_address = True

    def __init__(self) -> None:
        self.mails: list[str] = []
        self.commands: list[str] = []
        super().__init__(("127.0.0.1", 0), _Smtp)


class _Smtp(socketserver.StreamRequestHandler):
    server: MailSink

    def handle(self) -> None:
        self.wfile.write(b"220 sink\r\n")
        while line := self.rfile.readline().decode().strip():
            self.server.commands.append(line)
            verb = line.split(" ")[0].upper()
            if verb == "DATA":
                self.wfile.write(b"354 go on\r\n")
                lines = []
                while (text := self.rfile.readline().decode()) != ".\r\n":
                    lines.append(text)
                self.server.mails.append("".join(lines))
            elif verb == "EHLO":
                self.wfile.write(b"250-sink\r\n250 AUTH PLAIN LOGIN\r\n")
                continue
            elif verb == "AUTH":
                self.wfile.write(b"235 welcome\r\n")
                continue
            elif verb == "QUIT":
                self.wfile.write(b"221 bye\r\n")
                return
            self.wfile.write(b"250 ok\r\n")


@pytest.fixture
def sink() -> Iterator[Sink]:
    with Sink() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def mail() -> Iterator[MailSink]:
    with MailSink() as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


def settings(home: Path, **more: Any) -> Settings:
    return Settings(home=home, _env_file=None, **more)


def test_an_incident_is_told_once_however_often_it_is_seen_and_once_when_it_is_over(tmp_path: Path, sink: Sink) -> None:
    clock = Clock()
    for _ in range(3):  # each look is another process
        Alerter(settings(tmp_path, alert_webhook_url=sink.url), clock).report("connections", [DOWN, LATE])
        clock.now += timedelta(minutes=5)
    assert [(body["change"], body["key"]) for body in sink.bodies] == [
        ("opened", "polar/ada"),
        ("opened", "strava/ben"),
    ]
    assert sink.bodies[0]["way_out"] == "run: fit-platform link polar ada"
    alerter = Alerter(settings(tmp_path, alert_webhook_url=sink.url), clock)
    alerter.report("connections", [LATE])
    alerter.report("connections", [LATE])
    assert [(body["change"], body["key"]) for body in sink.bodies[2:]] == [("resolved", "polar/ada")]
    assert sink.bodies[2]["since"] == NOW.isoformat()
    alerter.report("connections", [DOWN, LATE])
    assert [body["change"] for body in sink.bodies[3:]] == ["opened"], "it may happen again later"


def test_a_source_says_nothing_of_anothers_incidents(tmp_path: Path, sink: Sink) -> None:
    alerter = Alerter(settings(tmp_path, alert_webhook_url=sink.url), Clock())
    alerter.report("connections", [DOWN])
    alerter.report("checks", [])
    assert [incident for incident, _ in alerter.book.open_incidents()] == [DOWN]
    with pytest.raises(ValueError, match="connections is not checks"):
        alerter.report("checks", [DOWN])


def test_a_channel_that_is_down_gets_its_message_later_and_only_once(
    tmp_path: Path, sink: Sink, mail: MailSink, caplog: pytest.LogCaptureFixture
) -> None:
    sink.status = 500
    port = mail.server_address[1]
    chosen = settings(
        tmp_path, alert_slack_url=sink.url, alert_smtp_url=f"smtp://127.0.0.1:{port}", alert_email_to="a@example.org"
    )
    alerter = Alerter(chosen, Clock())
    alerter.report("connections", [DOWN])
    alerter.report("connections", [DOWN])
    assert (len(sink.bodies), len(mail.mails)) == (0, 1), "the other channel has its message"
    assert "slack: status 500" in caplog.text
    assert "5ecret" not in caplog.text, "the address is a secret"
    sink.status = 200
    alerter.report("connections", [DOWN])
    alerter.report("connections", [DOWN])
    assert [body["text"] for body in sink.bodies] == [f"[error] {DOWN.title}\n{DOWN.way_out}"]
    assert len(mail.mails) == 1


def test_an_unreachable_address_is_not_repeated_in_the_log(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    Alerter(settings(tmp_path, alert_slack_url="http://127.0.0.1:9/5ecret"), Clock()).report("connections", [DOWN])
    assert "slack: ConnectionError" in caplog.text
    assert "5ecret" not in caplog.text


def test_mail_has_a_subject_a_way_out_and_the_login_that_the_address_names(tmp_path: Path, mail: MailSink) -> None:
    chosen = settings(
        tmp_path,
        alert_smtp_url=f"smtp://me:pass%20word@127.0.0.1:{mail.server_address[1]}",
        alert_email_to="a@example.org, b@example.org",
        alert_email_from="fit@example.org",
    )
    Alerter(chosen, Clock()).report("connections", [DOWN])
    (text,) = mail.mails
    assert "Subject: fit-platform: [error] polar of ada is no longer connected" in text
    assert "run: fit-platform link polar ada" in text
    assert [line for line in mail.commands if line.upper().startswith("RCPT")] == [
        "rcpt TO:<a@example.org>",
        "rcpt TO:<b@example.org>",
    ]
    assert any(line.startswith("AUTH") for line in mail.commands)


def test_without_a_channel_the_log_is_told(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        alerter = Alerter(settings(tmp_path), Clock())
        alerter.report("connections", [DOWN])
        alerter.report("connections", [])
    assert [record.levelname for record in caplog.records] == ["ERROR", "INFO"]
    assert "run: fit-platform link polar ada" in caplog.text


def connect(runtime: Runtime, provider: str, athlete_id: str, **more: Any) -> None:
    runtime.connections.save(
        Connection(
            provider=provider, athlete_id=athlete_id, linked_at=NOW - timedelta(days=300), acquired="oauth", **more
        )
    )


def test_a_dead_a_dying_and_a_revoked_connection_are_incidents_and_a_working_one_is_none(tmp_path: Path) -> None:
    runtime = Runtime(settings(tmp_path))
    dead = Broken(state=State.NEEDS_CONSENT, reason="x", since=NOW)
    connect(runtime, "polar", "ada", broken=dead)
    connect(runtime, "strava", "ada", broken=dead.model_copy(update={"state": State.REVOKED}), retention="keep")
    incidents = list(connection_incidents(runtime, NOW))
    assert [(i.key, i.severity) for i in incidents] == [
        ("polar/ada/needs re-consent", "error"),
        ("strava/ada/revoked", "warning"),
    ]
    assert incidents[0].way_out == "run: fit-platform link polar ada"


def land_everything(runtime: Runtime, athlete_id: str, days_back: range) -> None:
    for one in resources():
        if one.provider == "polar":
            for back in days_back:
                day = NOW.date() - timedelta(days=back)
                runtime.zone.write_day(one, athlete_id, DayAnswer(day, ()), NOW)


def test_days_that_polar_will_soon_serve_no_more_are_an_incident_until_they_are_pulled(tmp_path: Path) -> None:
    runtime = Runtime(settings(tmp_path))
    connect(runtime, "polar", "ada")
    land_everything(runtime, "ada", range(30))
    assert list(cliff_incidents(runtime, NOW)) == []
    exercises = resource("polar", "exercises")
    assert exercises.window_days is not None
    lost = NOW.date() - timedelta(days=exercises.window_days - 3)
    key = DayKey("polar", "exercises", lost, "ada")
    runtime.zone.store.delete(key.path)
    (incident,) = cliff_incidents(runtime, NOW)
    assert incident.title.startswith(f"polar of ada: 1 days from {lost} on were never pulled")
    assert incident.way_out == f"run: fit-platform sync --provider polar --athlete ada --from {lost} --to {lost}"
    runtime.zone.write_day(exercises, "ada", DayAnswer(lost, ()), NOW)
    assert list(cliff_incidents(runtime, NOW)) == []


def test_somebody_linked_yesterday_has_nothing_to_lose(tmp_path: Path) -> None:
    runtime = Runtime(settings(tmp_path))
    connect(runtime, "polar", "ada")
    known = runtime.connections.get("polar", "ada")
    assert known is not None
    runtime.connections.save(known.model_copy(update={"linked_at": NOW - timedelta(days=1)}))
    assert list(cliff_incidents(runtime, NOW)) == []


def test_events_that_nobody_can_act_on_are_told_once_until_they_are_taken_away(tmp_path: Path, sink: Sink) -> None:
    runtime, clock = Runtime(settings(tmp_path, alert_webhook_url=sink.url)), Clock()
    names = [f"inbox/strava/2026040{day}T000000000000_0000000000000000.json" for day in (1, 2, 3)]
    for name in names[:2]:
        runtime.inbox.store.write(name, b"{broken")
        runtime.inbox.reject(name, "not a change event: it is broken")
        for _ in range(2):
            Alerter(runtime.settings, clock).report(INBOX, list(inbox_incidents(runtime)))
    assert len(sink.bodies) == 1
    assert "it is broken" in str(sink.bodies[0])
    runtime.inbox.store.write(names[2], b"{}")
    runtime.inbox.reject(names[2], "seen_at has no offset from UTC")
    Alerter(runtime.settings, clock).report(INBOX, list(inbox_incidents(runtime)))
    assert len(sink.bodies) == 2, "another reason is another incident"
    for name in list(runtime.inbox.store.names("inbox/_rejected/")):
        runtime.inbox.store.delete(name)
    Alerter(runtime.settings, clock).report(INBOX, list(inbox_incidents(runtime)))
    assert len(sink.bodies) == 4


def test_webhooks_that_stopped_are_an_incident_and_one_that_cannot_be_asked_about_changes_nothing() -> None:
    gone = SubscriptionReport("polar", "missing", fix="run: fit-platform webhooks subscribe polar --url U")
    (incident,) = webhook_incidents([gone, SubscriptionReport("strava", "active")], [])
    assert (incident.key, incident.severity, incident.way_out) == ("polar", "error", gone.fix)
    unknown = [SubscriptionReport("polar", "unknown"), SubscriptionReport("strava", "unknown")]
    assert list(webhook_incidents(unknown, [incident])) == [incident]
    (mended,) = webhook_incidents([SubscriptionReport("polar", "active", done="re-activated")], [incident])
    assert "switched on again" in mended.title
    assert list(webhook_incidents([SubscriptionReport("polar", "active")], [mended])) == []


def test_a_retry_of_a_run_is_the_same_incident_and_a_wider_success_ends_it() -> None:
    tags = {"dagster/partition": "2026-04-01", "dagster/run_key": "x"}
    key = run_key({"raw__strava__streams"}, tags)
    assert key == run_key({"raw__strava__streams"}, {**tags, "dagster/run_key": "another"})
    steps = {"raw__strava__streams", "raw__strava__activities"}
    wider = {"dagster/asset_partition_range_start": "2026-03-30", "dagster/asset_partition_range_end": "2026-04-02"}
    assert is_mended(key, steps, tags)
    assert is_mended(key, steps, wider)
    assert not is_mended(key, {"raw__strava__activities"}, tags), "another step"
    assert not is_mended(key, steps, {"dagster/partition": "2026-04-02"}), "another day"
    assert is_mended(run_key({"retention__receipts"}, {}), {"retention__receipts"}, {})


def test_a_build_that_failed_is_mended_by_the_next_one_whichever_day_it_is_for() -> None:
    key = run_key({"dbt_tables"}, {"dagster/partition": "2026-03-01"})
    assert key == run_key({"dbt_tables"}, {"dagster/partition": "2026-03-02"})
    assert is_mended(
        key, {"raw__strava__activities", "dbt_day_ranges", "dbt_tables"}, {"dagster/partition": "2026-03-02"}
    )
    assert not is_mended(key, {"raw__strava__activities", "dbt_day_ranges"}, {"dagster/partition": "2026-03-01"})


def test_a_check_that_fails_is_an_incident_until_it_passes() -> None:
    passes = {"now": False}

    @dg.asset
    def table() -> None:
        """A table."""

    @dg.asset_check(asset=table, description="No gaps. When it fails: backfill the days listed.")
    def no_gaps() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=passes["now"], metadata={"bpm": 180}, severity=dg.AssetCheckSeverity.WARN)

    definitions = dg.Definitions(assets=[table], asset_checks=[no_gaps])
    graph = definitions.resolve_asset_graph()
    with dg.DagsterInstance.ephemeral() as instance:
        assert list(failing_checks(instance, graph)) == [], "never run"
        job = definitions.resolve_implicit_global_asset_job_def()
        job.execute_in_process(instance=instance)
        (incident,) = failing_checks(instance, graph)
        assert incident == Incident(
            CHECKS, "table no_gaps", "the check no_gaps of table fails", "backfill the days listed.", "warning"
        )
        passes["now"] = True
        job.execute_in_process(instance=instance)
        assert list(failing_checks(instance, graph)) == []


def failing_then_skipped(instance: dg.DagsterInstance) -> dg.Definitions:
    """A check that fails in one run; in the next one its step is planned and skipped, as in a quiet run for news."""
    has_news = {"now": True}

    @dg.asset(output_required=False)
    def table() -> Iterator[dg.MaterializeResult]:
        if has_news["now"]:
            yield dg.MaterializeResult()

    @dg.asset_check(asset=table, description="No gaps. When it fails: backfill the days listed.")
    def no_gaps() -> dg.AssetCheckResult:
        return dg.AssetCheckResult(passed=False)

    definitions = dg.Definitions(assets=[table], asset_checks=[no_gaps])
    job = definitions.resolve_implicit_global_asset_job_def()
    job.execute_in_process(instance=instance)
    has_news["now"] = False
    result = job.execute_in_process(instance=instance)
    assert result.success
    assert result.get_asset_check_evaluations() == []
    return definitions


def test_a_check_that_failed_and_was_skipped_since_and_a_dead_connection_are_both_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIT_HOME", str(tmp_path))
    runtime = Runtime(load_settings())
    connect(runtime, "strava", "ada", broken=Broken(state=State.NEEDS_CONSENT, reason="x", since=NOW))
    with dg.DagsterInstance.ephemeral() as instance:
        repository = failing_then_skipped(instance).get_repository_def()
        alert_state(
            dg.build_sensor_context(instance=instance, repository_def=repository, resources={"platform": Platform()})
        )
    told = [incident.key for incident, _ in Alerter(runtime.settings, runtime.clock).book.open_incidents()]
    assert sorted(told) == ["strava/ada/needs re-consent", "table no_gaps"]


def test_what_cannot_be_looked_at_silences_nothing_else_and_fails_the_tick(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("FIT_HOME", str(tmp_path))
    runtime = Runtime(load_settings())
    runtime.inbox.store.write("inbox/strava/20260401T000000000000_0000000000000000.json", b"{broken")
    runtime.inbox.reject("inbox/strava/20260401T000000000000_0000000000000000.json", "broken")
    connections = tmp_path / "tokens" / "polar" / "ada.connection.json"
    connections.parent.mkdir(parents=True)
    connections.write_text("{broken")
    repository = dg.Definitions().get_repository_def()
    context = dg.build_sensor_context(
        instance=dg.DagsterInstance.ephemeral(), repository_def=repository, resources={"platform": Platform()}
    )
    with pytest.raises(ConfigError, match="damaged"):
        alert_state(context)
    told = [incident.source for incident, _ in Alerter(runtime.settings, runtime.clock).book.open_incidents()]
    assert told == [INBOX]
