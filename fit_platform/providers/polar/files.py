"""The original file of each exercise, as the watch wrote it (FIT): fetched once, landed as base64 in a JSON object.

Source: Polar AccessLink v3 docs, `/exercises/{id}/fit`. The file never changes, so an exercise whose file has landed is
not asked for again; neither is one that has none (404).
"""

from __future__ import annotations

import base64
import hashlib
import struct
from collections.abc import Iterator
from typing import Any

import msgspec

from fit_platform.errors import BadPayload, BadRecord, NotFound, Transient
from fit_platform.providers import fields
from fit_platform.providers.base import DayAnswer, Item, Landed, Pulled, RecordContext, Rejected, Rows, Window
from fit_platform.providers.http import Answer, ApiClient
from fit_platform.providers.polar import tables
from fit_platform.providers.pulling import decoded

FORMAT = "fit"
# The header of every FIT file: its own size, protocol, profile, size of the data, mark. Two bytes of CRC end the file.
_FIT_HEADER = struct.Struct("<BBHI4s")
_FIT_MARK = b".FIT"
_CRC_BYTES = 2
# So many exercises in a row whose files cannot be had are no longer the exercises' fault.
_FAILURES_IN_A_ROW = 3


def pull_exercise_files(api: ApiClient, window: Window, landed: Landed) -> Iterator[Pulled]:
    """Files of the exercises that have landed, one call for each that has not been asked for yet."""
    failures = 0
    for day in window.days():
        known = {_exercise_id(item, "exercise_id"): item for item in landed("exercise_files", day)}
        items: list[Item | Rejected] = []
        for exercise in landed("exercises", day):
            exercise_id = _exercise_id(exercise, "id")
            if exercise_id is None:
                continue  # in quarantine with its reason; a file could not be asked for
            if exercise_id in known:
                items.append(known[exercise_id])
                continue
            request = {"path": f"/exercises/{exercise_id}/{FORMAT}", "params": {}}
            try:
                items.append(_fetch(api, exercise_id, request))
                failures = 0
            except Transient as error:
                failures += 1
                if error.status is None or failures == _FAILURES_IN_A_ROW:
                    raise
                reason = f"the file of an exercise: {error.status} {error.detail}"
                items.append(Rejected(getattr(error, "body", b""), reason, request, api.clock()))
        yield DayAnswer(day, tuple(items))


def _fetch(api: ApiClient, exercise_id: str, request: dict[str, Any]) -> Item:
    try:
        content = api.get_as(_fit_of, request["path"], accept="*/*")
    except NotFound:
        content = None  # the one terminal answer, kept so that it is not asked for again
    encoded = None if content is None else base64.b64encode(content).decode()
    payload = {"exercise_id": exercise_id, "format": FORMAT, "content_base64": encoded}
    return Item(msgspec.json.encode(payload), request, api.clock())


def _fit_of(answer: Answer) -> bytes | None:
    if answer.is_empty:
        return None
    body = answer.body
    reason = "not the FIT file promised"
    if len(body) >= _FIT_HEADER.size:
        header_bytes, _, _, data_bytes, mark = _FIT_HEADER.unpack_from(body)
        if mark == _FIT_MARK:
            if len(body) >= header_bytes + data_bytes + _CRC_BYTES:
                return body
            reason = "a FIT file that is cut short"
    raise BadPayload("polar", f"GET {answer.request.get('path')}", reason, answer.status, body=body)


def _exercise_id(item: Item, key: str) -> str | None:
    payload = decoded(item)
    try:
        return fields.text(fields.an_object(payload), key) or None
    except BadRecord:
        return None


def parse_exercise_file(payload: Any, context: RecordContext) -> Rows:
    """What is known of a file; the file itself stays in landing, where `landing_object` says. No row where is none."""
    file = fields.an_object(payload)
    encoded = fields.text(file, "content_base64")
    if encoded is None:
        return
    try:
        content = base64.b64decode(encoded, validate=True)
    except ValueError:
        raise BadRecord("`content_base64` is not base64") from None
    yield (
        tables.EXERCISE_FILES.name,
        {
            "exercise_id": fields.required(fields.text(file, "exercise_id"), "exercise_id"),
            "format": fields.required(fields.text(file, "format"), "format"),
            "size_bytes": len(content),
            "sha256": hashlib.sha256(content).hexdigest(),
        },
    )
