"""What a newcomer needs from Strava before anybody can be linked: where to get it, and what Strava demands."""

from __future__ import annotations

from fit_platform.providers.credentials_base import Guide

GUIDE = Guide(
    name="Strava API v3",
    page="https://www.strava.com/settings/api",
    api_docs="https://developers.strava.com/docs/reference/",
    steps=(
        "Subscribe to Strava with the account that will own the application: since June 2026 an application without a "
        "paying owner is inactive, and every call is refused (403).",
        "Open https://www.strava.com/settings/api and make an application. As its authorization callback domain give "
        "127.0.0.1.",
        "A new application connects one athlete. For up to ten, raise that on the same page.",
        "Copy the client id (a number) and the client secret.",
    ),
    demands=(
        "Its API policy of June 2026 allows to keep API data for 7 days, to show them to their own athlete only, and "
        "to feed them to no AI. `link` therefore asks how long to keep them. Your own bulk export is "
        "not limited.",
        "100 reads a quarter of an hour and 1,000 a day for the whole application: a year of 300 activities takes 45 "
        "minutes or more.",
    ),
    link_options="--strava-retention 7",
)
