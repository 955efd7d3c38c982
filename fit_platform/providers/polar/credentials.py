"""What a newcomer needs from Polar before anybody can be linked: where to get it, and what Polar demands."""

from __future__ import annotations

from fit_platform.providers.credentials_base import Guide

GUIDE = Guide(
    name="Polar AccessLink v3",
    page="https://admin.polaraccesslink.com",
    api_docs="https://www.polar.com/accesslink-api/",
    steps=(
        "Sign in at https://admin.polaraccesslink.com with your Polar Flow account and make a client (free).",
        "As its redirect address register exactly http://127.0.0.1:8787/callback, and link with --redirect-port 8787: "
        "Polar sends the browser back to registered addresses only.",
        "Tick every data type that you want; what is not ticked there is never sent.",
        "Copy the client id and the client secret.",
    ),
    demands=(
        "Polar shows only what is uploaded after an athlete is linked, and for a short while: exercises for 30 days, "
        "most daily data for 28. Link early, sync at least every week.",
        "Its tokens cannot be refreshed: when one ends, the athlete consents again.",
        "Its licence asks that you name Polar as the source, also of what is worked out from its data.",
    ),
    link_options="--redirect-port 8787",
)
