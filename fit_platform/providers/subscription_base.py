"""A subscription: a provider's promise to post to our address. What it looks like from here, for every provider."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

from fit_platform.settings import Settings


class SubscriptionState(StrEnum):
    """What a subscription can be."""

    ACTIVE = "active"
    INACTIVE = "inactive"
    UNVERIFIED = "unverified"
    MISSING = "missing"


@dataclass(frozen=True, slots=True)
class Subscription:
    """What the provider says about our subscription. `id` and `callback_url` are None where there is none.

    `callback_url` holds the path secret, so it is not for showing.
    """

    state: SubscriptionState
    id: str | None = None
    callback_url: str | None = field(default=None, repr=False)


MISSING = Subscription(SubscriptionState.MISSING)


@dataclass(frozen=True, slots=True)
class Made:
    """A subscription that was made or put right, and what of it must be kept secret for the receiver."""

    subscription: Subscription
    keep: Mapping[str, str] = field(repr=False)
    done: str


class Subscriptions(Protocol):
    """The operator's side of one provider's webhooks. Every call has a time limit and raises our errors only.

    `own` is what is kept of this provider's webhook secrets.
    """

    def look(self, settings: Settings, own: Mapping[str, str]) -> Subscription:
        """The subscription as it stands at the provider."""

    def subscribe(self, settings: Settings, callback_url: str, own: Mapping[str, str]) -> Made:
        """Make sure that there is one active subscription for this address. Running it again changes nothing."""

    def reactivate(self, settings: Settings, callback_url: str, own: Mapping[str, str]) -> Subscription:
        """Wake a subscription that the provider has switched off; how it stands afterwards."""
