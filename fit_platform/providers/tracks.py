"""TCX and GPX, the XML that providers export activities in: the text checked on arrival, later read into trackpoints.

Formats: Garmin's TrainingCenterDatabase v2 with ActivityExtension v2, and GPX 1.1 with TrackPointExtension. Read with
expat, point by point: no tree of a long ride in memory. A document type declaration is refused, which leaves no entity
to expand or to fetch; the size is bounded before anything is read.
"""

from __future__ import annotations

import hashlib
import math
import zlib
from datetime import UTC, datetime
from typing import Any
from xml.parsers import expat

from fit_platform.errors import BadPayload, BadRecord
from fit_platform.providers.http import Answer
from fit_platform.warehouse.schema import Column, Type

MAX_BYTES = 64 * 2**20  # a day-long ride at 1 Hz is 40 MB of TCX
_ROOTS = {"tcx": "TrainingCenterDatabase", "gpx": "gpx"}
_GZIP_MARK = b"\x1f\x8b"
_GZIP = 31  # zlib's window bits for a gzip wrapper

_SEGMENTS = {"Track", "trkseg"}
_POINTS = {"Trackpoint", "trkpt"}
# Elements inside of a point, without their namespaces. `Value` is that of HeartRateBpm, the only one in a point.
_NUMBERS = {
    "LatitudeDegrees": "latitude_deg",
    "LongitudeDegrees": "longitude_deg",
    "lat": "latitude_deg",
    "lon": "longitude_deg",
    "AltitudeMeters": "altitude_m",
    "ele": "altitude_m",
    "DistanceMeters": "distance_m",
    "Value": "heart_rate_bpm",
    "hr": "heart_rate_bpm",
    "Cadence": "cadence_rpm",
    "RunCadence": "cadence_rpm",
    "cad": "cadence_rpm",
    "Speed": "speed_mps",
    "speed": "speed_mps",
    "Watts": "power_w",
    "power": "power_w",
}
_TIMES = {"Time", "time"}

FILE_COLUMNS = (
    Column("size_bytes", Type.INT, "Size of the file, unpacked.", nullable=False),
    Column("sha256", Type.STRING, "Checksum of the file, unpacked; hexadecimal.", nullable=False),
    Column("point_count", Type.INT, "How many trackpoints it has.", nullable=False),
)
POINT_COLUMNS = (
    Column("point_index", Type.INT, "Position in the file, from 0.", nullable=False),
    Column("segment", Type.INT, "Track segment, from 1: a pause lies between two.", nullable=False),
    Column("sampled_at", Type.TIMESTAMP, "Instant; null where the point has none."),
    Column("latitude_deg", Type.FLOAT, "Latitude, WGS 84."),
    Column("longitude_deg", Type.FLOAT, "Longitude, WGS 84."),
    Column("altitude_m", Type.FLOAT, "Altitude."),
    Column("distance_m", Type.FLOAT, "Distance since the start."),
    Column("heart_rate_bpm", Type.FLOAT, "Heart rate; null where the file has 0."),
    Column("cadence_rpm", Type.FLOAT, "Cadence as given; of one leg for runs."),
    Column("speed_mps", Type.FLOAT, "Speed."),
    Column("power_w", Type.FLOAT, "Power."),
)


def text_of(answer: Answer, kind: str, provider: str) -> str | None:
    """The text of a track answer, gzipped or plain; None for 204. BadPayload unless it is a whole `tcx` or `gpx`."""
    if answer.is_empty:
        return None
    try:
        text = _unpacked(answer.body).decode("utf-8-sig")
        _parse(text, kind)
    except (BadRecord, UnicodeDecodeError) as error:
        reason = str(error) if isinstance(error, BadRecord) else f"not UTF-8 at byte {error.start}"
        what = f"GET {answer.request.get('path')}"
        raise BadPayload(
            provider, what, f"not the {kind.upper()} promised: {reason}", answer.status, body=answer.body
        ) from None
    return text


def file_facts(text: str, points: int) -> dict[str, Any]:
    """The values of `FILE_COLUMNS`."""
    content = text.encode()
    return {"size_bytes": len(content), "sha256": hashlib.sha256(content).hexdigest(), "point_count": points}


def trackpoints(text: str, kind: str) -> list[dict[str, Any]]:
    """The values of `POINT_COLUMNS` for each trackpoint, in file order. BadRecord names the element that is wrong."""
    points = _Points()
    _parse(text, kind, points)
    return points.found


def _unpacked(body: bytes) -> bytes:
    if not body.startswith(_GZIP_MARK):
        content, is_whole = body, True
    else:
        unzip = zlib.decompressobj(_GZIP)
        try:
            content = unzip.decompress(body, MAX_BYTES + 1)
        except zlib.error:
            raise BadRecord("damaged gzip") from None
        is_whole = unzip.eof
    if len(content) > MAX_BYTES:
        raise BadRecord(f"more than {MAX_BYTES // 2**20} MiB")
    if not is_whole:
        raise BadRecord("gzip that is cut short")
    return content


class _Points:
    """Collects trackpoints as expat meets them."""

    def __init__(self) -> None:
        self.found: list[dict[str, Any]] = []
        self._segment = 0
        self._point: dict[str, Any] | None = None
        self._text = ""

    def start(self, name: str, attributes: dict[str, str]) -> None:
        self._text = ""
        local = _local(name)
        if local in _SEGMENTS:
            self._segment += 1
        elif local in _POINTS:
            self._point = {"point_index": len(self.found), "segment": max(1, self._segment)}
            for key, value in attributes.items():  # GPX has the position here
                self._set(key, value)

    def text(self, text: str) -> None:
        self._text += text

    def end(self, name: str) -> None:
        local = _local(name)
        if self._point is None:
            return
        if local in _POINTS:
            self.found.append(self._point)
            self._point = None
        else:
            self._set(local, self._text.strip())

    def _set(self, name: str, text: str) -> None:
        assert self._point is not None
        if name in _TIMES:
            self._point["sampled_at"] = _instant(text, name)
        elif name in _NUMBERS:
            value = _number(text, name)
            column = _NUMBERS[name]
            self._point[column] = value if column != "heart_rate_bpm" else value or None


def _parse(text: str, kind: str, points: _Points | None = None) -> None:
    """Read a whole document of this kind. BadRecord: it is none, is cut short, or declares entities."""
    parser = expat.ParserCreate("UTF-8")
    roots: list[str] = []

    def start(name: str, attributes: dict[str, str]) -> None:
        if not roots:
            roots.append(_local(name))
            if roots != [_ROOTS[kind]]:
                raise BadRecord(f"the root element is not `{_ROOTS[kind]}`")
        if points is not None:
            points.start(name, attributes)

    def no_doctype(*_: object) -> None:
        raise BadRecord("a document type declaration")

    parser.StartElementHandler = start
    parser.StartDoctypeDeclHandler = no_doctype
    if points is not None:
        parser.CharacterDataHandler = points.text
        parser.EndElementHandler = points.end
    try:
        parser.Parse(text.encode(), True)
    except expat.ExpatError as error:
        raise BadRecord(f"line {error.lineno}: {expat.ErrorString(error.code)}") from None


def _local(name: str) -> str:
    return name.rpartition(":")[2]


def _number(text: str, name: str) -> float | None:
    if not text:
        return None
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        raise BadRecord(f"`{name}` of a trackpoint is not a number")
    return value


def _instant(text: str, name: str) -> datetime | None:
    if not text:
        return None
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        raise BadRecord(f"`{name}` of a trackpoint is not an ISO 8601 time") from None
    return moment.replace(tzinfo=UTC) if moment.tzinfo is None else moment.astimezone(UTC)
