"""Daily values, roll-ups, weighings and snapshots of the account turned into rows, record by record.

Source: Google Health API reference and its discovery document. The JSON rules are those of records.py.
"""

from __future__ import annotations

from typing import Any

from fit_platform.providers import fields
from fit_platform.providers.base import RecordContext, Rows
from fit_platform.providers.fields import Json
from fit_platform.providers.fitbit import tables
from fit_platform.providers.fitbit.points import (
    daily_date,
    date_of,
    metres,
    offset_of,
    part_of,
    point_id,
    rolled_up_date,
    sample_time,
    source_of,
)

_GRAMS_PER_KG = 1000.0


def parse_daily_heart_rate_variability(payload: Any, context: RecordContext) -> Rows:
    """Heart-rate variability of a day; at least one of the values is there, which one varies."""
    daily = part_of(payload, "dailyHeartRateVariability")
    deep = "deepSleepRootMeanSquareOfSuccessiveDifferencesMilliseconds"
    yield (
        tables.DAILY_HEART_RATE_VARIABILITY.name,
        {
            "local_date": daily_date(payload, "dailyHeartRateVariability"),
            "rmssd_ms": fields.number(daily, "averageHeartRateVariabilityMilliseconds"),
            "deep_sleep_rmssd_ms": fields.number(daily, deep),
            "non_rem_bpm": fields.number(daily, "nonRemHeartRateBeatsPerMinute"),
            "entropy": fields.number(daily, "entropy"),
            **source_of(payload),
        },
    )


def parse_daily_oxygen_saturation(payload: Any, context: RecordContext) -> Rows:
    """Oxygen saturation of a day."""
    daily = part_of(payload, "dailyOxygenSaturation")
    yield (
        tables.DAILY_OXYGEN_SATURATION.name,
        {
            "local_date": daily_date(payload, "dailyOxygenSaturation"),
            "average_percent": fields.required(fields.number(daily, "averagePercentage"), "averagePercentage"),
            "lower_bound_percent": fields.number(daily, "lowerBoundPercentage"),
            "upper_bound_percent": fields.number(daily, "upperBoundPercentage"),
            "deviation_percent": fields.number(daily, "standardDeviationPercentage"),
            **source_of(payload),
        },
    )


def parse_daily_respiratory_rate(payload: Any, context: RecordContext) -> Rows:
    """Breathing rate of a day."""
    daily = part_of(payload, "dailyRespiratoryRate")
    yield (
        tables.DAILY_RESPIRATORY_RATE.name,
        {
            "local_date": daily_date(payload, "dailyRespiratoryRate"),
            "breaths_per_minute": fields.required(fields.number(daily, "breathsPerMinute"), "breathsPerMinute"),
            **source_of(payload),
        },
    )


def parse_daily_heart_rate_zones(payload: Any, context: RecordContext) -> Rows:
    """The zones of a day, a row each."""
    daily = part_of(payload, "dailyHeartRateZones")
    for zone in fields.children(daily, "heartRateZones"):
        yield (
            tables.DAILY_HEART_RATE_ZONES.name,
            {
                "local_date": daily_date(payload, "dailyHeartRateZones"),
                "zone": fields.required(fields.text(zone, "heartRateZoneType"), "heartRateZoneType"),
                "min_bpm": fields.whole(zone, "minBeatsPerMinute") or 0,
                "max_bpm": fields.required(fields.whole(zone, "maxBeatsPerMinute"), "maxBeatsPerMinute"),
                **source_of(payload),
            },
        )


def parse_daily_vo2_max(payload: Any, context: RecordContext) -> Rows:
    """Cardio fitness of a day."""
    daily = part_of(payload, "dailyVo2Max")
    yield (
        tables.DAILY_VO2_MAX.name,
        {
            "local_date": daily_date(payload, "dailyVo2Max"),
            "vo2_max_ml_per_kg_min": fields.required(fields.number(daily, "vo2Max"), "vo2Max"),
            "cardio_fitness_level": fields.text(daily, "cardioFitnessLevel"),
            "is_estimated": fields.flag(daily, "estimated") or False,
            **source_of(payload),
        },
    )


def parse_floors(payload: Any, context: RecordContext) -> Rows:
    """Floors of a civil day. A day without a point was not worn; a point without its value is a true zero."""
    total = fields.child(fields.an_object(payload), "floors")
    yield tables.FLOORS.name, {"local_date": rolled_up_date(payload), "floors": fields.whole(total, "countSum") or 0}


def parse_total_calories(payload: Any, context: RecordContext) -> Rows:
    """Energy of a civil day. A day without a point is unknown; a point without its value is a true zero."""
    total = fields.child(fields.an_object(payload), "totalCalories")
    row = {"local_date": rolled_up_date(payload), "total_kcal": fields.number(total, "kcalSum") or 0.0}
    yield tables.TOTAL_CALORIES.name, row


def parse_weight(payload: Any, context: RecordContext) -> Rows:
    """One weighing."""
    weight = part_of(payload, "weight")
    grams: float = fields.required(fields.number(weight, "weightGrams"), "weightGrams")
    yield (
        tables.WEIGHT.name,
        {
            "weight_id": weight_id(payload),
            "measured_at": sample_time(payload, "weight"),
            "utc_offset_seconds": offset_of(fields.child(weight, "sampleTime"), "utcOffset"),
            "weight_kg": grams / _GRAMS_PER_KG,
            **source_of(payload),
        },
    )


def weight_id(payload: Any) -> str:
    """Last part of the point's name; without a name made from source and time."""
    return point_id(payload, "weight")


def parse_paired_device(payload: Any, context: RecordContext) -> Rows:
    """One device of the account."""
    device = fields.an_object(payload)
    yield (
        tables.PAIRED_DEVICES.name,
        {
            "device_id": device_id(payload),
            "device_type": fields.text(device, "deviceType"),
            "product_name": fields.text(device, "deviceVersion"),
            "battery_percent": fields.whole(device, "batteryLevel"),
            "battery_status": fields.text(device, "batteryStatus"),
            "last_synced_at": fields.instant(device, "lastSyncTime"),
        },
    )


def device_id(payload: Any) -> str:
    """Last part of the device's name."""
    return point_id(payload, "device")


def parse_settings(payload: Any, context: RecordContext) -> Rows:
    """The account's settings."""
    settings = fields.an_object(payload)
    yield (
        tables.SETTINGS.name,
        {
            "time_zone": fields.text(settings, "timeZone"),
            "utc_offset_seconds": offset_of(settings, "utcOffset"),
            "distance_unit": fields.text(settings, "distanceUnit"),
            "weight_unit": fields.text(settings, "weightUnit"),
            "language_locale": fields.text(settings, "languageLocale"),
        },
    )


def parse_profile(payload: Any, context: RecordContext) -> Rows:
    """The account's owner. What the athlete set counts before what Google measured."""
    profile = fields.an_object(payload)
    since = fields.child(profile, "membershipStartDate")
    yield (
        tables.PROFILE.name,
        {
            "age_years": fields.whole(profile, "age"),
            "member_since": date_of(since) if since else None,
            "walking_stride_m": _stride_m(profile, "WalkingStrideLengthMm"),
            "running_stride_m": _stride_m(profile, "RunningStrideLengthMm"),
        },
    )


def _stride_m(profile: Json, kind: str) -> float | None:
    return metres(profile, f"userConfigured{kind}") or metres(profile, f"auto{kind}")


def parse_identity(payload: Any, context: RecordContext) -> Rows:
    """Who the account is."""
    identity = fields.an_object(payload)
    yield (
        tables.IDENTITY.name,
        {
            "health_user_id": fields.required(fields.text(identity, "healthUserId"), "healthUserId"),
            "legacy_user_id": fields.text(identity, "legacyUserId"),
        },
    )
