"""What `status` tells about connections and quota: plain data, ready for JSON, without secrets."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from fit_platform.accounts.connections import Connection, ConnectionState, ConnectionStore, State
from fit_platform.accounts.oauth import OAUTH
from fit_platform.accounts.tokens import TokenStore, open_token_store
from fit_platform.errors import ConfigError
from fit_platform.quota.ledger import QuotaLedger
from fit_platform.settings import Settings


def connection_status(settings: Settings, now: datetime) -> list[dict[str, Any]]:
    """Every connection with its honest state at `now`. Nothing is asked of the providers."""
    tokens = open_token_store(settings)
    return [_status(connection, tokens, now) for connection in ConnectionStore(settings.home_dir).list()]


def quota_status(settings: Settings, now: datetime) -> list[dict[str, Any]]:
    """What is left of every provider's budgets at `now`."""
    ledger = QuotaLedger.of(settings.home_dir, clock=lambda: now)
    return [
        {
            "provider": provider,
            "budget": entry.budget,
            "athlete_id": entry.athlete_id,
            "limit": entry.limit,
            "used": entry.used,
            "left": entry.left,
            "kept_for_webhooks": entry.kept_for_webhooks,
            "resets_at": _iso(entry.resets_at),
        }
        for provider in OAUTH
        for entry in ledger.remaining(provider)
    ]


def _status(connection: Connection, tokens: TokenStore, now: datetime) -> dict[str, Any]:
    state = connection.state(now)
    problem = _token_problem(connection, tokens)
    if problem and state.state in (State.WORKING, State.EXPIRING):
        state = ConnectionState(state=State.NEEDS_CONSENT, reason=problem)
    asked = OAUTH[connection.provider].SCOPES if connection.provider in OAUTH else {}
    return {
        "provider": connection.provider,
        "athlete_id": connection.athlete_id,
        "provider_user_id": connection.provider_user_id,
        "state": state.state.value,
        "reason": state.reason,
        "since": _iso(state.since),
        "expires_at": _iso(state.until),
        "linked_at": _iso(connection.linked_at),
        "acquired": connection.acquired,
        "scopes": None if connection.scopes is None else list(connection.scopes),
        "missing_scopes": list(connection.lacks_scopes(asked)),
        "retention": connection.retention,
    }


def _token_problem(connection: Connection, tokens: TokenStore) -> str | None:
    """Why the stored token cannot be used, if so."""
    try:
        token = tokens.load(connection.provider, connection.athlete_id)
    except ConfigError as error:
        return str(error)
    return None if token else "its token is gone; link again"


def _iso(instant: datetime | None) -> str | None:
    return instant.isoformat() if instant else None
