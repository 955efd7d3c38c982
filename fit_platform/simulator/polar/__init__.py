"""Polar AccessLink v3 as a local server: its own shapes, errors, limits and OAuth over the shared world."""

from fit_platform.simulator.polar.server import routes

__all__ = ["routes"]
