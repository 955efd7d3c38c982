"""Where tokens are kept: the store interface, and the store of one machine. When to refresh is `custody`'s business."""

from __future__ import annotations

import base64
import json
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager
from datetime import UTC, datetime
from functools import cached_property
from pathlib import Path
from typing import Any, Protocol

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from pydantic import SecretStr

from fit_platform.accounts.files import locked, private_dir, slug, write_private
from fit_platform.errors import ConfigError
from fit_platform.providers.oauth_base import Token

__all__ = ["FileTokenStore", "Token", "TokenStore"]

# Fixed, so that every process and every copy of FIT_HOME derives the same key; it separates this use of the secret from
# others. FIT_SECRET_KEY is to be long and random; scrypt makes guessing a weaker one slow.
_SALT = b"fit-platform token store 1"


class TokenStore(Protocol):
    """One token per provider and athlete.

    A writer whose new token follows from the old one holds `exclusive` over load and save: a provider that rotates
    refresh tokens kills the connection of whoever refreshes with a stale one.
    """

    def load(self, provider: str, athlete_id: str) -> Token | None:
        """The stored token, always a whole one; None if there is none."""

    def save(self, provider: str, athlete_id: str, token: Token) -> None:
        """Store durably: when this returns, the token survives a crash."""

    def delete(self, provider: str, athlete_id: str) -> None:
        """Forget the token, if there is one."""

    def exclusive(self, provider: str, athlete_id: str) -> AbstractContextManager[None]:
        """Keep every other process and thread out of this connection's token. Not re-entrant."""


class FileTokenStore:
    """Tokens as files under FIT_HOME: `tokens/<provider>/<athlete>.json`, mode 0600, encrypted when a key is given."""

    def __init__(self, home: Path, secret_key: SecretStr | None = None) -> None:
        """`home` is FIT_HOME, `secret_key` is FIT_SECRET_KEY."""
        self._folder = home / "tokens"
        self._secret_key = secret_key

    def load(self, provider: str, athlete_id: str) -> Token | None:
        """The stored token. ConfigError if it is encrypted and the key is missing or wrong, or the file is damaged."""
        path = self._path(provider, athlete_id)
        try:
            stored = path.read_bytes()
        except FileNotFoundError:
            return None
        name = f"{provider} token of {athlete_id}"
        try:
            content = json.loads(stored)
            if "sealed" in content:
                content = json.loads(self._unseal(name, content["sealed"]))
            return _from_json(content)
        except (ValueError, KeyError, TypeError, AttributeError):
            way_out = f"link again: fit-platform link {provider} {athlete_id}"
            raise ConfigError(f"the {name} is damaged ({path}); {way_out}") from None

    def save(self, provider: str, athlete_id: str, token: Token) -> None:
        """Replace the file at once: temporary file, fsync, rename, fsync of the folder."""
        path = self._path(provider, athlete_id)
        private_dir(self._folder)
        private_dir(path.parent)
        content = json.dumps(_to_json(token))
        if self._secret_key:
            content = json.dumps({"sealed": self._fernet.encrypt(content.encode()).decode()})
        write_private(path, content.encode())

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

    @cached_property
    def _fernet(self) -> Fernet:
        """Derived once, at first use: the derivation is slow on purpose (about 50 ms)."""
        secret = self._secret_key.get_secret_value() if self._secret_key else ""
        key = Scrypt(salt=_SALT, length=32, n=2**14, r=8, p=1).derive(secret.encode())
        return Fernet(base64.urlsafe_b64encode(key))

    def _unseal(self, name: str, sealed: str) -> bytes:
        if self._secret_key is None:
            raise ConfigError(f"the {name} is encrypted: set FIT_SECRET_KEY")
        try:
            return self._fernet.decrypt(sealed)
        except InvalidToken:
            raise ConfigError(f"FIT_SECRET_KEY does not open the {name}: set the key it was saved with") from None


def _to_json(token: Token) -> dict[str, Any]:
    return {
        "access_token": token.access_token,
        "refresh_token": token.refresh_token,
        "expires_at": token.expires_at.timestamp() if token.expires_at else None,
        "scopes": token.scopes,
        "token_type": token.token_type,
        "refresh_expires_at": token.refresh_expires_at.timestamp() if token.refresh_expires_at else None,
    }


def _from_json(content: dict[str, Any]) -> Token:
    return Token(
        access_token=content["access_token"],
        refresh_token=content["refresh_token"],
        expires_at=_instant(content["expires_at"]),
        scopes=None if content["scopes"] is None else tuple(content["scopes"]),
        token_type=content["token_type"],
        refresh_expires_at=_instant(content["refresh_expires_at"]),
    )


def _instant(epoch_s: float | None) -> datetime | None:
    return None if epoch_s is None else datetime.fromtimestamp(epoch_s, UTC)
