"""Fitbit, through the Google Health API v4: client, OAuth, resources, records and tables. It knows no other provider."""
