"""Randomness by address: the same (seed, athlete, day, purpose) always draws the same numbers, in any order."""

from __future__ import annotations

import hashlib
from enum import IntEnum

import numpy as np


class Purpose(IntEnum):
    """What a stream of random numbers is for. Never renumber: the world hangs on it."""

    NIGHT = 1
    WEEK = 2
    WEAR = 3
    STEPS = 4
    HEART = 5
    RESTING = 6
    BAND_CADENCE = 7
    WATCH_CADENCE = 8
    ACTIVITY = 9
    VIEW = 10
    NAP = 11


def draw(seed: int, athlete_index: int, number: int, purpose: Purpose) -> np.random.Generator:
    """A generator for one athlete and one number (a day, a week, an activity) and one purpose."""
    return np.random.default_rng([seed, athlete_index, number, int(purpose)])


def digest(*parts: object) -> int:
    """A stable 64-bit number for a tuple of plain values."""
    text = "\x1f".join(str(part) for part in parts)
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")
