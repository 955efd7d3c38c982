"""One activity: its facts, its course second by second, its laps, and why its records were merged."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import numpy as np
import pyarrow as pa

from fit_platform.dashboard.scope import Scope
from fit_platform.dashboard.tables import plain_row, wall_ms

_POINTS = 1200  # as many as a wide screen has pixels
_ROUTE_POINTS = 1000
_VALUES = ("heart_rate_bpm", "speed_mps", "altitude_m", "distance_m", "cadence_rpm", "power_w")
_SHOWN = ("speed_mps", "altitude_m", "cadence_rpm", "power_w")
_NEARBY = timedelta(days=1)  # records of other activities that could be meant by "these are the same"


class UnknownActivity(LookupError):
    """This athlete has no such activity."""


def activity(scope: Scope, activity_id: str) -> dict[str, Any]:
    """Everything of the page but what a person decided lately."""
    found = scope.rows(f"SELECT * FROM {scope.mart('activities')} AS a WHERE activity_id = ?", [activity_id])
    if not found:
        raise UnknownActivity
    facts = found[0]
    sources = scope.rows(
        f"""SELECT * FROM {scope.mart("activity_sources")} AS s WHERE activity_id = ?
        ORDER BY is_primary DESC, provider, started_at""",
        [activity_id],
    )
    hearts = _of_activity(scope, "activity_heart_rate", activity_id)
    tracks = _tracks(scope, facts, sources)
    return {
        "activity": {
            **plain_row(facts),
            "wall_ms": wall_ms(facts["started_at"], facts["utc_offset_seconds"]),
        },
        "heart_rate": hearts[0] if hearts else None,
        "zones": _of_activity(scope, "activity_zones", activity_id, "scheme, zone"),
        "efforts": _of_activity(scope, "best_efforts", activity_id, "metric, window_seconds"),
        "laps": _of_activity(scope, "activity_laps", activity_id, "provider, is_split, lap_number"),
        "trace": _trace(scope, facts, sources, tracks),
        "route": _route(facts, sources, tracks),
        "sources": [
            {**plain_row(row), "wall_ms": wall_ms(row["started_at"], facts["utc_offset_seconds"])} for row in sources
        ],
        "pairs": [plain_row(row) for row in _pairs(scope, activity_id)],
    }


def _of_activity(scope: Scope, mart: str, activity_id: str, order: str = "activity_id") -> list[dict[str, Any]]:
    sql = f"SELECT * FROM {scope.mart(mart)} AS m WHERE activity_id = ? ORDER BY {order}"
    return [plain_row(row) for row in scope.rows(sql, [activity_id])]


def _pairs(scope: Scope, activity_id: str) -> list[dict[str, Any]]:
    """Compared pairs with at least one record of this activity, the merged ones first."""
    return scope.rows(
        f"""SELECT * FROM {scope.mart("activity_match_pairs")} AS p WHERE activity_id = ? OR other_activity_id = ?
        ORDER BY CASE WHEN activity_id = other_activity_id THEN 0 ELSE 1 END, match_score DESC,
            provider, provider_activity_id, other_provider, other_provider_activity_id""",
        [activity_id, activity_id],
    )


def _tracks(scope: Scope, facts: dict[str, Any], sources: list[dict[str, Any]]) -> dict[tuple[str, str], pa.Table]:
    """The course of each record of the activity, by (provider, id there)."""
    if not sources:
        return {}
    first = min(row["started_at"] for row in sources).date() - _NEARBY
    last = max(row["ended_at"] for row in sources).date() + _NEARBY
    marks = ", ".join("?" for _ in sources)
    samples = scope.query(
        f"""SELECT provider, provider_activity_id, sampled_at, {", ".join(_VALUES)}, latitude_deg, longitude_deg
        FROM {scope.detail("activity_tracks", first, last)} AS t WHERE provider_activity_id IN ({marks})
        ORDER BY sampled_at""",
        [row["provider_activity_id"] for row in sources],
    )
    providers = np.array(samples.column("provider").to_pylist(), dtype=object)
    ids = np.array(samples.column("provider_activity_id").to_pylist(), dtype=object)
    found = {}
    for row in sources:
        is_its = (providers == row["provider"]) & (ids == row["provider_activity_id"])
        if is_its.any():
            found[row["provider"], row["provider_activity_id"]] = samples.filter(pa.array(is_its))
    return found


def _elapsed(samples: pa.Table, facts: dict[str, Any]) -> np.ndarray:
    """Seconds since the activity's start, of each row."""
    instants = samples.column("sampled_at").cast(pa.timestamp("us", tz="UTC")).cast(pa.int64()).to_numpy()
    return np.asarray(instants / 1e6 - facts["started_at"].timestamp())


def _values(samples: pa.Table, name: str) -> np.ndarray:
    return np.asarray(samples.column(name).cast(pa.float64()).to_numpy(zero_copy_only=False))


def _best(
    tracks: dict[tuple[str, str], pa.Table], sources: list[dict[str, Any]], name: str, preferred: str | None
) -> pa.Table | None:
    """The record with this value: the preferred provider's, wholes before parts, the one with most samples."""
    ranked = []
    for row in sources:
        track = tracks.get((row["provider"], row["provider_activity_id"]))
        if track is None or row["relation"] == "shifted_copy":
            continue
        known = track.num_rows - track.column(name).null_count
        if known:
            rank = (row["provider"] == preferred, row["relation"] == "same", known, row["provider_activity_id"])
            ranked.append((rank, track))
    return max(ranked, key=lambda entry: entry[0])[1] if ranked else None


def _trace(
    scope: Scope, facts: dict[str, Any], sources: list[dict[str, Any]], tracks: dict[tuple[str, str], pa.Table]
) -> dict[str, Any]:
    """Values over the elapsed seconds, averaged so that there are at most `_POINTS`."""
    seconds = max(1.0, (facts["ended_at"] - facts["started_at"]).total_seconds())
    step = max(1, int(np.ceil(seconds / _POINTS)))
    count = int(seconds // step) + 1
    answer: dict[str, Any] = {"step_seconds": step, "elapsed_seconds": [n * step for n in range(count)]}
    hearts = _hearts(scope, facts, sources, tracks)
    answer["heart_rate_bpm"] = _averaged(*hearts, step, count) if hearts is not None else None
    for name in _SHOWN:
        preferred = facts["source_of_distance"] if name == "speed_mps" else None
        track = _best(tracks, sources, name, preferred)
        answer[name] = _averaged(_elapsed(track, facts), _values(track, name), step, count) if track else None
    return answer


def _hearts(
    scope: Scope, facts: dict[str, Any], sources: list[dict[str, Any]], tracks: dict[tuple[str, str], pa.Table]
) -> tuple[np.ndarray, np.ndarray] | None:
    """Heart rate as (elapsed seconds, bpm): the recording's, or the band's feed at that time."""
    provider = facts["source_of_heart_rate"]
    if provider is None:
        return None
    if provider != "fitbit":
        track = _best(tracks, sources, "heart_rate_bpm", provider)
        if track is not None:
            bpm = _values(track, "heart_rate_bpm")
            valid = (bpm >= 30) & (bpm <= 250)
            return _elapsed(track, facts)[valid], bpm[valid]
    begin, end = facts["started_at"].timestamp(), facts["ended_at"].timestamp()
    days = facts["started_at"].date() - _NEARBY, facts["ended_at"].date() + _NEARBY
    samples = scope.query(
        f"""SELECT sampled_second, bpm FROM {scope.detail("heart_rate_samples", *days)} AS s
        WHERE provider = ? AND sampled_second >= ? AND sampled_second <= ? ORDER BY sampled_second""",
        [provider, int(begin), int(end)],
    )
    if not samples.num_rows:
        return None
    return samples.column("sampled_second").to_numpy() - begin, _values(samples, "bpm")


def _averaged(elapsed: np.ndarray, values: np.ndarray, step: int, count: int) -> list[float | None]:
    """Means of the values in each step; None where there are none."""
    places = np.floor(elapsed / step).astype(np.int64)
    known = ~np.isnan(values) & (places >= 0) & (places < count)
    sums = np.bincount(places[known], weights=values[known], minlength=count)
    numbers = np.bincount(places[known], minlength=count)
    return [round(float(part) / int(number), 2) if number else None for part, number in zip(sums, numbers, strict=True)]


def _route(
    facts: dict[str, Any], sources: list[dict[str, Any]], tracks: dict[tuple[str, str], pa.Table]
) -> dict[str, Any] | None:
    """Positions of the best record, thinned."""
    track = _best(tracks, sources, "latitude_deg", facts["source_of_distance"])
    if track is None:
        return None
    latitudes, longitudes = _values(track, "latitude_deg"), _values(track, "longitude_deg")
    known = ~np.isnan(latitudes) & ~np.isnan(longitudes)
    stride = max(1, int(np.ceil(known.sum() / _ROUTE_POINTS)))
    elapsed = _elapsed(track, facts)[known][::stride]
    return {
        "latitude_deg": [round(float(value), 5) for value in latitudes[known][::stride]],
        "longitude_deg": [round(float(value), 5) for value in longitudes[known][::stride]],
        "elapsed_seconds": [round(float(value)) for value in elapsed],
    }
