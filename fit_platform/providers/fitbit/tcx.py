"""The track of an exercise that was recorded with GPS: its TCX, the one place where Google has positions.

Source: Google Health discovery document, `exportExerciseTcx`: with `alt=media` the file, without it JSON `{tcxData}`
(some servers answer so regardless); needs the scopes for activity and for location. About half a megabyte, so only
exercises with `hasGps` are asked for, once, and again when Google has changed them (`updateTime`).
"""

from __future__ import annotations

from typing import Any

import msgspec

from fit_platform.errors import BadRecord
from fit_platform.providers import fields, tracks
from fit_platform.providers.base import RecordContext, Rows
from fit_platform.providers.fitbit import tables
from fit_platform.providers.fitbit.points import part_of, point_id
from fit_platform.providers.http import Answer, ApiClient, json_of
from fit_platform.providers.per_activity import About, PerActivity

_PATH = "/users/me/dataTypes/exercise/dataPoints/{id}:exportExerciseTcx"
_PARAMS = {"alt": "media"}


class _Export(msgspec.Struct):
    tcxData: str  # noqa: N815  (Google's word)


def _about(point: Any) -> About | None:
    """The note of an exercise with GPS; None of any other, and of a point without a name: it cannot be asked for."""
    try:
        exercise = part_of(point, "exercise")
        has_gps = fields.flag(fields.child(exercise, "exerciseMetadata"), "hasGps")
        updated_at = fields.text(exercise, "updateTime")
    except BadRecord:
        return None
    is_named = isinstance(point.get("name") or point.get("dataPointName"), str)
    return {"id": point_id(point, "exercise"), "fingerprint": updated_at} if has_gps and is_named else None


def _fetch(api: ApiClient, about: About) -> bytes:
    text = api.get_as(_text_of, _PATH.format(**about), _PARAMS, accept="*/*")
    return msgspec.json.encode({"exercise_id": about["id"], "tcx": text})


def _text_of(answer: Answer) -> str | None:
    if answer.body.lstrip().startswith(b"{"):
        exported: _Export = json_of(answer, "fitbit", _Export)
        answer = Answer(answer.status, exported.tcxData.encode(), answer.headers, answer.fetched_at, answer.request)
    return tracks.text_of(answer, "tcx", "fitbit")


TCX = PerActivity(
    resource="exercise_tcx",
    of="exercise",
    what="the TCX",
    about=_about,
    fetch=_fetch,
    path=_PATH,
    params=_PARAMS,
)


def parse_exercise_tcx(payload: Any, context: RecordContext) -> Rows:
    """What is known of the file, and its trackpoints; no row of an exercise that has none."""
    export = fields.an_object(payload)
    exercise = {"exercise_id": fields.required(fields.text(export, "exercise_id"), "exercise_id")}
    text = fields.text(export, "tcx")
    if text is None:
        return
    points = tracks.trackpoints(text, "tcx")
    yield tables.EXERCISE_TCX.name, exercise | tracks.file_facts(text, len(points))
    for point in points:
        yield tables.EXERCISE_TRACKPOINTS.name, exercise | point
