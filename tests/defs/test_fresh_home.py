"""The first thing that a person does may be a click in the UI: assets on a home where no command ever ran."""

from __future__ import annotations

from pathlib import Path

import dagster as dg
import pytest

from fit_platform.definitions import defs
from fit_platform.runtime import Runtime
from fit_platform.settings import load_settings

FIRST_CLICKS = [["load", "polar", "sleep"], ["load", "accounts", "athletes"]]


@pytest.mark.parametrize("key", FIRST_CLICKS, ids="/".join)
def test_a_load_asset_makes_the_warehouse_that_it_needs(
    key: list[str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("FIT_HOME", str(tmp_path / "home"))
    asset = defs().get_assets_def(dg.AssetKey(key))
    done = dg.materialize(
        [asset],
        resources=defs().resources,
        partition_key="2026-09-01" if asset.partitions_def else None,
        instance=dg.DagsterInstance.ephemeral(),
        raise_on_error=False,
    )
    assert done.success, [event.message for event in done.all_events if event.is_failure]
    warehouse = Runtime(load_settings()).warehouse
    assert {"load_ledger", "quarantine"} <= warehouse.tables("ops")
    assert {"polar_sleep", "accounts_athletes"} <= warehouse.tables("base")
