"""The files of an exercise: FIT with heart rate and distance, gzipped TCX, and GPX with a pause in the middle.

FIT: https://developer.garmin.com/fit/protocol/ (header, one definition per message type, data, CRC).
"""

from __future__ import annotations

import gzip
import struct
from collections.abc import Iterator

from fit_platform.simulator.world import Person
from fit_platform.simulator.world.activity import Record, TrueActivity
from fit_platform.simulator.world.clock import iso_z
from fit_platform.simulator.world.draw import digest

_FIT_EPOCH = 631_065_600  # 1989-12-31
_EVERY_S = 5
_POLAR_ELECTRO = 123
_CRC_TABLE = struct.unpack(
    ">16H",
    bytes.fromhex("0000 CC01 D801 1400 F001 3C00 2800 E401 A001 6C00 7800 B401 5000 9C01 8801 4400"),
)


def fit(person: Person, activity: TrueActivity, record: Record) -> bytes | None:
    """The FIT file; None for the few exercises that have none."""
    if digest(record.provider_activity_id, "file") % 13 == 0:
        return None
    # Local message 0 is file_id (global 0), local message 1 is record (global 20). Fields: number, size, base type.
    data = [_definition(0, 0, ((0, 1, 0x00), (1, 2, 0x84), (3, 4, 0x8C), (4, 4, 0x86)))]
    serial = 1 + digest(person.athlete.athlete_id, "watch") % 2**31
    data.append(struct.pack("<BBHII", 0, 4, _POLAR_ELECTRO, serial, record.started_at - _FIT_EPOCH))
    data.append(_definition(1, 20, ((253, 4, 0x86), (3, 1, 0x02), (5, 4, 0x86))))
    for instant, bpm, distance_m in _points(person, activity, record):
        data.append(struct.pack("<BIBI", 1, instant - _FIT_EPOCH, bpm, round(distance_m * 100)))
    body = b"".join(data)
    header = struct.pack("<BBHI4s", 14, 0x10, 2132, len(body), b".FIT")
    header += struct.pack("<H", _crc(header))
    return header + body + struct.pack("<H", _crc(header + body))


def tcx(person: Person, activity: TrueActivity, record: Record) -> bytes:
    """The TCX, gzipped as Polar sends it."""
    points = "".join(
        f"<Trackpoint><Time>{iso_z(instant)}</Time><DistanceMeters>{distance_m:.1f}</DistanceMeters>"
        f"<HeartRateBpm><Value>{bpm}</Value></HeartRateBpm></Trackpoint>"
        for instant, bpm, distance_m in _points(person, activity, record)
    )
    start = iso_z(record.started_at)
    text = (
        '<?xml version="1.0" encoding="UTF-8"?><TrainingCenterDatabase '
        'xmlns="http://www.garmin.com/xmlschemas/TrainingCenterDatabase/v2"><Activities><Activity Sport="Other">'
        f'<Id>{start}</Id><Lap StartTime="{start}"><TotalTimeSeconds>{record.ended_at - record.started_at}'
        f"</TotalTimeSeconds><Track>{points}</Track></Lap></Activity></Activities></TrainingCenterDatabase>"
    )
    return gzip.compress(text.encode(), mtime=0)


def gpx(person: Person, activity: TrueActivity, record: Record) -> bytes | None:
    """The GPX, in two segments, or with a single point; None without GPS."""
    streams = person.body.streams(activity)
    if streams.latitude_deg is None or streams.longitude_deg is None:
        return None
    part = slice(0, record.ended_at - record.started_at, _EVERY_S)
    way = list(zip(streams.latitude_deg[part].tolist(), streams.longitude_deg[part].tolist(), strict=True))
    if digest(record.provider_activity_id, "gpx") % 7 == 0:
        way = way[:1]  # the watch lost the satellites right away
    middle = (len(way) + 1) // 2
    segments = [part for part in (way[:middle], way[middle:]) if part]
    at = record.started_at
    tracks = ""
    for segment in segments:
        tracks += "<trkseg>"
        for latitude, longitude in segment:
            tracks += f'<trkpt lat="{latitude:.6f}" lon="{longitude:.6f}"><time>{iso_z(at)}</time></trkpt>'
            at += _EVERY_S
        tracks += "</trkseg>"
    return (
        '<?xml version="1.0" encoding="UTF-8"?><gpx version="1.1" creator="Polar" '
        f'xmlns="http://www.topografix.com/GPX/1/1"><trk>{tracks}</trk></gpx>'
    ).encode()


def _points(person: Person, activity: TrueActivity, record: Record) -> Iterator[tuple[int, int, float]]:
    bpm = person.devices.recorded_heart_rate(activity, record)
    distance_m = person.body.streams(activity).distance_m * record.distance_factor
    for second in range(0, min(len(bpm), len(distance_m)), _EVERY_S):
        yield record.started_at + second, int(bpm[second]), float(distance_m[second])


def _definition(local: int, number: int, fields: tuple[tuple[int, int, int], ...]) -> bytes:
    return struct.pack("<BBBHB", 0x40 | local, 0, 0, number, len(fields)) + b"".join(bytes(f) for f in fields)


def _crc(content: bytes) -> int:
    """The CRC of the FIT protocol, nibble by nibble."""
    crc = 0
    for byte in content:
        for nibble in (byte & 0xF, byte >> 4):
            crc = (crc >> 4) ^ _CRC_TABLE[crc & 0xF] ^ _CRC_TABLE[nibble]
    return crc
