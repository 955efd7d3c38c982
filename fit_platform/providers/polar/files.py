"""The files of an exercise, fetched once: FIT as the watch wrote it, in base64; TCX and GPX as text, where wanted.

Source: Polar AccessLink v3 docs, `/exercises/{id}/fit`, `/tcx`, `/gpx`. They never change, so an exercise whose files
have landed is not asked for again; neither is one that has none (404). TCX and GPX are what Polar makes of the same
recording: a call or two more an exercise for nothing that samples, route and FIT lack, so a setting asks for them.
"""

from __future__ import annotations

import base64
import hashlib
import struct
from typing import Any

import msgspec

from fit_platform.errors import BadPayload, BadRecord, NotFound
from fit_platform.providers import fields, tracks
from fit_platform.providers.base import RecordContext, Rows
from fit_platform.providers.http import Answer, ApiClient
from fit_platform.providers.per_activity import About, PerActivity
from fit_platform.providers.polar import tables

_FIT_PATH = "/exercises/{id}/fit"
_TRACKS_PATH = "/exercises/{id}"
_MEDIA_TYPES = {"tcx": "application/vnd.garmin.tcx+xml", "gpx": "application/gpx+xml"}
# The header of every FIT file: its own size, protocol, profile, size of the data, mark. Two bytes of CRC end the file.
_FIT_HEADER = struct.Struct("<BBHI4s")
_FIT_MARK = b".FIT"
_CRC_BYTES = 2


def _about(exercise: Any) -> About | None:
    """The note of an exercise; None without an id: nothing could be asked for, and it is in quarantine."""
    try:
        exercise_id = fields.text(fields.an_object(exercise), "id")
    except BadRecord:
        return None
    return {"id": exercise_id} if exercise_id else None


def _fit(api: ApiClient, about: About) -> bytes:
    try:
        content = api.get_as(_fit_of, _FIT_PATH.format(**about), accept="*/*")
    except NotFound:
        content = None  # the one terminal answer, kept so that it is not asked for again
    encoded = None if content is None else base64.b64encode(content).decode()
    return msgspec.json.encode({"exercise_id": about["id"], "format": "fit", "content_base64": encoded})


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


FIT = PerActivity(resource="exercise_files", of="exercises", what="the file", about=_about, fetch=_fit, path=_FIT_PATH)


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


def _tracks(api: ApiClient, about: About) -> bytes:
    """Both in one object, so that an exercise is whole or asked for again."""
    texts = {"tcx": _track(api, about, "tcx"), "gpx": _track(api, about, "gpx") if about["has_route"] else None}
    return msgspec.json.encode({"exercise_id": about["id"], **texts})


def _track(api: ApiClient, about: About, kind: str) -> str | None:
    path, accept = f"{_TRACKS_PATH.format(**about)}/{kind}", f"{_MEDIA_TYPES[kind]}, */*"
    try:
        return api.get_as(lambda answer: tracks.text_of(answer, kind, "polar"), path, accept=accept)
    except NotFound:
        return None


def _about_tracks(exercise: Any) -> About | None:
    """A GPX is a route and nothing else, so one without a route is not asked for."""
    about = _about(exercise)
    return None if about is None else {**about, "has_route": fields.found(exercise, "has_route") is not False}


TRACKS = PerActivity(
    resource="exercise_tracks",
    of="exercises",
    what="the TCX or GPX",
    about=_about_tracks,
    fetch=_tracks,
    path=_TRACKS_PATH,
)


def parse_exercise_tracks(payload: Any, context: RecordContext) -> Rows:
    """What is known of both files, and their trackpoints. No row of a file that there is not."""
    both = fields.an_object(payload)
    exercise_id = fields.required(fields.text(both, "exercise_id"), "exercise_id")
    for kind in _MEDIA_TYPES:
        text = fields.text(both, kind)
        if text is None:
            continue
        points = tracks.trackpoints(text, kind)
        about = {"exercise_id": exercise_id, "format": kind}
        yield tables.EXERCISE_TRACKS.name, about | tracks.file_facts(text, len(points))
        for point in points:
            yield tables.EXERCISE_TRACKPOINTS.name, about | point
