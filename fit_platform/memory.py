"""How much memory the warehouse may use here: a part of what the machine has, or of what the container may have."""

from __future__ import annotations

import os
from pathlib import Path

_MIB = 2**20
_CGROUP_LIMITS = (Path("/sys/fs/cgroup/memory.max"), Path("/sys/fs/cgroup/memory/memory.limit_in_bytes"))
LEAST_MIB, MOST_MIB = 640, 3072
"""Below, ten years spill to disk all the time; above, they do not get faster (`make bench-growth`)."""


def default_limit_mib() -> int:
    """A quarter of the machine's memory, between the two bounds."""
    return max(LEAST_MIB, min(MOST_MIB, _machine_bytes() // 4 // _MIB))


def _machine_bytes() -> int:
    """What this process may use at most: the machine's memory, or the container's where that is less."""
    found = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    for path in _CGROUP_LIMITS:
        text = path.read_text().strip() if path.exists() else "max"
        if text.isdigit():
            found = min(found, int(text))
    return found
