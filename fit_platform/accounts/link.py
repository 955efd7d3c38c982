"""Linking an athlete to a provider by the consent in the browser, and the way out again. Token files: `adopt`."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import datetime

from fit_platform.accounts.athletes import AthleteStore, Profile
from fit_platform.accounts.connections import Connection, ConnectionStore, Retention
from fit_platform.accounts.files import slug
from fit_platform.accounts.loopback import Query, loopback
from fit_platform.accounts.oauth import oauth_of
from fit_platform.accounts.tokens import Token, open_token_store
from fit_platform.errors import (
    BadRequest,
    ConfigError,
    Forbidden,
    Permanent,
    ProviderError,
)
from fit_platform.providers.oauth_base import OAuthProvider, split_scopes
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
    clock: Callable[[], datetime] | None = None,
) -> Linked:
    """Link by consent: authorization code on a loopback redirect, `http://127.0.0.1:<port>/callback`.

    `open_browser` gets the consent page's URL. `redirect_port` 0 takes any free port; Polar wants the full address
    registered, so a fixed port there. `allow_partial` accepts that the athlete unticks a scope. Nothing is stored
    unless all went well; every failure is a one-line FitError.
    """
    oauth, clock = oauth_of(provider), clock or settings.now
    kept = chosen_retention(settings, oauth, retention)
    AthleteStore(settings.home_dir).check(athlete_id, profile)  # before the browser opens, not after the consent
    state = secrets.token_urlsafe(24)
    verifier = secrets.token_urlsafe(48) if oauth.PKCE else None
    with loopback(provider, state, redirect_port) as waiting:
        redirect_uri = waiting.redirect_uri
        open_browser(oauth.authorize_url(settings, redirect_uri, state, verifier and s256(verifier)))
        query = waiting.wait(timeout_s)
    code = _code_of(provider, query, state)
    try:
        grant = oauth.exchange_code(settings, code, redirect_uri, verifier, clock())
    except BadRequest as error:
        reasons = f"the code is older than ten minutes or was used, or {redirect_uri} is not what is registered there"
        raise BadRequest(provider, error.what, f"{error.detail}; {reasons}; start again", error.status) from None
    # Strava's redirect says what was granted; its token answer does so since April 2026 only.
    token = replace(grant.token, scopes=grant.token.scopes or split_scopes(query.get("scope")))
    notes = _scope_notes(oauth, athlete_id, token, allow_partial)
    user_id = grant.provider_user_id
    if oauth.REGISTERS:
        user_id = oauth.register(settings, token.access_token, member_id(athlete_id)) or user_id
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
    notes += shared_account_notes(settings, connection)
    store_connection(settings, connection, token)
    AthleteStore(settings.home_dir).upsert(athlete_id, profile)
    return Linked(connection, tuple(notes))


def unlink(settings: Settings, provider: str, athlete_id: str, *, force: bool = False) -> str | None:
    """Revoke at the provider, then forget token and connection. The athlete and all data stay, as long as was chosen.

    Returns a note when the provider could not be told and `force` made us forget the connection all the same. Without
    `force` such a failure leaves everything as it is: a token that is forgotten can no longer be revoked.
    """
    oauth = oauth_of(provider)
    tokens, connections = open_token_store(settings), ConnectionStore(settings.home_dir)
    note = None
    with tokens.exclusive(provider, athlete_id):
        connection, token = connections.get(provider, athlete_id), tokens.load(provider, athlete_id)
        if connection is None and token is None:
            raise ConfigError(f"{athlete_id} is not linked to {provider}; `fit-platform status` lists who is")
        if token is not None:
            try:
                oauth.revoke(settings, token, connection.provider_user_id if connection else None)
            except ProviderError as error:
                if not force:
                    forget = f"fit-platform unlink {provider} {athlete_id} --force"
                    way_out = (
                        f"try again later, or forget it here only ({forget}) and remove the app at {oauth.APPS_PAGE}"
                    )
                    detail = f"{error.detail}; nothing was changed: {way_out}"
                    raise Permanent(provider, error.what, detail, error.status) from error
                note = f"{provider} was not told ({error.detail}); remove this app at {oauth.APPS_PAGE}"
        tokens.delete(provider, athlete_id)
        connections.end(provider, athlete_id)
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


def _code_of(provider: str, query: Query, state: str) -> str:
    """The authorization code in the redirect, or why there is none."""
    if not hmac.compare_digest(query.get("state", "").encode(), state.encode()):
        detail = "the answer is not for this request (state differs); start again, in one browser window"
        raise Permanent(provider, "consent", detail)
    if "error" in query:
        denied = query["error"] == "access_denied"
        detail = "the athlete did not agree" if denied else f"the provider says: {query['error'][:100]}"
        raise Forbidden(provider, "consent", f"{detail}; nothing was linked; to try again, run the same command")
    if not query.get("code"):
        raise Permanent(provider, "consent", "the answer carries no code; start again")
    return query["code"]


def _scope_notes(oauth: OAuthProvider, athlete_id: str, token: Token, allow_partial: bool) -> list[str]:
    """What the operator should know about the grant; Forbidden if a scope was unticked and that is not accepted."""
    granted = token.scopes
    missing = [f"{scope} ({what})" for scope, what in oauth.SCOPES.items() if granted and scope not in granted]
    if missing and not allow_partial:
        command = f"fit-platform link {oauth.NAME} {athlete_id}"
        way_out = f"run {command} again and leave every box ticked, or add --allow-partial to do without these data"
        raise Forbidden(oauth.NAME, "consent", f"not granted: {', '.join(missing)}; nothing was linked; {way_out}")
    notes = [f"not granted, so these data stay away: {', '.join(missing)}"] if missing else []
    if oauth.REFRESHES and token.refresh_token is None:
        notes.append("no refresh token came with the consent: the connection ends with its first access token")
    return notes


def shared_account_notes(settings: Settings, connection: Connection) -> list[str]:
    """A warning if another athlete is linked to the same account: their data would be counted for both."""
    others = [
        other.athlete_id
        for other in ConnectionStore(settings.home_dir).list(connection.provider)
        if other.athlete_id != connection.athlete_id and other.provider_user_id == connection.provider_user_id
    ]
    if connection.provider_user_id is None or not others:
        return []
    return [f"{', '.join(others)} is linked to the same {connection.provider} account"]


def member_id(athlete_id: str) -> str:
    """A name for this user at the provider. Random in part: a 409 then means the user, not the name, is known."""
    return f"{slug('athlete', athlete_id)}-{secrets.token_hex(4)}"


def store_connection(settings: Settings, connection: Connection, token: Token) -> None:
    """Token first: a connection must never be listed without one."""
    tokens = open_token_store(settings)
    with tokens.exclusive(connection.provider, connection.athlete_id):
        tokens.save(connection.provider, connection.athlete_id, token)
        ConnectionStore(settings.home_dir).save(connection)
