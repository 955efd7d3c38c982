"""What the operator told us, as base tables: the athletes, their limits by date, and which records are one activity."""

from fit_platform.warehouse.schema import Column, Table, Type

ATHLETES = Table(
    "accounts_athletes",
    "One row per linked athlete, from the accounts store (dt is fixed: this table is replaced whole).",
    (
        Column("display_name", Type.STRING, "Name to show."),
        Column("timezone", Type.STRING, "Home IANA time zone, where the operator set it."),
        Column("sex", Type.STRING, "male or female, where set; training load needs it."),
        Column("birth_date", Type.DATE, "Birth date, where set."),
        Column("max_hr_bpm", Type.INT, "Maximum heart rate, where set."),
        Column("resting_hr_bpm", Type.INT, "Resting heart rate, where set."),
    ),
    key=("athlete_id",),
)

ACTIVITY_OVERRIDES = Table(
    "accounts_activity_overrides",
    "One row per pair of activity records that a person decided on (dt is fixed: this table is replaced whole).",
    (
        Column("provider_a", Type.STRING, "Provider of one record.", nullable=False),
        Column("provider_activity_id_a", Type.STRING, "Its id at that provider.", nullable=False),
        Column("provider_b", Type.STRING, "Provider of the other record.", nullable=False),
        Column("provider_activity_id_b", Type.STRING, "Its id at that provider.", nullable=False),
        Column("decision", Type.STRING, "force_same or force_different.", nullable=False),
    ),
    key=("athlete_id", "provider_a", "provider_activity_id_a", "provider_b", "provider_activity_id_b"),
)

ATHLETE_SETTINGS = Table(
    "accounts_athlete_settings",
    "Heart-rate limits and weight from a date on, per sport (dt is fixed: this table is replaced whole).",
    (
        Column("valid_from", Type.DATE, "First local day on which the values hold.", nullable=False),
        Column("sport", Type.STRING, "Sport family, or any.", nullable=False),
        Column("max_hr_bpm", Type.INT, "Maximum heart rate."),
        Column("resting_hr_bpm", Type.INT, "Resting heart rate."),
        Column("threshold_hr_bpm", Type.INT, "Heart rate at the lactate threshold (LTHR)."),
        Column("weight_kg", Type.FLOAT, "Weight."),
        *(
            Column(f"zone_{n}_lower_bpm", Type.FLOAT, f"Lower limit of the athlete's own zone {n}.")
            for n in range(1, 6)
        ),
    ),
    key=("athlete_id", "sport", "valid_from"),
)
