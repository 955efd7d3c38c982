"""The Google Health API v4 (Fitbit data) as a local server: its own shapes, filters, pages and OAuth."""

from fit_platform.simulator.fitbit.server import routes

__all__ = ["routes"]
