"""Who the athletes are: what the operator told us about each, for zones, local days and training load."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal, TypedDict
from zoneinfo import ZoneInfo

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter, ValidationError, model_validator

from fit_platform.accounts.files import locked, slug, write_private
from fit_platform.errors import ConfigError


def _iana(name: str) -> str:
    try:
        ZoneInfo(name)
    except (KeyError, ValueError, OSError):  # unknown, a path, a folder of the database
        raise ValueError("is not an IANA time zone such as Europe/Berlin") from None
    return name


class Profile(TypedDict, total=False):
    """What can be told about an athlete. A field that is absent or None is left as it stands."""

    display_name: str | None
    timezone: str | None
    sex: Literal["male", "female"] | None
    birth_date: date | None
    max_hr_bpm: int | None
    resting_hr_bpm: int | None


class Athlete(BaseModel):
    """One athlete. `athlete_id` is the name used everywhere: in paths, tables and commands."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    athlete_id: Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,40}$")]
    display_name: Annotated[str, Field(min_length=1, max_length=100)]
    timezone: Annotated[str, AfterValidator(_iana)] | None = None
    sex: Literal["male", "female"] | None = None
    birth_date: Annotated[date, Field(ge=date(1900, 1, 1))] | None = None
    max_hr_bpm: Annotated[int, Field(ge=100, le=250)] | None = None
    resting_hr_bpm: Annotated[int, Field(ge=25, le=120)] | None = None

    @model_validator(mode="after")
    def _resting_below_max(self) -> Athlete:
        if self.max_hr_bpm and self.resting_hr_bpm and self.resting_hr_bpm >= self.max_hr_bpm:
            raise ValueError("resting_hr_bpm must be below max_hr_bpm")
        return self


_ATHLETES = TypeAdapter(list[Athlete])


class AthleteStore:
    """The athletes of one installation, in `athletes.json` under FIT_HOME."""

    def __init__(self, home: Path) -> None:
        """`home` is FIT_HOME."""
        self._path = home / "athletes.json"

    def list(self) -> tuple[Athlete, ...]:
        """All athletes, by id."""
        return tuple(athlete for _, athlete in sorted(self._read().items()))

    def get(self, athlete_id: str) -> Athlete | None:
        """One athlete, None if unknown."""
        return self._read().get(athlete_id)

    def check(self, athlete_id: str, profile: Profile | None = None) -> Athlete:
        """The athlete that `upsert` would store, without storing it. ConfigError for a bad value."""
        return self._merged(athlete_id, self.get(athlete_id), profile)

    def upsert(self, athlete_id: str, profile: Profile | None = None) -> Athlete:
        """Create or change an athlete: the given fields replace, all others stay. ConfigError for a bad value."""
        with locked(self._path):
            athletes = self._read()
            known = athletes.get(athlete_id)
            athlete = self._merged(athlete_id, known, profile)
            if athlete != known:
                self._write({**athletes, athlete_id: athlete})
        return athlete

    def remove(self, athlete_id: str) -> bool:
        """Forget an athlete; False if there was none."""
        with locked(self._path):
            athletes = self._read()
            if athletes.pop(athlete_id, None) is None:
                return False
            self._write(athletes)
        return True

    @staticmethod
    def _merged(athlete_id: str, known: Athlete | None, profile: Profile | None) -> Athlete:
        fields: dict[str, Any] = known.model_dump() if known else {"display_name": athlete_id}
        fields |= {name: value for name, value in (profile or {}).items() if value is not None}
        try:
            return Athlete.model_validate({**fields, "athlete_id": slug("athlete", athlete_id)})
        except ValidationError as error:
            raise ConfigError(f"athlete {athlete_id!r}: {_first(error)}") from None

    def _read(self) -> dict[str, Athlete]:
        try:
            data = self._path.read_bytes()
        except FileNotFoundError:
            return {}
        try:
            return {athlete.athlete_id: athlete for athlete in _ATHLETES.validate_json(data)}
        except ValidationError as error:
            raise ConfigError(f"{self._path} is damaged ({_first(error)}); mend or remove it") from None

    def _write(self, athletes: dict[str, Athlete]) -> None:
        write_private(self._path, _ATHLETES.dump_json([athletes[key] for key in sorted(athletes)], indent=2) + b"\n")


def _first(error: ValidationError) -> str:
    """The first complaint, with the field but without the value: it is personal."""
    first = error.errors()[0]
    where = ".".join(str(part) for part in first["loc"])
    return f"{where}: {first['msg']}" if where else first["msg"]
