"""Stand-in for dbt's `adapter`: a dispatched macro becomes a plain function call."""

from __future__ import annotations

from collections.abc import Callable


def dispatch(macro: str) -> Callable[..., str]:
    """The macro's stand-in: `name(arguments)`, or a relation or join where the macro stands for one."""

    def render(*arguments: object) -> str:
        if macro == "whole_numbers":
            return "(select 0 as n)"
        if macro == "each_number":
            return "cross join (select 0 as n) as numbers"
        return f"{macro}({', '.join(map(str, arguments))})"

    return render
