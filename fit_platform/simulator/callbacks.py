"""Calls to a receiver that asks for a subscription: which addresses are allowed, and what it must answer."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

import requests

_LOOPBACK = ("127.0.0.1", "localhost", "::1")


def is_callable(url: str) -> bool:
    """HTTPS, as all three providers ask for; plain HTTP on loopback only, where there is no certificate."""
    parts = urlsplit(url)
    return parts.scheme == "https" or (parts.scheme == "http" and parts.hostname in _LOOPBACK)


async def call(
    method: str,
    url: str,
    *,
    params: Mapping[str, str] | None = None,
    body: bytes | None = None,
    headers: Mapping[str, str] | None = None,
    timeout_s: float = 10.0,
) -> tuple[int | None, Any]:
    """Status and JSON of the answer; None without one in time, and for an answer that is no JSON."""

    def ask() -> tuple[int | None, Any]:
        session = requests.Session()
        session.trust_env = False
        with session:
            try:
                answer = session.request(
                    method,
                    url,
                    params=params,
                    data=body,
                    headers={"Content-Type": "application/json", **(headers or {})},
                    timeout=timeout_s,
                    allow_redirects=False,
                )
            except requests.RequestException:
                return None, None
            try:
                return answer.status_code, answer.json()
            except requests.JSONDecodeError:
                return answer.status_code, None

    try:
        return await asyncio.wait_for(asyncio.to_thread(ask), timeout_s + 0.5)
    except TimeoutError:
        return None, None
