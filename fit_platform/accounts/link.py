"""Linking an athlete to a provider: the consent in the browser, a token that exists already, and the way out again."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime
from pathlib import Path
from typing import Annotated

from pydantic import BaseModel, BeforeValidator, Field, ValidationError

from fit_platform.accounts.athletes import AthleteStore, Profile
from fit_platform.accounts.connections import Connection, ConnectionStore, Retention
from fit_platform.accounts.custody import Custody
from fit_platform.accounts.files import slug
from fit_platform.accounts.loopback import Query, loopback
from fit_platform.accounts.oauth import oauth_of
from fit_platform.accounts.tokens import FileTokenStore, Token
from fit_platform.errors import AuthRevoked, ConfigError, FitError, Forbidden, Permanent, ProviderError, Transient
from fit_platform.providers.http import utc_now
from fit_platform.providers.oauth_base import OAuthProvider, epoch, split_scopes
from fit_platform.settings import Settings


@dataclass(frozen=True, slots=True)
class Linked:
    """A new connection, and what the operator should know about it: one sentence each."""

    connection: Connection
    notes: tuple[str, ...] = ()


def link(
    settings: Settings,
    provider: str,
    athlete_id: str,
    *,
    open_browser: Callable[[str], object],
    profile: Profile | None = None,
    retention: Retention | None = None,
    timeout_s: float = 300,
    redirect_port: int = 0,
    allow_partial: bool = False,
    clock: Callable[[], datetime] = utc_now,
) -> Linked:
    """Link by consent: authorization code on a loopback redirect, `http://127.0.0.1:<port>/callback`.

    `open_browser` gets the consent page's URL. `redirect_port` 0 takes any free port; Polar wants the full address
    registered, so a fixed port there. `allow_partial` accepts that the athlete unticks a scope. Nothing is stored
    unless all went well; every failure is a one-line FitError.
    """
    oauth = oauth_of(provider)
    kept = chosen_retention(settings, oauth, retention)
    AthleteStore(settings.home_dir).check(athlete_id, profile)  # before the browser opens, not after the consent
    state = secrets.token_urlsafe(24)
    verifier = secrets.token_urlsafe(48) if oauth.PKCE else None
    with loopback(provider, state, redirect_port) as waiting:
        redirect_uri = waiting.redirect_uri
        open_browser(oauth.authorize_url(settings, redirect_uri, state, verifier and s256(verifier)))
        query = waiting.wait(timeout_s)
    grant = oauth.exchange_code(settings, _code_of(provider, query, state), redirect_uri, verifier, clock())
    # Strava's redirect says what was granted; its token answer does so since April 2026 only.
    token = replace(grant.token, scopes=grant.token.scopes or split_scopes(query.get("scope")))
    notes = _scope_notes(oauth, token, allow_partial)
    user_id = grant.provider_user_id
    if oauth.REGISTERS:
        user_id = oauth.register(settings, token.access_token, _member_id(athlete_id)) or user_id
    if user_id is None:
        user_id = oauth.user_id(settings, token.access_token)
    connection = Connection(
        provider=provider,
        athlete_id=athlete_id,
        provider_user_id=user_id,
        scopes=token.scopes,
        linked_at=clock(),
        acquired="oauth",
        retention=kept,
        consent_expires_at=token.consent_expires_at,
    )
    notes += _shared_account_notes(settings, connection)
    _store(settings, connection, token)
    AthleteStore(settings.home_dir).upsert(athlete_id, profile)
    return Linked(connection, tuple(notes))


def adopt(
    settings: Settings,
    provider: str,
    athlete_id: str,
    token_file: Path,
    *,
    profile: Profile | None = None,
    retention: Retention | None = None,
    clock: Callable[[], datetime] = utc_now,
) -> Linked:
    """Link with a token that exists already, for machines without a browser.

    `token_file` is JSON: `{"access_token", "refresh_token"?, "expires_at" (epoch seconds), "scope"?, "user_id"?}`.
    The provider is asked whose token it is when the file does not say. If it cannot tell, the token is adopted with
    the user id unknown; if it refuses the token or cannot be reached, nothing changes and the error says so.
    """
    oauth = oauth_of(provider)
    kept = chosen_retention(settings, oauth, retention)
    AthleteStore(settings.home_dir).check(athlete_id, profile)
    given = _read_token_file(token_file)
    token = given.token()
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
    tokens, connections = FileTokenStore(settings.home_dir, settings.secret_key), ConnectionStore(settings.home_dir)
    old_token, old_connection = tokens.load(provider, athlete_id), connections.get(provider, athlete_id)
    # Stored first: asking may need a refresh, and a rotated refresh token must not exist in memory only.
    _store(settings, connection, token)
    notes: list[str] = []
    if given.user_id is None or oauth.REGISTERS:
        try:
            user_id, notes = _ask_owner(settings, oauth, connection, token, clock)
        except FitError:
            stored = tokens.load(provider, athlete_id)
            if stored == token:
                _put_back(settings, connection, old_token, old_connection)
            raise
        current = connections.get(provider, athlete_id) or connection
        connection = current.model_copy(update={"provider_user_id": user_id})
        connections.save(connection)
    notes += _shared_account_notes(settings, connection)
    AthleteStore(settings.home_dir).upsert(athlete_id, profile)
    return Linked(connection, tuple(notes))


def unlink(settings: Settings, provider: str, athlete_id: str, *, force: bool = False) -> str | None:
    """Revoke at the provider, then forget token and connection. The athlete and all data stay.

    Returns a note when the provider could not be told and `force` made us forget the connection all the same. Without
    `force` such a failure leaves everything as it is: a token that is forgotten can no longer be revoked.
    """
    oauth = oauth_of(provider)
    tokens, connections = FileTokenStore(settings.home_dir, settings.secret_key), ConnectionStore(settings.home_dir)
    note = None
    with tokens.exclusive(provider, athlete_id):
        connection, token = connections.get(provider, athlete_id), tokens.load(provider, athlete_id)
        if connection is None and token is None:
            raise ConfigError(f"{athlete_id} is not linked to {provider}")
        if token is not None:
            try:
                oauth.revoke(settings, token, connection.provider_user_id if connection else None)
            except ProviderError as error:
                if not force:
                    way_out = f"to forget it here only: fit-platform unlink {provider} {athlete_id} --force"
                    detail = f"{error.detail}; nothing was changed; {way_out}"
                    raise Permanent(provider, error.what, detail, error.status) from error
                note = f"{provider} was not told ({error.detail}); remove this app in the account's settings there"
        tokens.delete(provider, athlete_id)
        connections.remove(provider, athlete_id)
    return note


def chosen_retention(settings: Settings, oauth: OAuthProvider, explicit: Retention | None) -> Retention | None:
    """How long this provider's API rows may be kept, None where there is no choice; ConfigError if it was not made."""
    if not oauth.RETENTION_CHOICE:
        return None
    chosen = explicit if explicit is not None else settings.strava_api_retention_days
    if chosen is None:
        raise ConfigError(f"{oauth.NAME}: {oauth.RETENTION_CHOICE}")
    if chosen != "keep" and chosen < 1:
        raise ConfigError(f"{oauth.NAME}: the retention must be `keep` or 1 day or more")
    return chosen


def s256(code_verifier: str) -> str:
    """The PKCE code challenge (RFC 7636, 4.2)."""
    digest = hashlib.sha256(code_verifier.encode("ascii")).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode("ascii")


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


def _ask_owner(
    settings: Settings, oauth: OAuthProvider, connection: Connection, adopted: Token, clock: Callable[[], datetime]
) -> tuple[str | None, list[str]]:
    """The token's owner at the provider, and notes. Raises what makes adopting pointless."""
    provider, athlete_id, known = connection.provider, connection.athlete_id, connection.provider_user_id
    custody, access_token = Custody(settings, clock=clock), adopted.access_token
    try:
        access_token = custody.access_token(provider, athlete_id)
        if oauth.REGISTERS:
            known = oauth.register(settings, access_token, _member_id(athlete_id)) or known
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


def _code_of(provider: str, query: Query, state: str) -> str:
    """The authorization code in the redirect, or why there is none."""
    if not hmac.compare_digest(query.get("state", "").encode(), state.encode()):
        detail = "the answer is not for this request (state differs); start again, in one browser window"
        raise Permanent(provider, "consent", detail)
    if "error" in query:
        denied = query["error"] == "access_denied"
        detail = "the athlete did not agree" if denied else f"the provider says: {query['error'][:100]}"
        raise Forbidden(provider, "consent", f"{detail}; nothing was linked")
    if not query.get("code"):
        raise Permanent(provider, "consent", "the answer carries no code; start again")
    return query["code"]


def _scope_notes(oauth: OAuthProvider, token: Token, allow_partial: bool) -> list[str]:
    """What the operator should know about the grant; Forbidden if a scope was unticked and that is not accepted."""
    granted = token.scopes
    missing = [f"{scope} ({what})" for scope, what in oauth.SCOPES.items() if granted and scope not in granted]
    if missing and not allow_partial:
        detail = f"not granted: {', '.join(missing)}. Link again and leave the boxes ticked, or accept a partial grant"
        raise Forbidden(oauth.NAME, "consent", detail)
    notes = [f"not granted, so not read: {', '.join(missing)}"] if missing else []
    if oauth.REFRESHES and token.refresh_token is None:
        notes.append("no refresh token came with the consent: the connection ends with its first access token")
    return notes


def _shared_account_notes(settings: Settings, connection: Connection) -> list[str]:
    """A warning if another athlete is linked to the same account: their data would be counted for both."""
    others = [
        other.athlete_id
        for other in ConnectionStore(settings.home_dir).list(connection.provider)
        if other.athlete_id != connection.athlete_id and other.provider_user_id == connection.provider_user_id
    ]
    if connection.provider_user_id is None or not others:
        return []
    return [f"{', '.join(others)} is linked to the same {connection.provider} account"]


def _member_id(athlete_id: str) -> str:
    """A name for this user at the provider. Random in part: a 409 then means the user, not the name, is known."""
    return f"{slug('athlete', athlete_id)}-{secrets.token_hex(4)}"


def _store(settings: Settings, connection: Connection, token: Token) -> None:
    """Token first: a connection must never be listed without one."""
    tokens = FileTokenStore(settings.home_dir, settings.secret_key)
    with tokens.exclusive(connection.provider, connection.athlete_id):
        tokens.save(connection.provider, connection.athlete_id, token)
        ConnectionStore(settings.home_dir).save(connection)


def _put_back(settings: Settings, new: Connection, token: Token | None, connection: Connection | None) -> None:
    """Undo `_store`."""
    if token and connection:
        _store(settings, connection, token)
        return
    FileTokenStore(settings.home_dir, settings.secret_key).delete(new.provider, new.athlete_id)
    ConnectionStore(settings.home_dir).remove(new.provider, new.athlete_id)
