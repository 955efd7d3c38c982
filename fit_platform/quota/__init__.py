"""The request budget that all processes share. No dagster here."""
