"""Polar's daily results turned into rows: recharge, cardio load, physical info, SleepWise, temperatures, blood oxygen.

Field names, units and no-data values: Polar AccessLink v3 docs. Times of SleepWise and biosensing are UTC without a
zone. Both spellings of a field are read, as everywhere with Polar.
"""

from __future__ import annotations

from datetime import UTC, date, datetime
from typing import Any

from fit_platform.errors import BadRecord
from fit_platform.providers import fields
from fit_platform.providers.base import RecordContext, Rows
from fit_platform.providers.fields import Json
from fit_platform.providers.polar import tables

_NOT_AVAILABLE = "LOAD_STATUS_NOT_AVAILABLE"
# The spec's example of a test time counts seconds since 1970, which nobody has seen live: milliseconds are read, too.
_FIRST_MILLISECONDS = 100_000_000_000


def dated_day(payload: Any) -> date:
    """The date Polar gives a result."""
    return _required_day(payload, "date")


def night_date(payload: Any) -> date:
    """The date of a night's skin temperature."""
    return _required_day(payload, "sleep_date")


def period_day(payload: Any) -> date:
    """UTC day on which a SleepWise period begins."""
    return _required_instant(fields.an_object(payload), "period_start_time").date()


def measurement_day(payload: Any) -> date:
    """UTC day on which a measurement period begins."""
    return _required_instant(fields.an_object(payload), "start_time").date()


def spo2_day(payload: Any) -> date:
    """UTC day of a blood oxygen test."""
    return _tested_at(fields.an_object(payload)).date()


def parse_recharge(payload: Any, context: RecordContext) -> Rows:
    """One night's recharge. Zeros and a missing status mean: not computed."""
    recharge = fields.an_object(payload)
    yield (
        tables.NIGHTLY_RECHARGE.name,
        {
            "local_date": dated_day(recharge),
            "avg_hr_bpm": fields.number(recharge, "heart_rate_avg") or None,
            "beat_to_beat_ms": fields.number(recharge, "beat_to_beat_avg") or None,
            "hrv_rmssd_ms": fields.number(recharge, "heart_rate_variability_avg") or None,
            "breathing_rate_per_minute": fields.number(recharge, "breathing_rate_avg") or None,
            "recharge_status": fields.whole(recharge, "nightly_recharge_status") or None,
            "ans_charge": fields.number(recharge, "ans_charge"),  # 0 is a value here: as usual
            "ans_charge_status": fields.whole(recharge, "ans_charge_status") or None,
        },
    )


def parse_cardio_load(payload: Any, context: RecordContext) -> Rows:
    """One day's cardio load. Polar has an object for every day, also where it could not compute anything."""
    load = fields.an_object(payload)
    status = fields.text(load, "cardio_load_status")
    levels = fields.child(load, "cardio_load_level")
    yield (
        tables.CARDIO_LOAD.name,
        {
            "local_date": dated_day(load),
            "status": None if status == _NOT_AVAILABLE else status,
            **{key: _available(load, key) for key in ("cardio_load", "strain", "tolerance", "cardio_load_ratio")},
            **{f"level_{key}": _available(levels, key) for key in ("very_low", "low", "medium", "high", "very_high")},
        },
    )


def parse_physical_info(payload: Any, context: RecordContext) -> Rows:
    """The body as Polar knows it now."""
    info = fields.an_object(payload)
    sex = (fields.text(info, "gender") or "").lower()
    yield (
        tables.PHYSICAL_INFO.name,
        {
            "modified_at": fields.instant(info, "modified"),
            "sex": sex if sex in ("male", "female") else None,
            "birth_date": fields.day(info, "birthday"),
            "weight_kg": fields.number(info, "weight") or None,
            "weight_source": fields.text(info, "weight_source"),
            "height_cm": fields.number(info, "height") or None,
            "max_hr_bpm": fields.number(info, "maximum_heart_rate") or None,
            "resting_hr_bpm": fields.number(info, "resting_heart_rate") or None,
            "aerobic_threshold_bpm": fields.number(info, "aerobic_threshold") or None,
            "anaerobic_threshold_bpm": fields.number(info, "anaerobic_threshold") or None,
            "vo2_max": fields.number(info, "vo2_max") or None,
            "training_background": fields.text(info, "training_background"),
            "typical_day": fields.text(info, "typical_day"),
            "sleep_goal_seconds": fields.iso_seconds(info, "sleep_goal"),
        },
    )


def parse_alertness(payload: Any, context: RecordContext) -> Rows:
    """One alertness period with its hours."""
    period = fields.an_object(payload)
    started_at = _required_instant(period, "period_start_time")
    validity = fields.text(period, "validity")
    rows: list[tuple[str, dict[str, Any]]] = [
        (
            tables.ALERTNESS.name,
            {
                "period_started_at": started_at,
                "period_ended_at": fields.instant(period, "period_end_time"),
                "sleep_started_at": fields.instant(period, "sleep_period_start_time"),
                "sleep_ended_at": fields.instant(period, "sleep_period_end_time"),
                "utc_offset_seconds": _offset_seconds(period, "sleep_timezone_offset_minutes"),
                "grade": None if validity == "VALIDITY_NOT_VALID" else _available(period, "grade"),
                "validity": validity,
                **{
                    key: fields.text(period, key)
                    for key in ("grade_type", "grade_classification", "sleep_inertia", "sleep_type", "result_type")
                },
            },
        )
    ]
    rows += [
        (
            tables.ALERTNESS_HOURS.name,
            {
                "period_started_at": started_at,
                "started_at": _required_instant(hour, "start_time"),
                "ended_at": fields.instant(hour, "end_time"),
                "alertness_level": fields.text(hour, "alertness_level"),
                "validity": fields.text(hour, "validity"),
            },
        )
        for hour in fields.children(period, "hourly_data")
    ]
    yield from rows


def parse_bedtime(payload: Any, context: RecordContext) -> Rows:
    """One circadian bedtime."""
    bedtime = fields.an_object(payload)
    yield (
        tables.CIRCADIAN_BEDTIME.name,
        {
            "period_started_at": _required_instant(bedtime, "period_start_time"),
            "period_ended_at": fields.instant(bedtime, "period_end_time"),
            "preferred_sleep_started_at": fields.instant(bedtime, "preferred_sleep_period_start_time"),
            "preferred_sleep_ended_at": fields.instant(bedtime, "preferred_sleep_period_end_time"),
            "sleep_gate_started_at": fields.instant(bedtime, "sleep_gate_start_time"),
            "sleep_gate_ended_at": fields.instant(bedtime, "sleep_gate_end_time"),
            "utc_offset_seconds": _offset_seconds(bedtime, "sleep_timezone_offset_minutes"),
            **{key: fields.text(bedtime, key) for key in ("validity", "quality", "result_type")},
        },
    )


def parse_body_temperature(payload: Any, context: RecordContext) -> Rows:
    """One measurement period, sample by sample."""
    period = fields.an_object(payload)
    started_at = _required_instant(period, "start_time")
    shared = {
        "device_id": fields.text(period, "source_device_id") or "",
        "period_started_at": started_at,
        "measurement_type": fields.text(period, "measurement_type"),
        "sensor_location": fields.text(period, "sensor_location"),
    }
    rows = []
    for sample in fields.children(period, "samples"):
        delta_ms = fields.required(
            fields.number(sample, "recording_time_delta_milliseconds"), "recording_time_delta_milliseconds"
        )
        row = {
            "sampled_at": fields.shifted(started_at, delta_ms / 1000),
            "temperature_c": fields.number(sample, "temperature_celsius"),
        }
        rows.append((tables.BODY_TEMPERATURE.name, shared | row))
    yield from rows


def parse_skin_temperature(payload: Any, context: RecordContext) -> Rows:
    """One night's skin temperature."""
    night = fields.an_object(payload)
    yield (
        tables.SKIN_TEMPERATURE.name,
        {
            "local_date": night_date(night),
            "temperature_c": fields.number(night, "sleep_time_skin_temperature_celsius"),
            "deviation_c": fields.number(night, "deviation_from_baseline_celsius"),
        },
    )


def parse_spo2(payload: Any, context: RecordContext) -> Rows:
    """One blood oxygen test."""
    test = fields.an_object(payload)
    yield (
        tables.SPO2.name,
        {
            "tested_at": _tested_at(test),
            "utc_offset_seconds": _offset_seconds(test, "time_zone_offset"),
            "device_id": fields.text(test, "source_device_id"),
            "status": fields.text(test, "test_status"),
            "blood_oxygen_percent": fields.number(test, "blood_oxygen_percent") or None,
            "spo2_class": fields.text(test, "spo2_class"),
            "deviation": fields.text(test, "spo2_value_deviation_from_baseline"),
            "quality_percent": fields.number(test, "spo2_quality_average_percent"),
            "avg_hr_bpm": fields.number(test, "average_heart_rate_bpm") or None,
            "hrv_ms": fields.number(test, "heart_rate_variability_ms") or None,
            "hrv_deviation": fields.text(test, "spo2_hrv_deviation_from_baseline"),
            "altitude_m": fields.number(test, "altitude_meters"),
        },
    )


def _required_day(payload: Any, key: str) -> date:
    day: date = fields.required(fields.day(fields.an_object(payload), key), key)
    return day


def _required_instant(obj: Json, key: str) -> datetime:
    instant: datetime = fields.required(fields.instant(obj, key), key)
    return instant


def _available(obj: Json, key: str) -> float | None:
    """A value that is never negative: -1.0 means not available."""
    value = fields.number(obj, key)
    return None if value is None or value < 0 else value


def _offset_seconds(obj: Json, key: str) -> int | None:
    minutes = fields.whole(obj, key)
    return None if minutes is None else 60 * minutes


def _tested_at(test: Json) -> datetime:
    """Seconds or milliseconds since 1970, or ISO 8601."""
    value = fields.required(fields.found(test, "test_time"), "test_time")
    if isinstance(value, str) and not value.isdigit():
        return _required_instant(test, "test_time")
    epoch = fields.required(fields.number(test, "test_time"), "test_time")
    seconds = epoch / 1000 if epoch >= _FIRST_MILLISECONDS else epoch
    try:
        return datetime.fromtimestamp(seconds, UTC)
    except (OverflowError, ValueError, OSError):
        raise BadRecord("`test_time` is outside of the calendar") from None
