"""What is secret between us and the providers about webhooks: one small file, readable by its owner only.

`{"path_secret", "url", "polar": {"webhook_id", "signing_secret"}, "strava": {"verify_token", "subscription_id"},
"fitbit": {"authorization", "subscriber"}}`. The subscriber writes it, the receiver reads it again whenever it changed.
In the cloud the same file can be a mounted secret.
"""

from __future__ import annotations

import secrets
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from fit_platform.accounts.files import locked, private_dir, write_private
from fit_platform.errors import ConfigError

PROVIDERS = ("polar", "strava", "fitbit")


class WebhookSecrets(msgspec.Struct, frozen=True, omit_defaults=True):
    """The file's content. Its repr shows no secret."""

    path_secret: str = ""
    """Part of every webhook address; whoever does not know it finds nothing there."""
    urls: dict[str, str] = {}
    """Public base URL that each provider was given, without the path."""
    polar: dict[str, str] = {}
    strava: dict[str, str] = {}
    fitbit: dict[str, str] = {}

    def of(self, provider: str) -> Mapping[str, str]:
        """One provider's part."""
        part: dict[str, str] = getattr(self, provider)
        return part

    def path(self, provider: str) -> str:
        """The path of a provider's webhook address."""
        return f"/webhooks/{provider}/{self.path_secret}"

    def __repr__(self) -> str:
        """Names only."""
        return f"WebhookSecrets(for {', '.join(name for name in PROVIDERS if self.of(name)) or 'nobody'})"


class _Version(NamedTuple):
    inode: int
    modified_ns: int
    size: int


class SecretsFile:
    """The file. `read` is cheap: it looks whether the file changed, and reads it only then. Safe for threads."""

    def __init__(self, path: Path) -> None:
        """`path` need not exist yet."""
        self.path = path
        self._lock = threading.Lock()
        self._version: _Version | None = None
        self._content = WebhookSecrets()

    def read(self) -> WebhookSecrets:
        """What is known; nothing, where there is no file. ConfigError where it is damaged."""
        try:
            stat = self.path.stat()
        except FileNotFoundError:
            return WebhookSecrets()
        version = _Version(stat.st_ino, stat.st_mtime_ns, stat.st_size)
        with self._lock:
            if version != self._version:
                try:
                    self._content = msgspec.json.decode(self.path.read_bytes(), type=WebhookSecrets)
                except (msgspec.DecodeError, UnicodeDecodeError):
                    way_out = "remove it and subscribe again: fit-platform webhooks subscribe PROVIDER --url URL"
                    raise ConfigError(f"{self.path} is damaged; {way_out}") from None
                self._version = version
            return self._content

    def change(self, how: Callable[[WebhookSecrets], WebhookSecrets]) -> WebhookSecrets:
        """Replace the content by what `how` makes of it, under a lock and at once. Returns the new content."""
        private_dir(self.path.parent)
        with locked(self.path):
            changed = how(self.read())
            write_private(self.path, msgspec.json.format(msgspec.json.encode(changed)) + b"\n")
        return changed

    def prepared(self) -> WebhookSecrets:
        """The content, with a path secret, a verify token for Strava and an authorization for Google made up once."""
        known = self.read()
        if known.path_secret and known.strava.get("verify_token") and known.fitbit.get("authorization"):
            return known
        return self.change(_with_made_up)

    def keep(self, provider: str, url: str | None = None, **values: str) -> WebhookSecrets:
        """Keep values of one provider's subscription, and the base URL it was given."""

        def kept(known: WebhookSecrets) -> WebhookSecrets:
            urls = known.urls if url is None else {**known.urls, provider: url}
            return msgspec.structs.replace(known, urls=urls, **{provider: {**known.of(provider), **values}})

        return self.change(kept)


def _with_made_up(known: WebhookSecrets) -> WebhookSecrets:
    return msgspec.structs.replace(
        known,
        path_secret=known.path_secret or secrets.token_urlsafe(24),
        strava={"verify_token": secrets.token_urlsafe(24), **known.strava},
        fitbit={"authorization": f"Bearer {secrets.token_urlsafe(32)}", **known.fitbit},
    )
