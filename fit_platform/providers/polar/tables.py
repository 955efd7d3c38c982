"""Polar's base tables: what one AccessLink answer becomes. Units are in the names."""

from fit_platform.providers import tracks
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

SLEEP_STAGES = Table(
    "polar_sleep_stages",
    "One row per entry of a night's hypnogram. Keys are the wall clock of the night's own zone, minute by minute.",
    (
        Column("local_date", Type.DATE, "Wake day, as Polar dates the night.", nullable=False),
        Column("entry_index", Type.INT, "Position in the hypnogram, from 0.", nullable=False),
        Column("started_at", Type.TIMESTAMP, "Start of the stage; the first not before the sleep.", nullable=False),
        Column("ended_at", Type.TIMESTAMP, "Start of the next stage; sleep end for the last.", nullable=False),
        Column("stage", Type.STRING, "`awake`, `rem`, `light`, `deep` or `unknown`.", nullable=False),
        Column(
            "stage_code", Type.INT, "Polar's code: 2 is the lighter, 3 the deeper half of light sleep.", nullable=False
        ),
    ),
    key=("athlete_id", "local_date", "entry_index"),
)

SLEEP_HEART_RATE = Table(
    "polar_sleep_heart_rate",
    "Heart rate of a night, averages of about 5 minutes.",
    (
        Column("local_date", Type.DATE, "Wake day, as Polar dates the night.", nullable=False),
        Column("sample_index", Type.INT, "Position in the series, from 0.", nullable=False),
        Column("sampled_at", Type.TIMESTAMP, "The sample's minute.", nullable=False),
        Column("bpm", Type.FLOAT, "Heart rate; null where Polar has its no-data 0."),
    ),
    key=("athlete_id", "local_date", "sample_index"),
)

NIGHTLY_RECHARGE = Table(
    "polar_nightly_recharge",
    "Recovery in the night, from the 4 hours that begin half an hour after falling asleep.",
    (
        Column("local_date", Type.DATE, "Wake day, as Polar dates the result.", nullable=False),
        Column("avg_hr_bpm", Type.FLOAT, "Average heart rate."),
        Column("beat_to_beat_ms", Type.FLOAT, "Average time between heart beats."),
        Column("hrv_rmssd_ms", Type.FLOAT, "Heart rate variability, RMSSD."),
        Column("breathing_rate_per_minute", Type.FLOAT, "Average breathing rate."),
        Column("recharge_status", Type.INT, "1 (very poor) to 6 (very good)."),
        Column("ans_charge", Type.FLOAT, "Autonomic nervous system against the usual level, -10 to 10."),
        Column("ans_charge_status", Type.INT, "1 (much below usual) to 5 (much above usual)."),
    ),
    key=("athlete_id", "local_date"),
)

NIGHTLY_RECHARGE_SAMPLES = Table(
    "polar_nightly_recharge_samples",
    "Variability and breathing through the night. Wall clock: the answer has neither a start nor a zone.",
    (
        Column("local_date", Type.DATE, "Wake day, as Polar dates the result.", nullable=False),
        Column("series", Type.STRING, "`hrv` or `breathing`.", nullable=False),
        Column("sample_index", Type.INT, "Position in its series, from 0.", nullable=False),
        Column("wall_date", Type.DATE, "Civil date of the sample; the last one is of the wake day.", nullable=False),
        Column("second_of_day", Type.INT, "Wall-clock second of that date.", nullable=False),
        Column("hrv_rmssd_ms", Type.FLOAT, "Heart rate variability; only in the series `hrv`."),
        Column("breathing_rate_per_minute", Type.FLOAT, "Breathing rate; only in the series `breathing`."),
    ),
    key=("athlete_id", "local_date", "series", "sample_index"),
)

CARDIO_LOAD = Table(
    "polar_cardio_load",
    "Training load of the heart, one row per day. Polar's -1.0 (not available) is null.",
    (
        Column("local_date", Type.DATE, "The date Polar gives.", nullable=False),
        Column("status", Type.STRING, "Cardio load status, as given; null where it is not available."),
        Column("cardio_load", Type.FLOAT, "Training impulse (TRIMP) of the day."),
        Column("strain", Type.FLOAT, "Average daily load of the last 7 days."),
        Column("tolerance", Type.FLOAT, "Average daily load of the last 28 days."),
        Column("cardio_load_ratio", Type.FLOAT, "Strain divided by tolerance."),
        Column("level_very_low", Type.FLOAT, "Load up to which a session counts as very low."),
        Column("level_low", Type.FLOAT, "Load up to which a session counts as low."),
        Column("level_medium", Type.FLOAT, "Load up to which a session counts as medium."),
        Column("level_high", Type.FLOAT, "Load up to which a session counts as high."),
        Column("level_very_high", Type.FLOAT, "Load up to which a session counts as very high."),
    ),
    key=("athlete_id", "local_date"),
)

STEP_SAMPLES = Table(
    "polar_step_samples",
    "Steps through a device-local day. Polar drops a value equal to the one before: a row holds until the next.",
    (
        Column("local_date", Type.DATE, "Device-local civil day, from the day's start time.", nullable=False),
        Column("sample_index", Type.INT, "Position in the day's series, from 0.", nullable=False),
        Column("second_of_day", Type.INT, "Wall-clock second of the civil day, 0 to 86399.", nullable=False),
        Column("fold", Type.INT, "How often the clock had jumped back before (DST, travel).", nullable=False),
        Column("interval_seconds", Type.FLOAT, "Length of the segments that the value is counted over."),
        Column("steps", Type.INT, "Steps per segment; null where Polar has none."),
    ),
    key=("athlete_id", "local_date", "sample_index"),
)

PHYSICAL_INFO = Table(
    "polar_physical_info",
    "What Polar knows of the body, as it is now. Filed under the last day that was asked for.",
    (
        Column("modified_at", Type.TIMESTAMP, "When any of it was changed."),
        Column("sex", Type.STRING, "`male` or `female`."),
        Column("birth_date", Type.DATE, "Date of birth."),
        Column("weight_kg", Type.FLOAT, "Weight."),
        Column("weight_source", Type.STRING, "Where the weight comes from, as given."),
        Column("height_cm", Type.FLOAT, "Height."),
        Column("max_hr_bpm", Type.FLOAT, "Maximum heart rate."),
        Column("resting_hr_bpm", Type.FLOAT, "Resting heart rate."),
        Column("aerobic_threshold_bpm", Type.FLOAT, "Aerobic threshold."),
        Column("anaerobic_threshold_bpm", Type.FLOAT, "Anaerobic threshold."),
        Column("vo2_max", Type.FLOAT, "Maximal oxygen uptake, ml/kg/min."),
        Column("training_background", Type.STRING, "How much the athlete trains, as given."),
        Column("typical_day", Type.STRING, "Sitting, standing or moving, as given."),
        Column("sleep_goal_seconds", Type.FLOAT, "Sleep goal."),
    ),
    key=("athlete_id", "dt"),
)

ALERTNESS = Table(
    "polar_alertness",
    "SleepWise alertness: one row per period from a sleep to the next, found or predicted.",
    (
        Column("period_started_at", Type.TIMESTAMP, "Start of the period.", nullable=False),
        Column("period_ended_at", Type.TIMESTAMP, "End of the period."),
        Column("sleep_started_at", Type.TIMESTAMP, "Start of the sleep that the period builds on."),
        Column("sleep_ended_at", Type.TIMESTAMP, "End of that sleep."),
        Column("utc_offset_seconds", Type.INT, "Offset from UTC where the athlete slept."),
        Column("grade", Type.FLOAT, "Boost from sleep, 0 to 10; null where it is not valid."),
        Column("grade_type", Type.STRING, "As given."),
        Column("grade_classification", Type.STRING, "As given."),
        Column("validity", Type.STRING, "As given."),
        Column("sleep_inertia", Type.STRING, "As given."),
        Column("sleep_type", Type.STRING, "As given."),
        Column("result_type", Type.STRING, "History or prediction, as given."),
    ),
    key=("athlete_id", "period_started_at"),
)

ALERTNESS_HOURS = Table(
    "polar_alertness_hours",
    "SleepWise alertness through a period, about hour by hour.",
    (
        Column("period_started_at", Type.TIMESTAMP, "Start of the period.", nullable=False),
        Column("started_at", Type.TIMESTAMP, "Start of the hour.", nullable=False),
        Column("ended_at", Type.TIMESTAMP, "End of the hour."),
        Column("alertness_level", Type.STRING, "As given."),
        Column("validity", Type.STRING, "As given."),
    ),
    key=("athlete_id", "period_started_at", "started_at"),
)

CIRCADIAN_BEDTIME = Table(
    "polar_circadian_bedtime",
    "SleepWise circadian bedtime: when to sleep, found or predicted.",
    (
        Column("period_started_at", Type.TIMESTAMP, "Start of the period.", nullable=False),
        Column("period_ended_at", Type.TIMESTAMP, "End of the period."),
        Column("preferred_sleep_started_at", Type.TIMESTAMP, "Start of the preferred sleep."),
        Column("preferred_sleep_ended_at", Type.TIMESTAMP, "End of the preferred sleep."),
        Column("sleep_gate_started_at", Type.TIMESTAMP, "From when on falling asleep is easy."),
        Column("sleep_gate_ended_at", Type.TIMESTAMP, "Until when."),
        Column("utc_offset_seconds", Type.INT, "Offset from UTC where the athlete slept."),
        Column("validity", Type.STRING, "As given."),
        Column("quality", Type.STRING, "As given."),
        Column("result_type", Type.STRING, "History or prediction, as given."),
    ),
    key=("athlete_id", "period_started_at"),
)

BODY_TEMPERATURE = Table(
    "polar_body_temperature",
    "One row per temperature sample of a measurement period.",
    (
        Column("device_id", Type.STRING, "Id of the measuring device; empty where Polar gives none.", nullable=False),
        Column("period_started_at", Type.TIMESTAMP, "Start of the measurement period.", nullable=False),
        Column("sampled_at", Type.TIMESTAMP, "Start of the period plus the sample's delta.", nullable=False),
        Column("temperature_c", Type.FLOAT, "Temperature."),
        Column("measurement_type", Type.STRING, "Skin or core, as given."),
        Column("sensor_location", Type.STRING, "Distal or proximal, as given."),
    ),
    key=("athlete_id", "device_id", "period_started_at", "sampled_at"),
)

SKIN_TEMPERATURE = Table(
    "polar_skin_temperature",
    "Skin temperature during sleep, one row per night.",
    (
        Column("local_date", Type.DATE, "The night's date, as Polar gives it.", nullable=False),
        Column("temperature_c", Type.FLOAT, "Skin temperature during sleep."),
        Column("deviation_c", Type.FLOAT, "Difference from the athlete's baseline."),
    ),
    key=("athlete_id", "local_date"),
)

SPO2 = Table(
    "polar_spo2",
    "One row per blood oxygen test that the athlete took.",
    (
        Column("tested_at", Type.TIMESTAMP, "When the test was taken.", nullable=False),
        Column("utc_offset_seconds", Type.INT, "Offset of local time from UTC."),
        Column("device_id", Type.STRING, "Id of the measuring device."),
        Column("status", Type.STRING, "Whether the test passed, as given."),
        Column("blood_oxygen_percent", Type.FLOAT, "Blood oxygen; null where Polar has its no-data 0."),
        Column("spo2_class", Type.STRING, "As given."),
        Column("deviation", Type.STRING, "Against the athlete's baseline, as given."),
        Column("quality_percent", Type.FLOAT, "Average quality of the signal."),
        Column("avg_hr_bpm", Type.FLOAT, "Average heart rate."),
        Column("hrv_ms", Type.FLOAT, "Heart rate variability."),
        Column("hrv_deviation", Type.STRING, "Against the athlete's baseline, as given."),
        Column("altitude_m", Type.FLOAT, "Altitude."),
    ),
    key=("athlete_id", "tested_at"),
)

EXERCISE_FILES = Table(
    "polar_exercise_files",
    "One row per original file of an exercise. The content is in the landing object.",
    (
        Column("exercise_id", Type.STRING, "Polar's exercise id.", nullable=False),
        Column("format", Type.STRING, "`fit`.", nullable=False),
        Column("size_bytes", Type.INT, "Size of the file.", nullable=False),
        Column("sha256", Type.STRING, "Checksum of the file, hexadecimal.", nullable=False),
    ),
    key=("athlete_id", "exercise_id", "format"),
)

_TRACK = (
    Column("exercise_id", Type.STRING, "Polar's exercise id.", nullable=False),
    Column("format", Type.STRING, "`tcx` or `gpx`.", nullable=False),
)

EXERCISE_TRACKS = Table(
    "polar_exercise_tracks",
    "One row per TCX or GPX file of an exercise. The content is in the landing object.",
    (*_TRACK, *tracks.FILE_COLUMNS),
    key=("athlete_id", "exercise_id", "format"),
)

EXERCISE_TRACKPOINTS = Table(
    "polar_exercise_trackpoints",
    "One row per trackpoint of a TCX or GPX file: the two hold the same recording, so never add them up.",
    (*_TRACK, *tracks.POINT_COLUMNS),
    key=("athlete_id", "exercise_id", "format", "point_index"),
    cluster_by=("athlete_id", "exercise_id"),
)
