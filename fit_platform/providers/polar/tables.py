"""Polar's base tables: what one AccessLink answer becomes. Units are in the names."""

from fit_platform.warehouse.schema import Column, Table, Type

EXERCISES = Table(
    "polar_exercises",
    "One row per Polar exercise (a recorded training session).",
    (
        Column("exercise_id", Type.STRING, "Polar's exercise id (a hash string).", nullable=False),
        Column("started_at", Type.TIMESTAMP, "Start instant: local start minus the UTC offset.", nullable=False),
        Column("utc_offset_seconds", Type.INT, "Offset of the device's local time from UTC at the start."),
        Column("duration_seconds", Type.FLOAT, "Duration as Polar gives it (ISO 8601, fractions kept)."),
        Column("sport", Type.STRING, "Polar's coarse sport, as given."),
        Column("detailed_sport", Type.STRING, "Polar's detailed_sport_info, as given."),
        Column("device", Type.STRING, "Model name of the recording device."),
        Column("device_id", Type.STRING, "Id of the recording device."),
        Column("distance_m", Type.FLOAT, "Distance; null when the device measured none."),
        Column("energy_kcal", Type.FLOAT, "Energy, basal part included."),
        Column("avg_hr_bpm", Type.FLOAT, "Average heart rate."),
        Column("max_hr_bpm", Type.FLOAT, "Maximum heart rate."),
        Column("has_route", Type.BOOL, "Whether a GPS route was recorded."),
        Column("training_load", Type.FLOAT, "Polar's training load; null where Polar has -1.0."),
        Column("running_index", Type.FLOAT, "Polar's running index."),
        Column("uploaded_at", Type.TIMESTAMP, "When the exercise reached Polar."),
    ),
    key=("athlete_id", "exercise_id"),
)

EXERCISE_SAMPLES = Table(
    "polar_exercise_samples",
    "One row per sample instant of a Polar exercise; each series at its own recording rate.",
    (
        Column("exercise_id", Type.STRING, "Polar's exercise id.", nullable=False),
        Column("elapsed_seconds", Type.FLOAT, "Since the start: position times recording rate.", nullable=False),
        Column("sampled_at", Type.TIMESTAMP, "Start instant plus elapsed seconds.", nullable=False),
        Column("heart_rate_bpm", Type.FLOAT, "Heart rate; null where the sensor was off (Polar: 0 or empty)."),
        Column("speed_mps", Type.FLOAT, "Speed (Polar gives km/h)."),
        Column("cadence_rpm", Type.FLOAT, "Cadence of a bike sensor, or steps per minute of a foot sensor."),
        Column("altitude_m", Type.FLOAT, "Altitude."),
        Column("power_w", Type.FLOAT, "Power."),
        Column("distance_m", Type.FLOAT, "Distance since the start."),
        Column("temperature_c", Type.FLOAT, "Temperature."),
    ),
    key=("athlete_id", "exercise_id", "elapsed_seconds"),
    cluster_by=("athlete_id", "exercise_id"),
)

EXERCISE_ROUTE = Table(
    "polar_exercise_route",
    "One row per GPS point of a Polar exercise.",
    (
        Column("exercise_id", Type.STRING, "Polar's exercise id.", nullable=False),
        Column("elapsed_seconds", Type.FLOAT, "Seconds since the start.", nullable=False),
        Column("latitude_deg", Type.FLOAT, "Latitude, WGS 84."),
        Column("longitude_deg", Type.FLOAT, "Longitude, WGS 84."),
    ),
    key=("athlete_id", "exercise_id", "elapsed_seconds"),
    cluster_by=("athlete_id", "exercise_id"),
)

EXERCISE_ZONES = Table(
    "polar_exercise_zones",
    "Polar's own heart-rate zones of an exercise, with the time in each.",
    (
        Column("exercise_id", Type.STRING, "Polar's exercise id.", nullable=False),
        Column("zone", Type.INT, "Zone, 1 to 5 (live answers count from 0).", nullable=False),
        Column("lower_bpm", Type.FLOAT, "Lower limit."),
        Column("upper_bpm", Type.FLOAT, "Upper limit."),
        Column("seconds", Type.FLOAT, "Time in the zone."),
    ),
    key=("athlete_id", "exercise_id", "zone"),
)

CONTINUOUS_HEART_RATE = Table(
    "polar_continuous_heart_rate",
    "All-day heart rate, on the device's local wall clock: Polar gives no zone here.",
    (
        Column("local_date", Type.DATE, "The device's civil date.", nullable=False),
        Column("second_of_day", Type.INT, "Wall-clock second of the civil day, 0 to 86399.", nullable=False),
        Column("sample_index", Type.INT, "Position in the day's series, from 0.", nullable=False),
        Column("fold", Type.INT, "How often the clock had jumped back before (DST, travel).", nullable=False),
        Column("bpm", Type.FLOAT, "Heart rate as given; Polar uses 0 for no data."),
    ),
    key=("athlete_id", "local_date", "sample_index"),
)

SLEEP = Table(
    "polar_sleep",
    "One row per night, dated by the day of waking.",
    (
        Column("local_date", Type.DATE, "Wake day, as Polar dates the night.", nullable=False),
        Column("started_at", Type.TIMESTAMP, "Sleep start.", nullable=False),
        Column("ended_at", Type.TIMESTAMP, "Sleep end.", nullable=False),
        Column("start_utc_offset_seconds", Type.INT, "Offset from UTC at sleep start."),
        Column("end_utc_offset_seconds", Type.INT, "Offset from UTC at sleep end."),
        Column("light_seconds", Type.INT, "Light sleep."),
        Column("deep_seconds", Type.INT, "Deep sleep."),
        Column("rem_seconds", Type.INT, "REM sleep."),
        Column("unrecognized_seconds", Type.INT, "Time that Polar could not stage."),
        Column("interruption_seconds", Type.INT, "Awake time in the night."),
        Column("sleep_score", Type.INT, "1 to 100; null where Polar has its no-data 0."),
    ),
    key=("athlete_id", "local_date"),
)

DAILY_ACTIVITY = Table(
    "polar_daily_activity",
    "One row per device-local day of all-day activity.",
    (
        Column("local_date", Type.DATE, "Device-local civil day, from the start time.", nullable=False),
        Column("steps", Type.INT, "Steps."),
        Column("distance_m", Type.FLOAT, "Distance from steps."),
        Column("active_kcal", Type.FLOAT, "Active energy."),
        Column("total_kcal", Type.FLOAT, "All energy, basal part included."),
        Column("active_seconds", Type.FLOAT, "Active time."),
        Column("inactive_seconds", Type.FLOAT, "Inactive time."),
    ),
    key=("athlete_id", "local_date"),
)
