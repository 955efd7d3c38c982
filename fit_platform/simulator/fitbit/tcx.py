"""The TCX export of an exercise: the file with `alt=media`, else the file in a JSON object; positions every 5 seconds.

Source: Google Health discovery document, `exportExerciseTcx`. It needs the scopes for activity and for location.
"""

from __future__ import annotations

from starlette.responses import Response

from fit_platform.simulator.fitbit import auth
from fit_platform.simulator.gate import Call, Gate, json_response
from fit_platform.simulator.world import Person
from fit_platform.simulator.world.activity import Record, TrueActivity
from fit_platform.simulator.world.clock import iso_z

_EVERY_S = 5


def export(gate: Gate, call: Call) -> Response:
    """Answer an export; 404 for an exercise that is not there or was recorded without GPS."""
    for scope in (auth.ACTIVITY, auth.LOCATION):
        if scope not in call.claims.scopes:
            return gate.forbidden(scope)
    found = next(
        (pair for pair in call.person.records("fitbit") if pair[1].provider_activity_id == call.path["point"]), None
    )
    text = _tcx(call.person, *found) if found is not None and call.path["type"] == "exercise" else None
    if text is None:
        return json_response({"error": {"code": 404, "message": "No TCX data", "status": "NOT_FOUND"}}, 404)
    if call.query.get("alt") == "media":
        return Response(text, media_type="application/vnd.garmin.tcx+xml")
    return json_response({"tcxData": text})


def _tcx(person: Person, activity: TrueActivity, record: Record) -> str | None:
    streams = person.body.streams(activity)
    if streams.latitude_deg is None or streams.longitude_deg is None or record.kind == "detected":
        return None
    bpm = person.body.heart_rate_between(record.started_at, record.ended_at)
    # A record may begin after its session, and hold only a part of it.
    late = max(0, record.started_at - activity.session.started_at)
    points = []
    for second in range(0, min(len(bpm), len(streams.distance_m) - late), _EVERY_S):
        at = second + late
        points.append(
            f"<Trackpoint><Time>{iso_z(record.started_at + second)}</Time>"
            f"<Position><LatitudeDegrees>{streams.latitude_deg[at]:.6f}</LatitudeDegrees>"
            f"<LongitudeDegrees>{streams.longitude_deg[at]:.6f}</LongitudeDegrees></Position>"
            f"<AltitudeMeters>{streams.altitude_m[at]:.1f}</AltitudeMeters>"
            f"<DistanceMeters>{streams.distance_m[at] * record.distance_factor:.1f}</DistanceMeters>"
            f"<HeartRateBpm><Value>{bpm[second]:.0f}</Value></HeartRateBpm></Trackpoint>"
        )
    start = iso_z(record.started_at)
    return (
        '<?xml version="1.0" encoding="UTF-8"?><TrainingCenterDatabase '
        'xmlns="http://www.garmin.com/xmlschemas/TrainingCenterDatabase/v2"><Activities><Activity Sport="Other">'
        f'<Id>{start}</Id><Lap StartTime="{start}"><TotalTimeSeconds>{record.ended_at - record.started_at}'
        f"</TotalTimeSeconds><Track>{''.join(points)}</Track></Lap></Activity></Activities></TrainingCenterDatabase>"
    )
