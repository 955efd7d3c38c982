"""One HTTP client for every provider: tokens, quota, time limits, bounded retries. errors.py judges the answers.

Nothing here knows a provider's paths. Tokens travel in the Authorization header only; redirects are not followed.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime
from typing import Any, Protocol, TypeVar
from urllib.parse import urlsplit

import msgspec
import requests
import stamina

from fit_platform.errors import (
    AuthRevoked,
    BadPayload,
    NoNetwork,
    Permanent,
    ProviderError,
    Transient,
    verdict_of_response,
)

TIMEOUT_S = (5.0, 60.0)  # connect, read: a page of 10,000 samples takes a provider seconds, never a minute
T = TypeVar("T")


class TokenSource(Protocol):
    """Where one athlete's token of one provider comes from."""

    def access_token(self) -> str:
        """A token that should work. Raises AuthRevoked when there is none."""

    def refresh(self, rejected: str) -> str:
        """Another token than the one the provider has just refused. Raises AuthRevoked when there is none."""


class Quota(Protocol):
    """The shared request budget."""

    def reserve(self, provider: str, athlete_id: str, calls: int = 1) -> None:
        """Take `calls` requests out of the budget. Raises QuotaExhausted when they are not there."""

    def observe(self, provider: str, athlete_id: str, headers: Mapping[str, str], status: int) -> None:
        """Correct the budget by what an answer says about it."""


@dataclass(frozen=True, slots=True)
class RetryPolicy:
    """How often, and how long apart, a transient failure is tried again. Waits double, with jitter (seconds)."""

    attempts: int = 4
    wait_initial_s: float = 0.5
    wait_max_s: float = 8.0
    jitter_s: float = 0.5


@dataclass(frozen=True, slots=True)
class Answer:
    """A successful answer. `status` 204 means: nothing there."""

    status: int
    body: bytes
    headers: Mapping[str, str]
    fetched_at: datetime
    request: Mapping[str, Any] = field(default_factory=dict)  # {"method", "path", "params"}

    @property
    def is_empty(self) -> bool:
        """204. A 200 without a body is not that: something on the way has lost the body."""
        return self.status == 204


def utc_now() -> datetime:
    """The wall clock."""
    return datetime.now(UTC)


class _Bearer(requests.auth.AuthBase):
    """Sets the header by itself: a plain header would be replaced by what a `.netrc` says about the host."""

    def __init__(self, token: str) -> None:
        self._token = token

    def __call__(self, request: requests.PreparedRequest) -> requests.PreparedRequest:
        request.headers["Authorization"] = f"Bearer {self._token}"
        return request


class ApiClient:
    """Asks one provider on behalf of one athlete. Every failure is one of our errors; every try is paid for."""

    def __init__(
        self,
        provider: str,
        athlete_id: str,
        base_url: str,
        tokens: TokenSource,
        quota: Quota,
        session: requests.Session | None = None,
        clock: Callable[[], datetime] = utc_now,
        retry: RetryPolicy = RetryPolicy(),
        timeout_s: tuple[float, float] = TIMEOUT_S,
        registered_at: datetime | None = None,
    ) -> None:
        """`registered_at`: since when the provider shows us the athlete, where it shows nothing older."""
        self.provider = provider
        self.athlete_id = athlete_id
        self.base_url = base_url.rstrip("/")
        self.clock = clock
        self.registered_at = registered_at
        self._tokens = tokens
        self._quota = quota
        self._session = session or requests.Session()
        self._retry = retry
        self._timeout_s = timeout_s

    def get(
        self,
        path_or_url: str,
        params: Mapping[str, Any] | None = None,
        *,
        accept: str = "application/json",
        ok: Collection[int] = (200, 204),
    ) -> Answer:
        """GET, with bounded retries of what may pass. Raises a ProviderError for any status outside of `ok`."""
        return self.get_as(lambda answer: answer, path_or_url, params, accept=accept, ok=ok)

    def get_as(
        self,
        decode: Callable[[Answer], T],
        path_or_url: str,
        params: Mapping[str, Any] | None = None,
        *,
        accept: str = "application/json",
        ok: Collection[int] = (200, 204),
        give_up_on: Collection[int] = (),
    ) -> T:
        """GET and decode. A BadPayload raised by `decode` counts as a failed try: the request is repeated.

        Statuses in `give_up_on` are not repeated, for callers that know a better second question.
        """
        return self._tried("GET", path_or_url, params, None, decode, accept, ok, give_up_on)

    def post_json_as(
        self,
        decode: Callable[[Answer], T],
        path: str,
        body: Mapping[str, Any],
        *,
        ok: Collection[int] = (200, 201, 204),
    ) -> T:
        """POST a JSON object and decode the answer; a BadPayload counts as a failed try, as in `get_as`."""
        return self._tried("POST", path, None, body, decode, "application/json", ok, ())

    def _tried(
        self,
        method: str,
        path_or_url: str,
        params: Mapping[str, Any] | None,
        body: Mapping[str, Any] | None,
        decode: Callable[[Answer], T],
        accept: str,
        ok: Collection[int],
        give_up_on: Collection[int],
    ) -> T:
        def may_pass(error: Exception) -> bool:
            return isinstance(error, ProviderError) and error.retryable and error.status not in give_up_on

        policy = self._retry
        for attempt in stamina.retry_context(
            on=may_pass,
            attempts=policy.attempts,
            timeout=None,
            wait_initial=policy.wait_initial_s,
            wait_max=policy.wait_max_s,
            wait_jitter=policy.jitter_s,
        ):
            with attempt:
                return decode(self._once(method, path_or_url, params, body, accept, ok))
        raise AssertionError("unreachable: the last failed attempt raises")

    def _once(
        self,
        method: str,
        path_or_url: str,
        params: Mapping[str, Any] | None,
        body: Mapping[str, Any] | None,
        accept: str,
        ok: Collection[int],
    ) -> Answer:
        """One try; two requests if the token turns out to be stale."""
        url, path = self._address(path_or_url)
        what = f"{method} {path}"
        token = self._tokens.access_token()
        response = self._send(method, url, params, body, accept, token, what)
        if response.status_code == 401 and isinstance(self._verdict(what, response), AuthRevoked):
            response = self._send(method, url, params, body, accept, self._tokens.refresh(token), what)
        if response.status_code not in ok:
            raise self._verdict(what, response)
        request = {"method": method, "path": path, "params": dict(params or {})}
        return Answer(response.status_code, response.content, response.headers, self.clock(), request)

    def _verdict(self, what: str, response: requests.Response) -> ProviderError:
        return verdict_of_response(
            self.provider, what, response.status_code, response.headers, response.content, self.clock()
        )

    def _address(self, path_or_url: str) -> tuple[str, str]:
        """Full URL, and the path to show. A foreign URL is refused: the token must not travel to another host."""
        if not path_or_url.startswith(("http://", "https://")):
            return f"{self.base_url}/{path_or_url.lstrip('/')}", f"/{path_or_url.lstrip('/')}"
        if not path_or_url.startswith(f"{self.base_url}/"):
            host = urlsplit(path_or_url).hostname
            raise Permanent(self.provider, f"GET {host}", "an address outside of the API, not asked")
        return path_or_url, urlsplit(path_or_url.removeprefix(self.base_url)).path

    def _send(
        self,
        method: str,
        url: str,
        params: Mapping[str, Any] | None,
        body: Mapping[str, Any] | None,
        accept: str,
        token: str,
        what: str,
    ) -> requests.Response:
        self._quota.reserve(self.provider, self.athlete_id)
        try:
            response = self._session.request(
                method,
                url,
                params=dict(params or {}),
                json=body,
                headers={"Accept": accept, "User-Agent": "fit-platform/0.1"},
                auth=_Bearer(token),
                timeout=self._timeout_s,
                allow_redirects=False,
            )
        except requests.RequestException as error:
            # `from None`: the text of these errors repeats the whole URL, parameters included.
            raise verdict_of_broken_connection(self.provider, what, error) from None
        self._quota.observe(self.provider, self.athlete_id, response.headers, response.status_code)
        return response


def verdict_of_broken_connection(provider: str, what: str, error: requests.RequestException) -> ProviderError:
    """What it means that no answer came."""
    causes = list(_causes(error))
    if any(
        isinstance(c, socket.gaierror) or _is_unreachable(c) or "NameResolution" in type(c).__name__ for c in causes
    ):
        return NoNetwork(provider, what, "the host cannot be reached: check the network, or the API URL")
    if any("CERTIFICATE_VERIFY_FAILED" in str(c) for c in causes):
        return Permanent(provider, what, "the server's certificate is not trusted")
    if isinstance(error, (requests.exceptions.InvalidURL, requests.exceptions.MissingSchema)):
        return Permanent(provider, what, "not a valid address: check the API URL")
    if isinstance(error, requests.Timeout):
        return Transient(provider, what, "no answer in time")
    return Transient(provider, what, f"the connection broke ({type(error).__name__})")


def _is_unreachable(error: BaseException) -> bool:
    unreachable = (errno.ENETUNREACH, errno.EHOSTUNREACH, errno.ENETDOWN)
    return isinstance(error, OSError) and error.errno in unreachable


def _causes(error: BaseException) -> Iterator[BaseException]:
    """The error and everything it was made from (requests and urllib3 hide causes in args and in `reason`)."""
    todo: list[Any] = [error]
    seen: set[int] = set()
    while todo:
        one = todo.pop()
        if not isinstance(one, BaseException) or id(one) in seen:
            continue
        seen.add(id(one))
        yield one
        todo += [one.__cause__, one.__context__, getattr(one, "reason", None), *one.args]


def json_of(answer: Answer, provider: str, type_: type[T] | Any = Any) -> T:
    """The body as JSON of the promised type. Raises BadPayload for anything else (an HTML page, cut JSON)."""
    body = answer.body.removeprefix(b"\xef\xbb\xbf")
    what = f"{answer.request.get('method', 'GET')} {answer.request.get('path', '')}"
    try:
        # Also checks what a skipping decoder skips: bytes that are not UTF-8 would spoil a whole landing file.
        body.decode("utf-8")
        return msgspec.json.decode(body, type=type_)
    except (UnicodeDecodeError, msgspec.DecodeError, RecursionError) as error:
        page = body[:512].lstrip().lower().startswith((b"<!doctype", b"<html"))
        reason = "an HTML page where JSON was promised" if page else f"not the JSON promised ({_position(error)})"
        raise BadPayload(provider, what, reason, answer.status, body=answer.body) from None


def _position(error: Exception) -> str:
    """The decoder's complaint without quoting the body."""
    if isinstance(error, UnicodeDecodeError):
        return f"not UTF-8 at byte {error.start}"
    return str(error) if isinstance(error, msgspec.DecodeError) else type(error).__name__


def one_line(raw: msgspec.Raw | bytes) -> bytes:
    """A JSON text without line breaks. They can only stand between tokens there, so nothing of the data changes."""
    return bytes(raw).strip().replace(b"\r", b" ").replace(b"\n", b" ")


def lines_of(raws: Iterable[msgspec.Raw] | None) -> list[bytes]:
    """The objects of a list, each on one line. Null entries say nothing and are left out."""
    return [line for line in map(one_line, raws or ()) if line != b"null"]
