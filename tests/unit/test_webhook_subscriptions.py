"""Subscriptions: made once, put right when they are not, and woken when a provider has switched them off."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from types import SimpleNamespace

import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa
from typer.testing import CliRunner

from fit_platform.alerts.watch import webhook_incidents
from fit_platform.cli import app
from fit_platform.errors import ConfigError
from fit_platform.feed import cloud_function
from fit_platform.feed.assemble import build_receiver, secrets_file
from fit_platform.feed.receiver import Receiver
from fit_platform.feed.subscriptions import (
    CLIENTS,
    SubscriptionReport,
    check_subscriptions,
    list_subscriptions,
    subscribe,
)
from fit_platform.providers.polar.webhook import EVENTS
from fit_platform.settings import Settings, load_settings
from tests.unit.webhook_provider_fakes import CLIENT, Google, Polar, Provider, Strava, serving
from tests.webhook_senders import link_owners, strava_event, strava_request

URL = "https://fit.example.org"


@dataclass
class Providers:
    """All three, and an install that knows them."""

    polar: Polar
    strava: Strava
    google: Google
    receiver: Receiver

    @property
    def settings(self) -> Settings:
        return load_settings()

    def check(self) -> dict[str, SubscriptionReport]:
        reports = check_subscriptions(SimpleNamespace(settings=self.settings))  # type: ignore[arg-type]
        return {report.provider: report for report in reports}

    def of(self, name: str) -> Provider:
        return {"polar": self.polar, "strava": self.strava, "fitbit": self.google}[name]


@pytest.fixture(scope="module")
def service_key() -> str:
    key = rsa.generate_private_key(public_exponent=65537, key_size=2048)
    return key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    ).decode()


@pytest.fixture
def providers(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, service_key: str) -> Iterator[Providers]:
    receiver = build_receiver(load_settings())
    known = Providers(Polar(receiver), Strava(receiver), Google(receiver), receiver)
    with ExitStack() as stack:
        for name, path in (("polar", "/v3"), ("strava", "/api/v3"), ("fitbit", "/v4")):
            base = stack.enter_context(serving(known.of(name)))
            monkeypatch.setenv(f"FIT_{name.upper()}_API_URL", base + path)
            monkeypatch.setenv(f"FIT_{name.upper()}_CLIENT_ID", CLIENT[0])
            monkeypatch.setenv(f"FIT_{name.upper()}_CLIENT_SECRET", CLIENT[1])
        account = {
            "type": "service_account",
            "client_email": "feed@example.test",
            "private_key": service_key,
            "token_uri": f"{base}/token",
        }
        (tmp_path / "account.json").write_text(json.dumps(account))
        monkeypatch.setenv("GOOGLE_APPLICATION_CREDENTIALS", str(tmp_path / "account.json"))
        monkeypatch.setenv("FIT_FITBIT_WEBHOOK_PROJECT", "4711")
        yield known


@pytest.mark.parametrize("provider", list(CLIENTS))
def test_subscribing_again_changes_nothing(providers: Providers, provider: str) -> None:
    first = subscribe(providers.settings, provider, f"{URL}/")
    assert (first.state, first.url, first.done, first.is_fine) == ("active", URL, "created", True)
    before = secrets_file(providers.settings).read()
    again = subscribe(providers.settings, provider, URL)
    assert (again.state, again.done) == ("active", "nothing to do")
    assert secrets_file(providers.settings).read() == before
    assert providers.check()[provider].is_fine


def test_polar_is_asked_for_all_seven_events_at_the_secret_path(providers: Providers) -> None:
    subscribe(providers.settings, "polar", URL)
    assert providers.polar.webhook is not None
    assert set(providers.polar.webhook["events"]) == set(EVENTS)
    assert len(EVENTS) == 7
    secrets = secrets_file(providers.settings).read()
    assert providers.polar.webhook["url"] == f"{URL}/webhooks/polar/{secrets.path_secret}"
    assert secrets.polar == {"webhook_id": "hook1", "signing_secret": "signing-secret-1"}
    assert len(secrets.path_secret) >= 24


def test_a_webhook_whose_secret_was_lost_is_replaced(providers: Providers) -> None:
    """Polar tells the secret once; a crash right after its answer loses it."""
    subscribe(providers.settings, "polar", URL)
    secrets_file(providers.settings).path.unlink()
    report = subscribe(providers.settings, "polar", URL)
    assert report.done == "replaced one whose signing secret is not known here"
    assert secrets_file(providers.settings).read().polar["signing_secret"] == "signing-secret-2"


def test_polars_automatic_deactivation_is_noticed_and_undone(providers: Providers) -> None:
    subscribe(providers.settings, "polar", URL)
    assert providers.polar.webhook is not None
    providers.polar.webhook["active"] = False
    [listed] = [report for report in list_subscriptions(providers.settings) if report.provider == "polar"]
    assert (listed.state, listed.is_fine) == ("inactive", False)
    assert "webhooks subscribe polar" in listed.fix
    report = providers.check()["polar"]
    assert (report.state, report.done) == ("active", "re-activated (was inactive)")
    assert providers.polar.webhook["active"] is True


def test_while_the_receiver_cannot_be_reached_the_report_says_what_to_do(providers: Providers) -> None:
    subscribe(providers.settings, "polar", URL)
    assert providers.polar.webhook is not None
    providers.polar.webhook["active"] = False
    providers.polar.is_reachable = False
    report = providers.check()["polar"]
    assert (report.state, report.is_fine, report.done) == ("inactive", False, "")
    assert "webhooks serve" in report.detail
    (incident,) = webhook_incidents([report], [])
    assert incident.title == "the webhooks of polar do not come: inactive"
    assert "webhooks serve" in incident.way_out
    assert "webhooks subscribe polar" in incident.way_out


def test_an_inactive_subscriber_of_google_shakes_hands_again(providers: Providers) -> None:
    subscribe(providers.settings, "fitbit", URL)
    assert providers.google.subscriber is not None
    providers.google.subscriber["state"] = "INACTIVE"
    assert providers.check()["fitbit"].done == "re-activated (was inactive)"
    assert providers.google.subscriber["state"] == "ACTIVE"


@pytest.mark.parametrize("provider", list(CLIENTS))
def test_a_new_public_address_is_told_to_the_provider(providers: Providers, provider: str) -> None:
    subscribe(providers.settings, provider, URL)
    report = subscribe(providers.settings, provider, "https://new.example.org")
    assert report.state == "active"
    assert report.done in ("changed", "replaced one with another address")
    assert providers.check()[provider].url == "https://new.example.org"


@pytest.mark.parametrize("provider", list(CLIENTS))
def test_a_receiver_that_does_not_answer_is_said_in_one_line(providers: Providers, provider: str) -> None:
    providers.of(provider).is_reachable = False
    with pytest.raises(ConfigError, match="webhooks serve") as error:
        subscribe(providers.settings, provider, URL)
    secrets = secrets_file(providers.settings).read()
    for hidden in (secrets.path_secret, *secrets.strava.values(), *secrets.fitbit.values(), CLIENT[1]):
        assert hidden not in str(error.value)


def test_a_subscription_that_is_gone_is_reported_and_not_made_anew(providers: Providers) -> None:
    subscribe(providers.settings, "strava", URL)
    providers.strava.subscription = None
    report = providers.check()["strava"]
    assert (report.state, report.fix) == ("missing", f"fit-platform webhooks subscribe strava --url {URL}")
    assert providers.strava.subscription is None


def test_a_subscription_that_somebody_else_made_is_told_apart(providers: Providers) -> None:
    providers.strava.subscription = {"id": 9, "callback_url": "https://other.example.org/hook"}
    [listed] = [report for report in list_subscriptions(providers.settings) if report.provider == "strava"]
    assert listed.state == "foreign"
    assert "other.example.org" not in str(listed), "its address may be a secret, too"
    assert providers.check() == {}, "nobody subscribed here, so nothing is looked after"


@pytest.mark.parametrize("url", ["http://fit.example.org", "ftp://x", "https://", "https://u:p@x", "https://x/?a=b"])
def test_an_address_that_no_provider_would_take_is_refused(providers: Providers, url: str) -> None:
    with pytest.raises(ConfigError):
        subscribe(providers.settings, "polar", url)
    assert providers.polar.asked == []


def test_an_event_of_the_new_subscription_is_taken_by_a_receiver_that_ran_before(providers: Providers) -> None:
    link_owners(providers.settings.home_dir)
    subscribe(providers.settings, "strava", URL)
    path = secrets_file(providers.settings).read().path("strava")
    request = strava_request(strava_event(subscription_id=120475))
    answer = providers.receiver.handle(type(request)("POST", path, body=request.body))
    assert answer.status == 200
    assert providers.receiver.counts()["strava", "kept"] == 1


def test_the_commands_show_states_and_no_secret(providers: Providers) -> None:
    runner = CliRunner()
    made = runner.invoke(app, ["webhooks", "subscribe", "polar", "--url", URL])
    listed = runner.invoke(app, ["webhooks", "list", "--json"])
    assert (made.exit_code, listed.exit_code) == (0, 0), listed.output
    states = {report["provider"]: report["state"] for report in json.loads(listed.stdout)}
    assert states == {"polar": "active", "strava": "not subscribed", "fitbit": "not subscribed"}
    secrets = secrets_file(providers.settings).read()
    for hidden in (secrets.path_secret, *secrets.polar.values(), *secrets.strava.values()):
        assert hidden not in made.output + listed.output
    assert providers.polar.webhook is not None
    providers.polar.webhook["active"] = False
    inactive = runner.invoke(app, ["webhooks", "list"])
    assert inactive.exit_code == 1
    assert f"polar: to mend: fit-platform webhooks subscribe polar --url {URL}" in inactive.output
    nowhere = runner.invoke(app, ["webhooks", "subscribe", "polar"])
    assert nowhere.exit_code == 2
    assert "--url" in nowhere.output


def test_the_function_shim_answers_as_the_server_does(providers: Providers) -> None:
    link_owners(providers.settings.home_dir)
    subscribe(providers.settings, "strava", URL)
    cloud_function._receiver.cache_clear()
    body = strava_request(strava_event()).body

    def flask_request(path: str, **changes: object) -> SimpleNamespace:
        plain = {"method": "POST", "path": path, "args": {}, "headers": {"X-Any": "1"}, "content_length": len(body)}
        return SimpleNamespace(**{**plain, **changes}, get_data=lambda: body)

    path = secrets_file(providers.settings).read().path("strava")
    assert cloud_function.webhook(flask_request(path)) == (
        b'{"status":"ok"}',
        200,
        {"content-type": "application/json"},
    )
    assert cloud_function.webhook(flask_request("/webhooks/strava/guess"))[1] == 404
    assert cloud_function.webhook(flask_request(path, method="PUT"))[1:] == (405, {"allow": "GET, POST"})
    assert cloud_function.webhook(flask_request(path, content_length=10**9)) == (b"", 413, {})
    assert cloud_function.webhook(flask_request("/healthz", method="GET"))[1] == 200
