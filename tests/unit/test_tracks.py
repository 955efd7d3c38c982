"""TCX and GPX: read point by point, whatever wraps them, and nothing expanded, fetched or swallowed on the way."""

from __future__ import annotations

import gzip
import json
from datetime import UTC, date, datetime

import pytest
import responses
from hypothesis import given, settings
from hypothesis import strategies as st

from fit_platform.errors import BadPayload, BadRecord, Permanent
from fit_platform.providers import tracks
from fit_platform.providers.base import DayAnswer, DayUnknown, Item
from fit_platform.providers.http import Answer
from fit_platform.providers.registry import resource
from tests.unit.provider_fakes import API, NOW, client, landed_as, payloads, pull, rejects, rows

DAY = date(2026, 9, 1)
FITBIT_TCX = resource("fitbit", "exercise_tcx")
POLAR_TRACKS = resource("polar", "exercise_tracks")
TCX = """<?xml version="1.0" encoding="UTF-8"?>
<TrainingCenterDatabase xmlns="http://www.garmin.com/xmlschemas/TrainingCenterDatabase/v2"
  xmlns:ns3="http://www.garmin.com/xmlschemas/ActivityExtension/v2"><Activities><Activity Sport="Running">
 <Id>2026-09-01T08:00:00Z</Id><Lap StartTime="2026-09-01T08:00:00Z"><MaximumHeartRateBpm><Value>171</Value>
 </MaximumHeartRateBpm><Track>
  <Trackpoint><Time>2026-09-01T10:00:00.500+02:00</Time><Position><LatitudeDegrees>52.5</LatitudeDegrees>
   <LongitudeDegrees>13.4</LongitudeDegrees></Position><AltitudeMeters>34.5</AltitudeMeters>
   <DistanceMeters>0</DistanceMeters><HeartRateBpm><Value>0</Value></HeartRateBpm><Extensions><ns3:TPX>
   <ns3:Speed>2.5</ns3:Speed><ns3:RunCadence>84</ns3:RunCadence><ns3:Watts>210</ns3:Watts></ns3:TPX></Extensions>
  </Trackpoint></Track><Track>
  <Trackpoint><Time>2026-09-01T08:00:05Z</Time><HeartRateBpm><Value>121</Value></HeartRateBpm></Trackpoint>
 </Track></Lap></Activity></Activities></TrainingCenterDatabase>"""
GPX = """<gpx version="1.1" xmlns="http://www.topografix.com/GPX/1/1"
 xmlns:gpxtpx="http://www.garmin.com/xmlschemas/TrackPointExtension/v1"><metadata><time>2026-09-01T07:00:00Z</time>
 </metadata><trk><trkseg><trkpt lat="52.5" lon="-0.1"><ele>34</ele><time>2026-09-01T08:00:00Z</time><extensions>
 <gpxtpx:TrackPointExtension><gpxtpx:hr>120</gpxtpx:hr><gpxtpx:cad>80</gpxtpx:cad></gpxtpx:TrackPointExtension>
 </extensions></trkpt></trkseg><trkseg><trkpt lat="52.6" lon="-0.2"/></trkseg></trk></gpx>"""


def answer(body: bytes, status: int = 200) -> Answer:
    return Answer(status, body, {}, NOW, {"path": "/exercises/a/tcx"})


def test_tcx_points_have_our_units_and_the_segment_that_a_pause_begins():
    first, second = tracks.trackpoints(TCX, "tcx")
    assert first == {
        "point_index": 0,
        "segment": 1,
        "sampled_at": datetime(2026, 9, 1, 8, 0, 0, 500_000, tzinfo=UTC),
        "latitude_deg": 52.5,
        "longitude_deg": 13.4,
        "altitude_m": 34.5,
        "distance_m": 0.0,
        "heart_rate_bpm": None,  # 0: the sensor was off
        "speed_mps": 2.5,
        "cadence_rpm": 84.0,
        "power_w": 210.0,
    }
    assert (second["segment"], second["heart_rate_bpm"], "latitude_deg" in second) == (2, 121.0, False)


def test_gpx_may_have_several_segments_and_a_point_without_a_time():
    first, second = tracks.trackpoints(GPX, "gpx")
    assert (first["latitude_deg"], first["longitude_deg"], first["altitude_m"]) == (52.5, -0.1, 34.0)
    assert (first["heart_rate_bpm"], first["cadence_rpm"]) == (120.0, 80.0)
    assert first["sampled_at"] == datetime(2026, 9, 1, 8, tzinfo=UTC), "and not the time of the file"
    assert (second["segment"], second["point_index"], second.get("sampled_at")) == (2, 1, None)


@pytest.mark.parametrize(
    "body", [TCX.encode(), b"\xef\xbb\xbf" + TCX.encode(), gzip.compress(TCX.encode())], ids=["plain", "bom", "gzip"]
)
def test_a_track_is_the_same_gzipped_and_plain(body: bytes):
    assert tracks.text_of(answer(body), "tcx", "polar") == TCX


BOMB = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;">]><TrainingCenterDatabase>&b;</TrainingCenterDatabase>'
FETCH = '<!DOCTYPE x SYSTEM "file:///etc/hostname"><TrainingCenterDatabase/>'


@pytest.mark.parametrize(
    ("body", "reason"),
    [
        (b"<html>maintenance</html>", "root element"),
        (b"", "no element found"),
        (TCX[:-40].encode(), "line 12: unclosed token"),
        (GPX.encode(), "root element"),
        (gzip.compress(TCX.encode())[:-20], "gzip that is cut short"),
        (b"\x1f\x8bnonsense", "damaged gzip"),
        (TCX.encode().replace(b"Running", b"\xff"), "not UTF-8"),
        (BOMB.encode(), "document type"),
        (FETCH.encode(), "document type"),
    ],
)
def test_what_is_no_whole_track_is_a_bad_payload_that_keeps_the_body(body: bytes, reason: str):
    with pytest.raises(BadPayload, match=reason) as refused:
        tracks.text_of(answer(body), "tcx", "polar")
    assert refused.value.body == body


def test_a_small_gzip_that_unpacks_to_gigabytes_is_refused_before_it_does(monkeypatch):
    monkeypatch.setattr(tracks, "MAX_BYTES", 2**20)
    bomb = gzip.compress(b" " * 2**24)
    assert len(bomb) < 2**16
    with pytest.raises(BadPayload, match="more than 1 MiB"):
        tracks.text_of(answer(bomb), "tcx", "polar")


@pytest.mark.parametrize(("old", "new"), [("34.5", "high"), ("34.5", "nan"), ("2026-09-01T08:00:05Z", "noon")])
def test_a_value_that_is_none_is_told_by_its_element_and_not_quoted(old: str, new: str):
    with pytest.raises(BadRecord, match="of a trackpoint is not") as refused:
        tracks.trackpoints(TCX.replace(old, new), "tcx")
    assert new not in str(refused.value)


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet="<>/ab\"'=&;![]?-. \n0é", max_size=60), st.integers(0, len(TCX)))
def test_rubbish_anywhere_in_a_track_is_a_bad_record_or_points_and_never_another_error(rubbish: str, place: int):
    try:
        found = tracks.trackpoints(TCX[:place] + rubbish + TCX[place:], "tcx")
    except BadRecord:
        return
    assert all({"point_index", "segment"} <= set(point) for point in found)


# --- Google: the TCX of an exercise with GPS -------------------------------------------------------------------------

EXPORT = f"{API}/users/me/dataTypes/exercise/dataPoints/66:exportExerciseTcx"


def exercise(**more: object) -> Item:
    interval = {"startTime": "2026-09-01T08:00:00Z", "endTime": "2026-09-01T09:00:00Z"}
    about = {"interval": interval, "exerciseMetadata": {"hasGps": True}, "updateTime": "2026-09-01T09:05:00Z", **more}
    return Item(json.dumps({"name": "users/0/dataTypes/exercise/dataPoints/66", "exercise": about}).encode(), {}, NOW)


def tcx_day(one: Item, landed: list[Item] | None = None) -> DayAnswer:
    days = {("exercise", DAY): [one], ("exercise_tcx", DAY): landed or []}
    found = pull(client("fitbit"), FITBIT_TCX, "2026-09-01", "2026-09-01", landed_as(days))[DAY]
    assert isinstance(found, DayAnswer)
    return found


@responses.activate
def test_a_tcx_is_asked_for_once_and_again_when_google_has_changed_the_exercise():
    responses.get(EXPORT, body=TCX)
    first = tcx_day(exercise())
    assert payloads(first) == [{"exercise_id": "66", "tcx": TCX}]
    assert responses.calls[0].request.params == {"alt": "media"}
    known = [item for item in first.items if isinstance(item, Item)]
    assert tcx_day(exercise(), known) == first
    assert len(responses.calls) == 1
    tcx_day(exercise(updateTime="2026-09-02T07:00:00Z"), known)
    assert len(responses.calls) == 2
    named = [name for name, _ in rows(FITBIT_TCX.parse.records, payloads(first)[0])]
    assert named == ["fitbit_exercise_tcx", "fitbit_exercise_trackpoints", "fitbit_exercise_trackpoints"]


@responses.activate
def test_a_tcx_in_a_json_object_is_the_same_tcx():
    responses.get(EXPORT, json={"tcxData": TCX})
    assert payloads(tcx_day(exercise())) == [{"exercise_id": "66", "tcx": TCX}]


@responses.activate
def test_an_exercise_without_gps_costs_no_call_and_one_without_a_tcx_only_one():
    assert tcx_day(exercise(exerciseMetadata={})) == DayAnswer(DAY, ())
    responses.get(EXPORT, status=404, body="<html>")
    first = tcx_day(exercise())
    assert payloads(first) == [None]
    assert tcx_day(exercise(), [item for item in first.items if isinstance(item, Item)]) == first
    assert len(responses.calls) == 1


@responses.activate
def test_without_the_scope_for_location_the_tracks_are_unknown_and_nothing_fails():
    """An athlete may keep their tracks to themselves; that must not turn every sync into a partly failed one."""
    error = {"code": 403, "status": "PERMISSION_DENIED", "message": "insufficient scopes"}
    responses.get(EXPORT, status=403, json={"error": error})
    landed = landed_as({("exercise", DAY): [exercise()]})
    found = pull(client("fitbit"), FITBIT_TCX, "2026-08-31", "2026-09-01", landed)
    assert isinstance(found[date(2026, 8, 31)], DayAnswer)
    assert isinstance(found[DAY], DayUnknown)
    assert "not granted" in found[DAY].reason


@responses.activate
def test_a_refused_question_for_a_tcx_is_still_a_failure():
    responses.get(EXPORT, status=400, json={"error": {"code": 400, "status": "INVALID_ARGUMENT", "message": "no"}})
    with pytest.raises(Permanent):
        tcx_day(exercise())


# --- Polar: TCX and GPX beside the FIT -------------------------------------------------------------------------------


def polar_exercise(**more: object) -> Item:
    return Item(json.dumps({"id": "a", "has_route": True, **more}).encode(), {}, NOW)


def tracks_day(one: Item, landed: list[Item] | None = None) -> DayAnswer:
    days = {("exercises", DAY): [one], ("exercise_tracks", DAY): landed or []}
    found = pull(client("polar"), POLAR_TRACKS, "2026-09-01", "2026-09-01", landed_as(days))[DAY]
    assert isinstance(found, DayAnswer)
    return found


@responses.activate
def test_both_tracks_of_an_exercise_land_together_and_are_fetched_once():
    responses.get(f"{API}/exercises/a/tcx", body=gzip.compress(TCX.encode()))
    responses.get(f"{API}/exercises/a/gpx", body=GPX)
    first = tracks_day(polar_exercise())
    assert payloads(first) == [{"exercise_id": "a", "tcx": TCX, "gpx": GPX}]
    assert tracks_day(polar_exercise(), [item for item in first.items if isinstance(item, Item)]) == first
    assert len(responses.calls) == 2
    found = rows(POLAR_TRACKS.parse.records, payloads(first)[0])
    points = [row for name, row in found if name == "polar_exercise_trackpoints"]
    assert [(row["format"], row["point_index"]) for row in points] == [("tcx", 0), ("tcx", 1), ("gpx", 0), ("gpx", 1)]
    files = [row for name, row in found if name == "polar_exercise_tracks"]
    assert [(row["format"], row["size_bytes"], row["point_count"]) for row in files] == [
        ("tcx", len(TCX), 2),
        ("gpx", len(GPX), 2),
    ]


@responses.activate
def test_an_exercise_without_a_route_is_not_asked_for_a_gpx():
    responses.get(f"{API}/exercises/a/tcx", status=404)
    assert payloads(tracks_day(polar_exercise(has_route=False))) == [{"exercise_id": "a", "tcx": None, "gpx": None}]
    assert len(responses.calls) == 1


@responses.activate
def test_a_tcx_that_is_a_page_of_html_is_rejected_for_that_exercise_alone():
    responses.get(f"{API}/exercises/a/tcx", body="<html>maintenance</html>")
    answered = tracks_day(polar_exercise())
    assert payloads(answered) == []
    assert "not the TCX promised" in rejects(answered)[0].reason
