"""Every setting, in one validated object. Nothing else in the package reads the environment.

Settings come from the environment or a `.env` file; each has a documented default unless it cannot have one.
"""

from __future__ import annotations

import os
from collections.abc import Mapping
from datetime import UTC, date, datetime, timedelta
from functools import cached_property
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, BeforeValidator, Field, HttpUrl, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from fit_platform.errors import ConfigError
from fit_platform.memory import default_limit_mib

Url = Annotated[str, BeforeValidator(lambda v: str(HttpUrl(v)).rstrip("/"))]


class ProviderSettings(BaseModel):
    """Where one provider is and who we are there. Every URL can point at another host."""

    client_id: str | None = None
    client_secret: SecretStr | None = None
    api_url: str
    authorize_url: str
    token_url: str
    revoke_url: str | None = None

    def credentials(self, provider: str) -> tuple[str, str]:
        """Client id and secret, or a ConfigError that names the missing variables."""
        if self.client_id and self.client_secret:
            return self.client_id, self.client_secret.get_secret_value()
        prefix = f"FIT_{provider.upper()}"
        raise ConfigError(f"{provider}: set {prefix}_CLIENT_ID and {prefix}_CLIENT_SECRET (in the environment or .env)")


_DEFAULT_URLS = {
    "polar": {
        "api_url": "https://www.polaraccesslink.com/v3",
        "authorize_url": "https://flow.polar.com/oauth2/authorization",
        "token_url": "https://polarremote.com/v2/oauth2/token",
    },
    "strava": {
        "api_url": "https://www.strava.com/api/v3",
        "authorize_url": "https://www.strava.com/oauth/authorize",
        "token_url": "https://www.strava.com/oauth/token",
        "revoke_url": "https://www.strava.com/oauth/revoke",
    },
    "fitbit": {
        "api_url": "https://health.googleapis.com/v4",
        "authorize_url": "https://accounts.google.com/o/oauth2/v2/auth",
        "token_url": "https://oauth2.googleapis.com/token",
        "revoke_url": "https://oauth2.googleapis.com/revoke",
    },
}


class Settings(BaseSettings):
    """All settings, prefix `FIT_`. Build it with `load_settings()`, which turns a bad value into one clear line."""

    model_config = SettingsConfigDict(env_prefix="FIT_", env_file=".env", extra="ignore", frozen=True)

    home: Path = Field(Path(".fit"), description="Local state: tokens, landing zone, warehouse, Dagster.")
    target: Literal["local", "gcp"] = Field("local", description="Where landing and warehouse live.")
    landing_url: str | None = Field(
        None, description="A folder or gs://bucket/prefix; default: `landing` under FIT_HOME."
    )
    start_date: date = Field(date(2015, 1, 1), description="First partition day.")
    automation: bool = Field(
        True, description="Schedules and sensors run by themselves wherever Dagster's daemon does; `false` stops them."
    )
    poll_cron: str = Field("*/15 * * * *", description="When to look at the providers for what is new (cron, UTC).")
    reconcile_cron: str = Field(
        "17 3 * * 0", description="When to hold the whole history against the providers (cron, UTC)."
    )
    instance_home: Path | None = Field(
        None,
        description="Folder with the `dagster.yaml` of a Dagster instance that a server keeps (PostgreSQL); default: "
        "an instance of this machine alone, made under FIT_HOME.",
    )
    secret_key: SecretStr | None = Field(None, description="Optional: encrypts tokens at rest.")
    token_store: Literal["file", "secret-manager"] = Field(
        "file", description="Where tokens are kept: under FIT_HOME, or in Google Secret Manager (for several machines)."
    )
    strava_api_retention_days: Literal["keep"] | int | None = Field(
        None,
        description="Days that Strava API rows may be kept, or `keep`. No default: linking Strava asks or refuses.",
    )

    strava_details: bool = Field(
        False,
        description="Also pull the detail of each activity (energy, perceived exertion, laps): one call more for every "
        "new or edited activity, which doubles the cost of a backfill.",
    )
    polar_tracks: bool = Field(
        False,
        description="Also pull the TCX and GPX of each exercise: one or two calls more for every new exercise, for "
        "what its FIT file and its samples hold as well.",
    )

    polar_client_id: str | None = Field(None, description="Polar: id of your API client.")
    polar_client_secret: SecretStr | None = Field(None, description="Polar: its secret.")
    polar_api_url: Url = Field(_DEFAULT_URLS["polar"]["api_url"], description="Polar: base URL of the AccessLink v3.")
    polar_authorize_url: Url = Field(_DEFAULT_URLS["polar"]["authorize_url"], description="Polar: consent page.")
    polar_token_url: Url = Field(_DEFAULT_URLS["polar"]["token_url"], description="Polar: token endpoint.")

    strava_client_id: str | None = Field(None, description="Strava: id of your API client.")
    strava_client_secret: SecretStr | None = Field(None, description="Strava: its secret.")
    strava_api_url: Url = Field(_DEFAULT_URLS["strava"]["api_url"], description="Strava: base URL of the API v3.")
    strava_authorize_url: Url = Field(_DEFAULT_URLS["strava"]["authorize_url"], description="Strava: consent page.")
    strava_token_url: Url = Field(_DEFAULT_URLS["strava"]["token_url"], description="Strava: token endpoint.")
    strava_revoke_url: Url = Field(_DEFAULT_URLS["strava"]["revoke_url"], description="Strava: revocation endpoint.")

    fitbit_client_id: str | None = Field(None, description="Google Health: id of your API client.")
    fitbit_client_secret: SecretStr | None = Field(None, description="Google Health: its secret.")
    fitbit_api_url: Url = Field(
        _DEFAULT_URLS["fitbit"]["api_url"], description="Google Health: base URL of the API v4."
    )
    fitbit_authorize_url: Url = Field(
        _DEFAULT_URLS["fitbit"]["authorize_url"], description="Google Health: consent page."
    )
    fitbit_token_url: Url = Field(_DEFAULT_URLS["fitbit"]["token_url"], description="Google Health: token endpoint.")
    fitbit_revoke_url: Url = Field(
        _DEFAULT_URLS["fitbit"]["revoke_url"], description="Google Health: revocation endpoint."
    )

    webhook_url: Url | None = Field(None, description="Public https address of the webhook receiver, without a path.")
    webhook_secrets_file: Path | None = Field(
        None, description="What is secret about webhooks; default: `state/webhooks/secrets.json` under FIT_HOME."
    )
    strava_webhook_signing_key: SecretStr | None = Field(
        None, description="Optional: key of Strava's webhook signature, where Strava gave you one."
    )
    fitbit_webhook_keys_url: Url = Field(
        "https://www.gstatic.com/googlehealthapi/webhooks/webhooks_public_keyset.json",
        description="Google Health: public keys of its webhook signatures.",
    )
    fitbit_webhook_project: str | None = Field(
        None, description="Google Health: number of the Cloud project that subscribes; default: FIT_GCP_PROJECT."
    )
    alert_slack_url: SecretStr | None = Field(None, description="Alerts: a Slack incoming webhook.")
    alert_webhook_url: SecretStr | None = Field(None, description="Alerts: an address that takes JSON by POST.")
    alert_smtp_url: SecretStr | None = Field(
        None, description="Alerts: `smtp://user:password@host:587`, or `smtps://` for TLS from the start."
    )
    alert_email_to: str | None = Field(None, description="Alerts: who gets mail; addresses with commas between.")
    alert_email_from: str | None = Field(None, description="Alerts: the mails' sender; default: fit-platform@host.")
    dashboard_sign_in: Literal["none", "link", "proxy", "iap"] = Field(
        "none",
        description="Dashboard: who may open it. `none`: this machine only; `link`: who has a link; `proxy`, `iap`: "
        "whom a reverse proxy or Google's Identity-Aware Proxy has signed in.",
    )
    dashboard_url: Url | None = Field(None, description="Dashboard: the address that people open, without a path.")
    dashboard_proxy_secret: SecretStr | None = Field(
        None, description="Dashboard behind a proxy: what the proxy sends as `X-Fit-Proxy-Secret`, to prove itself."
    )
    dashboard_proxy_header: str = Field(
        "X-Forwarded-Email", description="Dashboard behind a proxy: the header with the mail address."
    )
    dashboard_iap_audience: str | None = Field(
        None, description="Dashboard behind Identity-Aware Proxy: the audience of its assertions."
    )
    dashboard_iap_keys_url: Url = Field(
        "https://www.gstatic.com/iap/verify/public_key",
        description="Dashboard behind Identity-Aware Proxy: Google's public keys.",
    )
    clock_offset_s: float = Field(
        0.0, description="How far our clock is ahead of the machine's, in seconds: for simulated providers only."
    )
    duckdb_memory_mb: int | None = Field(
        None,
        ge=256,
        description="Memory that DuckDB may use while building, in MiB; default: a quarter of the machine's, at least "
        "640 and at most 3,072.",
    )
    gcp_project: str | None = Field(None, description="Google Cloud project (target `gcp`).")
    secret_prefix: str = Field(
        "fit", pattern=r"^[A-Za-z][\w-]{0,40}$", description="Stands before each secret's name in Secret Manager."
    )
    secret_manager_url: Url | None = Field(
        None, description="Asked instead of Google's Secret Manager, without credentials (for tests)."
    )
    bigquery_location: str = Field("EU", description="Where BigQuery datasets are made (target `gcp`).")
    bigquery_dataset_prefix: str = Field(
        "", pattern="^[A-Za-z0-9_]*$", description="Stands before each dataset's name (target `gcp`)."
    )
    bigquery_transform_account: str = Field(
        "", description="Service account as which dbt builds, by impersonation; default: our own (target `gcp`)."
    )
    bigquery_max_gb_billed: int = Field(
        100, ge=1, description="No single query may read more than this many GB (target `gcp`)."
    )
    bigquery_emulator_host: str | None = Field(
        None, validation_alias="BIGQUERY_EMULATOR_HOST", description="A BigQuery emulator's URL, for tests."
    )

    @field_validator("strava_api_retention_days", mode="before")
    @classmethod
    def _retention(cls, value: object) -> object:
        if value in (None, "", "keep"):
            return value or None
        days = int(str(value))
        if days < 1:
            raise ValueError("must be `keep` or a whole number of days, 1 or more")
        return days

    def now(self) -> datetime:
        """The present moment of the world that these settings point at: ours, or a simulated one."""
        return datetime.now(UTC) + timedelta(seconds=self.clock_offset_s)

    @cached_property
    def home_dir(self) -> Path:
        """FIT_HOME, absolute."""
        return self.home.expanduser().absolute()

    @cached_property
    def landing_dir(self) -> str:
        """Where landing objects go: a folder path, or a gs:// URL."""
        return self.landing_url or str(self.home_dir / "landing")

    @cached_property
    def warehouse_path(self) -> Path:
        """The DuckDB file of the local target. Its name is fixed: DuckDB names the catalog after the file."""
        return self.home_dir / "warehouse" / "fit.duckdb"

    @cached_property
    def duckdb_memory_limit(self) -> str:
        """What DuckDB may use, in its own words."""
        return f"{self.duckdb_memory_mb or default_limit_mib()}MiB"

    @cached_property
    def dagster_home(self) -> Path:
        """Where the Dagster instance has its `dagster.yaml`, and on a laptop its runs and events."""
        if self.instance_home is not None:
            return self.instance_home.expanduser().absolute()
        return self.home_dir / "dagster"

    def provider(self, name: str) -> ProviderSettings:
        """One provider's settings."""
        fields = {k.removeprefix(f"{name}_"): v for k, v in self.__dict__.items() if k.startswith(f"{name}_")}
        return ProviderSettings.model_validate({k: v for k, v in fields.items() if k in ProviderSettings.model_fields})


def load_settings() -> Settings:
    """Read and validate the settings once; a bad one is a ConfigError that names the variable."""
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = "_".join(str(part) for part in first["loc"]).upper()
        raise ConfigError(f"FIT_{name}: {first['msg']} (got {first.get('input')!r})") from None


def settings_with(values: Mapping[str, str]) -> Settings:
    """Settings with these variables, by their names in the environment, before those that are there; no `.env` is read.

    Raises pydantic's ValidationError for a bad value.
    """
    names = {
        str(field.validation_alias or f"FIT_{name.upper()}"): str(field.validation_alias or name)
        for name, field in Settings.model_fields.items()
    }
    return Settings(_env_file=None, **{names[name]: value for name, value in values.items() if name in names})  # type: ignore[arg-type]


def environment_value(name: str) -> str | None:
    """One variable of the environment, for saying that it is set; settings themselves come from `load_settings`."""
    return os.environ.get(name)
