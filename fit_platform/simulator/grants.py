"""OAuth state of all three providers: codes, grants and tokens that prove themselves.

Tokens are signed, so a simulator that starts anew accepts those it gave out before; what they cannot carry
(revocations, rotations, registrations) is kept in the state file when there is one.
"""

from __future__ import annotations

import base64
import binascii
import hashlib
import hmac
import os
import secrets
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import msgspec

from fit_platform.simulator.config import Provider

_SIGNING_KEY = b"fit-platform simulator: signs invented tokens for invented athletes"
CODE_SECONDS = 600


class Clock:
    """The servers' clock: real time, and forward from it when a test says so. The world itself stands still."""

    def __init__(self) -> None:
        """Starts at real time."""
        self._ahead_s = 0.0

    def now(self) -> float:
        """Epoch seconds."""
        return time.time() + self._ahead_s

    def advance(self, seconds: float) -> None:
        """Move the clock; negative values move it back."""
        self._ahead_s += seconds


class Claims(msgspec.Struct, frozen=True, omit_defaults=True):
    """What a token says about itself."""

    provider: Provider
    athlete: str
    kind: Literal["access", "refresh"]
    grant: str
    scopes: tuple[str, ...]
    issued_at: int
    expires_at: int | None = None
    number: int = 0


@dataclass(frozen=True, slots=True)
class Grant:
    """One consent of one athlete to one application."""

    grant_id: str
    provider: Provider
    athlete: str
    scopes: tuple[str, ...]


@dataclass
class _Code:
    grant: Grant
    redirect_uri: str | None
    challenge: str | None
    wants_refresh: bool
    expires_at: float
    is_used: bool = False


class _Saved(msgspec.Struct):
    dead: list[str] = msgspec.field(default_factory=list)
    refresh_number: dict[str, int] = msgspec.field(default_factory=dict)
    access: dict[str, str] = msgspec.field(default_factory=dict)
    access_count: dict[str, int] = msgspec.field(default_factory=dict)
    registered: dict[str, dict[str, str]] = msgspec.field(default_factory=dict)
    consented: list[str] = msgspec.field(default_factory=list)
    owners: dict[str, tuple[Provider, str, tuple[str, ...]]] = msgspec.field(default_factory=dict)
    registered_in_world: dict[str, int] = msgspec.field(default_factory=dict)
    revoked_at: dict[str, int] = msgspec.field(default_factory=dict)


class Grants:
    """The one store of OAuth state."""

    def __init__(self, clock: Clock, state_file: Path | None = None) -> None:
        """`state_file` is read now and rewritten on every change."""
        self.clock = clock
        self.started_at = int(clock.now())
        self._file = state_file
        self._codes: dict[str, _Code] = {}
        self._saved = _Saved()
        if state_file is not None and state_file.exists():
            self._saved = msgspec.json.decode(state_file.read_bytes(), type=_Saved)

    # codes

    def issue_code(
        self,
        provider: Provider,
        athlete: str,
        scopes: tuple[str, ...],
        redirect_uri: str | None,
        *,
        challenge: str | None = None,
        wants_refresh: bool = True,
    ) -> str:
        """A new single-use code, good for ten minutes."""
        code = secrets.token_urlsafe(24)
        grant = Grant(secrets.token_hex(8), provider, athlete, scopes)
        self._codes[code] = _Code(grant, redirect_uri, challenge, wants_refresh, self.clock.now() + CODE_SECONDS)
        return code

    def redeem_code(
        self,
        provider: Provider,
        code: str,
        redirect_uri: str | None,
        verifier: str | None = None,
        *,
        any_redirect: bool = False,
        kill_on_reuse: bool = False,
    ) -> tuple[Grant, bool] | None:
        """The grant behind a code and whether a refresh token was asked for; None if the code is no good.

        `redirect_uri` must be the one of the authorization request (none if there was none), unless `any_redirect`.
        """
        entry = self._codes.get(code)
        if entry is None or entry.grant.provider != provider:
            return None
        if entry.is_used:
            if kill_on_reuse:
                self.kill(entry.grant.grant_id)
            return None
        if self.clock.now() > entry.expires_at:
            return None
        if not any_redirect and (entry.redirect_uri or "") != (redirect_uri or ""):
            return None
        if entry.challenge is not None and not _proves(verifier, entry.challenge):
            return None
        entry.is_used = True
        return entry.grant, entry.wants_refresh

    def first_consent(self, provider: Provider, athlete: str) -> bool:
        """Is this the athlete's first consent at this provider? Google hands out a refresh token only then."""
        key = f"{provider}:{athlete}"
        if key in self._saved.consented:
            return False
        self._saved.consented.append(key)
        self._save()
        return True

    # tokens

    def mint(self, grant: Grant, kind: Literal["access", "refresh"], lifetime_s: int | None, number: int = 0) -> str:
        """A signed token."""
        now = int(self.clock.now())
        if grant.grant_id not in self._saved.owners:
            self._saved.owners[grant.grant_id] = (grant.provider, grant.athlete, grant.scopes)
            self._save()
        claims = Claims(
            grant.provider,
            grant.athlete,
            kind,
            grant.grant_id,
            grant.scopes,
            now,
            None if lifetime_s is None else now + lifetime_s,
            number,
        )
        body = base64.urlsafe_b64encode(msgspec.json.encode(claims)).rstrip(b"=")
        return f"{body.decode()}.{_signature(body)}"

    def read(self, token: str | None, provider: Provider, kind: Literal["access", "refresh"]) -> Claims | None:
        """The claims of a good token; None for a forged, expired, foreign or revoked one."""
        body, _, signature = (token or "").partition(".")
        if not hmac.compare_digest(_signature(body.encode()), signature):
            return None
        try:
            claims = msgspec.json.decode(base64.urlsafe_b64decode(body + "=" * (-len(body) % 4)), type=Claims)
        except (binascii.Error, msgspec.DecodeError):
            return None
        is_expired = claims.expires_at is not None and self.clock.now() >= claims.expires_at
        is_wrong = claims.provider != provider or claims.kind != kind or claims.grant in self._saved.dead
        is_wrong |= claims.issued_at < self._saved.revoked_at.get(f"{provider}:{claims.athlete}", 0)
        return None if is_expired or is_wrong else claims

    def kill(self, grant_id: str) -> None:
        """Revoke everything that was issued under a grant."""
        if grant_id not in self._saved.dead:
            self._saved.dead.append(grant_id)
            self._save()

    def kill_athlete(self, provider: Provider, athlete: str) -> None:
        """Revoke everything that an athlete ever granted at a provider, a registration there included."""
        for grant_id, (owned_by, owner, _) in self._saved.owners.items():
            if (owned_by, owner) == (provider, athlete):
                self.kill(grant_id)
        self._saved.revoked_at[f"{provider}:{athlete}"] = int(self.clock.now())
        self._save()
        if provider == "polar":
            self.deregister(athlete)

    def granted(self, provider: Provider) -> dict[str, set[str]]:
        """Athletes who were given a token that they have not revoked, and the scopes that they granted."""
        found: dict[str, set[str]] = {}
        for grant_id, (owned_by, athlete, scopes) in self._saved.owners.items():
            if owned_by == provider and grant_id not in self._saved.dead:
                found.setdefault(athlete, set()).update(scopes)
        return found

    # Strava's memory: the current access token of a grant, and which refresh token is the live one

    def current_access(self, grant_id: str) -> str | None:
        """The access token given out last under a grant."""
        return self._saved.access.get(grant_id)

    def access_count(self, grant_id: str) -> int:
        """How many access tokens were given out under a grant."""
        return self._saved.access_count.get(grant_id, 0)

    def remember(self, grant_id: str, access_token: str, refresh_number: int) -> None:
        """Keep what was given out last."""
        self._saved.access[grant_id] = access_token
        self._saved.access_count[grant_id] = self.access_count(grant_id) + 1
        self._saved.refresh_number[grant_id] = refresh_number
        self._save()

    def is_latest_refresh(self, claims: Claims) -> bool:
        """Has this refresh token not been replaced by a newer one?"""
        return claims.number >= self._saved.refresh_number.get(claims.grant, 0)

    # Polar's registrations

    def register(self, athlete: str, member_id: str, at: str, world_now: int) -> bool:
        """Register an athlete under a member id; False if either is taken already."""
        taken = any(entry["member-id"] == member_id for entry in self._saved.registered.values())
        if athlete in self._saved.registered or taken:
            return False
        self._saved.registered[athlete] = {"member-id": member_id, "registration-date": at}
        self._saved.registered_in_world[athlete] = world_now
        self._save()
        return True

    def registration(self, claims: Claims) -> dict[str, str] | None:
        """An athlete's registration. One from before this process began is believed when no file remembers it."""
        found = self._saved.registered.get(claims.athlete)
        if found is None and self._file is None and claims.issued_at < self.started_at:
            return {"member-id": claims.athlete, "registration-date": "2026-01-01T00:00:00.000Z"}
        return found

    def registered_in_world(self, athlete: str) -> int | None:
        """The world's now when an athlete was registered."""
        return self._saved.registered_in_world.get(athlete)

    def is_registered(self, athlete: str) -> bool:
        """Is there a registration that this process knows of?"""
        return athlete in self._saved.registered

    def deregister(self, athlete: str) -> None:
        """Forget an athlete."""
        if self._saved.registered.pop(athlete, None) is not None:
            self._save()

    @property
    def registered_users(self) -> int:
        """How many athletes are registered: Polar's rate limits grow with it."""
        return len(self._saved.registered)

    def _save(self) -> None:
        if self._file is None:
            return
        self._file.parent.mkdir(parents=True, exist_ok=True)
        fresh = self._file.with_name(f"{self._file.name}.new")
        descriptor = os.open(fresh, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
        with os.fdopen(descriptor, "wb") as stream:
            stream.write(msgspec.json.encode(self._saved))
        fresh.replace(self._file)


def _signature(body: bytes) -> str:
    return hmac.new(_SIGNING_KEY, body, hashlib.sha256).hexdigest()[:40]


def _proves(verifier: str | None, challenge: str) -> bool:
    """PKCE, method S256."""
    proof = base64.urlsafe_b64encode(hashlib.sha256((verifier or "").encode()).digest()).rstrip(b"=").decode()
    return hmac.compare_digest(proof, challenge)
