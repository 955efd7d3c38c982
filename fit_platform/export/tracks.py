"""A recording as GPX 1.1 or TCX (TrainingCenterDatabase v2), with its provenance in the file.

GPX needs a place for every point, so points without one are left out, and an activity without a route has no GPX. TCX
takes moments as well; an activity without any samples becomes a lap with its totals.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import groupby
from xml.etree import ElementTree as ET

from gpxpy import gpx

from fit_platform.errors import ConfigError
from fit_platform.export.recording import Point, Recording

CREATOR = "fit_platform"
_TPX = "http://www.garmin.com/xmlschemas/TrackPointExtension/v2"
_TCX = "http://www.garmin.com/xmlschemas/TrainingCenterDatabase/v2"
_AX = "http://www.garmin.com/xmlschemas/ActivityExtension/v2"
_TCX_SPORTS = {"running": "Running", "cycling": "Biking"}  # the format knows these two and Other
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")  # XML 1.0, 2.2
_MAX_CADENCE = 254  # both schemas


def as_gpx(recording: Recording) -> str:
    """GPX 1.1 with Garmin's TrackPointExtension v2; ConfigError where there is no route."""
    if not recording.has_route:
        raise ConfigError(
            f"activity {recording.facts['activity_id']} has no route, which GPX is about; --format tcx takes its heart "
            "rate and totals"
        )
    file = gpx.GPX()
    file.creator = CREATOR
    file.nsmap["gpxtpx"] = _TPX
    file.name = _title(recording)
    file.description = recording.provenance
    file.time = _start(recording)
    track = gpx.GPXTrack(name=_title(recording))
    track.source = recording.provenance
    track.type = clean(recording.facts["sport"])  # type: ignore[assignment]  # its stubs say None
    file.tracks.append(track)
    for points in _segments(point for point in recording.points if point.has_position):
        segment = gpx.GPXTrackSegment()
        track.segments.append(segment)
        for point in points:
            written = gpx.GPXTrackPoint(
                point.latitude_deg, point.longitude_deg, elevation=point.altitude_m, time=point.at.astimezone(UTC)
            )
            extension = _gpx_extension(point)
            if extension is not None:
                written.extensions.append(extension)
            segment.points.append(written)
    text: str = file.to_xml(version="1.1")
    return text


def _gpx_extension(point: Point) -> ET.Element | None:
    """Heart rate, cadence and speed, in the order of the schema."""
    extension = ET.Element(f"{{{_TPX}}}TrackPointExtension")
    values = {"hr": _whole(point.heart_rate_bpm), "cad": _cadence(point), "speed": _number(point.speed_mps)}
    for name, text in values.items():
        if text is not None:
            ET.SubElement(extension, f"{{{_TPX}}}{name}").text = text
    return extension if len(extension) else None


def as_tcx(recording: Recording) -> str:
    """TCX: one activity, one lap with the activity's totals, a track for each segment."""
    facts = recording.facts
    root = ET.Element("TrainingCenterDatabase", {"xmlns": _TCX, "xmlns:ax": _AX})
    activity = ET.SubElement(
        ET.SubElement(root, "Activities"), "Activity", Sport=_TCX_SPORTS.get(facts["sport_family"], "Other")
    )
    start = _instant(_start(recording))
    _child(activity, "Id", start)
    lap = ET.SubElement(activity, "Lap", StartTime=start)
    _child(lap, "TotalTimeSeconds", _number(facts["elapsed_seconds"]) or "0")
    _child(lap, "DistanceMeters", _number(facts["distance_m"]) or "0")
    _child(lap, "Calories", _whole(facts["energy_kcal"]) or "0")
    for name, column in (("AverageHeartRateBpm", "avg_hr_bpm"), ("MaximumHeartRateBpm", "max_hr_bpm")):
        _heart_rate(lap, name, facts[column])
    _child(lap, "Intensity", "Active")
    _child(lap, "TriggerMethod", "Manual")
    for points in _segments(recording.points):
        track = ET.SubElement(lap, "Track")
        for point in points:
            _trackpoint(track, point, is_run=facts["sport_family"] == "running")
    _child(activity, "Notes", f"{_title(recording)}. {recording.provenance}")
    ET.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ET.tostring(root, encoding="unicode") + "\n"


def _trackpoint(track: ET.Element, point: Point, *, is_run: bool) -> None:
    """One point, its parts in the order of the schema."""
    element = ET.SubElement(track, "Trackpoint")
    _child(element, "Time", _instant(point.at))
    if point.has_position:
        position = ET.SubElement(element, "Position")
        _child(position, "LatitudeDegrees", _number(point.latitude_deg, 7))
        _child(position, "LongitudeDegrees", _number(point.longitude_deg, 7))
    _child(element, "AltitudeMeters", _number(point.altitude_m))
    _child(element, "DistanceMeters", _number(point.distance_m))
    _heart_rate(element, "HeartRateBpm", point.heart_rate_bpm)
    cadence = _cadence(point)
    if not is_run:
        _child(element, "Cadence", cadence)
    more = {
        "Speed": _number(point.speed_mps),
        "RunCadence": cadence if is_run else None,
        "Watts": _whole(point.power_w),
    }
    if any(more.values()):
        extension = ET.SubElement(ET.SubElement(element, "Extensions"), "ax:TPX")
        for name, text in more.items():
            if text is not None:
                ET.SubElement(extension, f"ax:{name}").text = text


def _segments(points: Iterable[Point]) -> list[list[Point]]:
    return [list(group) for _, group in groupby(points, key=lambda point: point.segment)]


def _title(recording: Recording) -> str:
    facts = recording.facts
    return clean(facts["title"] or facts["sport"] or facts["sport_family"])


def _start(recording: Recording) -> datetime:
    started: datetime = recording.facts["started_at"]
    return started.astimezone(UTC)


def clean(text: object) -> str:
    """Text without what XML 1.0 cannot hold."""
    return _NOT_XML.sub("", str(text or ""))


def _child(parent: ET.Element, name: str, text: str | None) -> None:
    if text is not None:
        ET.SubElement(parent, name).text = clean(text)


def _heart_rate(parent: ET.Element, name: str, bpm: float | None) -> None:
    if bpm is not None:
        _child(ET.SubElement(parent, name), "Value", _whole(bpm))


def _instant(at: datetime) -> str:
    return at.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _number(value: float | None, digits: int = 3) -> str | None:
    return None if value is None else f"{round(value, digits):.{digits}f}".rstrip("0").rstrip(".")


def _whole(value: float | None) -> str | None:
    return None if value is None else str(max(0, round(value)))


def _cadence(point: Point) -> str | None:
    value = point.cadence_rpm
    return _whole(value) if value is not None and 0 <= value <= _MAX_CADENCE else None
