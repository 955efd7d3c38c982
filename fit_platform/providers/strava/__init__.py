"""Strava API v3: client, OAuth, resources, records and tables. It knows no other provider."""
