"""What a newcomer needs from Google before anybody can be linked: where to get it, and what Google demands."""

from __future__ import annotations

from fit_platform.providers.credentials_base import Guide

GUIDE = Guide(
    name="Google Health API v4 (Fitbit)",
    page="https://console.cloud.google.com",
    api_docs="https://developers.google.com/health",
    steps=(
        "Open https://console.cloud.google.com, make a project, and under APIs & Services enable the Google Health "
        "API. In autumn 2026 Google said that it takes no new projects for now; if it is refused, that is why.",
        "Under Google Auth Platform set up the consent screen: audience External, and every scope of "
        "`fit-platform init fitbit --show` under Data Access.",
        "While the screen is in Testing, add each athlete's Google address as a test user. Their consent then ends "
        "after 7 days. Publish it (In production, unverified: a warning page, 100 people at most) and it lasts.",
        "Under Clients make an OAuth client of the type Desktop app. Copy its client id and client secret.",
        "Each athlete signs in once with Google in the Google Health app (formerly Fitbit) on the phone, else there is "
        "nothing to read (ACCOUNT_NOT_LINKED).",
    ),
    demands=(
        "The Fitbit Web API was to end on 2 November 2026; tokens of it do not carry over, so everybody consents anew.",
        "300 requests a minute and athlete, and 2.5 a second while the application is unverified.",
    ),
)
