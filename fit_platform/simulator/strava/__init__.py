"""Strava API v3 as a local server: its own shapes, traps, limits and OAuth over the shared world."""

from fit_platform.simulator.strava.server import routes

__all__ = ["routes"]
