"""The receiver as a Google Cloud Function: an entry point for HTTP that takes a Flask request. Needs no Flask here.

Deploy with `--entry-point webhook` and this module as source; settings come from the environment, the webhook secrets
from a mounted secret (FIT_WEBHOOK_SECRETS_FILE). A Cloud Run service needs no shim: it runs `fit-platform webhooks
serve --host 0.0.0.0`.
"""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Protocol

from fit_platform.feed.assemble import build_receiver
from fit_platform.feed.receiver import MAX_BODY_BYTES, Receiver, Request
from fit_platform.settings import load_settings


class FlaskRequest(Protocol):
    """What is used of `flask.Request`."""

    @property
    def method(self) -> str: ...  # noqa: D102
    @property
    def path(self) -> str: ...  # noqa: D102
    @property
    def args(self) -> Mapping[str, str]: ...  # noqa: D102
    @property
    def headers(self) -> Mapping[str, str]: ...  # noqa: D102
    @property
    def content_length(self) -> int | None: ...  # noqa: D102
    def get_data(self) -> bytes: ...  # noqa: D102


def webhook(request: FlaskRequest) -> tuple[bytes, int, dict[str, str]]:
    """Answer one request: body, status, headers, as Flask takes them."""
    if (request.content_length or 0) > MAX_BODY_BYTES:
        return b"", 413, {}
    response = _receiver().handle(
        Request(request.method, request.path, dict(request.args), dict(request.headers), request.get_data())
    )
    content_type = {"content-type": "application/json"} if response.body else {}
    return response.body, response.status, {**response.headers, **content_type}


@cache
def _receiver() -> Receiver:
    """Made at the first request and kept for the instance's life: it holds Google's keys."""
    return build_receiver(load_settings())
