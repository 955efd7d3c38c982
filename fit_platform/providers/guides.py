"""Every provider's guide for newcomers, by the provider's name."""

from __future__ import annotations

from collections.abc import Mapping

from fit_platform.providers.credentials_base import Guide
from fit_platform.providers.fitbit.credentials import GUIDE as FITBIT
from fit_platform.providers.polar.credentials import GUIDE as POLAR
from fit_platform.providers.strava.credentials import GUIDE as STRAVA

GUIDES: Mapping[str, Guide] = {"polar": POLAR, "strava": STRAVA, "fitbit": FITBIT}
