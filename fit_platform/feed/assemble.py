"""The receiver of an install, put together from the settings. Knows no web server and no warehouse."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime

from fit_platform.accounts.connections import ConnectionStore
from fit_platform.feed.owners import Owners
from fit_platform.feed.receiver import Hook, Receiver
from fit_platform.feed.roster import Link, shared
from fit_platform.feed.secrets import SecretsFile
from fit_platform.landing.inbox import Inbox
from fit_platform.landing.opening import open_store
from fit_platform.providers.fitbit import webhook as fitbit
from fit_platform.providers.fitbit.keyset import KeySet
from fit_platform.providers.polar import webhook as polar
from fit_platform.providers.strava import webhook as strava
from fit_platform.settings import Settings


def build_receiver(settings: Settings, clock: Callable[[], datetime] | None = None) -> Receiver:
    """The receiver of this install. `clock`: a simulated one that moves; by default the settings' own."""
    key = settings.strava_webhook_signing_key
    store = open_store(settings.landing_dir)
    connections: Callable[[], Sequence[Link]] = ConnectionStore(settings.home_dir).list
    if settings.landing_dir.startswith("gs://"):  # the connections may be on another machine
        connections = _both(connections, shared(store))
    return Receiver(
        hooks={
            "polar": Hook(polar.METHODS, polar.receive),
            "strava": Hook(strava.METHODS, strava.receive),
            "fitbit": Hook(fitbit.METHODS, fitbit.Receiver(KeySet(settings.fitbit_webhook_keys_url)).receive),
        },
        secrets=secrets_file(settings),
        owners=Owners(connections),
        inbox=Inbox(store),
        clock=clock or settings.now,
        signing_keys={"strava": key.get_secret_value()} if key else {},
    )


def _both(here: Callable[[], Sequence[Link]], there: Callable[[], Sequence[Link]]) -> Callable[[], Sequence[Link]]:
    return lambda: (*here(), *there())


def secrets_file(settings: Settings) -> SecretsFile:
    """Where the webhook secrets of this install are."""
    path = settings.webhook_secrets_file or settings.home_dir / "state" / "webhooks" / "secrets.json"
    return SecretsFile(path.expanduser().absolute())
