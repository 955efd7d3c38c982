"""Fitbit, through Google Health v4: client, OAuth, resources, records and tables. It knows no other provider."""
