"""Linking with a token that exists already, from a file: for machines without a browser."""

from __future__ import annotations

import stat
from collections.abc import Callable
from datetime import datetime
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from fit_platform.accounts.athletes import AthleteStore, Profile
from fit_platform.accounts.connections import Connection, ConnectionStore, Retention
from fit_platform.accounts.custody import Custody
from fit_platform.accounts.link import Linked, chosen_retention, member_id, shared_account_notes, store_connection
from fit_platform.accounts.oauth import oauth_of
from fit_platform.accounts.tokens import Token, open_token_store
from fit_platform.errors import AuthRevoked, ConfigError, FitError, ProviderError, Transient
from fit_platform.providers.oauth_base import OAuthProvider, epoch, split_scopes
from fit_platform.settings import Settings


def adopt(
    settings: Settings,
    provider: str,
    athlete_id: str,
    token_file: Path,
    *,
    profile: Profile | None = None,
    retention: Retention | None = None,
    clock: Callable[[], datetime] | None = None,
) -> Linked:
    """Link with a token that exists already, for machines without a browser.

    `token_file` is JSON: `{"access_token", "refresh_token"?, "expires_at" (epoch seconds), "scope"?, "user_id"?}`.
    The provider is asked whose token it is when the file does not say. If it cannot tell, the token is adopted with
    the user id unknown; if it refuses the token or cannot be reached, nothing changes and the error says so.
    """
    oauth, clock = oauth_of(provider), clock or settings.now
    kept = chosen_retention(settings, oauth, retention)
    AthleteStore(settings.home_dir).check(athlete_id, profile)
    given = _read_token_file(token_file)
    token = given.token()
    _check_not_over(oauth, token, token_file, clock())
    connection = Connection(
        provider=provider,
        athlete_id=athlete_id,
        provider_user_id=given.user_id,
        scopes=token.scopes,
        linked_at=clock(),
        acquired="token-file",
        retention=kept,
        consent_expires_at=token.consent_expires_at,
    )
    tokens, connections = open_token_store(settings), ConnectionStore(settings.home_dir)
    old_token, old_connection = tokens.load(provider, athlete_id), connections.get(provider, athlete_id)
    # Stored first: asking may need a refresh, and a rotated refresh token must not exist in memory only.
    store_connection(settings, connection, token)
    notes = _open_file_notes(token_file)
    if given.user_id is None or oauth.REGISTERS:
        try:
            user_id, owner_notes = _ask_owner(settings, oauth, connection, token, clock)
        except FitError:
            stored = tokens.load(provider, athlete_id)
            if stored == token:
                _put_back(settings, connection, old_token, old_connection)
            raise
        notes += owner_notes
        current = connections.get(provider, athlete_id) or connection
        connection = current.model_copy(update={"provider_user_id": user_id})
        connections.save(connection)
    notes += shared_account_notes(settings, connection)
    AthleteStore(settings.home_dir).upsert(athlete_id, profile)
    return Linked(connection, tuple(notes))


class _TokenFile(BaseModel):
    """The contract of `--token-file`."""

    access_token: Annotated[str, Field(min_length=1)]
    refresh_token: str | None = None
    expires_at: Annotated[float, Field(gt=0, lt=1e11)] | None = None  # beyond: milliseconds
    scope: str | None = None
    user_id: Annotated[str, BeforeValidator(lambda v: str(v) if isinstance(v, int) else v)] | None = None

    def token(self) -> Token:
        return Token(
            access_token=self.access_token,
            refresh_token=self.refresh_token or None,
            expires_at=epoch(self.expires_at),
            scopes=split_scopes(self.scope),
        )


def _read_token_file(path: Path) -> _TokenFile:
    try:
        return _TokenFile.model_validate_json(path.read_bytes())
    except OSError as error:
        raise ConfigError(f"cannot read the token file {path}: {error.strerror}") from None
    except ValidationError as error:
        first = error.errors(include_input=False)[0]  # the input holds the tokens
        where = ".".join(str(part) for part in first["loc"])
        message = first["msg"] if where else "not a JSON object"
        raise ConfigError(f"token file {path}: {where + ': ' if where else ''}{message}") from None


def _check_not_over(oauth: OAuthProvider, token: Token, path: Path, now: datetime) -> None:
    """ConfigError for a token that has ended and that nothing can renew."""
    is_renewable = oauth.REFRESHES and token.refresh_token is not None
    if not is_renewable and token.expires_at and token.expires_at <= now:
        why = "has no refresh_token" if oauth.REFRESHES else f"belongs to {oauth.NAME}, where tokens cannot be renewed"
        raise ConfigError(
            f"token file {path}: the access token ended at {token.expires_at:%Y-%m-%d %H:%M} UTC, and the file {why}; "
            f"link in the browser instead"
        )


def _open_file_notes(path: Path) -> list[str]:
    """A warning if others on this machine may read the token file."""
    if not stat.S_IMODE(path.stat().st_mode) & (stat.S_IRWXG | stat.S_IRWXO):
        return []
    return [f"the token file can be read by others: chmod 600 {path}, or delete it, it is not needed any more"]


def _ask_owner(
    settings: Settings, oauth: OAuthProvider, connection: Connection, adopted: Token, clock: Callable[[], datetime]
) -> tuple[str | None, list[str]]:
    """The token's owner at the provider, and notes. Raises what makes adopting pointless."""
    provider, athlete_id, known = connection.provider, connection.athlete_id, connection.provider_user_id
    custody, access_token = Custody(settings, clock=clock), adopted.access_token
    try:
        access_token = custody.access_token(provider, athlete_id)
        if oauth.REGISTERS:
            known = oauth.register(settings, access_token, member_id(athlete_id)) or known
        found = known or oauth.user_id(settings, access_token)
    except AuthRevoked as error:
        detail = f"the token in the file is refused ({error.detail})"
        raise AuthRevoked(provider, error.what, detail, error.status) from error
    except ProviderError as error:
        unreachable = isinstance(error, Transient) and error.status is None
        if unreachable and known is None and access_token == adopted.access_token:
            raise
        return known, [f"{provider} could not be asked about the account: {error}"]
    if found is None:
        return None, [f"{provider} does not tell whose token this is; put `user_id` into the file to name the account"]
    return found, []


def _put_back(settings: Settings, new: Connection, token: Token | None, connection: Connection | None) -> None:
    """Undo `store_connection`."""
    if token and connection:
        store_connection(settings, connection, token)
        return
    open_token_store(settings).delete(new.provider, new.athlete_id)
    ConnectionStore(settings.home_dir).remove(new.provider, new.athlete_id)
