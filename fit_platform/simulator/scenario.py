"""What goes wrong and what changes: faults, limits, quirks, a world in motion, webhooks. Read from YAML or JSON."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Literal

import msgspec
from pydantic import BaseModel, ConfigDict, Field, model_validator

Provider = Literal["polar", "strava", "fitbit"]
PROVIDERS: tuple[Provider, ...] = ("polar", "strava", "fitbit")


class Frozen(BaseModel):
    """Settings that cannot change, and refuse a key that they do not know."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Limits(Frozen):
    """Rate limits: requests per window. Polar's two grow with its registered users, as documented."""

    strava_overall: tuple[int, int] = Field((200, 2000), description="15 minutes, UTC day.")
    strava_read: tuple[int, int] = Field((200, 2000), description="15 minutes, UTC day, as after the self-upgrade.")
    polar_short_base: int = 500
    polar_short_per_user: int = 20
    polar_long_base: int = 5000
    polar_long_per_user: int = 100
    fitbit_per_minute: int = Field(300, description="Per user.")


FaultKind = Literal[
    "status_500", "status_429", "malformed_json", "html_200", "missing_key", "unknown_sport", "sentinel", "empty"
]


class Poison(Frozen):
    """One targeted fault: every answer it matches is spoilt, `times` times or for ever."""

    provider: Provider
    kind: FaultKind
    path_contains: str = ""
    day: date | None = Field(None, description="Only requests that ask for this day, or records that carry it.")
    athlete: str | None = None
    key: str | None = Field(None, description="missing_key, sentinel: the member to spoil, dots for nesting.")
    value: int | float | str = Field(0, description="sentinel: what stands in the member instead.")
    records: int = Field(1, ge=1, description="Record-level kinds: how many records of an answer are spoilt.")
    times: int | None = Field(None, ge=1, description="None: for ever.")


class PolarQuirks(Frozen):
    """What Polar does to some athletes, and which of the known spellings it answers in."""

    without_consent: tuple[str, ...] = Field((), description="Path parts of data types that answer 403: no consent.")
    spelling: Literal["underscore", "hyphen"] = Field("underscore", description="Of the members of an exercise.")
    sample_type: Literal["integer", "string"] = "integer"
    first_zone: Literal[0, 1] = Field(0, description="Index of the lowest heart-rate zone.")
    has_bare_heart_rates: bool = Field(
        False, description="A range of continuous heart rate comes bare: one object, or a list."
    )
    hides_old_uploads: bool = Field(False, description="Exercises uploaded before the registration are not shown.")


class StravaQuirks(Frozen):
    """What Strava does to some applications, athletes and activities."""

    is_inactive: bool = Field(False, description="The application's owner has no subscription: every call is a 403.")
    athlete_capacity: int | None = Field(None, ge=1, description="So many athletes may connect; the next gets a 403.")
    broken_activities: tuple[int, ...] = Field((), description="Ids that answer 500 for ever, on every call for them.")
    has_blank_usage: bool = Field(False, description='Rate usage headers without numbers: ",".')
    has_stream_rate_headers: bool = Field(False, description="Streams carry rate headers, as before August 2025.")
    has_errors_without_message: bool = Field(False, description="Error bodies lack `message`.")
    hides_start_times: bool = Field(False, description="Athletes hide some start times, which then read 00:00:01.")
    privacy_zone_m: int = Field(200, ge=0, description="Cut off both ends of a way, for tokens without read_all.")
    abbreviates_zones: bool = Field(False, description="Zone labels end in EST or CET where there is such a zone.")
    moving_longer: float = Field(0.025, ge=0, le=1, description="Share of activities that move longer than they last.")
    first_detail_is_404: bool = Field(False, description="The first call for each activity finds nothing yet.")


class FitbitQuirks(Frozen):
    """What Google Health does to some accounts and data."""

    unlinked_athletes: tuple[str, ...] = Field((), description="Their data calls answer 400 ACCOUNT_NOT_LINKED.")
    without_consent: tuple[str, ...] = Field((), description="Data types that answer 403, and only these.")
    is_testing: bool = Field(False, description="Refresh tokens given out from now on die after 7 days.")
    has_mirrors: bool = Field(False, description="HEALTH_CONNECT mirrors of Strava's activities in `list`.")
    slow_page_size: int | None = Field(None, ge=1, description="Pages larger than this answer 504.")
    has_inclusive_days: bool = Field(False, description="dailyRollUp counts the end day in.")


class LateDays(Frozen):
    """Which share of records or days comes late, and how late at most."""

    share: float = Field(0.0, ge=0, le=1)
    max_days: int = Field(120, ge=1)


class Churn(Frozen):
    """What becomes of records after they were made. Drawn by seed and record: the same whatever is asked when."""

    seed: int = 0
    edits: float = Field(0.0, ge=0, le=1, description="Share of activities edited hours to weeks after the upload.")
    deletes: float = Field(0.0, ge=0, le=1, description="Share of activities deleted hours to weeks after the upload.")
    late: LateDays = Field(LateDays(), description="Activities uploaded hours to `max_days` after they ended.")
    late_days: LateDays = Field(LateDays(max_days=7), description="Days whose all-day data a device syncs late.")
    split_nights: float = Field(0.0, ge=0, le=1, description="Share of nights that the band records as two sleeps.")


class WebhookPlay(Frozen):
    """How notifications are sent, and what happens to them on the way. Shares are drawn by seed and number."""

    is_automatic: bool = Field(True, description="A thread delivers what is due; else only /_sim/webhooks/flush does.")
    lost: float = Field(0.0, ge=0, le=1)
    duplicated: float = Field(0.0, ge=0, le=1)
    out_of_order: float = Field(0.0, ge=0, le=1, description="Overtaken by up to 20 later ones.")
    delayed: float = Field(0.0, ge=0, le=1)
    delay_seconds: int = Field(3600, ge=0, description="Of a delayed one, by the servers' clock.")
    wrong_signature: float = Field(0.0, ge=0, le=1)
    strava_signature: Literal["absent", "unverifiable", "client_secret"] = "unverifiable"
    polar_signs_ping: bool = Field(True, description="Where the secret is known already: PATCH and activate.")
    polar_foreign_host: float = Field(0.0, ge=0, le=1, description="Share of events whose `url` is not Polar's.")
    polar_heart_rate_events: bool = Field(True, description="False: CONTINUOUS_HEART_RATE never fires.")
    google_body: Literal["array", "object", "mixed"] = "array"
    google_signature_header: str = "GOOGLE-HEALTH-API-SIGNATURE"
    google_without_intervals: float = Field(0.0, ge=0, le=1)
    google_without_authorization: float = Field(0.0, ge=0, le=1)


class Scenario(Frozen):
    """What goes wrong, and what changes. Rates are shares of a provider's data calls, drawn by seed and call number."""

    seed: int = 0
    providers: tuple[Provider, ...] = PROVIDERS
    status_500: float = Field(0.0, ge=0, le=1)
    status_429: float = Field(0.0, ge=0, le=1)
    malformed_json: float = Field(0.0, ge=0, le=1)
    html_200: float = Field(0.0, ge=0, le=1)
    missing_key: float = Field(0.0, ge=0, le=1)
    unknown_sport: float = Field(0.0, ge=0, le=1)
    latency_ms: int = Field(0, ge=0)
    poison: tuple[Poison, ...] = ()
    limits: Limits | None = Field(None, description="Replaces the limits of the simulation while it holds.")
    polar_window_days: int | None = Field(None, ge=1)
    strava: StravaQuirks = StravaQuirks()
    polar: PolarQuirks = PolarQuirks()
    fitbit: FitbitQuirks = FitbitQuirks()
    churn: Churn = Churn()
    world_moves: bool = Field(False, description="The world's now moves with each advance of the clock.")
    webhooks: WebhookPlay = WebhookPlay()

    @model_validator(mode="after")
    def _rates_fit(self) -> Scenario:
        if sum(rate for _, rate in self.rates()) > 1:
            raise ValueError("the rates add up to more than 1")
        return self

    def rates(self) -> list[tuple[FaultKind, float]]:
        """The random faults with their rates, in a fixed order."""
        return [
            ("status_500", self.status_500),
            ("status_429", self.status_429),
            ("malformed_json", self.malformed_json),
            ("html_200", self.html_200),
            ("missing_key", self.missing_key),
            ("unknown_sport", self.unknown_sport),
        ]


def load_scenario(path: Path) -> Scenario:
    """A scenario from a YAML or JSON file (JSON is YAML). Raises ValueError with the reason."""
    try:
        content = msgspec.yaml.decode(path.read_bytes())
    except (OSError, msgspec.DecodeError) as error:
        raise ValueError(f"scenario {path}: {error}") from error
    return Scenario.model_validate(content or {})
