"""Google's public keys for webhook signatures: fetched, kept for a day, fetched again when an unknown key signs.

Source: Google Health API docs, "Webhooks", and the Tink wire format: a signature is 0x01, the key's id as four bytes
(big endian), then an ECDSA P-256 SHA-256 signature in DER. The keyset is Tink's JSON; each key is a protobuf message
whose fields 3 and 4 are the point's coordinates.
"""

from __future__ import annotations

import base64
import binascii
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from datetime import datetime, timedelta
from typing import Annotated

import msgspec
import requests
from cryptography.exceptions import InvalidSignature
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from fit_platform.errors import BadPayload, ProviderError
from fit_platform.providers.http import verdict_of_broken_connection

MAX_AGE = timedelta(days=1)  # keys rotate
MIN_INTERVAL = timedelta(minutes=1)  # a stranger who invents key ids cannot make us ask Google more often
_TIMEOUT_S = (3.0, 5.0)
_MAX_BYTES = 256 * 1024
_PREFIX = 5  # 0x01 and the key's id
_X, _Y = 3, 4

Keys = Mapping[int, ec.EllipticCurvePublicKey]


class KeysUnavailable(Exception):
    """The keys could not be fetched, so nothing can be said about a signature yet."""


class _KeyData(msgspec.Struct):
    value: str


class _Key(msgspec.Struct):
    keyId: Annotated[int, msgspec.Meta(ge=0, lt=2**32)]  # noqa: N815  (Tink's words)
    status: str
    keyData: _KeyData  # noqa: N815


class _Keyset(msgspec.Struct):
    key: list[_Key]


class KeySet:
    """The cached keys. One fetch at a time, and nobody waits for another's; safe for threads."""

    def __init__(self, url: str, fetch: Callable[[str], bytes] | None = None) -> None:
        """`url`: where the keyset is. `fetch` replaces the HTTP GET in tests; it raises ProviderError."""
        self._url = url
        self._fetch = fetch or _get
        self._lock = threading.Lock()
        self._fetching = threading.Lock()
        self._keys: Keys = {}
        self._fetched_at: datetime | None = None
        self._asked_at: datetime | None = None

    def verifies(self, signature: str | None, body: bytes, now: datetime) -> bool:
        """Is it Google's signature of this body? Raises KeysUnavailable when that cannot be told now."""
        try:
            raw = base64.b64decode(signature or "", validate=True)
        except (binascii.Error, ValueError):
            return False
        if len(raw) <= _PREFIX or raw[0] != 1:
            return False
        key = self._key(int.from_bytes(raw[1:_PREFIX], "big"), now)
        if key is None:
            return False
        try:
            key.verify(raw[_PREFIX:], body, ec.ECDSA(SHA256()))
        except InvalidSignature:
            return False
        return True

    def _key(self, key_id: int, now: datetime) -> ec.EllipticCurvePublicKey | None:
        keys, is_fresh = self._cached(now)
        if not is_fresh or key_id not in keys:
            self._refresh(now)
            keys, is_fresh = self._cached(now)
        if not is_fresh:
            raise KeysUnavailable
        return keys.get(key_id)

    def _cached(self, now: datetime) -> tuple[Keys, bool]:
        with self._lock:
            return self._keys, self._fetched_at is not None and now - self._fetched_at < MAX_AGE

    def _refresh(self, now: datetime) -> None:
        """Ask for the keys, unless that was just done. Raises KeysUnavailable while another thread is asking.

        All threads of the receiver would hang on its fetch; whoever lacks a key meanwhile shall send it again.
        """
        if not self._fetching.acquire(blocking=False):
            raise KeysUnavailable
        try:
            if self._asked_at is not None and now - self._asked_at < MIN_INTERVAL:
                return
            self._asked_at = now
            with suppress(ProviderError):
                keys = keys_of(self._fetch(self._url))
                with self._lock:
                    self._keys, self._fetched_at = keys, now
        finally:
            self._fetching.release()


def keys_of(document: bytes) -> dict[int, ec.EllipticCurvePublicKey]:
    """The enabled keys of a Tink keyset in JSON. Raises BadPayload for anything else."""
    try:
        keyset = msgspec.json.decode(document, type=_Keyset)
        return {key.keyId: _point(base64.b64decode(key.keyData.value)) for key in keyset.key if key.status == "ENABLED"}
    except (msgspec.DecodeError, UnicodeDecodeError, ValueError, KeyError, IndexError):
        raise BadPayload("fitbit", "GET webhook keyset", "not a keyset of P-256 keys", 200) from None


def _point(message: bytes) -> ec.EllipticCurvePublicKey:
    fields = dict(_fields(message))
    x, y = (int.from_bytes(fields[number], "big") for number in (_X, _Y))
    return ec.EllipticCurvePublicNumbers(x, y, ec.SECP256R1()).public_key()


def _fields(message: bytes) -> list[tuple[int, bytes]]:
    """The length-delimited fields of a protobuf message; numbers (wire type 0) are skipped. ValueError for others."""
    found, at = [], 0
    while at < len(message):
        tag, at = _varint(message, at)
        number, wire_type = tag >> 3, tag & 7
        value, at = _varint(message, at)
        if wire_type == 2:
            if at + value > len(message):
                raise ValueError("a field that is longer than its message")
            found.append((number, message[at : at + value]))
            at += value
        elif wire_type != 0:
            raise ValueError("a wire type that an ECDSA key has not")
    return found


def _varint(message: bytes, at: int) -> tuple[int, int]:
    value = shift = 0
    while True:
        byte = message[at]
        value |= (byte & 0x7F) << shift
        at, shift = at + 1, shift + 7
        if byte < 0x80:
            return value, at


def _get(url: str) -> bytes:
    what = "GET webhook keyset"
    try:
        response = requests.get(url, timeout=_TIMEOUT_S, allow_redirects=False)
    except requests.RequestException as error:
        raise verdict_of_broken_connection("fitbit", what, error) from None
    if response.status_code != 200 or len(response.content) > _MAX_BYTES:
        raise BadPayload("fitbit", what, "no keyset", response.status_code)
    return response.content
