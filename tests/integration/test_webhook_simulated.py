"""From a change at a simulated provider through its signed webhook to an event in the inbox, over HTTP."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
import requests

from fit_platform.commands.demo import link_everyone
from fit_platform.commands.demo_home import environment_with
from fit_platform.feed import subscriptions
from fit_platform.feed.assemble import build_receiver
from fit_platform.landing.inbox import ChangeEvent, Inbox
from fit_platform.landing.opening import open_store
from fit_platform.providers.fitbit import subscription as google
from fit_platform.settings import Settings, load_settings
from fit_platform.simulator import SimulatorConfig, WorldConfig, environment, running
from tests.integration.test_webhook_server import listening

NOON = datetime(2026, 3, 20, 12, tzinfo=UTC)
FIVE_DAYS = timedelta(days=5)
CONFIG = SimulatorConfig(world=WorldConfig(seed=11, end=date(2026, 4, 5), days=60, athletes=2, now=NOON))


@pytest.fixture
def moving(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[str]:
    with running(CONFIG) as base_url:
        keys = f"{base_url}/fitbit/googlehealthapi/webhooks/webhooks_public_keyset.json"
        variables = {
            **environment(base_url, CONFIG),
            "FIT_HOME": str(tmp_path / "home"),
            "FIT_FITBIT_WEBHOOK_KEYS_URL": keys,
            "FIT_FITBIT_WEBHOOK_PROJECT": "4711",
            # A signature has an age: ours must run ahead as the simulators' clock will when they deliver.
            "FIT_CLOCK_OFFSET_S": str(FIVE_DAYS.total_seconds()),
        }
        monkeypatch.setattr(google, "_service_token", lambda: "a-service-token")
        with environment_with(variables):
            control(base_url, "scenario", {"world_moves": True, "webhooks": {"is_automatic": False}})
            link_everyone(Settings(), requests.get(f"{base_url}/_sim/truth", timeout=60).json())
            yield base_url


def control(base_url: str, path: str, body: dict[str, Any] | None = None) -> Any:
    answer = requests.post(f"{base_url}/_sim/{path}", json=body or {}, timeout=120)
    assert answer.status_code == 200, answer.text
    return answer.json()


def events() -> list[ChangeEvent]:
    inbox = Inbox(open_store(load_settings().landing_dir))
    return [event for name in inbox.names() if (event := inbox.read(name))]


ACCEPTED = {"event", "kept", "ping", "challenge", "handshake", "handshake without authorization", "ignored",
            "not ours to act on", "unknown owner"}  # fmt: skip


def test_what_changes_at_each_provider_waits_in_the_inbox(moving: str) -> None:
    receiver = build_receiver(load_settings())
    with listening(receiver) as port:
        for provider in subscriptions.CLIENTS:
            report = subscriptions.subscribe(load_settings(), provider, f"http://127.0.0.1:{port}")
            assert (report.state, report.done) == ("active", "created"), report
        control(moving, "clock", {"advance_seconds": FIVE_DAYS.total_seconds()})
        control(moving, "webhooks/flush")
        kept = events()
        reports = subscriptions.list_subscriptions(load_settings())
    assert {event.provider for event in kept} == {"polar", "strava", "fitbit"}, receiver.counts()
    assert len({event.key for event in kept}) == len(kept)
    assert [report.state for report in reports] == ["active"] * 3
    refused = {outcome: n for outcome, n in receiver.counts().items() if outcome[1] not in ACCEPTED}
    assert refused == {}
