"""What several modules ask of Terraform: once."""

from __future__ import annotations

import pytest

from tests.infra.terraform.offline import Offline, Resource


@pytest.fixture(scope="session")
def terraform(tmp_path_factory: pytest.TempPathFactory) -> Offline:
    return Offline(tmp_path_factory.mktemp("terraform")).init()


@pytest.fixture(scope="session")
def plan(terraform: Offline) -> list[Resource]:
    return terraform.plan()
