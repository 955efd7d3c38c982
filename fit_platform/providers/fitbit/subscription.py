"""Google Health's subscriber, seen by its owner: a resource of our Cloud project, told apart from others by its name.

Source: Google Health API v4 discovery document and docs, "Webhooks". These calls are made as a service, not for a user:
with the application default credentials of the machine. The automatic policy follows each user's consent.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fit_platform.errors import BadRequest, ConfigError
from fit_platform.providers.fitbit.webhook import DATA_TYPES
from fit_platform.providers.oauth_base import Bearer, json_call
from fit_platform.providers.subscription_base import MISSING, Made, Subscription, SubscriptionState
from fit_platform.settings import Settings

NAME = "fitbit"
SUBSCRIBER = "fit-platform"
_SCOPE = "https://www.googleapis.com/auth/cloud-platform"
_STATES = {"ACTIVE": SubscriptionState.ACTIVE, "INACTIVE": SubscriptionState.INACTIVE}
_PAGE = 50
_MAX_PAGES = 20


def look(settings: Settings, own: Mapping[str, str]) -> Subscription:
    """Our subscriber among the project's."""
    token, parent = _service_token(), _parent(settings)
    page_token = ""
    for _ in range(_MAX_PAGES):
        params = {"pageSize": str(_PAGE), **({"pageToken": page_token} if page_token else {})}
        answer = _call(settings, token, "GET", f"/{parent}/subscribers", params=params)
        page = answer if isinstance(answer, dict) else {}
        for entry in page.get("subscribers") or ():
            if isinstance(entry, dict) and str(entry.get("name", "")).endswith(f"/subscribers/{SUBSCRIBER}"):
                state = _STATES.get(str(entry.get("state")), SubscriptionState.UNVERIFIED)
                return Subscription(state, SUBSCRIBER, str(entry.get("endpointUri") or ""))
        page_token = str(page.get("nextPageToken") or "")
        if not page_token:
            break
    return MISSING


def subscribe(settings: Settings, callback_url: str, own: Mapping[str, str]) -> Made:
    """Create our subscriber, or change it to this address; both make Google try the handshake."""
    found = look(settings, own)
    keep = {**own, "subscriber": SUBSCRIBER}
    if found.state == SubscriptionState.ACTIVE and found.callback_url == callback_url and own.get("subscriber"):
        return Made(found, keep, "nothing to do")
    done = "created" if found.id is None else "changed"
    _write(settings, callback_url, own, exists=found.id is not None)
    # The answer is an operation, which need not be over yet: what counts is how the subscriber stands.
    return Made(look(settings, own), keep, done)


def reactivate(settings: Settings, callback_url: str, own: Mapping[str, str]) -> Subscription:
    """Send our address again, which makes Google try the handshake."""
    _write(settings, callback_url, own, exists=True)
    return look(settings, own)


def _write(settings: Settings, callback_url: str, own: Mapping[str, str], *, exists: bool) -> None:
    body = {
        "endpointUri": callback_url,
        "subscriberConfigs": [{"dataTypes": list(DATA_TYPES), "subscriptionCreatePolicy": "AUTOMATIC"}],
        "endpointAuthorization": {"secret": own["authorization"]},
    }
    token, path = _service_token(), f"/{_parent(settings)}/subscribers"
    try:
        if exists:
            mask = {"updateMask": "endpointUri,subscriberConfigs,endpointAuthorization"}
            _call(settings, token, "PATCH", f"{path}/{SUBSCRIBER}", params=mask, json=body)
        else:
            _call(settings, token, "POST", path, params={"subscriberId": SUBSCRIBER}, json=body)
    except BadRequest as error:
        way_out = "if the handshake failed: start `fit-platform webhooks serve` and check the public address"
        raise ConfigError(f"{error}; {way_out}") from None


def _parent(settings: Settings) -> str:
    project = settings.fitbit_webhook_project or settings.gcp_project
    if not project:
        raise ConfigError("fitbit: set FIT_FITBIT_WEBHOOK_PROJECT to the number of your Google Cloud project")
    return f"projects/{project}"


def _service_token() -> str:
    """A token for the Cloud project. ConfigError says how to get the credentials."""
    import google.auth
    import google.auth.exceptions
    import google.auth.transport.requests

    try:
        credentials, _ = google.auth.default(scopes=[_SCOPE])
        credentials.refresh(google.auth.transport.requests.Request())  # type: ignore[no-untyped-call]
    except google.auth.exceptions.GoogleAuthError as error:
        raise ConfigError(
            f"fitbit: no service credentials for the Google Cloud project ({type(error).__name__}); run `gcloud auth "
            "application-default login`, or set GOOGLE_APPLICATION_CREDENTIALS to a service account's key file"
        ) from None
    return str(credentials.token)


def _call(settings: Settings, token: str, method: str, path: str, **content: Mapping[str, Any]) -> Any:
    url = f"{settings.provider(NAME).api_url}{path}"
    return json_call(NAME, f"{method} subscribers", method, url, Bearer(token), **content)
