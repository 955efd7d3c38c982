"""The athletes as a base table: what the operator told us about each, for zones, time zones and training load."""

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
