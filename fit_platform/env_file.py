"""The `.env` file: some of its settings replaced, everything else left as it is, readable by its owner only."""

from __future__ import annotations

import io
from collections.abc import Mapping
from pathlib import Path

from dotenv.parser import parse_stream

from fit_platform.errors import ConfigError

_PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_-./:@%+,=~")


def read_env(path: Path) -> dict[str, str]:
    """The variables in the file; none where there is no file. ConfigError for a line that cannot be understood."""
    try:
        text = path.read_text(encoding="utf-8")
    except FileNotFoundError:
        return {}
    except UnicodeDecodeError:
        raise ConfigError(f"{path} is not UTF-8 text; mend it, or name another file with --env-file") from None
    found = {}
    for binding in parse_stream(io.StringIO(text)):
        if binding.error:
            raise ConfigError(
                f"{path}, line {binding.original.line} cannot be understood; mend it, then run this again"
            )
        if binding.key is not None:
            found[binding.key] = binding.value or ""
    return found


def with_values(text: str, values: Mapping[str, str]) -> str:
    """The file's text with these variables set: each where it stood (the last of several), new ones at the end."""
    bindings = list(parse_stream(io.StringIO(text)))
    last_of = {binding.key: number for number, binding in enumerate(bindings) if binding.key in values}
    parts = []
    for number, binding in enumerate(bindings):
        if binding.key is None or binding.key not in values:
            parts.append(binding.original.string)
        elif last_of[binding.key] == number:
            # What stands before the name (blank lines, the line break of the binding before) belongs to the file.
            leading = binding.original.string[: len(binding.original.string) - len(binding.original.string.lstrip())]
            parts.append(f"{leading}{binding.key}={quoted(values[binding.key])}\n")
    kept = "".join(parts)
    if kept and not kept.endswith("\n"):
        kept += "\n"
    return kept + "".join(f"{name}={quoted(value)}\n" for name, value in values.items() if name not in last_of)


def quoted(value: str) -> str:
    """A value as a `.env` file holds it: bare where that is safe, else in single quotes."""
    if "\n" in value or "\r" in value or "\0" in value:
        raise ConfigError("a setting is one line; this value has a line break in it")
    if value and set(value) <= _PLAIN:
        return value
    return "'" + value.replace("\\", "\\\\").replace("'", "\\'") + "'"
