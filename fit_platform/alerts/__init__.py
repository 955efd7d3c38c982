"""Alerts: what is wrong is an incident, and each incident is told once when it begins and once when it is over."""
