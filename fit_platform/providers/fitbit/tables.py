"""Fitbit's base tables: what one Google Health answer becomes. Units are in the names."""

from fit_platform.warehouse.schema import Column, Table, Type

_SOURCE = (
    Column("recording_method", Type.STRING, "How it was recorded, as given (ACTIVELY_MEASURED, MANUAL...)."),
    Column("platform", Type.STRING, "Where the data came from; HEALTH_CONNECT marks copies from other apps."),
    Column("device_name", Type.STRING, "Display name of the device."),
    Column("source_package", Type.STRING, "Package name of the app that wrote it."),
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
