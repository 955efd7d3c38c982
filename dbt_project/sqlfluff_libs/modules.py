"""Stand-in for dbt's `modules` when sqlfluff renders the models: any text is a day, as variables are unset then."""

from __future__ import annotations

from datetime import date as _date
from datetime import timedelta as _timedelta


class _AnyDay:
    @staticmethod
    def fromisoformat(_text: str) -> _date:
        return _date(2026, 1, 1)


class datetime:  # noqa: N801 - stands for the standard library's module
    """The two names that the macros use."""

    date = _AnyDay
    timedelta = _timedelta
