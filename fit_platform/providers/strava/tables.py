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

ZONES = Table(
    "strava_zones",
    "The athlete's training zones as set at Strava, one row per zone and pull day (a snapshot).",
    (
        Column("kind", Type.STRING, "heart_rate or power.", nullable=False),
        Column("zone", Type.INT, "Zone, counted from 1.", nullable=False),
        Column("lower_bpm", Type.FLOAT, "Lower limit of a heart-rate zone."),
        Column("upper_bpm", Type.FLOAT, "Upper limit of a heart-rate zone; null for the top one, which is open."),
        Column("lower_w", Type.FLOAT, "Lower limit of a power zone."),
        Column("upper_w", Type.FLOAT, "Upper limit of a power zone; null for the top one, which is open."),
        Column("is_custom", Type.BOOL, "Set by the athlete rather than derived by Strava; null for power."),
    ),
    key=("athlete_id", "dt", "kind", "zone"),
)

GEAR = Table(
    "strava_gear",
    "Bikes and shoes, one row per piece and pull day (a snapshot).",
    (
        Column("gear_id", Type.STRING, "Strava's gear id; b... is a bike, g... a pair of shoes.", nullable=False),
        Column("kind", Type.STRING, "bike or shoes, from the id's first letter; null for other ids."),
        Column("name", Type.STRING, "Name."),
        Column("nickname", Type.STRING, "The athlete's own name for it."),
        Column("brand_name", Type.STRING, "Brand."),
        Column("model_name", Type.STRING, "Model."),
        Column("distance_m", Type.FLOAT, "Distance covered with it so far."),
        Column("is_primary", Type.BOOL, "What Strava assigns to a new activity."),
        Column("is_retired", Type.BOOL, "No longer in use."),
    ),
    key=("athlete_id", "dt", "gear_id"),
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
        Column(
            "is_start_hidden",
            Type.BOOL,
            "The athlete hides the start time: started_at is 00:00:01, not the true start.",
        ),
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
        Column("grade_percent", Type.FLOAT, "Smoothed grade: metres climbed per 100 metres."),
        Column("latitude_deg", Type.FLOAT, "Latitude, WGS 84."),
        Column("longitude_deg", Type.FLOAT, "Longitude, WGS 84."),
        Column("is_moving", Type.BOOL, "Whether Strava counts this second as moving."),
    ),
    key=("athlete_id", "activity_id", "elapsed_seconds"),
    cluster_by=("athlete_id", "activity_id"),
)

ACTIVITY_DETAILS = Table(
    "strava_activity_details",
    "What only an activity's detail says, one row per activity.",
    (
        Column("activity_id", Type.STRING, "Strava's activity id.", nullable=False),
        Column("calories_kcal", Type.FLOAT, "Energy, kilocalories."),
        Column("device_name", Type.STRING, "Recording device."),
        Column("perceived_exertion", Type.FLOAT, "Perceived exertion as the athlete rated it, 1 to 10."),
        Column("lap_count", Type.INT, "How many laps it has.", nullable=False),
    ),
    key=("athlete_id", "activity_id"),
)

LAPS = Table(
    "strava_laps",
    "Laps of an activity, out of its detail.",
    (
        Column("activity_id", Type.STRING, "Strava's activity id.", nullable=False),
        Column("lap_number", Type.INT, "Lap, counted from 1 (lap_index).", nullable=False),
        Column("lap_id", Type.STRING, "Strava's lap id."),
        Column("name", Type.STRING, "Name."),
        Column("started_at", Type.TIMESTAMP, "Start instant."),
        Column("elapsed_seconds", Type.FLOAT, "Elapsed time."),
        Column("moving_seconds", Type.FLOAT, "Moving time."),
        Column("distance_m", Type.FLOAT, "Distance."),
        Column("ascent_m", Type.FLOAT, "Elevation gain."),
        Column("avg_speed_mps", Type.FLOAT, "Average speed."),
        Column("max_speed_mps", Type.FLOAT, "Maximum speed."),
        Column("avg_hr_bpm", Type.FLOAT, "Average heart rate; null when none was recorded."),
        Column("max_hr_bpm", Type.FLOAT, "Maximum heart rate."),
        Column("avg_cadence_rpm", Type.FLOAT, "Average cadence; of one leg for runs."),
        Column("avg_power_w", Type.FLOAT, "Average power."),
        Column("first_sample", Type.INT, "Position of its first sample in the streams, from 0 (start_index)."),
        Column("last_sample", Type.INT, "Position of its last sample in the streams (end_index)."),
    ),
    key=("athlete_id", "activity_id", "lap_number"),
)
