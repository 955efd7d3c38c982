"""Strava's base tables: what one API answer becomes. Units are in the names."""

from fit_platform.warehouse.schema import Column, Table, Type

ATHLETES = Table(
    "strava_athletes",
    "The athlete's Strava profile, one row per pull day (a snapshot: dt is the day it was filed under).",
    (
        Column("provider_athlete_id", Type.STRING, "Strava's athlete id.", nullable=False),
        Column("sex", Type.STRING, "M or F as the athlete set it, else null."),
        Column("weight_kg", Type.FLOAT, "Weight as set at Strava."),
        Column("ftp_w", Type.FLOAT, "Functional threshold power as set at Strava."),
        Column("measurement_preference", Type.STRING, "feet or meters."),
        Column("created_at", Type.TIMESTAMP, "When the account was made."),
    ),
    key=("athlete_id", "dt"),
)

ACTIVITIES = Table(
    "strava_activities",
    "One row per Strava activity, from the summary list.",
    (
        Column("activity_id", Type.STRING, "Strava's activity id.", nullable=False),
        Column("upload_id", Type.STRING, "Id of the upload; null for manual activities."),
        Column("external_id", Type.STRING, "Name of the uploaded file: the link to the recording device's own id."),
        Column("title", Type.STRING, "Title."),
        Column("sport_type", Type.STRING, "sport_type as given, unknown values kept; `type` where it is absent."),
        Column("started_at", Type.TIMESTAMP, "Start instant (start_date).", nullable=False),
        Column("utc_offset_seconds", Type.INT, "utc_offset; never the GMT label, which ignores summer time."),
        Column("timezone", Type.STRING, "The IANA part of the timezone label."),
        Column("distance_m", Type.FLOAT, "Distance."),
        Column("moving_seconds", Type.FLOAT, "Moving time; may exceed the elapsed time in Strava's data."),
        Column("elapsed_seconds", Type.FLOAT, "Elapsed time."),
        Column("ascent_m", Type.FLOAT, "Elevation gain."),
        Column("avg_hr_bpm", Type.FLOAT, "Average heart rate; null when none was recorded."),
        Column("max_hr_bpm", Type.FLOAT, "Maximum heart rate."),
        Column("has_heart_rate", Type.BOOL, "Whether heart rate was recorded."),
        Column("avg_speed_mps", Type.FLOAT, "Average speed."),
        Column("max_speed_mps", Type.FLOAT, "Maximum speed."),
        Column("avg_cadence_rpm", Type.FLOAT, "Average cadence; of one leg for runs."),
        Column("energy_kj", Type.FLOAT, "Mechanical work, rides only."),
        Column("device_name", Type.STRING, "Recording device."),
        Column("gear_id", Type.STRING, "Gear."),
        Column("is_manual", Type.BOOL, "Typed in by hand."),
        Column("is_trainer", Type.BOOL, "Indoors on a trainer or treadmill."),
        Column("is_private", Type.BOOL, "Visible to the athlete alone."),
        Column("visibility", Type.STRING, "everyone, followers_only or only_me."),
        Column("start_latitude_deg", Type.FLOAT, "Start latitude; null where Strava has []."),
        Column("start_longitude_deg", Type.FLOAT, "Start longitude."),
    ),
    key=("athlete_id", "activity_id"),
)

STREAM_SAMPLES = Table(
    "strava_stream_samples",
    "One row per sample of an activity's streams.",
    (
        Column("activity_id", Type.STRING, "Strava's activity id.", nullable=False),
        Column("elapsed_seconds", Type.FLOAT, "Seconds since the start (time stream).", nullable=False),
        Column("sampled_at", Type.TIMESTAMP, "Start instant plus elapsed seconds.", nullable=False),
        Column("heart_rate_bpm", Type.FLOAT, "Heart rate."),
        Column("speed_mps", Type.FLOAT, "Smoothed speed."),
        Column("cadence_rpm", Type.FLOAT, "Cadence."),
        Column("altitude_m", Type.FLOAT, "Altitude."),
        Column("power_w", Type.FLOAT, "Power."),
        Column("distance_m", Type.FLOAT, "Distance since the start."),
        Column("temperature_c", Type.FLOAT, "Temperature."),
        Column("latitude_deg", Type.FLOAT, "Latitude, WGS 84."),
        Column("longitude_deg", Type.FLOAT, "Longitude, WGS 84."),
        Column("is_moving", Type.BOOL, "Whether Strava counts this second as moving."),
    ),
    key=("athlete_id", "activity_id", "elapsed_seconds"),
    cluster_by=("athlete_id", "activity_id"),
)
