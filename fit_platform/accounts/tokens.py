"""Where tokens are kept: the store interface, and the store of one machine. When to refresh is `custody`'s business."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from pathlib import Path
from typing import Protocol

from pydantic import SecretStr

from fit_platform.accounts.files import locked, private_dir, slug, write_private
from fit_platform.accounts.sealing import TokenSealer
from fit_platform.providers.oauth_base import Token
from fit_platform.settings import Settings

__all__ = ["FileTokenStore", "Token", "TokenStore", "open_token_store"]


class TokenStore(Protocol):
    """One token per provider and athlete.

    A writer whose new token follows from the old one holds `exclusive` over load and save: a provider that rotates
    refresh tokens kills the connection of whoever refreshes with a stale one.
    """

    def load(self, provider: str, athlete_id: str) -> Token | None:
        """A stored token, always a whole one; None if there is none. Inside `exclusive`: surely the newest one.

        ConfigError if it is encrypted and the key is missing or wrong, or what is stored is damaged.
        """

    def save(self, provider: str, athlete_id: str, token: Token) -> None:
        """Store durably: when this returns, the token survives a crash."""

    def delete(self, provider: str, athlete_id: str) -> None:
        """Forget the token, if there is one."""

    def exclusive(self, provider: str, athlete_id: str) -> AbstractContextManager[None]:
        """Keep every other process and thread out of this connection's token. Not re-entrant."""


def open_token_store(settings: Settings) -> TokenStore:
    """The store that FIT_TOKEN_STORE names."""
    if settings.token_store == "secret-manager":  # noqa: S105 names a store
        # Here, because Google's client takes a second to import and a laptop never needs it.
        from fit_platform.accounts.secret_manager import SecretManagerTokenStore

        return SecretManagerTokenStore.of(settings)
    return FileTokenStore(settings.home_dir, settings.secret_key)


class FileTokenStore:
    """Tokens as files under FIT_HOME: `tokens/<provider>/<athlete>.json`, mode 0600, encrypted when a key is given."""

    def __init__(self, home: Path, secret_key: SecretStr | None = None) -> None:
        """`home` is FIT_HOME, `secret_key` is FIT_SECRET_KEY."""
        self._folder = home / "tokens"
        self._sealer = TokenSealer(secret_key)

    def load(self, provider: str, athlete_id: str) -> Token | None:
        """See `TokenStore`."""
        path = self._path(provider, athlete_id)
        try:
            stored = path.read_bytes()
        except FileNotFoundError:
            return None
        return self._sealer.unseal(stored, provider, athlete_id, str(path))

    def save(self, provider: str, athlete_id: str, token: Token) -> None:
        """Replace the file at once: temporary file, fsync, rename, fsync of the folder."""
        path = self._path(provider, athlete_id)
        private_dir(self._folder)
        private_dir(path.parent)
        write_private(path, self._sealer.seal(token))

    def delete(self, provider: str, athlete_id: str) -> None:
        """Remove the file; its lock file stays, others may be waiting on it."""
        self._path(provider, athlete_id).unlink(missing_ok=True)

    @contextmanager
    def exclusive(self, provider: str, athlete_id: str) -> Iterator[None]:
        """`flock` on a sibling file."""
        path = self._path(provider, athlete_id)
        private_dir(self._folder)
        with locked(path):
            yield

    def _path(self, provider: str, athlete_id: str) -> Path:
        return self._folder / slug("provider", provider) / f"{slug('athlete', athlete_id)}.json"
