"""The dashboard: an athlete's own page over the published marts. Reads them and nothing else; no dagster."""
