"""What the rooms on Google Cloud share: how its errors are told, and how long anything is waited for.

Imported by modules that are themselves imported only for the target `gcp`: the client libraries take a second to load.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

from google.api_core import exceptions
from google.auth.exceptions import DefaultCredentialsError, TransportError
from requests.exceptions import RequestException

from fit_platform.errors import ConfigError, FitError

REQUEST_TIMEOUT_SECONDS = 60.0
DEADLINE_SECONDS = 180.0
"""How long the clients' own retries may go on (408, 429, 5xx, broken connections), all tries together."""


@contextmanager
def explained(what: str) -> Iterator[None]:
    """Turn what the client libraries raise into one line: what was asked for, what came back, the way out."""
    try:
        yield
    except DefaultCredentialsError:
        raise ConfigError(
            f"{what}: no Google Cloud credentials here; run `gcloud auth application-default login`, or set "
            "GOOGLE_APPLICATION_CREDENTIALS, or run as a service account"
        ) from None
    except (exceptions.Forbidden, exceptions.TooManyRequests) as error:
        if not reasons_of(error) & {"quotaExceeded", "rateLimitExceeded"} and isinstance(error, exceptions.Forbidden):
            raise ConfigError(f"{what}: {reason(error)}; give our service account this permission") from None
        raise FitError(
            f"{what}: a quota of Google Cloud is used up ({reason(error)}); run this again when it is open"
        ) from None
    except exceptions.Unauthorized as error:
        raise ConfigError(f"{what}: {reason(error)}; give our service account this permission") from None
    except exceptions.NotFound as error:
        raise ConfigError(f"{what}: {reason(error)}; create it, or correct the setting that names it") from None
    except exceptions.RetryError as error:
        raise FitError(
            f"{what}: Google Cloud gave no good answer for {DEADLINE_SECONDS:.0f} s ({reason(error.cause)}); "
            "what is done stays done: run this again"
        ) from None
    except (exceptions.GoogleAPICallError, TransportError, RequestException, ConnectionError) as error:
        raise FitError(f"{what}: {reason(error)}; what is done stays done: run this again") from None


def reasons_of(error: exceptions.GoogleAPICallError) -> set[str]:
    """The service's reason words, `rateLimitExceeded` and the like."""
    return {str(detail.get("reason")) for detail in error.errors if isinstance(detail, dict)}


def reason(error: BaseException | None) -> str:
    """The service's own words on one line."""
    message = getattr(error, "message", None) or str(error or "no reason given")
    return " ".join(str(message).split())[:300]
