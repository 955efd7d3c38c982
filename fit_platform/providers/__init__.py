"""The providers: one folder each with the same file names, and what they share. No dagster here."""
