"""A token as bytes and back, encrypted when FIT_SECRET_KEY is set. The same bytes in every store."""

from __future__ import annotations

import base64
import json
from datetime import UTC, datetime
from functools import cached_property
from typing import Any

from cryptography.fernet import Fernet, InvalidToken
from cryptography.hazmat.primitives.kdf.scrypt import Scrypt
from pydantic import SecretStr

from fit_platform.errors import ConfigError
from fit_platform.providers.oauth_base import Token

# Fixed, so that every process and every copy of FIT_HOME derives the same key; it separates this use of the secret from
# others. FIT_SECRET_KEY is to be long and random; scrypt makes guessing a weaker one slow.
_SALT = b"fit-platform token store 1"


class TokenSealer:
    """Turns tokens into what a store keeps."""

    def __init__(self, secret_key: SecretStr | None = None) -> None:
        """`secret_key` is FIT_SECRET_KEY; None keeps tokens readable."""
        self._secret_key = secret_key

    def seal(self, token: Token) -> bytes:
        """JSON, or JSON that holds the encrypted JSON."""
        content = json.dumps(_to_json(token))
        if self._secret_key:
            content = json.dumps({"sealed": self._fernet.encrypt(content.encode()).decode()})
        return content.encode()

    def unseal(self, stored: bytes, provider: str, athlete_id: str, where: str) -> Token:
        """The token. ConfigError if the key is missing or wrong, or the bytes are damaged; `where` names the place."""
        name = f"{provider} token of {athlete_id}"
        try:
            content = json.loads(stored)
            if "sealed" in content:
                content = json.loads(self._decrypted(name, content["sealed"]))
            return _from_json(content)
        except (ValueError, KeyError, TypeError, AttributeError):
            way_out = f"link again: fit-platform link {provider} {athlete_id}"
            raise ConfigError(f"the {name} is damaged ({where}); {way_out}") from None

    @cached_property
    def _fernet(self) -> Fernet:
        """Derived once, at first use: the derivation is slow on purpose (about 50 ms)."""
        secret = self._secret_key.get_secret_value() if self._secret_key else ""
        key = Scrypt(salt=_SALT, length=32, n=2**14, r=8, p=1).derive(secret.encode())
        return Fernet(base64.urlsafe_b64encode(key))

    def _decrypted(self, name: str, sealed: str) -> bytes:
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
