"""What a person says about a pair of records, written where the next build reads it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fit_platform.accounts.overrides import Decision, Override, OverrideStore
from fit_platform.dashboard.params import BadRequest
from fit_platform.dashboard.scope import Scope

_DECISIONS: dict[str, Decision | None] = {"same": "force_same", "different": "force_different", "undo": None}
_MAX_ID = 200


def decide(scope: Scope, store: OverrideStore, body: Mapping[str, Any]) -> dict[str, Any]:
    """Take a decision on two records of this athlete; BadRequest for anything else.

    Body: `{"one": {"provider", "provider_activity_id"}, "other": {…}, "decision": "same" | "different" | "undo"}`.
    """
    decision = body.get("decision")
    if not isinstance(decision, str) or decision not in _DECISIONS:
        raise BadRequest("decision: same, different or undo")
    one, other = _record(body, "one"), _record(body, "other")
    if one == other:
        raise BadRequest("one and other are the same record")
    for record in (one, other):
        if not _is_known(scope, record):
            raise BadRequest("no such record of this athlete")
    forced = _DECISIONS[decision]
    override = Override(scope.athlete_id, *one, *other, forced or "force_same")
    changed = store.remove(override) if forced is None else store.add(override)
    return {"changed": changed, "decisions": decisions(scope, store)}


def decisions(scope: Scope, store: OverrideStore) -> list[dict[str, str]]:
    """Every decision of this athlete, whether the last build has obeyed it or not yet."""
    return [
        {
            "provider": known.provider_a,
            "provider_activity_id": known.provider_activity_id_a,
            "other_provider": known.provider_b,
            "other_provider_activity_id": known.provider_activity_id_b,
            "decision": known.decision,
        }
        for known in store.list()
        if known.athlete_id == scope.athlete_id
    ]


def _record(body: Mapping[str, Any], name: str) -> tuple[str, str]:
    record = body.get(name)
    if not isinstance(record, dict):
        raise BadRequest(f"{name}: a record with provider and provider_activity_id")
    provider, identifier = record.get("provider"), record.get("provider_activity_id")
    if not isinstance(provider, str) or not isinstance(identifier, str) or len(provider) + len(identifier) > _MAX_ID:
        raise BadRequest(f"{name}: a record with provider and provider_activity_id")
    return provider, identifier


def _is_known(scope: Scope, record: tuple[str, str]) -> bool:
    """Does the athlete have this record: counted, or held back for review?"""
    matched = "provider = ? AND provider_activity_id = ?"
    other = "other_provider = ? AND other_provider_activity_id = ?"
    pairs = scope.mart("activity_match_pairs")
    found = scope.rows(
        f"""SELECT 1 AS found FROM {scope.mart("activity_sources")} AS s WHERE {matched}
        UNION ALL SELECT 1 FROM {pairs} AS p WHERE {matched}
        UNION ALL SELECT 1 FROM {pairs} AS q WHERE {other}""",
        [*record, *record, *record],
    )
    return bool(found)
