"""A receiver over a folder, for tests: anna is linked with all providers, and the clock stands still."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path

from fit_platform.feed.owners import Owners
from fit_platform.feed.receiver import Hook, Receiver
from fit_platform.feed.secrets import SecretsFile
from fit_platform.landing.inbox import ChangeEvent, Inbox
from fit_platform.landing.store import FolderStore
from fit_platform.providers.fitbit import webhook as fitbit
from fit_platform.providers.fitbit.keyset import KeySet
from fit_platform.providers.polar import webhook as polar
from fit_platform.providers.strava import webhook as strava
from tests.webhook_senders import NOW, GoogleKeys, keep_secrets, link_owners


@dataclass
class Desk:
    """The receiver and what is around it."""

    home: Path
    keys: GoogleKeys = field(default_factory=GoogleKeys)
    now: datetime = NOW
    signing_keys: dict[str, str] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.store = FolderStore(self.home / "landing")
        self.secrets: SecretsFile = keep_secrets(self.home / "state" / "webhooks" / "secrets.json")
        self.connections = link_owners(self.home)
        self.fetched: list[str] = []
        self.receiver = self.open()

    def open(self) -> Receiver:
        """A receiver as a new process would make it."""
        keys = KeySet("https://keys.test/keyset.json", self._fetch)
        return Receiver(
            hooks={
                "polar": Hook(polar.METHODS, polar.receive),
                "strava": Hook(strava.METHODS, strava.receive),
                "fitbit": Hook(fitbit.METHODS, fitbit.Receiver(keys).receive),
            },
            secrets=self.secrets,
            owners=Owners(self.connections.list),
            inbox=Inbox(self.store),
            clock=lambda: self.now,
            signing_keys=self.signing_keys,
        )

    def events(self) -> list[ChangeEvent]:
        inbox = Inbox(self.store)
        return [event for name in inbox.names() if (event := inbox.read(name))]

    def _fetch(self, url: str) -> bytes:
        self.fetched.append(url)
        return self.keys.document()
