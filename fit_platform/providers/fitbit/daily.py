"""What Google Health says of whole civil days, and of the account as it is now: the rows of the registry for both."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from fit_platform.providers.base import DayOf, Parser, ParseRecord, Pull, Resource
from fit_platform.providers.fitbit import client, measures, records, tables
from fit_platform.providers.fitbit.points import daily_id, rolled_up_id
from fit_platform.providers.fitbit.pulls import (
    ACTIVITY_SCOPES,
    LIST_LOOK_BACK_DAYS,
    METRICS_SCOPES,
    PROFILE_SCOPES,
    SETTINGS_SCOPES,
    camel,
    daily_values,
    roll_ups,
    snapshot,
    where_granted,
)
from fit_platform.providers.pulling import identity
from fit_platform.warehouse.schema import Table


def _daily(
    name: str, description: str, table: Table, parse: ParseRecord, scopes: tuple[str, ...] = METRICS_SCOPES
) -> Resource:
    return Resource(
        provider="fitbit",
        name=name,
        description=description,
        day_of=DayOf.CIVIL_DATE,
        tables=(table,),
        pull=daily_values(name),
        parse=Parser(parse),
        object_id=lambda payload: daily_id(payload, camel(name)),
        scopes=scopes,
        page_size=client.MAX_PAGE_SIZE,
        look_back_days=LIST_LOOK_BACK_DAYS,
        calls="1 call per 366 days",
    )


def _roll_up(name: str, description: str, table: Table, parse: ParseRecord, range_days: int) -> Resource:
    return Resource(
        provider="fitbit",
        name=name,
        description=description,
        day_of=DayOf.CIVIL_DATE,
        tables=(table,),
        pull=roll_ups(name, range_days),
        parse=Parser(parse),
        object_id=rolled_up_id,
        scopes=ACTIVITY_SCOPES,
        range_days=range_days,
        look_back_days=min(range_days - 1, LIST_LOOK_BACK_DAYS),
        calls=f"1 call per {range_days} days",
    )


def _snapshot(
    name: str,
    description: str,
    table: Table,
    pull: Pull,
    parse: ParseRecord,
    object_id: Callable[[Any], str],
    scopes: tuple[str, ...],
) -> Resource:
    return Resource(
        provider="fitbit",
        name=name,
        description=description,
        day_of=DayOf.FILING_DAY,
        tables=(table,),
        pull=pull,
        parse=Parser(parse),
        object_id=object_id,
        scopes=scopes,
        calls="1 call",
    )


RESOURCES = (
    _daily(
        "daily_resting_heart_rate",
        "Google's own resting heart rate of each day.",
        tables.DAILY_RESTING_HEART_RATE,
        records.parse_resting_heart_rate,
    ),
    _daily(
        "daily_heart_rate_variability",
        "Heart-rate variability of each night.",
        tables.DAILY_HEART_RATE_VARIABILITY,
        measures.parse_daily_heart_rate_variability,
    ),
    _daily(
        "daily_oxygen_saturation",
        "Oxygen saturation of each night.",
        tables.DAILY_OXYGEN_SATURATION,
        measures.parse_daily_oxygen_saturation,
    ),
    _daily(
        "daily_respiratory_rate",
        "Breathing rate of each night.",
        tables.DAILY_RESPIRATORY_RATE,
        measures.parse_daily_respiratory_rate,
    ),
    _daily(
        "daily_heart_rate_zones",
        "Bounds of the heart-rate zones, as Google sets them for each day.",
        tables.DAILY_HEART_RATE_ZONES,
        measures.parse_daily_heart_rate_zones,
    ),
    _daily(
        # Google's docs name the activity scope for this one type, other sources the metrics scope.
        "daily_vo2_max",
        "Cardio fitness (VO2 max) of each day.",
        tables.DAILY_VO2_MAX,
        measures.parse_daily_vo2_max,
        ACTIVITY_SCOPES,
    ),
    _roll_up(
        "floors",
        "Floors climbed; Google rolls them up only.",
        tables.FLOORS,
        measures.parse_floors,
        client.ROLL_UP_DAYS,
    ),
    _roll_up(
        "total_calories",
        "Energy spent, basal rate included; Google rolls it up only.",
        tables.TOTAL_CALORIES,
        measures.parse_total_calories,
        client.SHORT_ROLL_UP_DAYS,
    ),
    _snapshot(
        "paired_devices",
        "Trackers and scales of the account, and when they last synced.",
        tables.PAIRED_DEVICES,
        snapshot("/users/me/pairedDevices", client.paired_devices),
        measures.parse_paired_device,
        measures.device_id,
        SETTINGS_SCOPES,
    ),
    _snapshot(
        "settings",
        "The account's settings, its time zone among them.",
        tables.SETTINGS,
        snapshot("/users/me/settings", lambda api: [client.about(api, "settings")]),
        measures.parse_settings,
        lambda _: "settings",
        SETTINGS_SCOPES,
    ),
    _snapshot(
        "profile",
        "What the account says of its owner: age, stride.",
        tables.PROFILE,
        where_granted(snapshot("/users/me/profile", lambda api: [client.about(api, "profile")])),
        measures.parse_profile,
        lambda _: "profile",
        PROFILE_SCOPES,
    ),
    _snapshot(
        "identity",
        "Ids of the account; any one scope will do.",
        tables.IDENTITY,
        snapshot("/users/me/identity", lambda api: [client.about(api, "identity")]),
        measures.parse_identity,
        lambda payload: identity(payload, "healthUserId"),
        (),
    ),
)
