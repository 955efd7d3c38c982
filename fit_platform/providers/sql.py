"""Pieces of DuckDB SQL that the columnar parsers share: the passed-on columns, and text turned into values or NULL."""

LINE = "athlete_id, dt, fetched_at, first_fetched_at, landing_object, line_number"
"""What every columnar SELECT passes on from the view `lines`."""


def number(text: str) -> str:
    """A finite number from text, else NULL. DuckDB would also read `nan` and `inf`."""
    return f"CASE WHEN isfinite(TRY_CAST({text} AS DOUBLE)) THEN TRY_CAST({text} AS DOUBLE) END"


def has_zone(text: str) -> str:
    """Does ISO 8601 text end with a zone?"""
    return f"regexp_matches({text}, '(Z|[+-]\\d\\d:?\\d\\d)$')"


def instant(text: str) -> str:
    """An instant from ISO 8601 text, UTC where the text has no zone; else NULL. Independent of the session's zone."""
    return (
        f"CASE WHEN suffix({text}, 'Z') THEN TRY_CAST({text} AS TIMESTAMPTZ) "  # nearly always, and no regex
        f"WHEN {has_zone(text)} THEN TRY_CAST({text} AS TIMESTAMPTZ) "
        f"ELSE TRY_CAST({text} || 'Z' AS TIMESTAMPTZ) END"
    )


def plus_seconds(time: str, seconds: str) -> str:
    """A time, moved by seconds that may have fractions; NULL where they would leave the calendar (that would raise)."""
    return (
        f"CASE WHEN abs({seconds}) < 10000000000 "
        f"THEN ({time}) + to_microseconds(CAST(round(({seconds}) * 1000000) AS BIGINT)) END"
    )


def proto_seconds(text: str) -> str:
    """Whole seconds from a protobuf JSON duration (`-14400s`), else NULL."""
    return f"CASE WHEN suffix({text}, 's') THEN TRY_CAST({text}[:-2] AS BIGINT) END"


def iso_seconds(text: str) -> str:
    """Seconds from an ISO 8601 duration (`PT1M2.5S`), else NULL. No months, no years."""

    def part(unit: str) -> str:
        amount = f"regexp_extract({text}, '([\\d.,]+){unit}', 1)"
        return f"coalesce(TRY_CAST(replace({amount}, ',', '.') AS DOUBLE), 0)"

    shape = "P(\\d+D)?(T(\\d+H)?(\\d+M)?(\\d+([.,]\\d+)?S)?)?"
    total = f"{part('D')} * 86400 + {part('H')} * 3600 + {part('M')} * 60 + {part('S')}"
    return f"CASE WHEN regexp_full_match({text}, '{shape}') AND {text} NOT IN ('P', 'PT') THEN {total} END"


def wrong(text: str, value: str) -> str:
    """Is there text that did not become a value?"""
    return f"({text} IS NOT NULL AND ({value}) IS NULL)"
