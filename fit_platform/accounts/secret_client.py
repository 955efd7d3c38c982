"""Google's Secret Manager client as this house wants it: over REST, with deadlines, and with our errors."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from functools import cached_property
from typing import Any
from urllib.parse import urlsplit

import requests
from google.api_core import exceptions as google_errors
from google.api_core.retry import Retry
from google.auth.credentials import AnonymousCredentials
from google.auth.exceptions import GoogleAuthError

from fit_platform.errors import ConfigError, Transient

_CALL_S = 10.0
PASSING = (
    google_errors.ServiceUnavailable,
    google_errors.InternalServerError,
    google_errors.GatewayTimeout,
    google_errors.TooManyRequests,
    requests.ConnectionError,
    requests.Timeout,
)
FAILURES = (google_errors.GoogleAPICallError, google_errors.RetryError, GoogleAuthError, requests.RequestException)


class StateDiffersError(Exception):
    """A resource is not as the request supposes: another etag, a version that is not enabled."""


class SecretClient:
    """Calls of the Secret Manager API. `url` stands for Google's own and is asked without credentials."""

    def __init__(self, url: str | None = None) -> None:
        self._url = url

    def call(self, method: str, *, retry_s: float = 20.0, **arguments: Any) -> Any:
        """A method of Google's client, repeated for `retry_s` seconds while its failures may pass.

        StateDiffersError for FAILED_PRECONDITION; Google's and requests' own errors for everything else.
        """
        retry = Retry(predicate=_may_pass, initial=0.1, maximum=5.0, multiplier=2.0, timeout=retry_s)
        try:
            return getattr(self._client, method)(**arguments, retry=retry if retry_s else None, timeout=_CALL_S)
        except google_errors.BadRequest as error:
            # Over REST every 400 is a BadRequest; the status by name is in the body only.
            if "FAILED_PRECONDITION" in getattr(error.response, "text", ""):
                raise StateDiffersError(error.message) from error
            raise

    @cached_property
    def _client(self) -> Any:
        """Over REST: unlike the gRPC transport it survives a fork."""
        try:
            from google.cloud import secretmanager_v1
            from google.cloud.secretmanager_v1.services.secret_manager_service import transports
        except ImportError:
            way_out = 'install it: pip install "fit-platform[gcp]"'
            raise ConfigError(f"FIT_TOKEN_STORE=secret-manager: Google's client is missing; {way_out}") from None

        rest: Any = transports.SecretManagerServiceRestTransport
        with told("open Secret Manager"):
            if self._url is None:
                return secretmanager_v1.SecretManagerServiceClient(transport=rest())
            address = urlsplit(self._url)
            nobody = AnonymousCredentials()  # type: ignore[no-untyped-call]
            transport = rest(host=address.netloc, url_scheme=address.scheme, credentials=nobody)
            return secretmanager_v1.SecretManagerServiceClient(transport=transport)


def _may_pass(error: BaseException) -> bool:
    return isinstance(error, PASSING)


@contextmanager
def told(what: str) -> Iterator[None]:
    """Google's errors as ours: ConfigError where the operator must act, Transient for the rest."""
    try:
        yield
    except (google_errors.Forbidden, google_errors.Unauthorized, GoogleAuthError) as error:
        way_out = (
            "give this account the role Secret Manager Admin, or sign in with gcloud auth application-default login"
        )
        raise ConfigError(f"Secret Manager refused to {what} ({type(error).__name__}); {way_out}") from None
    except (google_errors.GoogleAPICallError, google_errors.RetryError, requests.RequestException) as error:
        raise Transient("secret manager", what, type(error).__name__, getattr(error, "code", None)) from None
