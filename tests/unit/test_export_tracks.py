"""GPX and TCX that we write, read again by libraries that others wrote (gpx, tcxreader) and by our own reader."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any
from xml.etree import ElementTree as ET

import gpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tcxreader.tcxreader import TCXReader

from fit_platform.errors import ConfigError
from fit_platform.export.recording import Point, Recording, Source, in_segments, with_heart_rate
from fit_platform.export.tracks import as_gpx, as_tcx
from fit_platform.providers.tracks import trackpoints

TCX = "http://www.garmin.com/xmlschemas/TrainingCenterDatabase/v2"
START = datetime(2026, 9, 1, 8, 0, 0, tzinfo=UTC)
POLAR = Source("polar", "abc", "api", "same", True, START, START + timedelta(hours=1))
STRAVA = Source("strava", "77", "archive", "same", False, START, START + timedelta(hours=1))


def at(seconds: float) -> datetime:
    return START + timedelta(seconds=seconds)


def recording(*points: Point, **facts: Any) -> Recording:
    row = {
        "activity_id": "0123456789abcdef",
        "athlete_id": "ada",
        "started_at": START,
        "local_date": date(2026, 9, 1),
        "sport": "TRAIL_RUNNING",
        "sport_family": "running",
        "title": "Up & <down>\x01 \U0001f3d4",
        "distance_m": 10_012.5,
        "elapsed_seconds": 3_600.25,
        "energy_kcal": 640.4,
        "avg_hr_bpm": 141.6,
        "max_hr_bpm": 172.0,
        **facts,
    }
    return Recording(row, (POLAR, STRAVA), tuple(in_segments(points)), POLAR, STRAVA)


RUN = recording(
    Point(at(0), 52.52, -13.405, 34.5, 0.0, 120.0, 84.0, 2.75, 210.0),
    Point(at(5.5), 52.5201234, -13.4051, 35.0, 12.25, 121.0, 85.0, 2.5),
    Point(at(6), heart_rate_bpm=122.0),
    Point(at(600), 52.53, -13.41),
)


def test_gpx_is_read_back_by_another_library_with_times_places_and_segments():
    assert gpx.validate_text(as_gpx(RUN)).is_valid
    [track] = gpx.from_string(as_gpx(RUN)).trk
    assert track.name == "Up & <down> \U0001f3d4", "what XML cannot hold is left out"
    assert track.type == "TRAIL_RUNNING"
    assert [len(segment.trkpt) for segment in track.trkseg] == [2, 1], "a pause begins a segment; a moment is no place"
    first, second = track.trkseg[0].trkpt
    assert (float(first.lat), float(first.lon), float(first.ele)) == (52.52, -13.405, 34.5)
    assert float(second.lat) == 52.5201234
    assert first.time == START
    assert second.time == at(5.5)


def test_both_files_say_where_each_part_comes_from():
    words = "track: polar abc (api); heart rate: strava 77 (archive)"
    file = gpx.from_string(as_gpx(RUN))
    assert words in file.metadata.desc
    assert words in file.trk[0].src
    assert words in as_tcx(RUN)
    assert "fit_platform activity 0123456789abcdef" in as_tcx(RUN)


def totals(text: str) -> dict[str, float]:
    """The numbers of the one lap. (tcxreader works them out anew from the points.)"""
    [lap] = ET.fromstring(text).iter(f"{{{TCX}}}Lap")
    return {
        child.tag.rpartition("}")[2]: float(child.text) for child in lap if child.tag[-4:] in ("onds", "ters", "ries")
    }


def test_tcx_is_read_back_by_another_library_with_totals_and_every_sensor(tmp_path):
    path = tmp_path / "run.tcx"
    path.write_text(as_tcx(RUN))
    [lap] = (activity := TCXReader().read(str(path), only_gps=False)).laps
    assert activity.activity_type == "Running"
    assert totals(as_tcx(RUN)) == {"TotalTimeSeconds": 3600.25, "DistanceMeters": 10012.5, "Calories": 640}
    first, second, moment, last = lap.trackpoints
    assert (first.latitude, first.longitude, first.elevation, first.distance) == (52.52, -13.405, 34.5, 0)
    assert (first.hr_value, first.tpx_ext["RunCadence"], first.tpx_ext["Watts"]) == (120, 84, 210)
    assert second.tpx_ext["Speed"] == 2.5
    assert moment.hr_value == 122
    assert (last.latitude, last.hr_value) == (52.53, None)


def test_our_own_reader_takes_both_files_for_what_was_written():
    tcx = trackpoints(as_tcx(RUN), "tcx")
    assert [point.get("heart_rate_bpm") for point in tcx] == [120, 121, 122, None]
    assert [point["sampled_at"] for point in tcx] == [point.at for point in RUN.points]
    assert [point["segment"] for point in tcx] == [1, 1, 1, 2]
    first, second, last = trackpoints(as_gpx(RUN), "gpx")
    assert (first["heart_rate_bpm"], first["cadence_rpm"], first["speed_mps"]) == (120, 84, 2.75)
    assert second["latitude_deg"] == 52.5201234
    assert last["segment"] == 2


def test_an_activity_without_a_route_has_no_gpx_and_is_told_of_tcx():
    indoors = recording(Point(at(1), heart_rate_bpm=100.0), sport="ROWING", sport_family="rowing")
    with pytest.raises(ConfigError, match="has no route, which GPX is about; --format tcx"):
        as_gpx(indoors)
    assert 'Sport="Other"' in as_tcx(indoors)


def test_an_activity_without_any_sample_is_a_tcx_lap_with_its_totals():
    text = as_tcx(recording(distance_m=None, energy_kcal=None, avg_hr_bpm=None, max_hr_bpm=None, title=None))
    assert totals(text) == {"TotalTimeSeconds": 3600.25, "DistanceMeters": 0, "Calories": 0}
    assert trackpoints(text, "tcx") == []


def test_heart_rate_of_another_record_counts_only_where_it_is_near_in_time():
    beats = [Point(at(2), heart_rate_bpm=99.0), Point(at(30), heart_rate_bpm=130.0)]
    track = [Point(at(second), 52.0, 13.0) for second in (0, 7, 8, 28, 36)]
    assert [p.heart_rate_bpm for p in with_heart_rate(track, beats)] == [99.0, 99.0, None, 130.0, None]
    assert with_heart_rate(track, []) == track


@given(
    st.lists(
        st.tuples(
            st.integers(0, 86_399_999),
            st.floats(-90, 90).map(lambda v: round(v, 7)),
            st.floats(-180, 180).map(lambda v: round(v, 7)),
            st.none() | st.integers(30, 250),
        ),
        min_size=1,
        max_size=20,
        unique_by=lambda point: point[0],
    )
)
def test_whatever_is_written_comes_back(samples):
    points = [
        Point(START + timedelta(milliseconds=ms), latitude, longitude, heart_rate_bpm=bpm)
        for ms, latitude, longitude, bpm in samples
    ]
    written = recording(*points)
    expected = [(p.at, p.latitude_deg, p.longitude_deg, p.heart_rate_bpm, p.segment) for p in written.points]
    for kind, text in (("tcx", as_tcx(written)), ("gpx", as_gpx(written))):
        read = [
            (p["sampled_at"], p["latitude_deg"], p["longitude_deg"], p.get("heart_rate_bpm"), p["segment"])
            for p in trackpoints(text, kind)
        ]
        assert read == expected, kind
