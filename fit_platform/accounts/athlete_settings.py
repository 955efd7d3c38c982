"""Heart-rate limits and weight from a date on, per sport: `athlete_settings.csv` under FIT_HOME, edited by hand.

One line per change. An empty field leaves a value as it was; a sport that lacks one takes it from `any`. Old activities
keep the values of their own day, so a new maximum never rewrites an old run.
"""

from __future__ import annotations

import csv
import io
import itertools
from collections.abc import Mapping
from datetime import date
from pathlib import Path
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from fit_platform.errors import ConfigError

FILE_NAME = "athlete_settings.csv"
Sport = Literal[
    "any", "ball_game", "climbing", "combat", "cycling", "dance", "elliptical", "mind_body", "multisport", "other",
    "riding", "rowing", "running", "skating", "snow", "strength", "swimming", "walking", "water",
]  # fmt: skip
"""`any`, and the sport families of the dbt seed."""


_MaxBpm = Annotated[int, Field(ge=100, le=250)]
_RestingBpm = Annotated[int, Field(ge=25, le=120)]
_ThresholdBpm = Annotated[int, Field(ge=60, le=250)]
_LimitBpm = Annotated[float, Field(ge=0, le=250)]
_WeightKg = Annotated[float, Field(ge=20, le=400)]


class AthleteSetting(BaseModel):
    """One line of the file. Limits are in beats per minute; a zone begins at its lower limit."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    athlete_id: Annotated[str, Field(pattern=r"^[a-z0-9_-]{1,40}$")]
    valid_from: Annotated[date, Field(ge=date(1901, 1, 1))]
    sport: Sport = "any"
    max_hr_bpm: _MaxBpm | None = None
    resting_hr_bpm: _RestingBpm | None = None
    threshold_hr_bpm: _ThresholdBpm | None = None
    weight_kg: _WeightKg | None = None
    zone_1_lower_bpm: _LimitBpm | None = None
    zone_2_lower_bpm: _LimitBpm | None = None
    zone_3_lower_bpm: _LimitBpm | None = None
    zone_4_lower_bpm: _LimitBpm | None = None
    zone_5_lower_bpm: _LimitBpm | None = None

    @property
    def zones(self) -> tuple[float | None, ...]:
        """The five lower limits."""
        return tuple(getattr(self, f"zone_{zone}_lower_bpm") for zone in range(1, 6))

    @model_validator(mode="after")
    def _in_order(self) -> AthleteSetting:
        ordered = [limit for limit in (self.resting_hr_bpm, self.threshold_hr_bpm, self.max_hr_bpm) if limit]
        if any(a >= b for a, b in itertools.pairwise(ordered)):
            raise ValueError("must hold: resting_hr_bpm < threshold_hr_bpm < max_hr_bpm")
        limits = [limit for limit in self.zones if limit is not None]
        if limits and len(limits) < len(self.zones):
            raise ValueError("give all five zones or none")
        if any(a >= b for a, b in itertools.pairwise(limits)):
            raise ValueError("the zones' lower limits must rise")
        if set(self.model_dump(exclude_none=True)) <= {"athlete_id", "valid_from", "sport"}:
            raise ValueError("the line sets nothing")
        return self


COLUMNS = tuple(AthleteSetting.model_fields)
_REQUIRED = ("athlete_id", "valid_from")
_RISING = ("resting_hr_bpm", "threshold_hr_bpm", "max_hr_bpm")


def read_athlete_settings(home: Path) -> list[AthleteSetting]:
    """Every line of the file in `home` (FIT_HOME), sorted; none where there is no file.

    ConfigError names the file, the line and the column that is wrong, never the value: it is personal.
    """
    path = home / FILE_NAME
    try:
        text = path.read_text(encoding="utf-8-sig")  # spreadsheets write a byte order mark
    except FileNotFoundError:
        return []
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not UTF-8 text; save it as CSV UTF-8") from None
    return _parsed(text, path)


def _parsed(text: str, path: Path) -> list[AthleteSetting]:
    rows = csv.reader(io.StringIO(text))
    header: list[str] | None = None
    found: dict[tuple[str, str, date], int] = {}
    lines: dict[int, AthleteSetting] = {}
    for row in rows:
        values = [value.strip() for value in row]
        if not any(values) or values[0].startswith("#"):
            continue
        try:
            if header is None:
                header = _checked_header(values)
                continue
            if len(values) > len(header):
                raise ConfigError(f"{len(values)} values, but the header names {len(header)} columns")
            setting = _setting({name: value for name, value in zip(header, values, strict=False) if value})
            key = (setting.athlete_id, setting.sport, setting.valid_from)
            if key in found:
                raise ConfigError(f"athlete, sport and valid_from are those of line {found[key]}")
            found[key] = rows.line_num
            lines[rows.line_num] = setting
        except ConfigError as error:
            raise ConfigError(f"{path} line {rows.line_num}: {error}") from None
    _check_carried(lines, path)
    return sorted(lines.values(), key=lambda setting: (setting.athlete_id, setting.sport, setting.valid_from))


def _check_carried(lines: Mapping[int, AthleteSetting], path: Path) -> None:
    """Limits carry on from earlier lines, and from `any` to a sport: those of one day must be in order, too."""
    sports: dict[str, set[Sport]] = {}
    for line in lines.values():
        sports.setdefault(line.athlete_id, {"any"}).add(line.sport)
    for line in lines.values():
        for sport in sorted(sports[line.athlete_id]) if line.sport == "any" else [line.sport]:
            limits = _in_force(lines, line.athlete_id, sport, line.valid_from)
            for (low, (low_line, low_bpm)), (high, (high_line, high_bpm)) in itertools.pairwise(limits.items()):
                if low_bpm >= high_bpm:
                    raise ConfigError(
                        f"{path} line {max(low_line, high_line)}: must hold: {low} (line {low_line}) < "
                        f"{high} (line {high_line}), both in force for sport {sport}"
                    )


def _in_force(
    lines: Mapping[int, AthleteSetting], athlete_id: str, sport: Sport, day: date
) -> dict[str, tuple[int, int]]:
    """The limits of one day in rising order, each with the line that set it; the sport's own before those of `any`."""
    earlier = sorted(
        (
            (line.sport == sport, line.valid_from, number)
            for number, line in lines.items()
            if line.athlete_id == athlete_id and line.sport in (sport, "any") and line.valid_from <= day
        ),
    )
    return {
        limit: found[-1]
        for limit in _RISING
        if (found := [(n, bpm) for *_, n in earlier if (bpm := getattr(lines[n], limit)) is not None])
    }


def _checked_header(names: list[str]) -> list[str]:
    unknown = [name for name in names if name not in COLUMNS]
    missing = [name for name in _REQUIRED if name not in names]
    if unknown or missing or len(set(names)) < len(names):
        raise ConfigError(f"the first line names the columns, each once, among: {','.join(COLUMNS)}")
    return names


def _setting(values: dict[str, str]) -> AthleteSetting:
    try:
        return AthleteSetting.model_validate(values)
    except ValidationError as error:
        first = error.errors()[0]
        where = f"{first['loc'][0]}: " if first["loc"] else ""
        raise ConfigError(f"{where}{first['msg'].removeprefix('Value error, ')}") from None
