"""Dagster definitions only: assets, checks and resources, thin over the rooms beside this one."""
