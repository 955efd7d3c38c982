"""The file of dated heart-rate limits: what it may say, and how it complains."""

from __future__ import annotations

import csv
import re
from datetime import date
from pathlib import Path
from typing import get_args

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fit_platform.accounts.athlete_settings import COLUMNS, FILE_NAME, Sport, read_athlete_settings
from fit_platform.commands.doctor import examine
from fit_platform.errors import ConfigError
from fit_platform.settings import Settings
from tests.integration.dbt_warehouse import FETCHED_AT, PROJECT

HEADER = "athlete_id,valid_from,sport,max_hr_bpm,resting_hr_bpm,threshold_hr_bpm"
ZONES = ",".join(f"zone_{zone}_lower_bpm" for zone in range(1, 6))


def write(home: Path, *lines: str) -> None:
    (home / FILE_NAME).write_text("\n".join(lines) + "\n")


def test_lines_are_read_with_comments_spaces_and_empty_fields(tmp_path: Path) -> None:
    write(tmp_path, "\ufeff" + HEADER, "# before the new strap", "", "ada, 2026-03-01, , 190, , 170",
          "ada,2026-01-01,running,195,50,")  # fmt: skip
    any_sport, running = read_athlete_settings(tmp_path)
    assert (any_sport.sport, any_sport.valid_from, any_sport.max_hr_bpm) == ("any", date(2026, 3, 1), 190)
    assert (any_sport.resting_hr_bpm, any_sport.threshold_hr_bpm) == (None, 170)
    assert (running.sport, running.resting_hr_bpm) == ("running", 50)


def test_no_file_means_no_settings(tmp_path: Path) -> None:
    assert read_athlete_settings(tmp_path) == []


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        (["ada,2026-03-01"], "line 1: the first line names the columns"),
        (["athlete_id,valid_from,max_hr", "ada,2026-03-01,190"], "line 1: the first line names the columns"),
        ([HEADER, "ada,2026-03-01,any,190,50,170,9"], "line 2: 7 values, but the header names 6"),
        ([HEADER, "ada,1 March,any,190"], "line 2: valid_from: "),
        ([HEADER, "ada,2026-03-01,jogging,190"], "line 2: sport: "),
        ([HEADER, "# fine", "ada,2026-03-01,any,300"], "line 3: max_hr_bpm: "),
        ([HEADER, "ada,2026-03-01,any,150,60,160"], "line 2: must hold: resting_hr_bpm < threshold_hr_bpm"),
        ([HEADER, "ada,2026-03-01,any"], "line 2: the line sets nothing"),
        ([HEADER, "ada,2026-03-01,any,190", "ada,2026-03-01,,191"], "line 3: athlete, sport and valid_from are those"),
        ([f"athlete_id,valid_from,{ZONES}", "ada,2026-03-01,100,120"], "line 2: give all five zones or none"),
        ([f"athlete_id,valid_from,{ZONES}", "ada,2026-03-01,100,120,110,150,160"], "line 2: the zones' lower limits"),
    ],
)
def test_a_wrong_line_is_named_and_its_values_are_not_repeated(
    tmp_path: Path, lines: list[str], complaint: str
) -> None:
    write(tmp_path, *lines)
    with pytest.raises(ConfigError) as raised:
        read_athlete_settings(tmp_path)
    assert f"{FILE_NAME} {complaint}" in str(raised.value)
    assert "300" not in str(raised.value)


@pytest.mark.parametrize(
    ("lines", "complaint"),
    [
        (["ada,2026-01-01,any,190,50,170", "ada,2026-03-01,any,165"],
         "line 3: must hold: threshold_hr_bpm (line 2) < max_hr_bpm (line 3), both in force for sport any"),
        (["ada,2026-03-01,any,,,180", "ada,2026-01-01,any,175"],
         "line 3: must hold: threshold_hr_bpm (line 2) < max_hr_bpm (line 3), both in force for sport any"),
        (["ada,2026-01-01,any,190,50", "ada,2026-02-01,running,,,192"],
         "line 3: must hold: threshold_hr_bpm (line 3) < max_hr_bpm (line 2), both in force for sport running"),
        (["ada,2026-01-01,running,,,170", "ada,2026-02-01,any,168"],
         "line 3: must hold: threshold_hr_bpm (line 2) < max_hr_bpm (line 3), both in force for sport running"),
        (["ada,2026-01-01,any,110", "ada,2026-02-01,any,,112"],
         "line 3: must hold: resting_hr_bpm (line 3) < max_hr_bpm (line 2), both in force for sport any"),
    ],
)  # fmt: skip
def test_limits_that_carry_on_from_another_line_must_be_in_order_with_it(
    tmp_path: Path, lines: list[str], complaint: str
) -> None:
    """Each line is right by itself; load and zones would be computed from the two together."""
    write(tmp_path, HEADER, *lines)
    with pytest.raises(ConfigError) as raised:
        read_athlete_settings(tmp_path)
    assert str(raised.value).endswith(f"{FILE_NAME} {complaint}")


def test_lines_that_are_never_in_force_together_may_contradict(tmp_path: Path) -> None:
    """Another athlete, another sport, a limit that was replaced on the same day."""
    write(
        tmp_path, HEADER,
        "ada,2026-01-01,any,150,50,140", "ben,2026-02-01,any,,,155", "ada,2026-02-01,running,180,,160",
        "ada,2026-02-01,cycling,175,,165", "ada,2026-03-01,any,190,,180", "ada,2026-03-01,running,191",
        "ada,2026-03-01,cycling,191",
    )  # fmt: skip
    assert len(read_athlete_settings(tmp_path)) == 7


def test_doctor_names_the_wrong_line_and_a_stranger(tmp_path: Path) -> None:
    settings = Settings(home=tmp_path)
    write(tmp_path, HEADER, "ada,2026-03-01,any,999")
    found = {finding.about: finding for finding in examine(settings, FETCHED_AT)}
    assert (found[FILE_NAME].level, "line 2: max_hr_bpm" in found[FILE_NAME].detail) == ("problem", True)
    write(tmp_path, HEADER, "ada,2026-03-01,any,190")
    found = {finding.about: finding for finding in examine(settings, FETCHED_AT)}
    assert (found[FILE_NAME].level, "not linked here: ada" in found[FILE_NAME].detail) == ("warning", True)


def test_sports_are_the_sport_families_of_the_seed() -> None:
    with (PROJECT / "seeds" / "sport_families.csv").open() as file:
        families = {row["sport_family"] for row in csv.DictReader(file)}
    assert set(get_args(Sport)) == families | {"any"}


@given(text=st.text(max_size=200))
def test_any_text_is_read_or_refused_with_its_line(tmp_path_factory: pytest.TempPathFactory, text: str) -> None:
    home = tmp_path_factory.mktemp("home")
    (home / FILE_NAME).write_text(",".join(COLUMNS) + "\n" + text, encoding="utf-8", errors="replace")
    try:
        assert all(setting.athlete_id for setting in read_athlete_settings(home))
    except ConfigError as error:
        assert re.search(r" line \d+: ", str(error))  # noqa: PT017 - either outcome is right
