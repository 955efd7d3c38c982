"""Fitbit's base tables: what one Google Health answer becomes. Units are in the names."""

from fit_platform.providers import tracks
from fit_platform.warehouse.schema import Column, Table, Type

_SOURCE = (
    Column("recording_method", Type.STRING, "How it was recorded, as given (ACTIVELY_MEASURED, MANUAL...)."),
    Column("platform", Type.STRING, "Where the data came from; HEALTH_CONNECT marks copies from other apps."),
    Column("device_name", Type.STRING, "Display name of the device."),
    Column("source_package", Type.STRING, "Package name of the app that wrote it."),
)

_INTERVAL = (
    Column("started_at", Type.TIMESTAMP, "Start instant.", nullable=False),
    Column("ended_at", Type.TIMESTAMP, "End instant.", nullable=False),
    Column("utc_offset_seconds", Type.INT, "Offset from UTC at the start."),
    Column("local_date", Type.DATE, "Civil date of the start.", nullable=False),
)

EXERCISES = Table(
    "fitbit_exercises",
    "One row per exercise in Google Health.",
    (
        Column("exercise_id", Type.STRING, "Last part of the data point's name.", nullable=False),
        Column("started_at", Type.TIMESTAMP, "Start instant.", nullable=False),
        Column("ended_at", Type.TIMESTAMP, "End instant.", nullable=False),
        Column("utc_offset_seconds", Type.INT, "Offset from UTC at the start."),
        Column("end_utc_offset_seconds", Type.INT, "Offset from UTC at the end."),
        Column("exercise_type", Type.STRING, "exerciseType as given; unknown values kept."),
        Column("title", Type.STRING, "Display name."),
        Column("active_seconds", Type.FLOAT, "Active duration."),
        Column("distance_m", Type.FLOAT, "Distance."),
        Column("energy_kcal", Type.FLOAT, "Energy."),
        Column("steps", Type.INT, "Steps."),
        Column("ascent_m", Type.FLOAT, "Elevation gain."),
        Column("avg_hr_bpm", Type.FLOAT, "Average heart rate."),
        Column("has_gps", Type.BOOL, "Whether a GPS track was recorded."),
        *_SOURCE,
        Column("updated_at", Type.TIMESTAMP, "When Google last changed it."),
    ),
    key=("athlete_id", "exercise_id"),
)

EXERCISE_SPLITS = Table(
    "fitbit_exercise_splits",
    "One row per split (every kilometre or mile) or lap (marked by the athlete or a plan) of an exercise.",
    (
        Column("exercise_id", Type.STRING, "The exercise.", nullable=False),
        Column("is_lap", Type.BOOL, "A lap; else a split that came by itself.", nullable=False),
        Column(
            "split_number", Type.INT, "Position among the splits, or the laps, of the exercise; from 1.", nullable=False
        ),
        Column("started_at", Type.TIMESTAMP, "Start instant.", nullable=False),
        Column("ended_at", Type.TIMESTAMP, "End instant.", nullable=False),
        Column("split_type", Type.STRING, "What made it: MANUAL, DURATION, DISTANCE, CALORIES."),
        Column("active_seconds", Type.FLOAT, "Duration without pauses."),
        Column("distance_m", Type.FLOAT, "Distance."),
        Column("energy_kcal", Type.FLOAT, "Energy."),
        Column("steps", Type.INT, "Steps."),
        Column("ascent_m", Type.FLOAT, "Elevation gain."),
        Column("avg_hr_bpm", Type.FLOAT, "Average heart rate."),
    ),
    key=("athlete_id", "exercise_id", "is_lap", "split_number"),
)

HEART_RATE = Table(
    "fitbit_heart_rate",
    "One row per heart-rate sample.",
    (
        Column("sampled_at", Type.TIMESTAMP, "Instant of the sample.", nullable=False),
        Column("utc_offset_seconds", Type.INT, "Offset from UTC at the sample."),
        Column("bpm", Type.FLOAT, "Heart rate as given.", nullable=False),
        Column("platform", Type.STRING, "Where the sample came from; HEALTH_CONNECT marks copies from other apps."),
        Column("device_name", Type.STRING, "Display name of the device."),
    ),
    key=("athlete_id", "sampled_at", "platform", "device_name"),
)

SLEEP = Table(
    "fitbit_sleep",
    "One row per sleep session (a night may be several).",
    (
        Column("sleep_id", Type.STRING, "Last part of the data point's name.", nullable=False),
        Column("local_date", Type.DATE, "Civil date of the end.", nullable=False),
        Column("started_at", Type.TIMESTAMP, "Start instant.", nullable=False),
        Column("ended_at", Type.TIMESTAMP, "End instant.", nullable=False),
        Column("start_utc_offset_seconds", Type.INT, "Offset from UTC at the start."),
        Column("end_utc_offset_seconds", Type.INT, "Offset from UTC at the end."),
        Column("sleep_type", Type.STRING, "CLASSIC or STAGES."),
        Column("is_main", Type.BOOL, "The main sleep of its day."),
        Column("is_nap", Type.BOOL, "A nap."),
        Column("is_processed", Type.BOOL, "False while the stages are still to come."),
        Column("asleep_minutes", Type.FLOAT, "Minutes asleep, by the summary."),
        Column("awake_minutes", Type.FLOAT, "Minutes awake, by the summary."),
        Column("deep_minutes", Type.FLOAT, "Minutes of deep sleep."),
        Column("light_minutes", Type.FLOAT, "Minutes of light sleep."),
        Column("rem_minutes", Type.FLOAT, "Minutes of REM sleep."),
    ),
    key=("athlete_id", "sleep_id"),
)

SLEEP_STAGES = Table(
    "fitbit_sleep_stages",
    "One row per stage of a sleep session; none while the session is not processed.",
    (
        Column("sleep_id", Type.STRING, "The sleep session.", nullable=False),
        Column("started_at", Type.TIMESTAMP, "Start instant.", nullable=False),
        Column("ended_at", Type.TIMESTAMP, "End instant.", nullable=False),
        Column("utc_offset_seconds", Type.INT, "Offset from UTC at the start."),
        Column("stage", Type.STRING, "AWAKE, LIGHT, DEEP, REM; ASLEEP, RESTLESS in CLASSIC; as given.", nullable=False),
    ),
    key=("athlete_id", "sleep_id", "started_at", "stage"),
)

STEPS = Table(
    "fitbit_steps",
    "One row per interval of the reconciled step stream: one stream, no double counting of sources.",
    (
        Column("started_at", Type.TIMESTAMP, "Start instant.", nullable=False),
        Column("ended_at", Type.TIMESTAMP, "End instant.", nullable=False),
        Column("utc_offset_seconds", Type.INT, "Offset from UTC at the start."),
        Column("local_date", Type.DATE, "Civil date of the start.", nullable=False),
        Column("steps", Type.INT, "Steps; a point without its value is a true zero.", nullable=False),
    ),
    key=("athlete_id", "started_at", "ended_at"),
)

DAILY_RESTING_HEART_RATE = Table(
    "fitbit_daily_resting_heart_rate",
    "Google's own resting heart rate, one row per civil day.",
    (
        Column("local_date", Type.DATE, "Civil date.", nullable=False),
        Column("bpm", Type.FLOAT, "Resting heart rate.", nullable=False),
        Column("calculation_method", Type.STRING, "WITH_SLEEP or ONLY_WITH_AWAKE_DATA."),
    ),
    key=("athlete_id", "local_date"),
)

DISTANCE = Table(
    "fitbit_distance",
    "One row per interval of the reconciled distance stream: one stream, no double counting of sources.",
    (
        *_INTERVAL,
        Column("distance_m", Type.FLOAT, "Distance; a point without its value is a true zero.", nullable=False),
    ),
    key=("athlete_id", "started_at", "ended_at"),
)

ACTIVE_ZONE_MINUTES = Table(
    "fitbit_active_zone_minutes",
    "One row per interval and heart-rate zone in which active zone minutes were earned, from the reconciled stream.",
    (
        *_INTERVAL,
        Column("zone", Type.STRING, "FAT_BURN, CARDIO or PEAK, as given; null where it is left out."),
        Column("active_zone_minutes", Type.INT, "Minutes earned: one a minute, two from CARDIO up.", nullable=False),
    ),
    key=("athlete_id", "started_at", "ended_at", "zone"),
)

HEART_RATE_VARIABILITY = Table(
    "fitbit_heart_rate_variability",
    "One row per sample of heart-rate variability; mostly in sleep.",
    (
        Column("sampled_at", Type.TIMESTAMP, "Instant of the sample.", nullable=False),
        Column("utc_offset_seconds", Type.INT, "Offset from UTC at the sample."),
        Column("rmssd_ms", Type.FLOAT, "Root mean square of successive differences between heartbeats."),
        Column("sdnn_ms", Type.FLOAT, "Standard deviation of the intervals between heartbeats."),
        Column("platform", Type.STRING, "Where the sample came from; HEALTH_CONNECT marks copies from other apps."),
        Column("device_name", Type.STRING, "Display name of the device."),
    ),
    key=("athlete_id", "sampled_at", "platform", "device_name"),
)


def _daily(name: str, description: str, *columns: Column, more_key: tuple[str, ...] = ()) -> Table:
    """A table of values that Google makes of a civil day; a day has one for each source."""
    return Table(
        name,
        f"{description}, one row per civil day and source.",
        (Column("local_date", Type.DATE, "Civil date.", nullable=False), *columns, *_SOURCE),
        key=("athlete_id", "local_date", *more_key, *(column.name for column in _SOURCE)),
    )


DAILY_HEART_RATE_VARIABILITY = _daily(
    "fitbit_daily_heart_rate_variability",
    "Heart-rate variability of the night",
    Column("rmssd_ms", Type.FLOAT, "Average of the root mean square of successive differences between heartbeats."),
    Column("deep_sleep_rmssd_ms", Type.FLOAT, "The same in deep sleep."),
    Column("non_rem_bpm", Type.FLOAT, "Heart rate in sleep outside of REM."),
    Column("entropy", Type.FLOAT, "Shannon entropy of the intervals between heartbeats."),
)

DAILY_OXYGEN_SATURATION = _daily(
    "fitbit_daily_oxygen_saturation",
    "Oxygen saturation in sleep",
    Column("average_percent", Type.FLOAT, "Average.", nullable=False),
    Column("lower_bound_percent", Type.FLOAT, "Lower bound of the confidence interval."),
    Column("upper_bound_percent", Type.FLOAT, "Upper bound of the confidence interval."),
    Column("deviation_percent", Type.FLOAT, "Standard deviation of the averages of the past 7 to 30 days."),
)

DAILY_RESPIRATORY_RATE = _daily(
    "fitbit_daily_respiratory_rate",
    "Breathing rate in the main sleep",
    Column("breaths_per_minute", Type.FLOAT, "Average.", nullable=False),
)

DAILY_HEART_RATE_ZONES = _daily(
    "fitbit_daily_heart_rate_zones",
    "Bounds of the heart-rate zones by Karvonen's formula (one row for each zone)",
    Column("zone", Type.STRING, "LIGHT, MODERATE, VIGOROUS or PEAK, as given.", nullable=False),
    Column("min_bpm", Type.INT, "Lowest heart rate of the zone; left out is 0.", nullable=False),
    Column("max_bpm", Type.INT, "Highest heart rate of the zone.", nullable=False),
    more_key=("zone",),
)

DAILY_VO2_MAX = _daily(
    "fitbit_daily_vo2_max",
    "Cardio fitness",
    Column("vo2_max_ml_per_kg_min", Type.FLOAT, "Highest rate of oxygen use.", nullable=False),
    Column("cardio_fitness_level", Type.STRING, "POOR to EXCELLENT, as given."),
    Column("is_estimated", Type.BOOL, "Too little is known for a measurement."),
)

FLOORS = Table(
    "fitbit_floors",
    "Floors climbed, one row per civil day on which a device was worn (a roll-up: sources count once).",
    (
        Column("local_date", Type.DATE, "Civil date on which the window of the roll-up begins.", nullable=False),
        Column("floors", Type.INT, "Floors; a point without its value is a true zero.", nullable=False),
    ),
    key=("athlete_id", "local_date"),
)

TOTAL_CALORIES = Table(
    "fitbit_total_calories",
    "Energy spent, basal rate included, one row per civil day (a roll-up: sources count once).",
    (
        Column("local_date", Type.DATE, "Civil date on which the window of the roll-up begins.", nullable=False),
        Column("total_kcal", Type.FLOAT, "Energy; a point without its value is a true zero.", nullable=False),
    ),
    key=("athlete_id", "local_date"),
)

WEIGHT = Table(
    "fitbit_weight",
    "One row per weighing.",
    (
        Column("weight_id", Type.STRING, "Last part of the data point's name.", nullable=False),
        Column("measured_at", Type.TIMESTAMP, "Instant of the weighing.", nullable=False),
        Column("utc_offset_seconds", Type.INT, "Offset from UTC at the weighing."),
        Column("weight_kg", Type.FLOAT, "Body weight.", nullable=False),
        *_SOURCE,
    ),
    key=("athlete_id", "weight_id"),
)

PAIRED_DEVICES = Table(
    "fitbit_paired_devices",
    "One row per paired device and pull day (a snapshot: dt is the day it was filed under).",
    (
        Column("device_id", Type.STRING, "Last part of the device's name.", nullable=False),
        Column("device_type", Type.STRING, "TRACKER or SCALE, as given."),
        Column("product_name", Type.STRING, "Name of the product (deviceVersion)."),
        Column("battery_percent", Type.INT, "Battery level."),
        Column("battery_status", Type.STRING, "High, Medium, Low or Empty, as given."),
        Column("last_synced_at", Type.TIMESTAMP, "When it last sent its data to Google: newer days are still to come."),
    ),
    key=("athlete_id", "dt", "device_id"),
)

SETTINGS = Table(
    "fitbit_settings",
    "The account's settings, one row per pull day (a snapshot: dt is the day it was filed under).",
    (
        Column("time_zone", Type.STRING, "IANA time zone of the account."),
        Column("utc_offset_seconds", Type.INT, "Offset from UTC when it was asked."),
        Column("distance_unit", Type.STRING, "As shown to the athlete; our units do not depend on it."),
        Column("weight_unit", Type.STRING, "As shown to the athlete; our units do not depend on it."),
        Column("language_locale", Type.STRING, "Language."),
    ),
    key=("athlete_id", "dt"),
)

IDENTITY = Table(
    "fitbit_identity",
    "Who the account is at Google Health, one row per pull day (a snapshot: dt is the day it was filed under).",
    (
        Column("health_user_id", Type.STRING, "Google Health's id; notifications carry it.", nullable=False),
        Column("legacy_user_id", Type.STRING, "Id in the Fitbit Web API and its exports."),
    ),
    key=("athlete_id", "dt"),
)

PROFILE = Table(
    "fitbit_profile",
    "What the account says of its owner, one row per pull day (a snapshot: dt is the day it was filed under).",
    (
        Column("age_years", Type.INT, "Age on the day of the pull."),
        Column("member_since", Type.DATE, "When the account was made."),
        Column("walking_stride_m", Type.FLOAT, "Stride in walking: as the athlete set it, else as Google measured it."),
        Column("running_stride_m", Type.FLOAT, "Stride in running: as the athlete set it, else as Google measured it."),
    ),
    key=("athlete_id", "dt"),
)

_EXERCISE = Column("exercise_id", Type.STRING, "The exercise.", nullable=False)

EXERCISE_TCX = Table(
    "fitbit_exercise_tcx",
    "One row per TCX file of an exercise with GPS. The content is in the landing object.",
    (_EXERCISE, *tracks.FILE_COLUMNS),
    key=("athlete_id", "exercise_id"),
)

EXERCISE_TRACKPOINTS = Table(
    "fitbit_exercise_trackpoints",
    "One row per trackpoint of an exercise's TCX: where Google has positions.",
    (_EXERCISE, *tracks.POINT_COLUMNS),
    key=("athlete_id", "exercise_id", "point_index"),
    cluster_by=("athlete_id", "exercise_id"),
)
