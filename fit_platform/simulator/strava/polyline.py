"""Google's encoded polyline format, as in Strava's `summary_polyline`."""

from __future__ import annotations

from collections.abc import Iterable


def encode(places: Iterable[tuple[float, float]]) -> str:
    """(latitude, longitude) pairs in degrees, five decimals kept."""
    text: list[str] = []
    previous = (0, 0)
    for latitude, longitude in places:
        here = (round(latitude * 1e5), round(longitude * 1e5))
        for new, old in zip(here, previous, strict=True):
            value = (new - old) << 1
            rest = ~value if new < old else value
            while rest >= 0x20:
                text.append(chr((0x20 | (rest & 0x1F)) + 63))
                rest >>= 5
            text.append(chr(rest + 63))
        previous = here
    return "".join(text)
