"""The subscriptions at the providers: made once by the operator, looked after by a schedule.

The address that a provider is given is secret in part, so what is shown here is the public base URL only.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any, cast
from urllib.parse import urlsplit

from fit_platform.errors import ConfigError, FitError
from fit_platform.feed.assemble import secrets_file
from fit_platform.providers.fitbit import subscription as fitbit
from fit_platform.providers.polar import subscription as polar
from fit_platform.providers.strava import subscription as strava
from fit_platform.providers.subscription_base import Subscription, Subscriptions, SubscriptionState
from fit_platform.settings import Settings

if TYPE_CHECKING:
    from fit_platform.runtime import Runtime

# The modules are what the protocol asks for.
CLIENTS: Mapping[str, Subscriptions] = {
    "polar": cast("Subscriptions", polar),
    "strava": cast("Subscriptions", strava),
    "fitbit": cast("Subscriptions", fitbit),
}
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}


@dataclass(frozen=True, slots=True)
class SubscriptionReport:
    """How one provider's subscription stands. `state`: a SubscriptionState, `foreign`, `unknown`, `not subscribed`.

    `url` is the public base URL that was given, without the secret path. `done` says what was changed, `fix` what the
    operator can do; both are empty where there is nothing.
    """

    provider: str
    state: str
    url: str | None = None
    done: str = ""
    detail: str = ""
    fix: str = ""

    @property
    def is_fine(self) -> bool:
        """Do deliveries come, or does nobody expect any?"""
        return self.state in (SubscriptionState.ACTIVE, "not subscribed")

    def facts(self) -> dict[str, Any]:
        """As JSON values."""
        return asdict(self)


def subscribe(settings: Settings, provider: str, url: str) -> SubscriptionReport:
    """Make sure that the provider posts to the receiver at this public base URL. Running it again changes nothing.

    The receiver must run and be reachable: every provider asks it before it agrees.
    """
    base = _checked(url)
    file = secrets_file(settings)
    secrets = file.prepared()
    made = CLIENTS[provider].subscribe(settings, base + secrets.path(provider), secrets.of(provider))
    # At once: what Polar has told, it does not tell again.
    file.keep(provider, url=base, **made.keep)
    return _report(provider, base, made.subscription, done=made.done)


def list_subscriptions(settings: Settings) -> list[SubscriptionReport]:
    """How every provider's subscription stands. Changes nothing."""
    return [_examined(settings, provider, repair=False) for provider in CLIENTS]


def check_subscriptions(runtime: Runtime) -> list[SubscriptionReport]:
    """Look after the subscriptions that were made here: one that was switched off is switched on again.

    One that is gone is reported, not made anew: somebody may have wanted that. Never raises for a provider that cannot
    be asked; its report says `unknown` and why.
    """
    subscribed = secrets_file(runtime.settings).read().urls
    return [_examined(runtime.settings, provider, repair=True) for provider in CLIENTS if provider in subscribed]


def _examined(settings: Settings, provider: str, *, repair: bool) -> SubscriptionReport:
    secrets = secrets_file(settings).read()
    base, own = secrets.urls.get(provider), secrets.of(provider)
    try:
        if base is None and not _can_ask(settings, provider):
            return SubscriptionReport(provider, "not subscribed")
        found = CLIENTS[provider].look(settings, own)
        if base is None:
            if found.state == SubscriptionState.MISSING:
                return SubscriptionReport(provider, "not subscribed")
            detail = "the provider has a subscription that was not made here"
            return SubscriptionReport(provider, "foreign", detail=detail, fix=_fix(provider, None))
        callback_url = base + secrets.path(provider)
        if repair and found.state in (SubscriptionState.INACTIVE, SubscriptionState.UNVERIFIED):
            return _reactivated(settings, provider, base, found)
        if found.id is not None and found.callback_url != callback_url:
            detail = "the provider's subscription has another address"
            return SubscriptionReport(provider, "foreign", base, detail=detail, fix=_fix(provider, base))
    except FitError as error:
        return SubscriptionReport(provider, "unknown", base, detail=str(error))
    return _report(provider, base, found)


def _reactivated(settings: Settings, provider: str, base: str, before: Subscription) -> SubscriptionReport:
    """Switch it on again. Where that fails, what is known stays: deliveries do not come."""
    secrets = secrets_file(settings).read()
    try:
        found = CLIENTS[provider].reactivate(settings, base + secrets.path(provider), secrets.of(provider))
    except FitError as error:  # mostly the receiver, which the provider asks first: why it was switched off, too
        return _report(provider, base, before, detail=f"it could not be switched on again: {error}")
    return _report(provider, base, found, done=f"re-activated (was {before.state})" if _is_active(found) else "")


def _report(provider: str, base: str, found: Subscription, done: str = "", detail: str = "") -> SubscriptionReport:
    fix = "" if _is_active(found) else _fix(provider, base)
    return SubscriptionReport(provider, found.state, base, done, detail, fix)


def _is_active(found: Subscription) -> bool:
    return found.state == SubscriptionState.ACTIVE


def _fix(provider: str, base: str | None) -> str:
    return f"fit-platform webhooks subscribe {provider} --url {base or 'https://…'}"


def _can_ask(settings: Settings, provider: str) -> bool:
    """Is there what asking takes? Without it nobody has subscribed from here either."""
    if provider == "fitbit":
        return bool(settings.fitbit_webhook_project or settings.gcp_project)
    known = settings.provider(provider)
    return bool(known.client_id and known.client_secret)


def _checked(url: str) -> str:
    """The base URL, if providers will take it."""
    parts = urlsplit(url)
    if parts.scheme != "https" and not (parts.scheme == "http" and parts.hostname in _LOOPBACK):
        raise ConfigError(f"{url}: providers post to https addresses only; give the receiver's public https address")
    if not parts.hostname or parts.query or parts.fragment or parts.username:
        raise ConfigError("the public address is scheme and host, with a path in front if you must, and nothing else")
    return url.rstrip("/")
