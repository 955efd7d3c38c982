"""The receiver's HTTP interface as an OpenAPI 3.1 document: for gateways in front of it, and for fuzzing it."""

from __future__ import annotations

from typing import Any

from fit_platform.feed.receiver import HEALTH_PATHS, MAX_BODY_BYTES

_ID = {
    "anyOf": [
        {"type": "integer", "minimum": 0, "maximum": 2**63 - 1},
        {"type": "string", "minLength": 1, "maxLength": 64},
    ]
}
_STATUS = {
    "type": "object",
    "properties": {"status": {"type": "string"}},
    "required": ["status"],
    "additionalProperties": False,
}
_REFUSALS = {
    "400": "Not what this provider posts.",
    "401": "The signature or the authorization is wrong.",
    "403": "Another subscription, or another verify token.",
    "404": "No such path, or a wrong path secret.",
    "405": "No such method here.",
    "408": "The body took too long.",
    "413": f"The body is larger than {MAX_BODY_BYTES} bytes.",
    "503": "Not kept, or not to be judged yet: send it again.",
}


def describe() -> dict[str, Any]:
    """The document. It names no secret: the path secret is a parameter."""
    polar = {
        "type": "object",
        "required": ["event"],
        "properties": {
            "event": {"type": "string"},
            "user_id": _ID,
            "entity_id": _ID,
            "date": {"type": "string", "format": "date"},
            "from": {"type": "string", "format": "date"},
            "to": {"type": "string", "format": "date"},
            "timestamp": {"type": "string", "format": "date-time"},
            "url": {"type": "string"},
        },
    }
    strava = {
        "type": "object",
        "required": ["object_type", "object_id", "aspect_type", "owner_id", "subscription_id"],
        "properties": {
            "object_type": {"type": "string", "enum": ["activity", "athlete"]},
            "object_id": _ID,
            "aspect_type": {"type": "string", "enum": ["create", "update", "delete"]},
            "owner_id": _ID,
            "subscription_id": _ID,
            "event_time": _ID,
            "updates": {"type": "object"},
        },
    }
    notification = {
        "type": "object",
        "required": ["data"],
        "properties": {
            "data": {
                "type": "object",
                "required": ["healthUserId", "dataType"],
                "properties": {
                    "healthUserId": _ID,
                    "dataType": {"type": "string"},
                    "operation": {"type": "string", "enum": ["UPSERT", "DELETE"]},
                    "intervals": {"type": "array", "items": {"type": "object"}},
                    "recordId": _ID,
                },
            }
        },
    }
    handshake = {"type": "object", "required": ["type"], "properties": {"type": {"const": "verification"}}}
    google = {"anyOf": [handshake, notification, {"type": "array", "items": notification, "maxItems": 99}]}
    challenge = [
        _query("hub.mode", enum=["subscribe"]),
        _query("hub.challenge", minLength=1, maxLength=256),
        _query("hub.verify_token"),
    ]
    return {
        "openapi": "3.1.0",
        "info": {"title": "fit_platform webhook receiver", "version": "1"},
        "paths": {
            **{
                path: {"get": {"responses": _responses({"200": "It can be written to."}, ("405", "503"))}}
                for path in HEALTH_PATHS
            },
            "/webhooks/polar/{secret}": {
                "parameters": [_secret()],
                "post": _post(polar, {"200": "Kept, or nothing to keep."}, "Polar-Webhook-Signature"),
            },
            "/webhooks/strava/{secret}": {
                "parameters": [_secret()],
                "get": {
                    "parameters": challenge,
                    "responses": {
                        **_responses({}, ("400", "403", "404", "408", "413", "503")),
                        "200": _json("The challenge.", {"type": "object", "required": ["hub.challenge"]}),
                    },
                },
                "post": _post(strava, {"200": "Kept, or nothing to keep."}, "X-Strava-Signature"),
            },
            "/webhooks/fitbit/{secret}": {
                "parameters": [_secret()],
                "post": _post(
                    google,
                    {"201": "The handshake is right."},
                    "GOOGLE-HEALTH-API-SIGNATURE",
                    also={"204": {"description": "Kept, or nothing to keep."}},
                ),
            },
        },
    }


def _post(
    body: dict[str, Any], good: dict[str, str], header: str, also: dict[str, Any] | None = None
) -> dict[str, Any]:
    return {
        "parameters": [{"name": header, "in": "header", "schema": {"type": "string"}}],
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": {**_responses(good, tuple(_REFUSALS)), **(also or {})},
    }


def _responses(good: dict[str, str], refusals: tuple[str, ...]) -> dict[str, Any]:
    """413 and 408 come without a body, as the request was not read to its end; so does 405."""
    bare = {"405", "408", "413"}
    return {
        **{status: _json(words, _STATUS) for status, words in good.items()},
        **{
            status: {"description": _REFUSALS[status]} if status in bare else _json(_REFUSALS[status], _STATUS)
            for status in refusals
        },
    }


def _json(description: str, schema: dict[str, Any]) -> dict[str, Any]:
    return {"description": description, "content": {"application/json": {"schema": schema}}}


def _secret() -> dict[str, Any]:
    return {"name": "secret", "in": "path", "required": True, "schema": {"type": "string", "minLength": 1}}


def _query(name: str, **schema: Any) -> dict[str, Any]:
    return {"name": name, "in": "query", "required": True, "schema": {"type": "string", **schema}}
