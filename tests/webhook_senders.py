"""The three providers as senders of webhooks: bodies and headers as documented, signed with keys made up here."""

from __future__ import annotations

import base64
import json
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.hashes import SHA256

from fit_platform.accounts.connections import Connection, ConnectionStore
from fit_platform.feed.receiver import Request
from fit_platform.feed.secrets import SecretsFile, WebhookSecrets
from fit_platform.providers.polar import webhook as polar

NOW = datetime(2026, 4, 1, 12, 0, tzinfo=UTC)
USERS = {"polar": "475", "strava": "134815", "fitbit": "100200300"}
SECRETS = WebhookSecrets(
    path_secret="unguessable",
    polar={"webhook_id": "abdf33", "signing_secret": "abe1f3ae-fd33-11e8-8eb2-f2801f1b9fd1"},
    strava={"verify_token": "STRAVA-token", "subscription_id": "120475"},
    fitbit={"authorization": "Bearer health-secret", "subscriber": "fit-platform"},
)


def polar_event(event: str = "EXERCISE", **members: Any) -> dict[str, Any]:
    about = {"EXERCISE": {"entity_id": "aQlC83"}, "PHYSICAL_INFORMATION": {}}
    span = {"from": "2026-03-30", "to": "2026-03-31"} if event.startswith("SLEEP_WISE") else {"date": "2026-03-31"}
    return {
        "event": event,
        "user_id": int(USERS["polar"]),
        **about.get(event, span),
        "timestamp": "2026-04-01T11:59:58.000Z",
        "url": "https://www.polaraccesslink.com/v3/exercises/aQlC83",
        **members,
    }


def strava_event(**members: Any) -> dict[str, Any]:
    return {
        "object_type": "activity",
        "object_id": 1360128428,
        "aspect_type": "create",
        "updates": {},
        "owner_id": int(USERS["strava"]),
        "subscription_id": 120475,
        "event_time": 1775044798,
        **members,
    }


def google_event(data_type: str = "steps", **members: Any) -> dict[str, Any]:
    span = {"startTime": "2026-03-31T08:00:00Z", "endTime": "2026-03-31T09:00:00Z"}
    civil = {"startTime": "2026-03-31T10:00:00", "endTime": "2026-03-31T11:00:00"}
    return {
        "data": {
            "version": "1",
            "clientProvidedSubscriptionName": "fit-platform",
            "healthUserId": USERS["fitbit"],
            "operation": "UPSERT",
            "dataType": data_type,
            "intervals": [{"physicalTimeInterval": span, "civilIso8601TimeInterval": civil}],
            **members,
        }
    }


@dataclass
class GoogleKeys:
    """Google's keys: one that signs, and the document that tells its public half."""

    key_id: int = 0x1A2B3C4D
    status: str = "ENABLED"
    private: ec.EllipticCurvePrivateKey = field(default_factory=lambda: ec.generate_private_key(ec.SECP256R1()))

    def sign(self, body: bytes) -> str:
        signed = self.private.sign(body, ec.ECDSA(SHA256()))
        return base64.b64encode(b"\x01" + self.key_id.to_bytes(4, "big") + signed).decode()

    def document(self, *others: GoogleKeys) -> bytes:
        return json.dumps(
            {"primaryKeyId": self.key_id, "key": [keys.entry() for keys in (self, *others)]},
        ).encode()

    def entry(self) -> dict[str, Any]:
        numbers = self.private.public_key().public_numbers()
        # Tink: version (1, a number), params (2), x (3) and y (4), each 33 bytes with a leading zero.
        message = b"\x12\x06\x08\x03\x10\x02\x18\x02" + b"".join(
            bytes([tag, 33]) + number.to_bytes(33, "big") for tag, number in ((0x1A, numbers.x), (0x22, numbers.y))
        )
        return {
            "keyData": {
                "typeUrl": "type.googleapis.com/google.crypto.tink.EcdsaPublicKey",
                "value": base64.b64encode(message).decode(),
                "keyMaterialType": "ASYMMETRIC_PUBLIC",
            },
            "status": self.status,
            "keyId": self.key_id,
            "outputPrefixType": "TINK",
        }


def polar_request(event: dict[str, Any], *, secret: str = SECRETS.polar["signing_secret"]) -> Request:
    body = json.dumps(event).encode()
    headers = {"Polar-Webhook-Event": str(event.get("event")), "Polar-Webhook-Signature": polar.signature(secret, body)}
    return Request("POST", SECRETS.path("polar"), headers=headers, body=body)


def strava_request(event: dict[str, Any], **headers: str) -> Request:
    return Request("POST", SECRETS.path("strava"), headers=headers, body=json.dumps(event).encode())


def google_request(content: Any, keys: GoogleKeys, *, authorization: str | None = "Bearer health-secret") -> Request:
    body = json.dumps(content).encode()
    headers = {"GOOGLE-HEALTH-API-SIGNATURE": keys.sign(body)}
    if authorization is not None:
        headers["Authorization"] = authorization
    return Request("POST", SECRETS.path("fitbit"), headers=headers, body=body)


def link_owners(home: Path) -> ConnectionStore:
    """Anna is linked with all three providers."""
    store = ConnectionStore(home)
    for provider, user_id in USERS.items():
        store.save(
            Connection(
                provider=provider, athlete_id="anna", provider_user_id=user_id, linked_at=NOW, acquired="token-file"
            )
        )
    return store


def keep_secrets(path: Path, secrets: WebhookSecrets = SECRETS) -> SecretsFile:
    file = SecretsFile(path)
    file.change(lambda _: secrets)
    return file
