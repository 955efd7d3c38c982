"""Custody of tokens: hands out access tokens that work, and refreshes so that no process ever loses a connection.

The order is what matters: lock, re-read, refresh only if still needed, store durably, and only then use the new token.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import datetime

from fit_platform.accounts.connections import Broken, ConnectionStore, Gone, State
from fit_platform.accounts.oauth import OAUTH, oauth_of
from fit_platform.accounts.tokens import Token, TokenStore, open_token_store
from fit_platform.errors import AuthRevoked, ConfigError, Transient
from fit_platform.providers.http import utc_now
from fit_platform.providers.oauth_base import OAuthProvider
from fit_platform.settings import Settings

REFRESH_BEFORE_S = 300  # a request may take a minute, and clocks differ: no token leaves here with less than this


class Custody:
    """Access tokens for every connection, safe to use from many processes and threads at once."""

    def __init__(
        self,
        settings: Settings,
        tokens: TokenStore | None = None,
        connections: ConnectionStore | None = None,
        oauth: Mapping[str, OAuthProvider] = OAUTH,
        clock: Callable[[], datetime] = utc_now,
    ) -> None:
        """The stores are those of this installation unless others are given; `clock` gives the time in UTC."""
        self._settings = settings
        self._tokens = tokens or open_token_store(settings)
        self._connections = connections or ConnectionStore(settings.home_dir)
        self._oauth = oauth
        self._clock = clock

    def access_token(self, provider: str, athlete_id: str, *, asks_anyway: bool = False) -> str:
        """A token to use now, refreshed if it has less than five minutes left.

        ConfigError: not linked, or client id missing. AuthRevoked: the athlete must consent again. Transient: the token
        endpoint gives no answer, and the old token has ended. `asks_anyway`: also where it is known as dead.
        """
        token = self._load_working(provider, athlete_id, asks_anyway)
        if not self._is_due(provider, token):
            return token.access_token
        with self._tokens.exclusive(provider, athlete_id):
            # Another process may have refreshed meanwhile.
            token = self._load_working(provider, athlete_id, asks_anyway)
            if not self._is_due(provider, token):
                return token.access_token
            try:
                return self._refresh(provider, athlete_id, token).access_token
            except Transient:
                if token.seconds_left(self._clock()) > 0:
                    return token.access_token
                raise

    def refresh(self, provider: str, athlete_id: str, rejected: str, *, asks_anyway: bool = False) -> str:
        """A token for use after the provider answered 401 to `rejected`.

        Refreshes only if the stored token is still the rejected one. AuthRevoked, and a connection marked as needing
        consent, when there is nothing to refresh with or the refresh token is dead.
        """
        with self._tokens.exclusive(provider, athlete_id):
            token = self._load_working(provider, athlete_id, asks_anyway)
            if token.access_token != rejected:
                return token.access_token
            if not self._can_refresh(provider, token):
                reason = self._mark_refused(provider, athlete_id, token, "the token is refused and cannot be refreshed")
                raise AuthRevoked(provider, f"connection of {athlete_id}", reason, 401)
            return self._refresh(provider, athlete_id, token).access_token

    def token_source(self, provider: str, athlete_id: str, *, asks_anyway: bool = False) -> ConnectionTokens:
        """The same two questions, bound to one connection, as a provider client wants them."""
        return ConnectionTokens(self, provider, athlete_id, asks_anyway)

    def needs_consent(self, provider: str, athlete_id: str, reason: str) -> None:
        """Note that the provider goes on answering 401 although the token is fresh."""
        self._mark(provider, athlete_id, State.NEEDS_CONSENT, reason)

    def account_not_linked(self, provider: str, athlete_id: str, reason: str) -> None:
        """Note that the provider says it has no data for this account (Google's ACCOUNT_NOT_LINKED)."""
        self._mark(provider, athlete_id, State.NOT_LINKED, reason)

    def consent_withdrawn(self, provider: str, athlete_id: str) -> str:
        """Note that the athlete took back the consent at the provider, and return that in words. Pulls stop at once."""
        reason = f"the athlete withdrew the consent at {provider}"
        self._mark(provider, athlete_id, State.REVOKED, reason)
        return reason

    def is_still_refused(self, provider: str, athlete_id: str) -> bool:
        """Ask the provider once more about a connection that needs consent: does it go on refusing the refresh token?

        An answer repairs the connection. False also where there is nothing to ask with. Transient: no answer.
        """
        with self._tokens.exclusive(provider, athlete_id):
            token = self._tokens.load(provider, athlete_id)
            if token is None or not self._can_refresh(provider, token):
                return False  # a token that came to its end is no word of the athlete's
            try:
                self._refresh(provider, athlete_id, token)
            except AuthRevoked:
                return True
        return False

    def _load_working(self, provider: str, athlete_id: str, asks_anyway: bool) -> Token:
        """The stored token. A connection known as dead fails here: asking the provider again could only burn quota."""
        connection = self._connections.get(provider, athlete_id)
        if connection and connection.broken and not asks_anyway:
            raise AuthRevoked(provider, f"connection of {athlete_id}", connection.broken.reason)
        token = self._tokens.load(provider, athlete_id)
        if token is None:
            way_out = f"run `fit-platform link {provider} {athlete_id}`"
            raise ConfigError(f"{athlete_id} is not linked to {provider}; {way_out}")
        return token

    def _can_refresh(self, provider: str, token: Token) -> bool:
        return oauth_of(provider, self._oauth).REFRESHES and token.refresh_token is not None

    def _is_due(self, provider: str, token: Token) -> bool:
        """Due, and possible.

        A token that cannot be refreshed is used until the provider says 401: Polar's documents give it a year and in
        the next sentence no end.
        """
        return token.seconds_left(self._clock()) < REFRESH_BEFORE_S and self._can_refresh(provider, token)

    def _refresh(self, provider: str, athlete_id: str, token: Token) -> Token:
        """Refresh and store. The caller holds the lock and has just read `token`."""
        refresh_token = token.refresh_token or ""
        oauth = oauth_of(provider, self._oauth)
        try:
            answer = oauth.refresh(self._settings, refresh_token, self._clock())
        except AuthRevoked as error:
            # A lease can end while its holder waits for an answer: then that one has the token that counts.
            current = self._tokens.load(provider, athlete_id)
            if current is not None and current.access_token != token.access_token:
                return current
            self._mark_refused(provider, athlete_id, token, error.detail)
            raise
        fresh = token.successor(answer)
        self._tokens.save(provider, athlete_id, fresh)
        connection = self._connections.get(provider, athlete_id)
        if connection and (connection.broken or fresh.consent_expires_at != token.consent_expires_at):
            self._connections.renew(provider, athlete_id, fresh.consent_expires_at)
        return fresh

    def _mark_refused(self, provider: str, athlete_id: str, token: Token, detail: str) -> str:
        """Note that the provider refuses `token`, and return why, as far as its dates tell.

        Never as REVOKED: that is for the provider to say in so many words, because what it gave is then deleted. A
        refusal can also mean a newer consent elsewhere, or a fault at the provider.
        """
        ends_at = token.consent_expires_at
        if ends_at is None:
            reason = detail
        elif ends_at <= self._clock():
            reason = f"the consent ended at {ends_at:%Y-%m-%d %H:%M} UTC ({detail})"
        else:
            reason = f"refused before its end at {ends_at:%Y-%m-%d %H:%M} UTC, so withdrawn or replaced ({detail})"
        self.needs_consent(provider, athlete_id, reason)
        return reason

    def _mark(self, provider: str, athlete_id: str, state: Gone, reason: str) -> None:
        self._connections.mark_broken(provider, athlete_id, Broken(state=state, reason=reason, since=self._clock()))


@dataclass(frozen=True, slots=True)
class ConnectionTokens:
    """One connection's access tokens (a `TokenSource` for the provider clients)."""

    custody: Custody
    provider: str
    athlete_id: str
    asks_anyway: bool = False

    def access_token(self) -> str:
        """See `Custody.access_token`."""
        return self.custody.access_token(self.provider, self.athlete_id, asks_anyway=self.asks_anyway)

    def refresh(self, rejected: str) -> str:
        """See `Custody.refresh`."""
        return self.custody.refresh(self.provider, self.athlete_id, rejected, asks_anyway=self.asks_anyway)
