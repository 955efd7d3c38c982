"""What Google's client libraries raise is told in one line."""

from __future__ import annotations

import pytest
import requests

from fit_platform.errors import FitError
from fit_platform.gcp import explained


@pytest.mark.parametrize("error", [requests.ConnectionError("reset by peer"), requests.Timeout("read timed out")])
def test_a_broken_connection_is_one_line_and_no_traceback(error: Exception) -> None:
    told = r"^gs://bucket: (reset by peer|read timed out); what is done stays done"
    with pytest.raises(FitError, match=told), explained("gs://bucket"):
        raise error
