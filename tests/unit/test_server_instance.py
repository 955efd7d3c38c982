"""An instance that a server keeps: found where the setting says, and left alone by what is for one machine."""

from __future__ import annotations

from pathlib import Path

import pytest
from typer.testing import CliRunner

from fit_platform.cli import app
from fit_platform.errors import ConfigError
from fit_platform.instance import prepare_dagster_home
from fit_platform.settings import load_settings


def test_a_server_s_instance_is_used_as_it_is(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "dagster.yaml").write_text("telemetry: {enabled: false}\n")
    monkeypatch.setenv("FIT_INSTANCE_HOME", str(tmp_path))
    monkeypatch.setenv("DAGSTER_HOME", "/elsewhere")
    assert prepare_dagster_home(load_settings()) == tmp_path
    assert (tmp_path / "dagster.yaml").read_text() == "telemetry: {enabled: false}\n"


def test_a_folder_without_an_instance_is_said(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("FIT_INSTANCE_HOME", str(tmp_path))
    monkeypatch.setenv("DAGSTER_HOME", "/elsewhere")
    with pytest.raises(ConfigError, match=r"FIT_INSTANCE_HOME: there is no dagster\.yaml"):
        prepare_dagster_home(load_settings())


def test_recover_is_not_for_a_laptop() -> None:
    """There a run of another command may be alive; each command looks for the dead by itself."""
    done = CliRunner().invoke(app, ["recover"])
    assert done.exit_code == 2
    assert "FIT_INSTANCE_HOME" in done.output
